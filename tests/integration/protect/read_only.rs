//! A local server whose engine writes nothing: told as read-only with what to do, in whichever words
//! the server says it, and no row is lost or wrong when it writes again.

use db_taxi::model::error::ErrorCode;
use db_taxi::mysql::{ErrorClass, SessionKind};

use super::errors::{is, open, refused};
use crate::crash::world::{LIMIT, expect_done, fill_few, install, run_until_frozen};
use crate::support::{Flavour, Pair, PrivateServer};

/// The option, a statement, the number that it is refused with.
type Refusals = &'static [(&'static str, &'static [(&'static str, u16)])];

const MARIADB: Refusals = &[
    (
        "--innodb-read-only",
        &[
            ("INSERT INTO w VALUES (2)", 1036),
            ("CREATE TABLE x (id INT) ENGINE=InnoDB", 1005),
        ],
    ),
    (
        "--innodb-force-recovery=5",
        &[
            ("INSERT INTO w VALUES (2)", 1836),
            ("RENAME TABLE w TO x", 1025),
        ],
    ),
];

const MYSQL: Refusals = &[
    (
        "--innodb-read-only",
        &[
            ("INSERT INTO w VALUES (2)", 1015),
            ("CREATE TABLE x (id INT)", 1836),
        ],
    ),
    (
        "--innodb-force-recovery=4",
        &[
            ("INSERT INTO w VALUES (2)", 1036),
            ("ALTER TABLE w ADD c INT", 1881),
        ],
    ),
];

fn read_only(flavour: Flavour) {
    let Some(local) = PrivateServer::start(flavour, &[]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(shared.source.clone(), local.server.clone());
    // A kill must not cost the lease that was claimed a moment ago.
    pair.local
        .sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    fill_few(&pair);
    let taxi = install(&pair).set("sync.retry_attempts=10");
    pair.local.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1)",
        pair.target_table("w")
    ));
    let frozen = run_until_frozen(&taxi, "copy.written@3");
    let modes = match flavour {
        Flavour::Mariadb => MARIADB,
        Flavour::Mysql => MYSQL,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (option, statements) in modes {
        local.kill();
        // What was under way is rolled back first: an engine that does not write can't do it.
        local.restart();
        local.stop();
        local.restart_with(&[option]);
        runtime.block_on(async {
            for (statement, number) in *statements {
                let mut session = open(&pair, SessionKind::Apply).await;
                session
                    .run(&format!("USE {}", pair.target_db()))
                    .await
                    .unwrap();
                let error = refused(&mut session, statement).await;
                is(&error, &[*number], ErrorCode::ReadOnly, ErrorClass::Wait);
                assert!(
                    error
                        .hint
                        .as_deref()
                        .is_some_and(|hint| hint.contains("innodb_")),
                    "{error}"
                );
            }
        });
        let refused = taxi.run(&["run", "everything"]);
        let refused = refused.expect_code(4);
        assert!(
            refused.stderr.contains("innodb_read_only"),
            "{option}: {}",
            refused.stderr
        );
    }
    // The process wakes up against a server that writes nothing, and ends the work when it does.
    frozen.thaw();
    frozen.wait_to_say(LIMIT, &["read only", "read-only", "was lost", "went away"]);
    local.stop();
    local.restart();
    frozen.wait(LIMIT).expect_code(0);
    expect_done(&pair);
}

/// A database of MySQL that is made read-only.
#[test]
fn a_read_only_database_is_waited_for() {
    let Some(pair) = Pair::shared(Flavour::Mysql) else {
        return;
    };
    let (db, table) = (pair.target_db(), pair.target_table("w"));
    let (on, off) = (
        format!("ALTER DATABASE {db} READ ONLY = 1"),
        format!("ALTER DATABASE {db} READ ONLY = 0"),
    );
    pair.local
        .sql(&format!("CREATE TABLE {table} (id INT PRIMARY KEY); {on}"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(async {
        let mut session = open(&pair, SessionKind::Apply).await;
        refused(&mut session, &format!("INSERT INTO {table} VALUES (1)")).await
    });
    pair.local.sql(&off);
    is(&error, &[3989], ErrorCode::ReadOnly, ErrorClass::Wait);
}

mod an_engine_that_writes_nothing_is_waited_for {
    use super::*;
    #[test]
    fn mariadb() {
        read_only(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        read_only(Flavour::Mysql);
    }
}
