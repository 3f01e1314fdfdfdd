//! The harness itself: a judge that finds nothing, or a kill that does not kill, would let every
//! other test pass.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::both_flavours;
use crate::support::{
    DbTaxi, Flavour, Pair, PrivatePair, PrivateServer, Running, eventually, wait_until,
};

const TABLE: &str = "(id INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, d DECIMAL(30, 10), b BIT(12), \
     e ENUM('x', 'y'), t TIMESTAMP(6) NULL, v VARBINARY(50), c VARCHAR(50), g POINT, j JSON)";

const ROW: &str = "(7, 0.1, 1.0000000001, b'101', 'y', '2024-03-31 02:30:00.123456', \
     x'00ff0a09', 'a\\tb\\nc', ST_GeomFromText('POINT(1 2)'), '{\"a\": [1, null]}')";

both_flavours! {
    async fn the_judge_finds_every_kind_of_difference(pair: Pair) {
        for (server, table) in [
            (&pair.source, pair.source_table("s")),
            (&pair.local, pair.target_table("t")),
        ] {
            server.sql(&format!("CREATE TABLE {table} {TABLE}; INSERT INTO {table} VALUES {ROW};"));
        }
        pair.judge("s", "t").equal();
        for change in [
            "f = 0.10000001", "d = 1", "b = 4", "e = 1", "t = '2024-03-31 02:30:00.123457'",
            "v = x'00ff0a', c = c", "c = 'a\\tb\\nC'", "c = NULL", "j = '{\"a\": [1, 2]}'",
            "g = ST_GeomFromText('POINT(1 3)')", "id = 8",
        ] {
            let table = pair.target_table("t");
            pair.local.sql(&format!("UPDATE {table} SET {change}"));
            let found = pair.judge("s", "t").check().unwrap_err();
            assert!(found.starts_with("2 rows differ"), "{change}: {found}");
            pair.local.sql(&format!("DELETE FROM {table}; INSERT INTO {table} VALUES {ROW};"));
        }
        pair.judge("s", "t").equal();
    }

    async fn the_judge_compares_multisets_and_definitions(pair: Pair) {
        let (source, target) = (pair.source_table("s"), pair.target_table("t"));
        pair.source.sql(&format!("CREATE TABLE {source} (a INT); INSERT INTO {source} VALUES (1), (1), (2);"));
        pair.local.sql(&format!("CREATE TABLE {target} (a INT); INSERT INTO {target} VALUES (2), (1), (2);"));
        assert!(pair.judge("s", "t").check().is_err(), "1 1 2 is not 1 2 2");
        pair.local.sql(&format!("DELETE FROM {target} WHERE a = 1"));
        assert!(pair.judge("s", "t").check().is_err(), "1 1 2 is not 2 2");
        pair.judge("s", "t").filtered("a = 2 UNION ALL SELECT '32'").equal();
        pair.local.sql(&format!("ALTER TABLE {target} ADD COLUMN b INT, ADD KEY (a)"));
        let found = pair.judge("s", "t").check().unwrap_err();
        assert!(found.starts_with("definitions differ"), "{found}");
        let found = pair.judge("s", "t").rows_only().check().unwrap_err();
        assert!(found.starts_with("columns differ"), "{found}");
        assert!(pair.judge("s", "t").columns(&[("a", "a")]).check().is_err());
        pair.local.sql(&format!("INSERT INTO {target} VALUES (1, 1), (1, 1); DELETE FROM {target} LIMIT 1;"));
        pair.judge("s", "t").columns(&[("a", "a")]).equal();
    }

    async fn the_binlog_tells_whether_a_database_was_written(pair: Pair) {
        let (server, table) = (&pair.local, pair.target_table("t"));
        server.sql(&format!("CREATE TABLE {table} (a INT)"));
        let before = server.binlog_position();
        assert_eq!(server.row_events(&before, &pair.target_db()), 0);
        server.sql(&format!("INSERT INTO {table} VALUES (1), (2); UPDATE {table} SET a = a + 1;"));
        assert_eq!(server.row_events(&before, &pair.target_db()), 4);
        assert_eq!(server.row_events(&before, &pair.source_db()), 0);
    }

    async fn an_installation_has_a_home_and_helper_numbers_of_its_own(pair: Pair) {
        let taxi = DbTaxi::unmigrated(&pair).set("sync.batch_size=77");
        let shown = taxi.run(&["config", "show"]).expect_code(0);
        assert!(shown.stdout.contains("77"), "{}", shown.stdout);
        assert_eq!(pair.local.databases(&pair.control_db()), [""; 0]);
        let taxi = DbTaxi::new(&pair);
        assert!(taxi.home().join("config.yaml").exists());
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        taxi.import_tables(&pair, "[t]", "{}");
        // A home goes with its value, so the sibling has to outlive the process.
        let sibling = taxi.sibling();
        let listed = sibling.start(&["--json", "configs", "list"]);
        let listed = listed.wait(Duration::from_secs(60)).expect_code(0);
        assert!(listed.json().to_string().contains("everything"), "{}", listed.stdout);
        assert!(pair.helper_databases().is_empty());
    }

    async fn sessions_and_accounts_reach_the_servers(pair: Pair) {
        let mut root = pair.source.session().await;
        root.run("CREATE USER IF NOT EXISTS taxi_plain@'127.0.0.1'").await.unwrap();
        let plain = pair.source.endpoint_as("taxi_plain", "");
        assert_eq!(plain.username, "taxi_plain");
        assert!(pair.source.socket().exists());
        assert!(pair.source.pid() != pair.local.pid());
        assert_eq!(pair.source.count("SELECT 40 + 2"), 42);
        assert!(pair.source.try_sql("SELECT nothing").unwrap_err().contains("1054"));
        eventually(Duration::from_secs(5), "a table to be there", async || {
            root.run("DO 1").await.is_ok()
        })
        .await;
    }
}

