//! What a job may not do or can't: missing privileges, wrong passwords, time limits, locks, space.

use std::time::{Duration, Instant};

use super::world::{
    LIMIT, TABLES, expect_done, expect_nothing_left, fill_few, install, install_with, last_job,
    numbers, run_until_frozen,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

/// A mapping like that of `import_tables`, with another account or port of the source.
fn import_as(pair: &Pair, taxi: &DbTaxi, port: u16, user: &str, password: &str) {
    taxi.import(&format!(
        "version: 1\nconnections:\n- name: source\n  host: 127.0.0.1\n  port: {port}\n  username: {user}\n  \
         password: {password}\n  database: {}\n  local_db_name: {}\nconfigs:\n- name: everything\n  connection: source\n  \
         tables: '*'\n  options: {{max_concurrency: 2}}\n",
        pair.source_db(),
        pair.target_db()
    ));
}

both_flavours! {
    async fn a_table_without_select_fails_alone_and_names_the_grant(pair: Pair) {
        fill_few(&pair);
        let (db, user) = (pair.source_db(), format!("blind{}", pair.control_db()));
        pair.source.sql(&format!(
            "CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; \
             GRANT SELECT ON {db}.accounts TO '{user}'@'%'; GRANT SELECT ON {db}.orders TO '{user}'@'%'; \
             GRANT INSERT ON {db}.items TO '{user}'@'%';"
        ));
        let taxi = DbTaxi::new(&pair);
        import_as(&pair, &taxi, pair.source.port, &user, "pw");
        let ended = taxi.run(&["run", "everything"]).expect_code(1);
        assert!(ended.stderr.contains("GRANT SELECT"), "{}", ended.stderr);
        assert_eq!(last_job(&pair, "state"), "completed_with_errors");
        for table in ["accounts", "orders"] {
            pair.judge(table, table).equal();
        }
        pair.source.sql(&format!("GRANT SELECT ON {db}.items TO '{user}'@'%'"));
        taxi.run(&["run", "everything"]).expect_code(0);
        expect_done(&pair);
        pair.source.sql(&format!("DROP USER '{user}'@'%'"));
    }

    async fn a_wrong_password_and_an_unreachable_host_end_with_3(pair: Pair) {
        fill_few(&pair);
        let taxi = DbTaxi::new(&pair).set("sync.retry_attempts=1");
        import_as(&pair, &taxi, pair.source.port, "root", "wrong-canary-1");
        let ended = taxi.run(&["run", "everything"]).expect_code(3);
        assert!(ended.stderr.contains("Access denied"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary") && !ended.stdout.contains("canary"));
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = nobody.local_addr().unwrap().port();
        drop(nobody);
        import_as(&pair, &taxi, port, "root", "''");
        let ended = taxi.run(&["run", "everything"]).expect_code(3);
        assert!(ended.stderr.contains("127.0.0.1") && ended.stderr.contains("refused"), "{}", ended.stderr);
        import_as(&pair, &taxi, pair.source.port, "root", "''");
        taxi.run(&["run", "everything"]).expect_code(0);
        expect_done(&pair);
    }

    /// A reader keeps the target for longer than `swap_timeout`: the copy is kept for the next run.
    async fn a_swap_that_finds_no_gap_keeps_the_copy(pair: Pair) {
        let table = pair.source_table("busy");
        pair.source.sql(&format!(
            "CREATE TABLE {table} (id INT PRIMARY KEY, v INT); INSERT INTO {table} SELECT n, 1 FROM {}", numbers(5_000)
        ));
        let taxi = install_with(&pair, "{full_strategy: swap, swap_timeout: 2s}").set("sync.retry_attempts=1");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.source.sql(&format!("UPDATE {table} SET v = 2"));
        let mut running = run_until_frozen(&taxi, "swap.intended");
        let mut reader = pair.local.session().await;
        reader.run("START TRANSACTION").await.unwrap();
        reader.rows(&format!("SELECT COUNT(*) FROM {}", pair.target_table("busy"))).await.unwrap();
        running.thaw();
        assert!(running.is_alive());
        // The second try waits for this reader's old snapshot first; it reads anew each second.
        let reads = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if !running.is_alive() { break; }
                let _now = reader.run("COMMIT").await;
                let _now = reader.run("START TRANSACTION").await;
                let seen = reader.rows(&format!("SELECT MIN(v) AS lo, MAX(v) AS hi FROM {}", pair.target_table("busy"))).await;
                if let Ok(rows) = seen {
                    let row = &rows[0];
                    assert_eq!(row.u64("lo").unwrap(), row.u64("hi").unwrap(), "half a table");
                }
            }
        };
        tokio::time::timeout(LIMIT, reads).await.unwrap();
        let ended = running.wait(LIMIT);
        reader.run("COMMIT").await.unwrap();
        drop(reader);
        if ended.code() == Some(1) {
            assert!(ended.stderr.contains("in use") && ended.stderr.contains("swap_timeout"), "{}", ended.stderr);
            let position = pair.local.sql(&format!(
                "SELECT COUNT(*) FROM {}.sync_ranges WHERE state <> 'planned'", pair.control_db()
            ));
            assert_ne!(position, "0", "the copy is kept");
            let again = taxi.run(&["run", "everything"]).expect_code(0);
            assert!(again.stderr.contains("goes on with the load"), "{}", again.stderr);
        }
        pair.judge("busy", "busy").equal();
        expect_nothing_left(&pair);
    }

    /// A row of the live target is locked from outside: waited for, retried, and written once.
    async fn a_locked_target_row_is_waited_for_and_retried(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair).set("sync.retry_attempts=10");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.source.sql(&format!("USE {}; UPDATE accounts SET balance = -1 WHERE id = 7", pair.source_db()));
        let mut outsider = pair.local.session().await;
        outsider.run("START TRANSACTION").await.unwrap();
        outsider.rows(&format!("SELECT id FROM {} WHERE id = 7 FOR UPDATE", pair.target_table("accounts"))).await.unwrap();
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "a retry", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("trying again")
        });
        assert!(running.stderr().contains("1205"), "{}", running.stderr());
        outsider.run("ROLLBACK").await.unwrap();
        running.wait(LIMIT).expect_code(0);
        expect_done(&pair);
    }

    /// The process stands still until its time is up; the next run goes on.
    async fn a_job_that_runs_out_of_time_fails_and_keeps_its_work(pair: Pair) {
        fill_few(&pair);
        let taxi = install_with(&pair, "{max_concurrency: 4, job_timeout: 8s}").set("sync.lease_ttl=30s");
        let frozen = run_until_frozen(&taxi, "copy.written@2");
        let began = Instant::now();
        wait_until(LIMIT, "the time to be up", || began.elapsed() > Duration::from_secs(8));
        frozen.thaw();
        let ended = frozen.wait(LIMIT).expect_code(1);
        assert!(ended.stderr.contains("job_timeout"), "{}", ended.stderr);
        assert_eq!(last_job(&pair, "state"), "failed");
        taxi.import_tables(&pair, "'*'", "{max_concurrency: 4, job_timeout: 10m}");
        let again = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(again.stderr.contains("goes on with the load"), "{}", again.stderr);
        expect_done(&pair);
    }
}

