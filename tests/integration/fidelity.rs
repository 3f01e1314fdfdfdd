//! Whether a sync loses, doubles, changes or refuses data: every type, key, rule and state of the
//! target, through the real program, judged by the servers' own client.

use crate::support::{DbTaxi, Finished, Flavour, Pair};

mod boundaries;
mod charsets;
mod foreign;
mod keys;
mod masks;
mod names;
mod random;
mod rules;
mod runs;
mod targets;
mod types;
mod unique;
mod verifier;
mod writers;

/// A pair with an installation on it.
pub struct World<'a> {
    pub pair: &'a Pair,
    pub taxi: DbTaxi,
}

/// Lenient, so that tests can store what strict servers stored in older times.
const MODE: &str = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', \
     time_zone = '+05:30', foreign_key_checks = 0;\n";

impl<'a> World<'a> {
    pub fn new(pair: &'a Pair) -> Self {
        Self {
            pair,
            taxi: DbTaxi::new(pair),
        }
    }

    pub fn is_mariadb(&self) -> bool {
        self.pair.flavour == Flavour::Mariadb
    }

    /// Runs statements in the source database.
    pub fn source(&self, sql: &str) -> String {
        let db = self.pair.source_db();
        self.pair.source.sql(&format!("USE {db};\n{MODE}{sql}"))
    }

    /// Runs statements in the target database.
    pub fn target(&self, sql: &str) -> String {
        let db = self.pair.target_db();
        self.pair.local.sql(&format!("USE {db};\n{MODE}{sql}"))
    }

    /// Imports table rules and options, as they stand in a mapping.
    pub fn rules(&self, tables: &str, options: &str) {
        self.taxi.import_tables(self.pair, tables, options);
    }

    pub fn run(&self) -> Finished {
        self.taxi.run(&["run", "everything"])
    }

    /// A run in which no table fails.
    pub fn sync(&self) {
        self.run().expect_code(0);
    }

    /// A run in which a table fails; what was said.
    pub fn refuse(&self) -> String {
        let end = self.run().expect_code(1);
        format!("{}\n{}", end.stdout, end.stderr)
    }

    /// Every table, then everything judged.
    pub fn sync_everything(&self) {
        self.rules("[{match: \"*\"}]", "{recheck_after: 100ms}");
        self.sync();
        self.judge_all();
    }

    /// Tables of the source database.
    pub fn tables(&self) -> Vec<String> {
        let sql = format!(
            "SELECT table_name FROM information_schema.tables \
             WHERE table_schema = '{}' AND table_type = 'BASE TABLE' ORDER BY 1",
            self.pair.source_db()
        );
        self.pair
            .source
            .sql(&sql)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Each source table has its equal.
    pub fn judge_all(&self) {
        let wrong: Vec<String> = self
            .tables()
            .iter()
            .filter_map(|t| {
                let judged = self.pair.judge(t, t).check();
                judged.err().map(|why| format!("{t}: {why}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// A run that must find nothing to write: no row event in the target database, and none by
    /// way of a swap.
    pub fn sync_without_writing(&self) {
        let shown = self.definitions();
        let before = self.pair.local.binlog_position();
        self.sync();
        let events = self.pair.local.row_events(&before, &self.pair.target_db());
        assert_eq!(events, 0, "an equal target was written");
        assert_eq!(shown, self.definitions(), "an equal target was replaced");
    }

    /// Names and numbers of the tables: one that was swapped in has another number.
    pub fn definitions(&self) -> String {
        let tables = if self.is_mariadb() {
            "INNODB_SYS_TABLES"
        } else {
            "INNODB_TABLES"
        };
        self.pair.local.sql(&format!(
            "SELECT name, table_id FROM information_schema.{tables} WHERE name LIKE '{}/%' AND name NOT LIKE '%/FTS%' ORDER BY 1",
            self.pair.target_db().replace('_', "\\_")
        ))
    }
}
