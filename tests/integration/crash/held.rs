//! Held, handed back or stopped at every step of a job, then gone on with: equal, nothing left over.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::world::{
    LIMIT, at_once, change_little, change_much, expect_done, fill_few, fill_orders, install,
    install_with, last_job, run_until_frozen, run_until_killed, start_with_hooks,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Flavour, Pair, Running, wait_rarely, wait_until};

/// Every step of a load from the start.
const LOAD: [&str; 20] = [
    "load.create",
    "load.creating",
    "load.created",
    "copy.written@2",
    "commit.before_fence@2",
    "commit.before@3",
    "commit.after@2",
    "copy.planned",
    "load.copied",
    "load.keys",
    "load.keyed",
    "load.bound",
    "load.compare",
    "compare.range@2",
    "load.compared",
    "swap.readers",
    "swap.intended",
    "swap.renamed",
    "swap.swapped",
    "load.closing",
];

/// Steps of taking a load over whose process died.
const TAKEOVER: [&str; 3] = [
    "takeover.checkpoint",
    "takeover.adopted",
    "takeover.renamed",
];

/// Steps of writing into live targets.
const APPLY: [&str; 2] = ["apply.begin", "apply.written"];

/// How a job is ended or held, and how it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    /// Paused, resumed, finished by the same process.
    PausedHere,
    /// Paused; its process is ended; resumed, and taken up by another one.
    PausedAndLeft,
    /// SIGINT; the next run makes a new job.
    Stopped,
    /// SIGTERM; the next run takes the job up.
    HandedBack,
}

const ALL: [How; 4] = [
    How::PausedHere,
    How::PausedAndLeft,
    How::Stopped,
    How::HandedBack,
];

/// Each point is tried in one way, the flavours differ; with `DB_TAXI_ALL_POINTS` in every way.
fn ways(pair: &Pair, points: &[&str], point: &str) -> Vec<How> {
    if std::env::var_os("DB_TAXI_ALL_POINTS").is_some() {
        return ALL.to_vec();
    }
    let at = points.iter().position(|p| *p == point).unwrap();
    let shift = if pair.flavour == Flavour::Mysql { 2 } else { 0 };
    vec![ALL[(at / 2 + shift) % ALL.len()]]
}

/// Nobody holds a lease but a process that was killed, whose tables were not all taken over yet; and
/// no session of the job is left on either server.
fn expect_released(pair: &Pair, point: &str) {
    let held = format!(
        "SELECT COUNT(*) FROM {0}.sync_leases WHERE holder_instance_id IS NOT NULL \
         AND holder_instance_id NOT IN (SELECT id FROM {0}.instances \
         WHERE stopped_at IS NULL AND seen_at < UTC_TIMESTAMP(3) - INTERVAL 20 SECOND)",
        pair.control_db()
    );
    // However long it takes: an expired lease is held by somebody too.
    wait_until(LIMIT, &format!("{point}: leases to be released"), || {
        pair.local.sql(&held) == "0"
    });
    let snapshots = format!(
        "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p \
         ON p.id = t.trx_mysql_thread_id WHERE p.db = '{}'",
        pair.source_db()
    );
    wait_rarely(
        Duration::from_secs(60),
        &format!("{point}: snapshots to end"),
        || pair.source.sql(&snapshots) == "0",
    );
}

/// Pauses the job of a process that stands still at `point`, and lets it go on. `false`: the job
/// had ended before the wish was seen, which is up to a second later.
fn paused(pair: &Pair, taxi: &DbTaxi, frozen: &Running, point: &str) -> bool {
    let sibling = taxi.sibling();
    sibling
        .run(&["jobs", "pause", "last:everything"])
        .expect_code(0);
    let began = Instant::now();
    frozen.thaw();
    wait_until(LIMIT, &format!("{point}: the pause"), || {
        last_job(pair, "state") != "running"
    });
    if last_job(pair, "state") == "completed" {
        return false;
    }
    assert_eq!(last_job(pair, "state"), "paused", "{point}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{point}: {took:?}");
    expect_released(pair, point);
    // A paused job is a person's: nobody takes it up or makes another one.
    let refused = sibling.run(&["run", "everything"]).expect_code(4);
    assert!(refused.stderr.contains("is paused"), "{}", refused.stderr);
    true
}

