//! `SHOW CREATE TABLE` taken apart line by line, and put together again for a shadow.
//!
//! The server prints one column, key or constraint per line, so no SQL grammar is needed; what is
//! inside a line is passed on untouched.

use super::ident::{Ident, TableRef};

/// A column as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: Ident,
    /// Everything behind the name.
    pub rest: String,
}

/// What kind of key a line defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `PRIMARY KEY`.
    Primary,
    /// `UNIQUE KEY`.
    Unique,
    /// Any other key.
    Plain,
}

/// A key as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDef {
    /// Its kind.
    pub kind: KeyKind,
    /// Its columns, without lengths and directions; expressions are left out.
    pub columns: Vec<Ident>,
    /// The line without its comma.
    pub text: String,
}

/// A foreign key as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyDef {
    /// Its name.
    pub name: Ident,
    /// Its columns.
    pub columns: Vec<Ident>,
    /// Parent as printed: a table, or a database and a table.
    pub parent: Vec<Ident>,
    /// What stands between `FOREIGN KEY` and `REFERENCES`, with the columns.
    pub columns_text: String,
    /// What stands behind the parent's name.
    pub tail: String,
}

/// A table's definition, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// Its columns.
    pub columns: Vec<ColumnDef>,
    /// Its keys.
    pub keys: Vec<KeyDef>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKeyDef>,
    /// Its checks, as printed.
    pub checks: Vec<String>,
    /// Other lines, as printed (`PERIOD FOR …`).
    pub others: Vec<String>,
    /// What stands behind the closing bracket, partitioning included.
    pub options: String,
}

impl CreateTable {
    /// Takes a definition apart.
    ///
    /// # Errors
    /// A sentence, where the text is not what servers print.
    pub fn parse(sql: &str) -> Result<Self, String> {
        let open = sql.find("(\n").ok_or("the definition has no columns")?;
        let close = sql.find("\n)").ok_or("the definition has no end")?;
        if close < open + 2 {
            return Err("the definition has no columns".to_owned());
        }
        let mut table = Self {
            columns: Vec::new(),
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            others: Vec::new(),
            options: sql[close + 2..].trim().to_owned(),
        };
        for line in sql[open + 2..close].split(",\n") {
            table.take(line.trim())?;
        }
        if table.columns.is_empty() {
            return Err("the definition has no columns".to_owned());
        }
        Ok(table)
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with('`') {
            let (name, rest) = quoted(line).ok_or("a column's name does not end")?;
            self.columns.push(ColumnDef {
                name,
                rest: rest.trim().to_owned(),
            });
            return Ok(());
        }
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("PRIMARY KEY") {
            self.keys.push(key(KeyKind::Primary, line));
        } else if upper.starts_with("UNIQUE KEY") {
            self.keys.push(key(KeyKind::Unique, line));
        } else if upper.starts_with("KEY")
            || upper.starts_with("FULLTEXT")
            || upper.starts_with("SPATIAL")
        {
            self.keys.push(key(KeyKind::Plain, line));
        } else if upper.starts_with("CONSTRAINT") {
            let after = line["CONSTRAINT".len()..].trim_start();
            let (name, rest) = quoted(after).ok_or("a constraint's name does not end")?;
            let rest = rest.trim_start();
            if let Some(rest) = strip_word(rest, "FOREIGN KEY") {
                self.foreign_keys.push(foreign_key(name, rest)?);
            } else {
                self.checks.push(line.to_owned());
            }
        } else if upper.starts_with("CHECK") {
            self.checks.push(line.to_owned());
        } else {
            self.others.push(line.to_owned());
        }
        Ok(())
    }

    /// Whether the table's own options split it into partitions.
    #[must_use]
    pub fn is_partitioned(&self) -> bool {
        self.options.to_ascii_uppercase().contains("PARTITION BY")
    }

