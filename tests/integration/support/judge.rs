//! The judge: says whether two tables hold the same rows, without any code of ours.
//!
//! It reads both by the servers' own command-line client, every value as the hex of its bytes, and
//! compares them as sorted multisets; and the definitions as `SHOW CREATE TABLE` prints them.

use std::cmp::Ordering;
use std::process::Stdio;

use super::servers::Server;

/// One side: server, database, table.
type Side<'a> = (&'a Server, String, String);

/// A comparison of two tables that stand still.
pub struct Judge<'a> {
    source: Side<'a>,
    target: Side<'a>,
    columns: Option<Vec<(String, String)>>,
    condition: String,
    definitions: bool,
}

impl<'a> Judge<'a> {
    /// Compares all columns of two tables, and their definitions.
    pub fn new(source: (&'a Server, &str, &str), target: (&'a Server, &str, &str)) -> Self {
        Self {
            source: (source.0, source.1.to_owned(), source.2.to_owned()),
            target: (target.0, target.1.to_owned(), target.2.to_owned()),
            columns: None,
            condition: "1 = 1".to_owned(),
            definitions: true,
        }
    }

    /// Compares these columns only: (source, target). The definitions are not compared.
    pub fn columns(mut self, columns: &[(&str, &str)]) -> Self {
        let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        self.columns = Some(columns.iter().map(own).collect());
        self.definitions = false;
        self
    }

    /// Expects only the source's rows for which this holds.
    pub fn filtered(mut self, condition: &str) -> Self {
        condition.clone_into(&mut self.condition);
        self
    }

    /// Compares rows only.
    pub fn rows_only(mut self) -> Self {
        self.definitions = false;
        self
    }

    /// Goes on only when they are equal.
    ///
    /// # Panics
    /// With the first rows that differ.
    pub fn equal(self) {
        if let Err(difference) = self.check() {
            panic!("{difference}");
        }
    }

    /// Whether they are equal; else the first differences, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.definitions {
            let (source, target) = (definition(&self.source), definition(&self.target));
            if source != target {
                return Err(format!(
                    "definitions differ\n--- source\n{source}\n--- target\n{target}"
                ));
            }
        }
        let (source_columns, target_columns) = match &self.columns {
            Some(pairs) => (
                pairs.iter().map(|(s, _)| s.clone()).collect(),
                pairs.iter().map(|(_, t)| t.clone()).collect(),
            ),
            None => (column_names(&self.source), column_names(&self.target)),
        };
        if self.columns.is_none() && source_columns != target_columns {
            return Err(format!(
                "columns differ: {source_columns:?} and {target_columns:?}"
            ));
        }
        let source = rows(&self.source, &source_columns, &self.condition);
        let target = rows(&self.target, &target_columns, "1 = 1");
        compare(&source, &target)
    }
}

/// Walks two sorted multisets and tells the first rows that only one of them has.
fn compare(source: &[Vec<u8>], target: &[Vec<u8>]) -> Result<(), String> {
    let (mut s, mut t) = (source.iter().peekable(), target.iter().peekable());
    let (mut found, mut shown) = (0_usize, String::new());
    let mut note = |side: &str, row: &[u8]| {
        found += 1;
        if found <= 5 {
            shown.push_str(&format!("\nonly in the {side}: {}", readable(row)));
        }
    };
    loop {
        match (s.peek(), t.peek()) {
            (None, None) => break,
            (Some(row), None) => {
                note("source", row);
                s.next();
            }
            (None, Some(row)) => {
                note("target", row);
                t.next();
            }
            (Some(a), Some(b)) => match a.cmp(b) {
                Ordering::Equal => {
                    s.next();
                    t.next();
                }
                Ordering::Less => {
                    note("source", a);
                    s.next();
                }
                Ordering::Greater => {
                    note("target", b);
                    t.next();
                }
            },
        }
    }
    if found == 0 {
        return Ok(());
    }
    Err(format!(
        "{found} rows differ (source has {}, target {}):{shown}",
        source.len(),
        target.len()
    ))
}