/// Runs the claim once per flavour on servers of its own.
fn on_private_servers(claim: impl Fn(PrivateServer)) {
    for flavour in [Flavour::Mariadb, Flavour::Mysql] {
        if let Some(server) = PrivateServer::start(flavour, &["--max-connections=50"]) {
            claim(server);
        }
    }
}

#[test]
fn a_killed_server_comes_back_with_its_data_on_its_port() {
    on_private_servers(|private| {
        let server = private.server.clone();
        server.sql(
            "CREATE DATABASE kept; CREATE TABLE kept.t (a INT); INSERT INTO kept.t VALUES (1);",
        );
        private.kill();
        assert!(server.try_sql("SELECT 1").is_err(), "it is down");
        private.restart();
        assert_eq!(server.count("SELECT COUNT(*) FROM kept.t"), 1);
        private.stop();
        assert!(server.try_sql("SELECT 1").is_err(), "it is down");
    });
}

#[test]
fn a_private_pair_is_not_the_shared_one() {
    if let Some(private) = PrivatePair::start(Flavour::Mariadb) {
        let shared = Pair::shared(Flavour::Mariadb).unwrap();
        assert_ne!(private.pair.local.port, shared.local.port);
        assert_ne!(private.source.server.port, private.local.server.port);
        assert_ne!(private.pair.target_db(), shared.target_db());
        assert!(private.pair.flavour == shared.flavour);
    }
}

#[test]
fn a_frozen_process_stands_still_and_a_killed_one_is_gone() {
    let ticking = || {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "while :; do echo tick; echo tock >&2; sleep 0.02; done",
        ]);
        Running::start(command)
    };
    let mut process = ticking();
    let limit = Duration::from_secs(10);
    wait_until(limit, "it to say something", || {
        !process.stdout().is_empty()
    });
    process.freeze();
    let state = format!("/proc/{}/stat", process.pid());
    wait_until(limit, "it to stand still", || {
        std::fs::read_to_string(&state).is_ok_and(|s| s.contains(") T "))
    });
    let frozen = process.stdout();
    assert!(process.is_alive());
    process.thaw();
    wait_until(limit, "it to go on", || {
        process.stdout().len() > frozen.len() + 20
    });
    assert!(!process.stderr().is_empty());
    assert_eq!(process.crash().code(), None);

    let process = ticking();
    process.signal(Signal::TERM);
    assert_eq!(process.wait(limit).code(), None);
    let mut command = Command::new("sh");
    command.args(["-c", "echo '{\"a\": 1}'; exit 3"]);
    let ended = Running::start(command).wait(limit).expect_code(3);
    assert_eq!(ended.json()["a"], 1);
}