    /// The value of the counter, where there is one.
    #[must_use]
    pub fn auto_increment(&self) -> Option<u64> {
        let at = self.options.find("AUTO_INCREMENT=")?;
        let digits = &self.options[at + "AUTO_INCREMENT=".len()..];
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end].parse().ok()
    }

    /// Leaves out columns, and keys, checks and foreign keys that need them; renames the others.
    /// Returns what was left out besides the columns, as text for the plan.
    pub fn select_columns(
        &mut self,
        keep: impl Fn(&Ident) -> bool,
        rename: impl Fn(&Ident) -> Ident,
    ) -> Vec<String> {
        let mut dropped = Vec::new();
        let gone: Vec<Ident> = self
            .columns
            .iter()
            .map(|c| c.name.clone())
            .filter(|n| !keep(n))
            .collect();
        self.columns.retain(|c| keep(&c.name));
        let uses_gone = |columns: &[Ident]| columns.iter().any(|c| gone.contains(c));
        self.keys.retain(|k| {
            let lost =
                uses_gone(&k.columns) || gone.iter().any(|g| k.text.contains(&format!("({g}")));
            if lost {
                dropped.push(format!("key left out: {}", k.text));
            }
            !lost
        });
        self.foreign_keys.retain(|k| {
            let lost = uses_gone(&k.columns);
            if lost {
                dropped.push(format!("foreign key left out: {}", k.name.raw()));
            }
            !lost
        });
        self.checks.retain(|check| {
            let lost = gone.iter().any(|g| check.contains(&g.to_string()));
            if lost {
                dropped.push(format!("check left out: {check}"));
            }
            !lost
        });
        let renames: Vec<(Ident, Ident)> = self
            .columns
            .iter()
            .map(|c| (c.name.clone(), rename(&c.name)))
            .filter(|(from, to)| from != to)
            .collect();
        if renames.is_empty() {
            return dropped;
        }
        let rewrite = |text: &str| rename_quoted(text, &renames);
        for column in &mut self.columns {
            column.name = rename(&column.name);
            column.rest = rewrite(&column.rest);
        }
        for key in &mut self.keys {
            // The key's own name comes first; only what is in its brackets are columns.
            if let Some(open) = key.text.find('(') {
                let (head, tail) = key.text.split_at(open);
                key.text = format!("{head}{}", rewrite(tail));
            }
            for column in &mut key.columns {
                *column = rename(column);
            }
        }
        for key in &mut self.foreign_keys {
            key.columns_text = rewrite(&key.columns_text);
            for column in &mut key.columns {
                *column = rename(column);
            }
        }
        for check in &mut self.checks {
            *check = rewrite(check);
        }
        self.options = rewrite(&self.options);
        dropped
    }

    /// The statement that makes `table`, an InnoDB one, with its primary key and those of its
    /// keys that its counter needs, without the other keys and without foreign keys.
    #[must_use]
    pub fn create_bare_sql(&self, table: &TableRef) -> String {
        let mut lines: Vec<String> = self
            .columns
            .iter()
            .map(|c| format!("  {} {}", c.name, c.rest))
            .collect();
        lines.extend(
            self.keys
                .iter()
                .filter(|k| !self.is_deferred(k))
                .map(|k| format!("  {}", k.text)),
        );
        lines.extend(self.checks.iter().map(|c| format!("  {c}")));
        lines.extend(self.others.iter().map(|c| format!("  {c}")));
        format!(
            "CREATE TABLE {table} (\n{}\n) {}",
            lines.join(",\n"),
            innodb_options(&self.options)
        )
    }

    /// Keys that are added after the rows.
    #[must_use]
    pub fn deferred_keys(&self) -> Vec<&KeyDef> {
        self.keys.iter().filter(|k| self.is_deferred(k)).collect()
    }

    fn is_deferred(&self, key: &KeyDef) -> bool {
        if key.kind == KeyKind::Primary {
            return false;
        }
        // MySQL demands every unique key of a partitioned table at once only for its columns, not
        // its time; but a counter column must lead some key from the start.
        let counter = self
            .columns
            .iter()
            .find(|c| c.rest.to_ascii_uppercase().contains("AUTO_INCREMENT"))
            .map(|c| &c.name);
        let leads = |k: &KeyDef| counter.is_some() && k.columns.first() == counter;
        let first_leader = self.keys.iter().find(|k| leads(k));
        first_leader != Some(key)
    }

    /// The statement that adds the deferred keys; `None` where there are none.
    #[must_use]
    pub fn add_keys_sql(&self, table: &TableRef) -> Option<String> {
        let adds: Vec<String> = self
            .deferred_keys()
            .iter()
            .map(|k| format!("ADD {}", k.text))
            .collect();
        (!adds.is_empty()).then(|| format!("ALTER TABLE {table} {}", adds.join(", ")))
    }
}