/// A local server whose tables all live in one file that can't grow: 1114 in the middle of a copy.
fn full_target(flavour: Flavour) {
    let data = "--innodb-data-file-path=ibdata1:12M:autoextend:max:40M";
    let Some(local) = PrivateServer::start(flavour, &[data]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let pair = Pair::on(shared.source.clone(), local.server.clone());
    fill_few(&pair);
    let taxi = install(&pair);
    taxi.run(&["run", "everything"]).expect_code(0);
    // From here on new tables go to the small file.
    local.server.sql("SET GLOBAL innodb_file_per_table = OFF");
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE large (id INT PRIMARY KEY, pad CHAR(250) CHARACTER SET latin1); \
         INSERT INTO large SELECT n, REPEAT('x', 250) FROM {}; UPDATE accounts SET balance = balance + 1",
        pair.source_db(),
        numbers(100_000)
    ));
    let ended = taxi
        .start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(1);
    assert!(
        ended.stderr.contains("is full") && ended.stderr.contains("free space"),
        "{}",
        ended.stderr
    );
    assert_eq!(last_job(&pair, "state"), "completed_with_errors");
    // The others are there, and nothing is lost.
    for table in TABLES {
        pair.judge(table, table).equal();
    }
    local.server.sql("SET GLOBAL innodb_file_per_table = ON");
    taxi.start(&["run", "everything"])
        .wait(LIMIT)
        .expect_code(0);
    pair.judge("large", "large").equal();
    expect_done(&pair);
}

mod a_full_target_fails_clearly_and_loses_nothing {
    use super::*;
    #[test]
    fn mariadb() {
        full_target(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        full_target(Flavour::Mysql);
    }
}
