//! Two versions at once: an older program beside a later one, on a control database that the later one
//! has migrated.

use std::time::Duration;

use db_taxi::store::schema_version;
use rustix::process::Signal;

use crate::both_flavours;
use crate::support::{DbTaxi, Pair, wait_until};

const LIMIT: Duration = Duration::from_secs(90);

fn control(pair: &Pair, sql: &str) -> String {
    pair.local.sql(&format!("USE {}; {sql}", pair.control_db()))
}

/// What a later version would have done, as far as it can be foreseen: a migration of its own, columns
/// with defaults, fields and kinds that this program does not know.
fn migrated_by_a_later_version(pair: &Pair) {
    let next = schema_version() + 1;
    control(
        pair,
        &format!(
            "ALTER TABLE sync_jobs ADD COLUMN later INT NOT NULL DEFAULT 7; \
         ALTER TABLE instances ADD COLUMN later TEXT NULL; \
         ALTER TABLE sync_leases ADD COLUMN later VARCHAR(9) NOT NULL DEFAULT 'x'; \
         CREATE TABLE later (id INT PRIMARY KEY); \
         UPDATE schema_info SET version = {next}; \
         INSERT INTO refinery_schema_history VALUES ({next}, 'later', '2030-01-01T00:00:00Z', '1')"
        ),
    );
}

both_flavours! {
    async fn an_older_program_goes_on_and_leaves_what_it_does_not_know_to_later_ones(pair: Pair) {
        for table in ["a", "b", "c"] {
            pair.source.sql(&format!(
                "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1), (2);",
                pair.source_table(table)
            ));
        }
        let taxi = DbTaxi::new(&pair);
        let mut mapping = format!(
            "version: 1\nconnections:\n- name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  \
             database: {}\n  local_db_name: {}\nconfigs:\n",
            pair.source.port, pair.source_db(), pair.target_db()
        );
        for table in ["a", "b", "c"] {
            mapping += &format!("- name: {table}\n  connection: source\n  schedule: '0 0 1 1 *'\n  tables: [{table}]\n");
        }
        taxi.import(&mapping);
        for config in ["a", "b", "c"] {
            taxi.run(&["jobs", "start", config]).expect_code(0);
        }
        migrated_by_a_later_version(&pair);
        control(&pair, "UPDATE sync_jobs SET kind = 'rebalance', priority = 9 WHERE config_name = 'a'; \
            UPDATE sync_configs SET spec = CONCAT('{\"later\": true, ', SUBSTRING(spec, 2)) WHERE name = 'b'");
        let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
        let state = |config: &str| control(&pair, &format!("SELECT state FROM sync_jobs WHERE config_name = '{config}'"));
        wait_until(LIMIT, "the job that it knows to be done", || state("c") == "completed");
        pair.judge("c", "c").equal();
        wait_until(LIMIT, "its schedule to be kept", || {
            control(&pair, "SELECT COUNT(*) FROM sync_schedules s JOIN sync_configs c ON c.id = s.config_id \
                WHERE c.name = 'c'") == "1"
        });
        assert_eq!((state("a"), state("b")), ("pending".to_owned(), "pending".to_owned()));
        service.signal(Signal::TERM);
        service.wait(LIMIT).expect_code(143);

        // The later version says that nobody older may go on.
        control(&pair, &format!("UPDATE schema_info SET min_reader = {}", schema_version() + 1));
        let refused = taxi.run(&["configs", "list"]).expect_code(3);
        assert!(refused.stderr.contains("upgrade db-taxi"), "{}", refused.stderr);
    }
}
