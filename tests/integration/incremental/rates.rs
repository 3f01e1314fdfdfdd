//! Rates that a run by watermark keeps. What was counted has to drain before the next range begins,
//! so a run takes at least that long, on however slow a machine.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::{Job, World};
use crate::both_flavours;
use crate::support::Pair;

/// Imports the table with this throttle of its source.
fn import(world: &World<'_>, throttle: &str) {
    let pair = world.pair;
    let mut mapping = String::new();
    write!(
        mapping,
        "version: 1\n\
         connections:\n\
         - {{name: source, host: 127.0.0.1, port: {}, username: root, database: {}, local_db_name: {}, throttle: {throttle}}}\n\
         configs:\n\
         - {{name: everything, connection: source, sync_mode: incremental, tables: [{{source_table: t, watermark_column: stamp, lag_window: 1s}}]}}\n",
        pair.source.port,
        pair.source_db(),
        pair.target_db()
    )
    .unwrap();
    world.taxi.import(&mapping);
}

/// A run of rows that moved, and how long it took.
fn run(world: &World<'_>, throttle: &str) -> (Job, Duration) {
    import(world, throttle);
    let began = Instant::now();
    let job = world.sync();
    (job, began.elapsed())
}

both_flavours! {
    async fn rates_are_kept_by_runs_by_watermark(pair: Pair) {
        let world = World::new(&pair);
        let digits = "CREATE TABLE d (n INT); INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);";
        world.source(&format!(
            "{digits} CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(4096) CHARACTER SET latin1, stamp TIMESTAMP(6) NULL, KEY (stamp));
             INSERT INTO t SELECT a.n + 10 * b.n + 100 * c.n, REPEAT('x', 4096), '2024-01-01' FROM d a, d b, d c WHERE c.n < 6; DROP TABLE d; ANALYZE TABLE t"
        ));
        import(&world, "none");
        world.sync();
        // Three ranges of 100 rows, each looked at and moved: 200 rows at 100 a second, which the
        // second and the third wait for.
        world.source("UPDATE t SET pad = 'y', stamp = NOW(6) WHERE id < 300");
        world.let_pass(4);
        let (job, took) = run(&world, "{max_rows_per_second: 100}");
        assert_eq!(job.written(), [0, 300, 0]);
        assert!(took >= Duration::from_secs(4), "{took:?}");
        // 600 rows of 4 KiB, at most about 256 to a range: the last begins when at least 200 are paid.
        world.source("UPDATE t SET pad = REPEAT('z', 4096), stamp = NOW(6)");
        world.let_pass(4);
        let (job, took) = run(&world, "{max_mib_per_second: 1}");
        assert_eq!(job.written(), [0, 600, 0]);
        assert!(took >= Duration::from_millis(1500), "{took:?}");
        let log = world.taxi.run(&["jobs", "logs", "last:everything"]).expect_code(0).stdout;
        assert!(log.contains("max_mib_per_second of the source is 1"), "{log}");
        pair.judge("t", "t").equal();
    }
}
