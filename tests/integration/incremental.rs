//! Incremental sync: what a watermark promises, what it excludes and who finds that; comparison
//! beside a writer.

use std::time::Duration;

use serde_json::Value;

use crate::support::{DbTaxi, Finished, Pair, wait_rarely};

mod columns;
mod killed;
mod partitions;
mod policies;
mod rates;
mod rules;
mod seeds;
mod watermark;
mod writer;

/// A pair with an installation whose config `everything` is incremental.
struct World<'a> {
    pair: &'a Pair,
    taxi: DbTaxi,
}

impl<'a> World<'a> {
    fn new(pair: &'a Pair) -> Self {
        Self {
            pair,
            taxi: DbTaxi::new(pair),
        }
    }

    /// Imports these table rules.
    fn rules(&self, rules: &str) {
        self.rules_with(rules, "{max_concurrency: 2}");
    }

    /// The same with these options.
    fn rules_with(&self, rules: &str, options: &str) {
        let pair = self.pair;
        self.taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - {{name: source, host: 127.0.0.1, port: {}, username: root, database: {}, local_db_name: {}}}\n\
             configs:\n\
             - name: everything\n  connection: source\n  sync_mode: incremental\n  tables: {rules}\n  options: {options}\n",
            pair.source.port,
            pair.source_db(),
            pair.target_db()
        ));
    }

    fn source(&self, sql: &str) -> String {
        let db = self.pair.source_db();
        self.pair.source.sql(&format!("USE {db};\n{sql}"))
    }

    fn target(&self, sql: &str) -> String {
        let db = self.pair.target_db();
        self.pair.local.sql(&format!("USE {db};\n{sql}"))
    }

    /// A run in which no table fails.
    fn sync(&self) -> Job {
        self.run(&[])
    }

    /// The same with more arguments.
    fn run(&self, more: &[&str]) -> Job {
        let args = [&["run", "everything", "--json"], more].concat();
        Job::of(self.taxi.run(&args).expect_code(0))
    }

    /// A run in which a table fails; what was said.
    fn refuse(&self) -> String {
        let end = self.taxi.run(&["run", "everything"]).expect_code(1);
        format!("{}\n{}", end.stdout, end.stderr)
    }

    fn plan(&self) -> String {
        self.taxi.run(&["plan", "everything"]).stdout
    }

    /// Waits until what was written so far lies before every bound: the source's clock is `seconds`
    /// further, and no transaction or statement of now is left, of other tests on the same server
    /// either.
    fn let_pass(&self, seconds: u32) {
        self.let_pass_beside(seconds, 0);
    }

    /// The same, beside a transaction of the connection `id` that stays open.
    fn let_pass_beside(&self, seconds: u32, id: u32) {
        let begun = self.source("SELECT NOW() + INTERVAL 1 SECOND");
        let sql = format!(
            "SELECT NOW(6) > '{begun}' + INTERVAL {seconds} SECOND
             AND NOT EXISTS (SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_is_read_only = 0
                AND trx_started <= '{begun}' AND trx_mysql_thread_id NOT IN ({id}, CONNECTION_ID()))
             AND NOT EXISTS (SELECT 1 FROM information_schema.PROCESSLIST
                WHERE command NOT IN ('Sleep', 'Daemon', 'Connect', 'Binlog Dump', 'Binlog Dump GTID')
                AND user <> 'system user' AND id NOT IN ({id}, CONNECTION_ID())
                AND time >= TIMESTAMPDIFF(SECOND, '{begun}', NOW()))"
        );
        wait_rarely(
            Duration::from_secs(90),
            "the source to pass this moment",
            || self.source(&sql) == "1",
        );
    }
}

/// A job as `--json` tells it.
struct Job(Value);

impl Job {
    fn of(end: Finished) -> Self {
        let all = end.json();
        Self(all["jobs"][0].clone())
    }

    fn count(&self, name: &str) -> u64 {
        self.0["counts"][name].as_u64().unwrap()
    }

    /// The only table's run.
    fn table(&self) -> &Value {
        &self.0["tables"][0]
    }

    fn scope(&self) -> &str {
        self.table()["verified"]["scope"].as_str().unwrap()
    }

    /// Inserted, updated, deleted.
    fn written(&self) -> [u64; 3] {
        ["inserted", "updated", "deleted"].map(|name| self.count(name))
    }
}
