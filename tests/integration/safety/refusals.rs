//! Servers that have no room, no connection, or take no writes. On servers of the tests' own.

use std::time::Duration;

use super::{account, three_rows, told, use_account};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

/// Runs a claim per flavour on a private server.
macro_rules! on_a_private_server {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn claim($server: PrivateServer) $body

            fn run(flavour: Flavour) {
                let Some(server) = PrivateServer::start(flavour, &[]) else { return };
                tokio::runtime::Runtime::new().unwrap().block_on(claim(server));
            }

            #[test]
            fn mariadb() {
                run(Flavour::Mariadb);
            }

            #[test]
            fn mysql() {
                run(Flavour::Mysql);
            }
        }
    )+};
}

on_a_private_server! {
    async fn a_local_server_that_takes_no_writes_loses_nothing(private) {
        let shared = Pair::shared(private.server.flavour).unwrap();
        let pair = Pair::on(shared.source.clone(), private.server.clone());
        three_rows(&pair, "t");
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{}");
        private.server.sql("SET GLOBAL local_infile = OFF");
        told(&taxi.run(&["plan", "everything"]).expect_code(0), &["local_infile = OFF"]);
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
        pair.source.sql(&format!("UPDATE {} SET v = 'new'", pair.source_table("t")));
        let rights = ["SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, PROCESS ON *.*".to_owned()];
        account(&private.server, "plain", "secret-of-plain", &rights);
        use_account(&taxi, "plain", "secret-of-plain");
        private.server.sql("SET GLOBAL read_only = ON");
        let ended = taxi.run(&["run", "everything"]).expect_code(4);
        told(&ended, &["read-only", "is it a replica, or failing over?"]);
        assert_eq!(pair.local.count(&format!("SELECT COUNT(*) FROM {} WHERE v <> 'new'", pair.target_table("t"))), 3);
        told(&taxi.run(&["plan", "everything"]).expect_code(0), &["nothing was written"]);
        private.server.sql("SET GLOBAL read_only = OFF");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("t", "t").equal();
    }

    async fn a_source_without_a_free_connection_is_waited_for(private) {
        let shared = Pair::shared(private.server.flavour).unwrap();
        let pair = Pair::on(private.server.clone(), shared.local.clone());
        three_rows(&pair, "t");
        let taxi = DbTaxi::new(&pair).set("sync.retry_attempts=8");
        account(&private.server, "plain", "", &["ALL ON *.*".to_owned()]);
        taxi.import_tables(&pair, "[t]", "{}");
        private.server.sql("SET GLOBAL max_connections = 10");
        let mut sessions = Vec::new();
        for _ in 0..12 {
            let endpoint = private.server.endpoint();
            let kind = db_taxi::mysql::SessionKind::Probe;
            match db_taxi::mysql::Session::open(&endpoint, kind, Duration::from_secs(60)).await {
                Ok(session) => sessions.push(session),
                Err(error) => {
                    assert_eq!(error.number, Some(1040), "{error}");
                    break;
                }
            }
        }
        let run = taxi.start(&["run", "everything"]);
        wait_until(Duration::from_secs(30), "a second try", || {
            run.stderr().contains("(1040)") && run.stderr().contains("trying again")
        });
        for session in sessions {
            session.close().await;
        }
        run.wait(Duration::from_secs(60)).expect_code(0);
        pair.judge("t", "t").equal();
    }
}

/// A row that is too large for a statement is named, and nothing of its table is written.
fn a_row_beyond_the_packet_is_named(flavour: Flavour) {
    let Some(private) = PrivateServer::start(flavour, &["--max-allowed-packet=1M"]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(shared.source.clone(), private.server.clone());
    let table = pair.source_table("t");
    pair.source.sql(&format!("CREATE TABLE {table} (id INT PRIMARY KEY, b LONGBLOB); INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')"));
    let taxi = DbTaxi::new(&pair);
    taxi.import_tables(&pair, "[t]", "{}");
    taxi.run(&["run", "everything"]).expect_code(0);
    for change in [
        "UPDATE {} SET b = REPEAT('x', 700000) WHERE id = 2",
        "DELETE FROM {} WHERE id = 2; INSERT INTO {} VALUES (4, REPEAT('y', 700000))",
    ] {
        pair.source.sql(&format!(
            "UPDATE {table} SET b = 'new' WHERE id = 1; {}",
            change.replace("{}", &table)
        ));
        let ended = taxi.run(&["run", "everything"]).expect_code(1);
        let key = if change.starts_with("UPDATE") {
            "(row id=2)"
        } else {
            "(row id=4)"
        };
        told(
            &ended,
            &[
                key,
                "[packet_too_large]",
                "hint: raise max_allowed_packet on the local server",
            ],
        );
        let rows = pair.local.sql(&format!(
            "SELECT id, b FROM {} ORDER BY id",
            pair.target_table("t")
        ));
        assert_eq!(rows, "1\ta\n2\tb\n3\tc");
    }
}

#[test]
fn a_row_beyond_the_packet_is_named_mariadb() {
    a_row_beyond_the_packet_is_named(Flavour::Mariadb);
}

#[test]
fn a_row_beyond_the_packet_is_named_mysql() {
    a_row_beyond_the_packet_is_named(Flavour::Mysql);
}

/// MariaDB only: there one file of limited size can hold all tables.
#[test]
fn a_full_target_keeps_its_old_rows_and_goes_on_when_there_is_room() {
    let limits = [
        "--innodb-data-file-path=ibdata1:12M:autoextend:max:64M",
        "--innodb-file-per-table=OFF",
    ];
    let Some(private) = PrivateServer::start(Flavour::Mariadb, &limits) else {
        return;
    };
    let shared = Pair::shared(Flavour::Mariadb).unwrap();
    let pair = Pair::on(shared.source.clone(), private.server.clone());
    let wide = "id INT PRIMARY KEY, v VARCHAR(1000)";
    pair.source.sql(&format!(
        "USE {1}; CREATE TABLE {0} ({wide}) CHARACTER SET utf8mb4; \
         INSERT INTO {0} SELECT seq, REPEAT(MD5(seq), 30) FROM seq_1_to_25000;",
        pair.source_table("t"),
        pair.source_db()
    ));
    pair.local.sql(&format!(
        "USE {2}; CREATE TABLE {0} ({wide}) CHARACTER SET utf8mb4; INSERT INTO {0} VALUES (0, 'old'); \
         CREATE TABLE {1} ({wide}); \
         INSERT INTO {1} SELECT seq, REPEAT('x', 990) FROM seq_1_to_32000;",
        pair.target_table("t"),
        pair.target_table("filler"),
        pair.target_db()
    ));
    let taxi = DbTaxi::new(&pair);
    taxi.import_tables(&pair, "[t]", "{}");
    let ended = taxi.run(&["run", "everything"]).expect_code(1);
    told(
        &ended,
        &[
            "is full (1114)",
            "[disk_full]",
            "hint: free space on that server",
        ],
    );
    let rows = pair
        .local
        .sql(&format!("SELECT * FROM {}", pair.target_table("t")));
    assert_eq!(rows, "0\told");
    pair.local
        .sql(&format!("DROP TABLE {}", pair.target_table("filler")));
    // The server gives dropped pages back in the background.
    wait_until(Duration::from_secs(60), "room on the target", || {
        taxi.run(&["run", "everything"]).code() == Some(0)
    });
    pair.judge("t", "t").equal();
    assert!(pair.helper_databases().is_empty());
}
