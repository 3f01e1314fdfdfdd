//! The source's own work comes first: whoever changes a table there is not held up by our readers,
//! and what was changed is copied as it is then.

use std::time::{Duration, Instant};

use super::import_with;
use crate::both_flavours;
use crate::crash::world::{LIMIT, numbers};
use crate::support::{DbTaxi, Pair, wait_rarely, wait_until};

/// A statement on the source waits for our readers for at most this long: two seconds of patience,
/// two looks, and the end of a session.
const HELD_UP: Duration = Duration::from_secs(10);

fn fill(pair: &Pair, rows: u32) {
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
         INSERT INTO wide SELECT n, REPEAT('x', 980) FROM {}; ANALYZE TABLE wide",
        pair.source_db(),
        numbers(rows)
    ));
}

fn ranges(pair: &Pair) -> u64 {
    let sql = format!(
        "SELECT COUNT(*) FROM {}.sync_ranges WHERE state <> 'planned'",
        pair.control_db()
    );
    pair.local.count(&sql)
}

both_flavours! {
    /// Between two batches of a slow copy: on MariaDB the open snapshot alone would hold the ALTER up
    /// for as long as the copy takes.
    async fn a_change_between_batches_is_let_through(pair: Pair) {
        fill(&pair, 4_500);
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi, "throttle: {max_mib_per_second: 2}", "[wide]", "{max_concurrency: 2}");
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "a copied range", || {
            assert!(running.is_alive(), "{}", running.stderr());
            ranges(&pair) > 0
        });
        let asked = Instant::now();
        pair.source.sql(&format!("ALTER TABLE {} ADD COLUMN late INT NOT NULL DEFAULT 7", pair.source_table("wide")));
        assert!(asked.elapsed() < HELD_UP, "{:?}", asked.elapsed());
        assert!(running.is_alive(), "the copy was over before: {}", running.stderr());
        running.wait(LIMIT).expect_code(0);
        pair.judge("wide", "wide").equal();
        let late = pair.local.sql(&format!("SELECT MIN(late), MAX(late), COUNT(*) FROM {}", pair.target_table("wide")));
        assert_eq!(late, "7\t7\t4500");
    }

    /// In the middle of a statement of ours, which is ended for it.
    async fn a_change_during_a_long_read_is_let_through(pair: Pair) {
        fill(&pair, 2_000);
        let taxi = DbTaxi::new(&pair);
        // Slow while this is set; nothing else here goes by it.
        pair.source.sql("SET GLOBAL long_query_time = 77");
        let slow = "SLEEP(IF(@@GLOBAL.long_query_time > 50, 0.05, 0)) = 0";
        import_with(
            &pair, &taxi, "throttle: none",
            &format!("[{{source_table: wide, where: '{slow}'}}]"), "{max_concurrency: 2}",
        );
        let mut running = taxi.start(&["run", "everything"]);
        let reading = || pair.source.sql("SHOW FULL PROCESSLIST").lines()
            .any(|line| line.contains(&pair.source_db()) && line.contains("SLEEP(IF"));
        wait_until(LIMIT, "the slow read", || {
            assert!(running.is_alive(), "{}", running.stderr());
            reading()
        });
        let asked = Instant::now();
        pair.source.sql(&format!("ALTER TABLE {} ADD COLUMN late INT NOT NULL DEFAULT 7", pair.source_table("wide")));
        let held_up = asked.elapsed();
        pair.source.sql("SET GLOBAL long_query_time = 10");
        assert!(held_up < HELD_UP, "{held_up:?}");
        let ended = running.wait(LIMIT).expect_code(0);
        assert!(!ended.stderr.contains("trying again"), "{}", ended.stderr);
        pair.judge("wide", "wide").equal();
    }

    /// A snapshot lasts no longer than asked; the copy is of the later one, and that is told.
    async fn an_old_snapshot_is_ended_and_the_copy_is_of_one_point_all_the_same(pair: Pair) {
        fill(&pair, 3_000);
        let gate = pair.source_table("gate");
        pair.source.sql(&format!("CREATE TABLE {gate} (closed INT) ENGINE=InnoDB; INSERT INTO {gate} VALUES (0)"));
        let taxi = DbTaxi::new(&pair);
        import_with(
            &pair, &taxi,
            &format!("throttle: {{max_mib_per_second: 1, query: 'SELECT closed FROM {gate}'}}"),
            "[wide]", "{max_concurrency: 2, max_snapshot_age: 4s}",
        );
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "a copied range", || {
            assert!(running.is_alive(), "{}", running.stderr());
            ranges(&pair) > 0
        });
        pair.source.sql(&format!("UPDATE {gate} SET closed = 1; UPDATE {} SET pad = 'later'", pair.source_table("wide")));
        let begun = Instant::now();
        wait_until(LIMIT, "the snapshot to be too old", || begun.elapsed() > Duration::from_secs(7));
        assert!(running.is_alive());
        pair.source.sql(&format!("UPDATE {gate} SET closed = 0"));
        let ended = running.wait(LIMIT).expect_code(0);
        assert!(ended.stderr.contains("had to be taken again"), "{}", ended.stderr);
        pair.judge("wide", "wide").equal();
        let later = pair.local.count(&format!("SELECT COUNT(*) FROM {} WHERE pad = 'later'", pair.target_table("wide")));
        assert_eq!(later, 3_000);
    }

    /// Each batch is read by itself: between two of them the source holds nothing for us, and what
    /// changes meanwhile is brought over all the same.
    async fn with_consistency_chunk_no_transaction_stays_open(pair: Pair) {
        fill(&pair, 3_000);
        let (gate, wide) = (pair.source_table("gate"), pair.source_table("wide"));
        let user = format!("chunk{}", pair.control_db());
        pair.source.sql(&format!(
            "CREATE TABLE {gate} (closed INT); INSERT INTO {gate} VALUES (0); CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; \
             GRANT SELECT ON {}.* TO '{user}'@'%'; GRANT PROCESS ON *.* TO '{user}'@'%'", pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import(&format!(
            "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {}, username: {user}, password: pw, database: {}, \
             local_db_name: {}, throttle: {{max_mib_per_second: 1, query: 'SELECT closed FROM {gate}'}}}}\nconfigs:\n\
             - {{name: everything, connection: source, tables: [wide], options: {{consistency: chunk, max_concurrency: 2}}}}\n",
            pair.source.port, pair.source_db(), pair.target_db()
        ));
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "a copied range", || {
            assert!(running.is_alive(), "{}", running.stderr());
            ranges(&pair) > 0
        });
        pair.source.sql(&format!("UPDATE {gate} SET closed = 1; UPDATE {wide} SET pad = 'later' WHERE id % 2 = 0"));
        let open = format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
             ON p.id = t.trx_mysql_thread_id WHERE p.user = '{user}'"
        );
        let sessions = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}'");
        wait_rarely(LIMIT, "no open transaction", || pair.source.count(&open) == 0);
        assert!(running.is_alive() && pair.source.count(&sessions) > 1, "the sessions are there");
        pair.source.sql(&format!("UPDATE {gate} SET closed = 0"));
        running.wait(LIMIT).expect_code(0);
        // What changed after its batch was read is found by the next run, and by few differences.
        pair.source.sql(&format!("DELETE FROM {wide} WHERE id % 100 = 7; INSERT INTO {wide} VALUES (100001, 'new')"));
        let again = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(!again.stderr.contains("loaded and swapped"), "{}", again.stderr);
        pair.judge("wide", "wide").equal();
        pair.source.sql(&format!("DROP USER '{user}'@'%'"));
    }
}
