//! What runs by watermark see, what they leave out, and what a comparison finds of it.

use super::{Job, World};
use crate::both_flavours;
use crate::support::Pair;

const TABLE: &str = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT, \
     stamp TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (stamp));";

/// `t` with rows 1 to 20, stamped long ago, and its first run done.
async fn begin(world: &World<'_>, rule: &str) {
    world.source(&format!(
        "{TABLE} INSERT INTO t (v, stamp) VALUES {}",
        (1..=20)
            .map(|n| format!("({n}, NOW(6) - INTERVAL 1 HOUR)"))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    world.rules(&format!("[{{source_table: t, {rule}}}]"));
    let first = world.sync();
    assert_eq!(first.scope(), "table", "the first run is full");
    assert!(first.table()["verified"]["as_of"]["watermark"].is_string());
    world.pair.judge("t", "t").equal();
}

const RULE: &str = "watermark_column: stamp, lag_window: 1s";

both_flavours! {
    async fn new_changed_and_unstamped_rows_arrive_and_nothing_else_is_written(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        world.source("INSERT INTO t (v) VALUES (21), (22); UPDATE t SET v = -1 WHERE id = 5; UPDATE t SET v = -2, stamp = NULL WHERE id = 6");
        world.let_pass(4);
        let job = world.sync();
        assert_eq!(job.written(), [2, 2, 0]);
        assert_eq!(job.scope(), "run");
        assert_eq!(job.table()["strategy"], "watermark");
        assert_eq!(job.table()["verified"]["differences"], 0);
        assert!(job.table()["verified"]["whole_table_at"].is_string());
        pair.judge("t", "t").equal();
        // Rows within the lag window and rows without a stamp are read again, and not written.
        let before = pair.local.binlog_position();
        let again = world.sync();
        assert_eq!(again.written(), [0, 0, 0]);
        assert_eq!(pair.local.row_events(&before, &pair.target_db()), 0);
    }

    /// Deletes, changes that leave the stamp, and stamps of the past are what the promise excludes.
    async fn what_the_promise_excludes_is_what_a_comparison_counts(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        world.source(
            "DELETE FROM t WHERE id IN (1, 2); UPDATE t SET v = -3, stamp = stamp WHERE id = 3;
             INSERT INTO t (id, v, stamp) VALUES (30, 1, NOW(6) - INTERVAL 30 MINUTE); INSERT INTO t (id, v) VALUES (31, 1)",
        );
        world.let_pass(4);
        let job = world.sync();
        assert_eq!((job.written(), job.count("missed_by_watermark")), ([1, 0, 0], 0));
        let different = pair.judge("t", "t").check().unwrap_err();
        assert!(different.starts_with("5 rows differ"), "{different}");
        world.rules("[{source_table: t, watermark_column: stamp, lag_window: 1s, detect_deletes: every_run}]");
        let job = world.sync();
        assert_eq!(job.count("missed_by_watermark"), 4);
        assert_eq!(job.written(), [1, 1, 2]);
        assert_eq!(job.scope(), "table");
        pair.judge("t", "t").equal();
        assert_eq!(world.sync().count("missed_by_watermark"), 0);
    }

    /// Whoever compares counts it, whether or not he writes; a comparison before the first run by
    /// watermark finds nothing that one had missed.
    async fn verifications_and_repairs_count_what_was_missed(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        let rule = format!("[{{source_table: t, {RULE}}}]");
        world.rules_with(&rule, "{recheck_after: 100ms}");
        let compare = |command: &[&str], code: i32| {
            let args = [command, &["everything", "--json"]].concat();
            Job::of(world.taxi.run(&args).expect_code(code)).count("missed_by_watermark")
        };
        world.source("DELETE FROM t WHERE id = 1");
        assert_eq!(compare(&["verify"], 1), 0);
        world.source("UPDATE t SET v = -3, stamp = stamp WHERE id = 3; INSERT INTO t (id, v, stamp) VALUES (30, 1, NOW(6) - INTERVAL 30 MINUTE)");
        world.let_pass(4);
        assert_eq!(world.sync().written(), [0, 0, 0]);
        // What comes later is not missed yet.
        world.source("INSERT INTO t (id, v) VALUES (40, 1)");
        assert_eq!(compare(&["verify"], 1), 3);
        assert_eq!(compare(&["-y", "repair"], 0), 3);
        pair.judge("t", "t").equal();
        assert_eq!(compare(&["verify"], 0), 0);
    }

    /// Rows that are not due yet differ from the source, but nothing has missed them.
    async fn rows_behind_the_bound_are_not_missed(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, "watermark_column: stamp, lag_window: 10m, detect_deletes: every_run").await;
        world.source("INSERT INTO t (v) VALUES (21); UPDATE t SET v = -1 WHERE id = 5; DELETE FROM t WHERE id = 7");
        let job = world.sync();
        assert_eq!(job.written(), [1, 1, 1]);
        assert_eq!(job.count("missed_by_watermark"), 1, "the delete alone");
        pair.judge("t", "t").equal();
    }

    /// The transaction began before the run's bound and commits after the run.
    async fn a_long_transaction_holds_the_watermark_back(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        let mut slow = pair.source.session().await;
        for sql in ["START TRANSACTION".to_owned(), format!("INSERT INTO {} (v) VALUES (40)", pair.source_table("t"))] {
            slow.run(&sql).await.unwrap();
        }
        world.let_pass_beside(3, slow.id());
        world.source("INSERT INTO t (v) VALUES (41)");
        world.let_pass_beside(4, slow.id());
        let job = world.sync();
        assert_eq!(job.written(), [0, 0, 0], "nothing behind the open transaction is passed");
        slow.run("COMMIT").await.unwrap();
        world.let_pass(0);
        let job = world.sync();
        assert_eq!(job.written(), [2, 0, 0]);
        pair.judge("t", "t").equal();
    }

    /// Id 2 is visible while id 1 is not committed.
    async fn a_number_is_passed_only_when_no_smaller_one_is_under_way(pair: Pair) {
        let world = World::new(&pair);
        world.source("CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, v INT); INSERT INTO n (v) VALUES (1), (2)");
        world.rules("[{source_table: n, strategy: watermark, lag_window: 0}]");
        world.sync();
        assert!(world.plan().contains("append-only"), "{}", world.plan());
        let mut slow = pair.source.session().await;
        for sql in ["START TRANSACTION".to_owned(), format!("INSERT INTO {} (v) VALUES (3)", pair.source_table("n"))] {
            slow.run(&sql).await.unwrap();
        }
        world.let_pass_beside(3, slow.id());
        world.source("INSERT INTO n (v) VALUES (4)");
        world.sync();
        slow.run("COMMIT").await.unwrap();
        world.source("INSERT INTO n (v) VALUES (5)");
        world.let_pass(3);
        let job = world.sync();
        pair.judge("n", "n").equal();
        assert_eq!(job.table()["verified"]["as_of"]["watermark"], "5");
        let job = world.sync();
        assert_eq!(job.written(), [0, 0, 0]);
    }

    async fn full_runs_changed_rules_and_lost_targets_begin_from_the_start(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        assert_eq!(world.sync().scope(), "run");
        world.source("DELETE FROM t WHERE id = 1");
        assert_eq!(world.run(&["--full"]).scope(), "table");
        assert_eq!(world.sync().scope(), "run", "a full run notes the watermark too");
        assert_eq!(world.run(&["--fresh"]).scope(), "table");
        world.rules("[{source_table: t, watermark_column: stamp, lag_window: 1s, where: \"id <> 9\"}]");
        assert!(world.plan().contains("changed since the last run"), "{}", world.plan());
        let job = world.sync();
        assert_eq!((job.scope(), job.written()), ("table", [0, 0, 1]));
        world.target("DROP TABLE t");
        assert_eq!(world.sync().scope(), "table");
        pair.judge("t", "t").filtered("id <> 9").equal();
        world.source("ALTER TABLE t ADD COLUMN w INT DEFAULT 7");
        world.target("ALTER TABLE t ADD COLUMN w INT");
        let job = world.sync();
        assert_eq!((job.scope(), job.written()[1]), ("table", 18));
    }

    async fn the_promise_is_told_in_words(pair: Pair) {
        let world = World::new(&pair);
        begin(&world, RULE).await;
        let promise = "only a comparison proves equality";
        assert!(world.plan().contains(promise));
        let end = world.taxi.run(&["run", "everything"]).expect_code(0);
        assert!(format!("{}{}", end.stdout, end.stderr).contains(promise), "{}\n{}", end.stdout, end.stderr);
        let log = world.taxi.run(&["jobs", "logs", "last:everything"]).expect_code(0);
        assert!(log.stdout.contains(promise), "{}", log.stdout);
    }

    /// Without PROCESS the lag window is all there is, and the plan says so.
    async fn an_account_without_process_is_told_what_that_costs(pair: Pair) {
        let world = World::new(&pair);
        let db = pair.source_db();
        world.source(&format!(
            "{TABLE} INSERT INTO t (v, stamp) VALUES (1, NOW(6) - INTERVAL 1 HOUR);
             CREATE USER {db}@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON {db}.* TO {db}@'%'"
        ));
        world.taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - {{name: source, host: 127.0.0.1, port: {}, username: {db}, password: secret, database: {db}, local_db_name: {}}}\n\
             configs:\n\
             - {{name: everything, connection: source, sync_mode: incremental, tables: [{{source_table: t, {RULE}}}]}}\n",
            pair.source.port, pair.target_db()
        ));
        let plan = world.plan();
        assert!(plan.contains("PROCESS"), "{plan}");
        world.sync();
        world.source("INSERT INTO t (v) VALUES (2)");
        world.let_pass(3);
        assert_eq!(world.sync().written(), [1, 0, 0]);
        pair.source.sql(&format!("DROP USER {db}@'%'"));
    }
}
