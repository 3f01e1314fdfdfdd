//! Asked to end: by signals at several steps, by `jobs stop`; and two commands at once.

use std::time::{Duration, Instant};

use db_taxi::mysql::Session;
use rustix::process::Signal;

use super::world::{
    LIMIT, at_once, expect_done, expect_nothing_left, fill_few, install, install_with, last_job,
    lock_ranges, run_until_frozen, start_with_hooks,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair, PrivatePair, Running, wait_until};

const POINTS: [&str; 7] = [
    "load.created",
    "copy.written@2",
    "commit.after@2",
    "load.keys",
    "compare.range@2",
    "swap.intended",
    "swap.renamed",
];

both_flavours! {
    async fn an_interrupted_job_is_cancelled_after_its_batch(pair: Pair) {
        at_once(&pair, &POINTS, |pair, point| {
            fill_few(pair);
            let taxi = install(pair);
            let ended = start_with_hooks(&taxi, &format!("{point}=int")).wait(LIMIT);
            ended.expect_code(130);
            assert_eq!(last_job(pair, "state"), "cancelled", "{point}");
            taxi.run(&["run", "everything"]).expect_code(0);
            expect_done(pair);
        });
    }

    async fn a_terminated_job_goes_back_to_the_queue_and_run_takes_it_up(pair: Pair) {
        // Servers of its own: a swap waits for old readers, and other tests have them.
        let Some(private) = PrivatePair::start(pair.flavour) else {
            return;
        };
        at_once(&private.pair, &POINTS, |pair, point| {
            fill_few(pair);
            let taxi = install(pair).set("sync.lease_ttl=2m");
            let ended = start_with_hooks(&taxi, &format!("{point}=term")).wait(LIMIT);
            ended.expect_code(143);
            assert_eq!(last_job(pair, "state"), "pending", "{point}");
            let id = last_job(pair, "id");
            // Nobody holds it: taken up at once, not after a lease.
            let began = Instant::now();
            taxi.sibling().run(&["run", "everything"]).expect_code(0);
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
            assert_eq!((last_job(pair, "id"), last_job(pair, "state")), (id, "completed".to_owned()));
            expect_done(pair);
        });
    }

    /// The batch in hand waits for a row lock that somebody else holds: only force ends it.
    async fn a_second_signal_ends_at_once(pair: Pair) {
        fill_few(&pair);
        // One worker: another one, frozen in its commit, would hold what the outsider asks for.
        let taxi = install_with(&pair, "{max_concurrency: 1}");
        let frozen = run_until_frozen(&taxi, "commit.before_fence@2");
        let mut outsider = lock_ranges(&pair).await;
        frozen.thaw();
        frozen.signal(Signal::INT);
        frozen.wait_to_say(LIMIT, &["after the batch"]);
        frozen.signal(Signal::INT);
        let began = Instant::now();
        frozen.wait(LIMIT).expect_code(130);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        outsider.run("ROLLBACK").await.unwrap();
        taxi.run(&["run", "everything"]).expect_code(0);
        expect_done(&pair);
    }

    /// What is asked for is a sync, not the end of the one that was under way.
    async fn a_run_that_finds_a_job_ending_makes_one_of_its_own(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair).set("sync.lease_ttl=2m");
        let first = run_until_frozen(&taxi, "load.copied");
        let other = taxi.sibling();
        let second = other.start(&["run", "everything"]);
        // It enters itself once it has found the other's job.
        wait_until(LIMIT, "the second process", || {
            pair.local.sql(&format!("SELECT COUNT(*) FROM {}.instances", pair.control_db())) == "2"
        });
        first.signal(Signal::INT);
        first.thaw();
        first.wait(LIMIT).expect_code(130);
        second.wait(LIMIT).expect_code(0);
        let jobs = format!("SELECT GROUP_CONCAT(state ORDER BY state) FROM {}.sync_jobs", pair.control_db());
        assert_eq!(pair.local.sql(&jobs), "cancelled,completed");
        expect_done(&pair);
    }

    async fn another_process_stops_a_job_within_seconds(pair: Pair) {
        let (taxi, first, mut reader) = run_that_waits_for_a_reader(&pair).await;
        taxi.sibling().run(&["jobs", "stop", "last:everything"]).expect_code(0);
        let began = Instant::now();
        let ended = first.wait(Duration::from_secs(15));
        assert!(ended.code().is_some_and(|code| code != 0), "{}", ended.status);
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(last_job(&pair, "state"), "cancelled");
        reader.run("COMMIT").await.unwrap();
        taxi.run(&["run", "everything"]).expect_code(0);
        expect_unbound_done(&pair);
    }

    async fn a_second_run_of_a_living_job_is_refused(pair: Pair) {
        let (taxi, mut first, mut reader) = run_that_waits_for_a_reader(&pair).await;
        let other = taxi.sibling();
        let refused = other.run(&["run", "everything"]).expect_code(4);
        assert!(refused.stderr.contains("is run by"), "{}", refused.stderr);
        other.run(&["run", "everything", "--skip-if-running"]).expect_code(0);
        assert!(first.is_alive());
        reader.run("COMMIT").await.unwrap();
        first.wait(LIMIT).expect_code(0);
        expect_unbound_done(&pair);
    }
}

/// A job that lives as long as the test wants: its swap waits for a reader of the target.
async fn run_that_waits_for_a_reader(pair: &Pair) -> (DbTaxi, Running, Session) {
    fill_few(pair);
    pair.source.sql(&format!(
        "USE {}; DROP TABLE items; ALTER TABLE orders DROP FOREIGN KEY orders_of_accounts",
        pair.source_db()
    ));
    let taxi = install_with(pair, "{full_strategy: swap}");
    taxi.run(&["run", "everything"]).expect_code(0);
    pair.source.sql(&format!(
        "USE {}; UPDATE accounts SET balance = balance + 1",
        pair.source_db()
    ));
    let mut reader = pair.local.session().await;
    reader.run("START TRANSACTION").await.unwrap();
    reader
        .rows(&format!(
            "SELECT COUNT(*) FROM {}",
            pair.target_table("accounts")
        ))
        .await
        .unwrap();
    let first = taxi.start(&["run", "everything"]);
    let runs = || {
        pair.local
            .try_sql(&format!(
                "SELECT COUNT(*) FROM {}.sync_jobs WHERE state = 'running'",
                pair.control_db()
            ))
            .is_ok_and(|n| n == "1")
    };
    wait_until(LIMIT, "the first run", runs);
    (taxi, first, reader)
}

fn expect_unbound_done(pair: &Pair) {
    for table in ["accounts", "orders"] {
        pair.judge(table, table).equal();
    }
    expect_nothing_left(pair);
}
