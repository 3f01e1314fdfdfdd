//! Wherever a job waits, a stop is obeyed within seconds.

use std::time::{Duration, Instant};

use db_taxi::mysql::Session;

use super::world::{
    LIMIT, expect_done, fill_few, install, install_with, last_job, lock_ranges, run_until_frozen,
};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair, PrivatePair, Running};

/// From the wish to the end of the process; a batch that does not move takes longest:
/// ten seconds for the batch in hand, five for the sessions, and what a busy machine takes.
const PROMPT: Duration = Duration::from_secs(20);

// Servers of its own where a test reads the local one for long: swaps wait for old readers.

/// Stops the job of `running` from another process; it ends as cancelled, soon.
fn stop(pair: &Pair, taxi: &DbTaxi, running: Running) {
    let began = Instant::now();
    taxi.sibling()
        .run(&["jobs", "stop", "last:everything"])
        .expect_code(0);
    let ended = running.wait(LIMIT);
    let took = began.elapsed();
    assert_eq!(last_job(pair, "state"), "cancelled", "{}", ended.stderr);
    assert!(took < PROMPT, "{took:?}\n{}", ended.stderr);
}

/// A reader of a shadow whose keys are next: whoever defines it anew waits for its end. Which table
/// comes that far first is the scheduler's choice.
async fn read_shadow(pair: &Pair) -> Session {
    let shadow = pair.local.sql(&format!(
        "SELECT CONCAT(s.table_schema, '.', s.table_name) FROM information_schema.tables s \
         JOIN {}.sync_checkpoints c ON c.shadow_table = s.table_name \
         WHERE c.pending_ddl LIKE '%\"keys\"%' AND s.table_schema IN ('{}') LIMIT 1",
        pair.control_db(),
        pair.helper_databases().join("', '")
    ));
    let mut reader = pair.local.session().await;
    reader.run("START TRANSACTION").await.unwrap();
    reader
        .rows(&format!("SELECT COUNT(*) FROM {shadow}"))
        .await
        .unwrap();
    reader
}

/// The next run ends well and finds nothing that is in its way.
fn go_on(pair: &Pair, taxi: &DbTaxi) {
    taxi.run(&["run", "everything"]).expect_code(0);
    expect_done(pair);
}

both_flavours! {
    async fn while_keys_are_built(pair: Pair) {
        let Some(private) = PrivatePair::start(pair.flavour) else {
            return;
        };
        let pair = &private.pair;
        fill_few(pair);
        let taxi = install(pair);
        let frozen = run_until_frozen(&taxi, "load.copied");
        let mut reader = read_shadow(pair).await;
        frozen.thaw();
        stop(pair, &taxi, frozen);
        reader.run("COMMIT").await.unwrap();
        go_on(pair, &taxi);
    }

    async fn while_a_swap_waits_for_old_readers(pair: Pair) {
        let Some(private) = PrivatePair::start(pair.flavour) else {
            return;
        };
        let pair = &private.pair;
        fill_few(pair);
        let taxi = install(pair);
        let mut reader = pair.local.session().await;
        reader.run("START TRANSACTION WITH CONSISTENT SNAPSHOT").await.unwrap();
        let running = taxi.start(&["run", "everything"]);
        running.wait_to_say(LIMIT, &["the swap waits for"]);
        stop(pair, &taxi, running);
        reader.run("COMMIT").await.unwrap();
        go_on(pair, &taxi);
    }

    async fn while_another_holds_the_table(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair).set("sync.lease_ttl=60s");
        let row = format!("resource = 'table:{}.accounts'", pair.target_db());
        pair.local.sql(&format!(
            "INSERT INTO {}.sync_leases (resource, holder_instance_id, fence, expires_at) VALUES \
             ('table:{}.accounts', UUID(), 5, UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)",
            pair.control_db(),
            pair.target_db()
        ));
        let running = taxi.start(&["run", "everything"]);
        running.wait_to_say(LIMIT, &["waiting for it up to"]);
        stop(&pair, &taxi, running);
        pair.local.sql(&format!(
            "UPDATE {}.sync_leases SET holder_instance_id = NULL WHERE {row}",
            pair.control_db()
        ));
        go_on(&pair, &taxi);
    }

    async fn while_a_table_waits_for_its_next_try(pair: Pair) {
        let Some(private) = PrivatePair::start(pair.flavour) else {
            return;
        };
        let pair = &private.pair;
        fill_few(pair);
        let taxi = install_with(pair, "{swap_timeout: 1s}").set("sync.retry_delay=10m");
        let frozen = run_until_frozen(&taxi, "load.copied");
        let mut reader = read_shadow(pair).await;
        frozen.thaw();
        frozen.wait_to_say(LIMIT, &["trying again in"]);
        stop(pair, &taxi, frozen);
        reader.run("COMMIT").await.unwrap();
        go_on(pair, &taxi);
    }

    /// The batch in hand waits for a row that somebody else has locked, and waits again.
    async fn while_a_statement_on_the_target_hangs(pair: Pair) {
        fill_few(&pair);
        // One worker: no other stands still with the rows locked.
        let taxi = install_with(&pair, "{max_concurrency: 1}");
        let frozen = run_until_frozen(&taxi, "commit.before_fence@2");
        let mut outsider = lock_ranges(&pair).await;
        frozen.thaw();
        stop(&pair, &taxi, frozen);
        outsider.run("ROLLBACK").await.unwrap();
        go_on(&pair, &taxi);
    }

    async fn while_a_comparison_reads(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair);
        taxi.run(&["run", "everything"]).expect_code(0);
        let mut locker = pair.local.session().await;
        locker.run(&format!("LOCK TABLES {} WRITE", pair.target_table("orders"))).await.unwrap();
        let running = taxi.start(&["verify", "everything"]);
        crate::support::wait_until(LIMIT, "the comparison", || {
            pair.local.sql(&format!(
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE '%metadata lock%' \
                 AND INFO LIKE '%{}%'",
                pair.target_db()
            )) != "0"
        });
        stop(&pair, &taxi, running);
        locker.run("UNLOCK TABLES").await.unwrap();
        go_on(&pair, &taxi);
    }
}
