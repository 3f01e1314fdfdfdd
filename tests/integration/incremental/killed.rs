//! Runs by watermark that are killed at every step, frozen and taken over.

use super::World;
use crate::both_flavours;
use crate::crash::cut_off::{FENCE, Proxy, expect_first_try, how};
use crate::crash::world::{
    LIMIT, at_once, expect_nothing_left, run_until_frozen, run_until_killed,
};
use crate::support::Pair;

/// Every step of a run by watermark; a number says which time.
const STEPS: [&str; 10] = [
    "watermark.begin",
    "watermark.planned",
    "apply.written",
    "commit.before_fence",
    "commit.before@2",
    "commit.after@3",
    "watermark.batch@2",
    "watermark.range",
    "watermark.end",
    "load.closing",
];

fn prepare<'a>(pair: &'a Pair) -> World<'a> {
    let world = World::new(pair);
    world.source(
        "CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v INT, w TIMESTAMP(6) NULL DEFAULT NULL, KEY (w));
         INSERT INTO t VALUES (1, 1, 1, NOW(6) - INTERVAL 2 HOUR), (2, 2, 1, NOW(6) - INTERVAL 2 HOUR), (3, 3, 1, NULL)",
    );
    world.rules("[{source_table: t, watermark_column: w, lag_window: 1s, batch_size: 10}]");
    world.sync();
    let rows: Vec<String> = (4..60)
        .map(|n| format!("({n}, {n}, 1, NOW(6) + INTERVAL {} MICROSECOND)", n / 3))
        .collect();
    world.source(&format!(
        "INSERT INTO t VALUES {}; UPDATE t SET u = -1, w = NOW(6) WHERE id = 1;
         UPDATE t SET u = 1, w = NOW(6) WHERE id = 2; UPDATE t SET v = 5 WHERE id = 3",
        rows.join(", ")
    ));
    world.let_pass(3);
    world
}

both_flavours! {
    async fn a_run_by_watermark_survives_a_kill_at_every_step(pair: Pair) {
        at_once(&pair, &STEPS, |pair, point| {
            let world = prepare(pair);
            run_until_killed(&world.taxi, point);
            // What comes meanwhile is not lost either.
            world.source("UPDATE t SET v = 77, w = NOW(6) WHERE id = 20");
            world.taxi.run(&["run", "everything"]).expect_code(0);
            world.let_pass(3);
            world.sync();
            pair.judge("t", "t").equal();
            expect_nothing_left(pair);
        });
    }

    /// The frozen one wakes up when another has done its work, and changes nothing.
    async fn a_frozen_run_is_taken_over_and_writes_nothing_more(pair: Pair) {
        let world = prepare(&pair);
        let frozen = run_until_frozen(&world.taxi, "apply.written@2");
        let other = world.taxi.sibling();
        other.start(&["run", "everything"]).wait(LIMIT).expect_code(0);
        pair.judge("t", "t").equal();
        world.source("UPDATE t SET v = 88, w = NOW(6) WHERE id = 21");
        world.let_pass(3);
        other.start(&["run", "everything"]).wait(LIMIT).expect_code(0);
        pair.judge("t", "t").equal();
        frozen.thaw();
        let end = frozen.wait(LIMIT);
        assert!(end.stderr.contains("was lost: whoever holds it goes on"), "{}\n{}", end.stdout, end.stderr);
        pair.judge("t", "t").equal();
        expect_nothing_left(&pair);
    }

    /// In the middle of a range, and at its end: the worker finds out what became of it.
    async fn a_commit_whose_answer_is_lost_is_neither_repeated_nor_missing(pair: Pair) {
        at_once(&pair, &["2/late", "2/request", "3/answer", "9/answer", "9/request", "9/late"], |pair, point| {
            let world = prepare(pair);
            let (at, cut) = point.split_once('/').unwrap();
            let proxy = Proxy::start(pair.local.port, how(cut), FENCE, at.parse().unwrap());
            let taxi = &world.taxi;
            taxi.run(&["--set", &proxy.setting(), "run", "everything"]).expect_code(0);
            proxy.expect_cut();
            expect_first_try(pair);
            pair.judge("t", "t").equal();
            expect_nothing_left(pair);
        });
    }
}
