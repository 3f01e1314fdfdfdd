//! Tables in the likeness of another: for rows that are put aside, and for questions about rows that
//! are to come.

use super::options::default_charset;
use super::text::plain_column;
use super::{CreateTable, innodb_options, is_computed};
use crate::mysql::ident::{Ident, TableRef};

impl CreateTable {
    /// The statement that makes `table` for rows of this one: with the columns that are stored and
    /// neither keys nor checks, so that it takes every row; they are numbered by `counter`.
    #[must_use]
    pub fn create_plain_sql(&self, table: &TableRef, counter: &Ident) -> String {
        let mut lines = vec![format!(
            "  {counter} bigint unsigned NOT NULL AUTO_INCREMENT"
        )];
        let stored = self.columns.iter().filter(|c| !is_computed(&c.rest));
        lines.extend(stored.map(|c| format!("  {} {}", c.name, plain_column(&c.rest))));
        lines.push(format!("  PRIMARY KEY ({counter})"));
        let options = innodb_options(&self.options);
        // Partitions begin on a line of their own.
        let options = options.lines().next().unwrap_or_default();
        let options = match self.auto_increment() {
            Some(next) => options.replace(&format!(" AUTO_INCREMENT={next}"), ""),
            None => options.to_owned(),
        };
        format!("CREATE TABLE {table} (\n{}\n) {options}", lines.join(",\n"))
    }

    /// The statement that makes a temporary table whose columns compute what those of this one do,
    /// without keys, checks and partitions: neither server partitions a temporary table, nor
    /// compresses or encrypts it.
    #[must_use]
    pub fn create_probe_sql(&self, table: &TableRef) -> String {
        let columns = self.columns.iter();
        let lines: Vec<String> = columns
            .map(|c| format!("  {} {}", c.name, plain_column(&c.rest)))
            .collect();
        format!(
            "CREATE TEMPORARY TABLE {table} (\n{}\n) ENGINE=InnoDB{}",
            lines.join(",\n"),
            default_charset(&self.options)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a` varchar(20) DEFAULT ' CHECK (x) AUTO_INCREMENT' CHECK (`a` <> ')'),\n  `g` int GENERATED ALWAYS AS (`id` + 1) STORED,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`a`),\n  CONSTRAINT `ck` CHECK (`id` > 0)\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=COMPRESSED COMMENT='DEFAULT CHARSET=x'\n PARTITION BY HASH (`id`)";

    #[test]
    fn a_plain_table_takes_rows_and_nothing_else() {
        let plain = CreateTable::parse(SQL)
            .unwrap()
            .create_plain_sql(&TableRef::new("q", "x"), &Ident::new("n"));
        assert_eq!(
            plain,
            "CREATE TABLE `q`.`x` (\n  `n` bigint unsigned NOT NULL AUTO_INCREMENT,\n  `id` int(11) NOT NULL,\n  `a` varchar(20) DEFAULT ' CHECK (x) AUTO_INCREMENT',\n  PRIMARY KEY (`n`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=COMPRESSED COMMENT='DEFAULT CHARSET=x'"
        );
    }

    #[test]
    fn a_probe_computes_and_has_no_partitions() {
        let probe = CreateTable::parse(SQL)
            .unwrap()
            .create_probe_sql(&TableRef::new("q", "x"));
        assert_eq!(
            probe,
            "CREATE TEMPORARY TABLE `q`.`x` (\n  `id` int(11) NOT NULL,\n  `a` varchar(20) DEFAULT ' CHECK (x) AUTO_INCREMENT',\n  `g` int GENERATED ALWAYS AS (`id` + 1) STORED\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
        );
    }
}