/// Does it at `point`, goes on, and looks at the end. A point after the last decision may end the
/// job before the wish is seen.
fn hold(pair: &Pair, taxi: &DbTaxi, point: &str, how: How) {
    let shown = format!("{point} {how:?}");
    match how {
        How::PausedHere => {
            let frozen = run_until_frozen(taxi, point);
            let id = last_job(pair, "id");
            if !paused(pair, taxi, &frozen, &shown) {
                frozen.wait(LIMIT).expect_code(0);
                return expect_done(pair);
            }
            taxi.sibling().run(&["jobs", "resume", &id]).expect_code(0);
            frozen.wait(LIMIT).expect_code(0);
            assert_eq!(
                (last_job(pair, "id"), last_job(pair, "state")),
                (id, "completed".into()),
                "{shown}"
            );
        }
        How::PausedAndLeft => {
            let frozen = run_until_frozen(taxi, point);
            let id = last_job(pair, "id");
            if !paused(pair, taxi, &frozen, &shown) {
                frozen.wait(LIMIT).expect_code(0);
                return expect_done(pair);
            }
            frozen.signal(Signal::TERM);
            frozen.wait(LIMIT).expect_code(143);
            assert_eq!(last_job(pair, "state"), "paused", "{shown}");
            let other = taxi.sibling();
            other.run(&["jobs", "resume", &id]).expect_code(0);
            assert_eq!(last_job(pair, "state"), "pending", "{shown}");
            other.run(&["run", "everything"]).expect_code(0);
            assert_eq!(last_job(pair, "id"), id, "{shown}: taken up");
        }
        How::Stopped => {
            start_with_hooks(taxi, &format!("{point}=int"))
                .wait(LIMIT)
                .expect_code(130);
            assert_eq!(last_job(pair, "state"), "cancelled", "{shown}");
            expect_released(pair, &shown);
            taxi.run(&["run", "everything"]).expect_code(0);
        }
        How::HandedBack => {
            start_with_hooks(taxi, &format!("{point}=term"))
                .wait(LIMIT)
                .expect_code(143);
            assert_eq!(last_job(pair, "state"), "pending", "{shown}");
            expect_released(pair, &shown);
            taxi.sibling().run(&["run", "everything"]).expect_code(0);
        }
    }
    expect_done(pair);
}

both_flavours! {
    async fn a_load_that_is_held_or_ended_at_any_step_goes_on(pair: Pair) {
        at_once(&pair, &LOAD, |pair, point| {
            for how in ways(pair, &LOAD, point) {
                let own = Pair::on(pair.source.clone(), pair.local.clone());
                fill_few(&own);
                let taxi = install(&own);
                hold(&own, &taxi, point, how);
            }
        });
    }

    async fn a_takeover_that_is_held_or_ended_goes_on(pair: Pair) {
        at_once(&pair, &TAKEOVER, |pair, point| {
            for how in ways(pair, &TAKEOVER, point) {
                let own = Pair::on(pair.source.clone(), pair.local.clone());
                fill_few(&own);
                let taxi = install(&own);
                run_until_killed(&taxi, "commit.after@3");
                hold(&own, &taxi, point, how);
            }
        });
    }

    async fn writing_into_live_targets_that_is_held_or_ended_goes_on(pair: Pair) {
        at_once(&pair, &APPLY, |pair, point| {
            for how in ways(pair, &APPLY, point) {
                let own = Pair::on(pair.source.clone(), pair.local.clone());
                fill_few(&own);
                let taxi = install(&own);
                taxi.run(&["run", "everything"]).expect_code(0);
                change_little(&own);
                hold(&own, &taxi, point, how);
            }
        });
        at_once(&pair, &["in_place.batch@2"], |pair, point| {
            fill_orders(pair);
            let taxi = install_with(pair, "{full_strategy: in_place, batch_size: 200}");
            taxi.run(&["run", "everything"]).expect_code(0);
            change_much(pair);
            hold(pair, &taxi, point, How::PausedAndLeft);
        });
    }
}