impl ForeignKeyDef {
    /// The clause that adds it under `name`, with `parent` as its parent.
    #[must_use]
    pub fn add_clause_to(&self, name: &Ident, parent: &TableRef) -> String {
        format!(
            "ADD CONSTRAINT {name} FOREIGN KEY {} REFERENCES {parent} {}",
            self.columns_text.trim(),
            self.tail.trim()
        )
    }
}

/// Options of an InnoDB table: what other engines know is left out.
fn innodb_options(options: &str) -> String {
    const FOREIGN: [&str; 13] = [
        "CHECKSUM",
        "DELAY_KEY_WRITE",
        "PACK_KEYS",
        "TRANSACTIONAL",
        "PAGE_CHECKSUM",
        "TABLE_CHECKSUM",
        "UNION",
        "INSERT_METHOD",
        "CONNECTION",
        "TABLESPACE",
        "SECONDARY_ENGINE",
        "AVG_ROW_LENGTH",
        "AUTOEXTEND_SIZE",
    ];
    let (head, partitions) = match options.find("\n") {
        Some(at) => options.split_at(at),
        None => (options, ""),
    };
    let mut out: Vec<String> = Vec::new();
    let mut seen_engine = false;
    let words = option_words(head);
    for word in words {
        let name = word
            .split('=')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_uppercase();
        if name == "ENGINE" {
            out.push("ENGINE=InnoDB".to_owned());
            seen_engine = true;
        } else if FOREIGN.contains(&name.as_str())
            || name.ends_with("DATA DIRECTORY")
            || name.ends_with("INDEX DIRECTORY")
            || (name == "ROW_FORMAT"
                && !["DYNAMIC", "COMPACT", "REDUNDANT", "COMPRESSED"]
                    .iter()
                    .any(|f| word.to_ascii_uppercase().ends_with(f)))
        {
            // Left out: it has no meaning, or another one, for InnoDB on another server.
        } else {
            out.push(word);
        }
    }
    if !seen_engine {
        out.insert(0, "ENGINE=InnoDB".to_owned());
    }
    let partitions = partitions
        .replace("ENGINE = MyISAM", "ENGINE = InnoDB")
        .replace("ENGINE = Aria", "ENGINE = InnoDB");
    format!("{}{partitions}", out.join(" "))
}

/// `A=1 DEFAULT CHARSET=x COMMENT='a b'` → its options, quotes respected.
fn option_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(q) => {
                current.push(c);
                if c == '\\' && q == '\'' {
                    if let Some(next) = chars.next() {
                        current.push(next);
                    }
                } else if c == q {
                    if chars.peek() == Some(&q) {
                        current.push(q);
                        chars.next();
                    } else {
                        quote = None;
                    }
                }
            }
            None if c == '\'' || c == '`' || c == '"' => {
                quote = Some(c);
                current.push(c);
            }
            None if c == ' ' => {
                // `DEFAULT CHARSET=x`, `DATA DIRECTORY='x'`: a word without `=` belongs to the next.
                if current.contains('=') {
                    words.push(std::mem::take(&mut current));
                } else if !current.is_empty() {
                    current.push(' ');
                }
            }
            None => current.push(c),
        }
    }
    if !current.trim().is_empty() {
        words.push(current.trim().to_owned());
    }
    words
}

fn key(kind: KeyKind, line: &str) -> KeyDef {
    let columns = line
        .find('(')
        .map(|open| bracketed_names(&line[open..]))
        .unwrap_or_default();
    KeyDef {
        kind,
        columns,
        text: line.to_owned(),
    }
}

fn foreign_key(name: Ident, rest: &str) -> Result<ForeignKeyDef, String> {
    let at = rest
        .find(" REFERENCES ")
        .ok_or("a foreign key has no parent")?;
    let (columns_text, parent) = rest.split_at(at);
    let mut parent_text = parent[" REFERENCES ".len()..].trim_start();
    let mut names = Vec::new();
    loop {
        let (name, rest) = quoted(parent_text).ok_or("a foreign key's parent does not end")?;
        names.push(name);
        match rest.strip_prefix('.') {
            Some(rest) => parent_text = rest,
            None => {
                parent_text = rest;
                break;
            }
        }
    }
    Ok(ForeignKeyDef {
        name,
        columns: bracketed_names(columns_text),
        parent: names,
        columns_text: columns_text.trim().to_owned(),
        tail: parent_text.trim().to_owned(),
    })
}

