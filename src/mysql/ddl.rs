//! `SHOW CREATE TABLE` taken apart line by line, and put together again for a shadow.
//!
//! The server prints one column, key or constraint per line, so no SQL grammar is needed; what is
//! inside a line is passed on untouched.

use super::ident::{Ident, TableRef};

mod likeness;
mod options;
mod text;

use options::innodb_options;
use text::{bracketed_names, names_one_of, outside_strings, quoted, rename_quoted, strip_word};

/// A column as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: Ident,
    /// Everything behind the name.
    pub rest: String,
}

impl ColumnDef {
    /// Whether the server stamps it with each change of its row.
    #[must_use]
    pub fn is_stamped(&self) -> bool {
        outside_strings(&self.rest)
            .to_ascii_uppercase()
            .contains("ON UPDATE CURRENT_TIMESTAMP")
    }
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

    /// The value of the counter, where one is printed.
    #[must_use]
    pub fn auto_increment(&self) -> Option<u64> {
        let at = self.counter_at()?;
        let digits = &self.options[at..];
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end].parse().ok()
    }

    /// Where the counter's digits begin. It stands before the comment, which may look like it.
    fn counter_at(&self) -> Option<usize> {
        let end = self.options.find(" COMMENT=").unwrap_or(self.options.len());
        let word = "AUTO_INCREMENT=";
        Some(self.options[..end].find(word)? + word.len())
    }

    /// Lets the counter go on from `value` at least, where a column counts by itself.
    pub fn count_from(&mut self, value: u64) {
        if self.counter().is_none() || self.auto_increment().is_some_and(|own| own >= value) {
            return;
        }
        match self.counter_at() {
            Some(at) => {
                let digits = self.options[at..]
                    .find(|c: char| !c.is_ascii_digit())
                    .map_or(self.options.len(), |end| at + end);
                self.options.replace_range(at..digits, &value.to_string());
            }
            None => {
                let head = self.options.find([' ', '\n']).unwrap_or(self.options.len());
                self.options
                    .insert_str(head, &format!(" AUTO_INCREMENT={value}"));
            }
        }
    }

    fn counter(&self) -> Option<&Ident> {
        self.columns
            .iter()
            .find(|c| {
                outside_strings(&c.rest)
                    .to_ascii_uppercase()
                    .contains("AUTO_INCREMENT")
            })
            .map(|c| &c.name)
    }

    /// The columns that go when only those that `keep` names are wanted: what is computed from one
    /// that goes, goes with it.
    pub fn gone_without(&self, keep: impl Fn(&Ident) -> bool) -> Vec<Ident> {
        let names = self.columns.iter().map(|c| c.name.clone());
        let mut gone: Vec<Ident> = names.filter(|name| !keep(name)).collect();
        while let Some(lost) = self.columns.iter().find(|c| {
            !gone.contains(&c.name) && is_computed(&c.rest) && names_one_of(&c.rest, &gone)
        }) {
            gone.push(lost.name.clone());
        }
        gone
    }

    /// Leaves out columns, and keys, checks and foreign keys that need them; renames the others.
    /// Returns what was left out besides the columns, as text for the plan.
    pub fn select_columns(
        &mut self,
        keep: impl Fn(&Ident) -> bool,
        rename: impl Fn(&Ident) -> Ident,
    ) -> Vec<String> {
        let mut dropped = Vec::new();
        let gone = self.gone_without(keep);
        let asked = |name: &Ident| {
            self.columns
                .iter()
                .any(|c| c.name == *name && is_computed(&c.rest))
        };
        dropped.extend(
            gone.iter()
                .filter(|name| asked(name))
                .map(|name| format!("computed column left out: {}", name.raw())),
        );
        self.columns.retain(|c| !gone.contains(&c.name));
        let uses_gone = |columns: &[Ident]| columns.iter().any(|c| gone.contains(c));
        self.keys.retain(|k| {
            // The key's own name comes before its brackets.
            let parts = k.text.find('(').map_or("", |open| &k.text[open..]);
            let lost = uses_gone(&k.columns) || names_one_of(parts, &gone);
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
            let lost = names_one_of(check, &gone);
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

    /// Gives columns other definitions: name and everything behind it.
    pub fn redefine(&mut self, definitions: &[(Ident, String)]) {
        for (name, rest) in definitions {
            if let Some(column) = self.columns.iter_mut().find(|c| c.name == *name) {
                column.rest.clone_from(rest);
            }
        }
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
        let counter = self.counter();
        let leads = |k: &KeyDef| counter.is_some() && k.columns.first() == counter;
        let first_leader = self.keys.iter().find(|k| leads(k));
        first_leader != Some(key)
    }

    /// The statements that add `keys`: one, and one more for each further FULLTEXT key, of which
    /// MySQL builds one at a time.
    #[must_use]
    pub fn add_keys_sql(table: &TableRef, keys: &[&KeyDef]) -> Vec<String> {
        let is_text = |key: &KeyDef| key.text.to_ascii_uppercase().starts_with("FULLTEXT");
        let first_text = keys.iter().position(|k| is_text(k));
        let (first, rest): (Vec<_>, Vec<_>) = keys
            .iter()
            .enumerate()
            .partition(|(at, k)| !is_text(k) || Some(*at) == first_text);
        let alter = |keys: &[(usize, &&KeyDef)]| {
            let adds: Vec<String> = keys
                .iter()
                .map(|(_, k)| format!("ADD {}", k.text))
                .collect();
            format!("ALTER TABLE {table} {}", adds.join(", "))
        };
        let mut out = Vec::new();
        if !first.is_empty() {
            out.push(alter(&first));
        }
        out.extend(rest.iter().map(|key| alter(std::slice::from_ref(key))));
        out
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

    /// Gives the parent's columns the names that they have on the target.
    pub fn rename_parent_columns(&mut self, rename: impl Fn(&str) -> String) {
        let renames: Vec<(Ident, Ident)> = bracketed_names(&self.tail)
            .into_iter()
            .map(|from| (from.clone(), Ident::new(rename(from.raw()))))
            .collect();
        self.tail = rename_quoted(&self.tail, &renames);
    }
}

/// Whether a column's definition says that the server computes it.
fn is_computed(rest: &str) -> bool {
    outside_strings(rest).to_ascii_uppercase().contains(" AS (")
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
            CreateTable::add_keys_sql(&TableRef::new("s", "x"), &t.deferred_keys()),
            ["ALTER TABLE `s`.`x` ADD UNIQUE KEY `u` (`a``b`), ADD KEY `k` (`p`,`id`)"]
        );
        assert_eq!(
            t.foreign_keys[0].add_clause_to(&Ident::new("fk"), &TableRef::new("d", "parent")),
            "ADD CONSTRAINT `fk` FOREIGN KEY (`p`) REFERENCES `d`.`parent` (`id`) ON DELETE CASCADE"
        );
    }

    #[test]
    fn the_counter_goes_on_from_the_greater_value() {
        let mut t = CreateTable::parse(SQL).unwrap();
        t.count_from(5);
        assert_eq!(t.auto_increment(), Some(7));
        t.count_from(900);
        assert_eq!(t.auto_increment(), Some(900));
        let sql = "CREATE TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB COMMENT='AUTO_INCREMENT=5'";
        let mut t = CreateTable::parse(sql).unwrap();
        assert_eq!(t.auto_increment(), None);
        t.count_from(9);
        assert_eq!(
            t.options,
            "ENGINE=InnoDB AUTO_INCREMENT=9 COMMENT='AUTO_INCREMENT=5'"
        );
    }

    #[test]
    fn what_is_computed_from_a_lost_column_is_lost() {
        let sql = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `b` int,\n  `g` int GENERATED ALWAYS AS (`id` + `b`) STORED,\n  `h` int GENERATED ALWAYS AS (`g`) VIRTUAL,\n  `c` int COMMENT 'as (`b`)',\n  PRIMARY KEY (`id`),\n  KEY `b` (`c`),\n  KEY `f` ((`c` + `h`))\n) ENGINE=InnoDB";
        let mut t = CreateTable::parse(sql).unwrap();
        let dropped = t.select_columns(|n| n.raw() != "b", Clone::clone);
        assert_eq!(dropped.len(), 3, "{dropped:?}");
        let left: Vec<&str> = t.columns.iter().map(|c| c.name.raw()).collect();
        assert_eq!((left, t.keys.len()), (vec!["id", "c"], 2));
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