/// A row of hex values; those that are text are shown as such too.
fn readable(row: &[u8]) -> String {
    let text = String::from_utf8_lossy(row);
    text.split('\t')
        .map(|hex| {
            let bytes: Option<Vec<u8>> = (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok())
                .collect();
            let plain = bytes
                .and_then(|b| String::from_utf8(b).ok())
                .filter(|p| !p.chars().any(char::is_control));
            let mut shown = plain.map_or_else(|| format!("0x{hex}"), |p| format!("{p:?}"));
            if shown.chars().count() > 80 {
                shown = format!("{}…", shown.chars().take(80).collect::<String>());
            }
            shown
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn column_names(side: &Side<'_>) -> Vec<String> {
    columns_of(side).into_iter().map(|(name, _)| name).collect()
}

/// Names and types, in order. Hidden ones (of expressions in keys) are not there.
fn columns_of((server, database, table): &Side<'_>) -> Vec<(String, String)> {
    let sql = format!(
        "SELECT column_name, data_type FROM information_schema.columns \
         WHERE table_schema = '{database}' AND table_name = '{table}' ORDER BY ordinal_position"
    );
    let found: Vec<(String, String)> = server
        .sql(&sql)
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, kind)| (name.to_owned(), kind.to_ascii_lowercase()))
        .collect();
    assert!(!found.is_empty(), "there is no table {database}.{table}");
    found
}

/// An expression for the exact value of a column, as hex.
fn exact(column: &str, kind: &str) -> String {
    match kind {
        // As text a FLOAT shows 6 digits; multiplied it becomes a DOUBLE, which shows all.
        "float" => format!("HEX(CAST({column} * 1e0 AS CHAR))"),
        "bit" => format!("HEX(CAST({column} + 0 AS CHAR))"),
        // Two members may look alike; their numbers don't.
        "enum" | "set" => {
            format!("HEX({column}), HEX(CAST({column} + 0 AS CHAR))")
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "date"
        | "datetime" | "timestamp" | "time" | "year" | "uuid" | "inet4" | "inet6" => {
            format!("HEX(CAST({column} AS CHAR))")
        }
        _ => format!("HEX({column})"),
    }
}

/// All rows, sorted, each a line of hex values.
fn rows(side: &Side<'_>, columns: &[String], condition: &str) -> Vec<Vec<u8>> {
    let (server, database, table) = side;
    let kinds = columns_of(side);
    let expressions: Vec<String> = columns
        .iter()
        .map(|name| {
            let kind = kinds
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, k)| k.as_str());
            let kind = kind.unwrap_or_else(|| panic!("{database}.{table} has no column {name}"));
            exact(&format!("`{}`", name.replace('`', "``")), kind)
        })
        .collect();
    let sql = format!(
        "SELECT {} FROM `{database}`.`{table}` WHERE {condition}",
        expressions.join(", ")
    );
    let output = server
        .client()
        .args([
            "--quick",
            "--init-command=SET SESSION time_zone = '+00:00', sql_mode = ''",
            "-e",
            &sql,
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\nin: {sql}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut rows: Vec<Vec<u8>> = output
        .stdout
        .split(|&b| b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    // After the last line break there is nothing.
    rows.pop();
    rows.sort_unstable();
    rows
}

/// `SHOW CREATE TABLE` without what may differ: the table's name and its next AUTO_INCREMENT value.
pub fn definition((server, database, table): &Side<'_>) -> String {
    let text = server.sql(&format!("SHOW CREATE TABLE `{database}`.`{table}`"));
    let text = text.split_once('\t').map_or(text.as_str(), |(_, ddl)| ddl);
    let (_, text) = text.split_once('(').unwrap_or(("", text));
    let mut parts = text.splitn(2, " AUTO_INCREMENT=");
    let head = parts.next().unwrap_or_default().to_owned();
    let rest = parts.next().unwrap_or_default();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("({head}{rest}").trim_end().to_owned()
}
