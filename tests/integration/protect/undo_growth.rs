//! A source that can't clean up after its own writers, since a snapshot of ours is open.

use super::import_with;
use crate::crash::world::{LIMIT, numbers};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, Running, Server, wait_until};

/// Old versions that the server keeps for whoever may still read them.
fn kept(source: &Server) -> u64 {
    match source.flavour {
        Flavour::Mariadb => {
            let line = source.sql("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'");
            line.split('\t').nth(1).unwrap().parse().unwrap()
        }
        Flavour::Mysql => source.count(
            "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'",
        ),
    }
}

/// The limit is a million transactions, more than a test can wait for: it is set lower here, and all
/// else is as it is.
fn grows(flavour: Flavour) {
    let Some(source) = PrivateServer::start(flavour, &["--sync-binlog=0"]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(source.server.clone(), shared.local.clone());
    let (gate, wide, busy) = (
        pair.source_table("gate"),
        pair.source_table("wide"),
        pair.source_table("busy"),
    );
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
         INSERT INTO wide SELECT n, REPEAT('x', 980) FROM {}; ANALYZE TABLE wide; \
         CREATE TABLE gate (closed INT); INSERT INTO gate VALUES (0); \
         CREATE TABLE busy (id INT PRIMARY KEY, n INT); INSERT INTO busy VALUES (1, 0);",
        pair.source_db(),
        numbers(3_000)
    ));
    let procedure = format!(
        "DELIMITER //\nCREATE PROCEDURE {}.write_much() BEGIN DECLARE i INT DEFAULT 0; \
         WHILE i < 1000 DO UPDATE {busy} SET n = n + 1; SET i = i + 1; END WHILE; END//\nDELIMITER ;\n",
        pair.source_db()
    );
    pair.source.sql(&procedure);
    let taxi = DbTaxi::new(&pair);
    import_with(
        &pair,
        &taxi,
        &format!("throttle: {{max_mib_per_second: 1, query: 'SELECT closed FROM {gate}'}}"),
        "[wide]",
        "{max_concurrency: 2}",
    );
    let mut command = taxi.command(&["run", "everything"]);
    command.env("DB_TAXI_HOOKS", "guard.undo=500,guard.undo_looks=2");
    let mut running = Running::start(command);
    let copied = format!(
        "SELECT COUNT(*) FROM {}.sync_ranges WHERE state <> 'planned'",
        pair.control_db()
    );
    wait_until(LIMIT, "a copied range", || {
        assert!(running.is_alive(), "{}", running.stderr());
        pair.local.count(&copied) > 0
    });
    // Work pauses, its snapshot stays open, and the source's own writers go on.
    pair.source.sql(&format!(
        "UPDATE {gate} SET closed = 1; UPDATE {wide} SET pad = 'later'"
    ));
    let (mut most, mut ended) = (0, false);
    wait_until(LIMIT, "the snapshot to be ended", || {
        assert!(running.is_alive(), "{}", running.stderr());
        let now = kept(&pair.source);
        most = most.max(now);
        // Less than there was: the server cleans up again.
        ended = ended || (most > 1_000 && now < most / 2);
        if !ended {
            pair.source
                .sql(&format!("CALL {}.write_much()", pair.source_db()));
        }
        ended && now < 500
    });
    pair.source.sql(&format!("UPDATE {gate} SET closed = 0"));
    let ended = running.wait(LIMIT).expect_code(0);
    assert!(
        ended.stderr.contains("had to be taken again"),
        "{}",
        ended.stderr
    );
    pair.judge("wide", "wide").equal();
    let later = format!(
        "SELECT COUNT(*) FROM {} WHERE pad = 'later'",
        pair.target_table("wide")
    );
    assert_eq!(pair.local.count(&later), 3_000);
}

mod a_source_that_can_not_clean_up_has_our_snapshot_ended {
    use super::*;
    #[test]
    fn mariadb() {
        grows(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        grows(Flavour::Mysql);
    }
}