/// The quoted names directly in the first pair of brackets of `text`.
fn bracketed_names(text: &str) -> Vec<Ident> {
    let mut names = Vec::new();
    let mut depth = 0_u32;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            '`' => {
                if let Some((name, after)) = quoted(rest) {
                    if depth == 1 {
                        names.push(name);
                    }
                    rest = after;
                    continue;
                }
            }
            _ => {}
        }
        rest = &rest[c.len_utf8()..];
    }
    names
}

/// A backtick-quoted name at the start of `text`, and what follows it.
fn quoted(text: &str) -> Option<(Ident, &str)> {
    let inner = text.strip_prefix('`')?;
    let mut name = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '`' {
            if chars.peek().is_some_and(|(_, next)| *next == '`') {
                chars.next();
            } else {
                return Some((Ident::new(name), &inner[at + 1..]));
            }
        }
        name.push(c);
    }
    None
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    (text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word))
        .then(|| &text[word.len()..])
}

/// Replaces quoted names, outside of string literals.
fn rename_quoted(text: &str, renames: &[(Ident, Ident)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if in_string {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            if c == '\\' {
                if let Some(next) = rest.chars().next() {
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            } else if c == '\'' {
                in_string = false;
            }
            continue;
        }
        if c == '`'
            && let Some((name, after)) = quoted(rest)
        {
            let name = renames
                .iter()
                .find(|(from, _)| *from == name)
                .map_or(name, |(_, to)| to.clone());
            out.push_str(&name.to_string());
            rest = after;
            continue;
        }
        in_string = c == '\'';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a``b` varchar(20) DEFAULT 'x,\\ny' COMMENT 'it''s `id`',\n  `p` int DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`a``b`),\n  KEY `k` (`p`,`id`),\n  CONSTRAINT `fk` FOREIGN KEY (`p`) REFERENCES `parent` (`id`) ON DELETE CASCADE,\n  CONSTRAINT `ck` CHECK (`p` > 0)\n) ENGINE=MyISAM AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 PAGE_CHECKSUM=1 COMMENT='a b=c'";

    #[test]
    fn a_definition_is_taken_apart_and_put_together() {
        let t = CreateTable::parse(SQL).unwrap();
        assert_eq!(t.columns.len(), 3);
        assert_eq!(t.columns[1].name.raw(), "a`b");
        assert_eq!(t.auto_increment(), Some(7));
        let bare = t.create_bare_sql(&TableRef::new("s", "x"));
        assert!(
            bare.contains("PRIMARY KEY (`id`)")
                && !bare.contains("UNIQUE")
                && !bare.contains("FOREIGN")
        );
        assert!(
            bare.ends_with(
                "ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='a b=c'"
            ),
            "{bare}"
        );
        assert_eq!(
            t.add_keys_sql(&TableRef::new("s", "x")).unwrap(),
            "ALTER TABLE `s`.`x` ADD UNIQUE KEY `u` (`a``b`), ADD KEY `k` (`p`,`id`)"
        );
        assert_eq!(
            t.foreign_keys[0].add_clause_to(&Ident::new("fk"), &TableRef::new("d", "parent")),
            "ADD CONSTRAINT `fk` FOREIGN KEY (`p`) REFERENCES `d`.`parent` (`id`) ON DELETE CASCADE"
        );
    }

    #[test]
    fn columns_are_left_out_and_renamed_with_what_needs_them() {
        let mut t = CreateTable::parse(SQL).unwrap();
        let dropped = t.select_columns(
            |n| n.raw() != "p",
            |n| {
                if n.raw() == "id" {
                    Ident::new("nr")
                } else {
                    n.clone()
                }
            },
        );
        assert_eq!(dropped.len(), 3, "{dropped:?}");
        let sql = t.create_bare_sql(&TableRef::new("s", "x"));
        assert!(
            sql.contains("`nr` int(11)") && sql.contains("PRIMARY KEY (`nr`)"),
            "{sql}"
        );
        assert!(sql.contains("COMMENT 'it''s `id`'"), "{sql}");
    }
}
