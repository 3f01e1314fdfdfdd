//! The terminal goes away while a job runs: nothing spins, nothing is lost.

use std::time::{Duration, Instant};

use super::terminal::{Opening, Process, Terminal};
use super::{slow_job, stored};
use crate::both_flavours;
use crate::crash::world::LIMIT;
use crate::support::{DbTaxi, Pair, wait_until};

/// `server.shutdown_timeout`, as it is by default.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the dashboard, which takes the job, and waits for its first batches.
fn at_work(pair: &Pair, taxi: &DbTaxi, opening: &Opening<'_>) -> Option<Terminal> {
    let terminal = Terminal::open_as(taxi, opening)?;
    terminal.wait("▶ running");
    wait_until(LIMIT, "a checkpoint", || rows(pair) > 0);
    Some(terminal)
}

/// Rows that stand in a checkpoint.
fn rows(pair: &Pair) -> u64 {
    stored(pair, "COALESCE(SUM(`rows`), 0)", "sync_ranges")
}

fn pending(pair: &Pair) -> u64 {
    stored(pair, "COALESCE(SUM(state = 'pending'), 0)", "sync_jobs")
}

/// The process ends in time, with a checkpoint and its job back in the queue; whoever comes next
/// finishes it.
fn handed_back(pair: &Pair, taxi: &DbTaxi, program: Process) {
    let lost = Instant::now();
    while program.is_alive() {
        assert!(lost.elapsed() < SHUTDOWN_TIMEOUT, "it did not end");
        std::thread::sleep(Duration::from_millis(20));
        // It has no reason to work on its input, however long it ends.
        let ticks = program.ticks("input").unwrap_or(0);
        assert!(ticks < 5, "{ticks} ticks in {:?}", lost.elapsed());
    }
    assert_eq!(pending(pair), 1);
    assert!(rows(pair) > 0, "no checkpoint");
    let again = Terminal::open(taxi).unwrap();
    again.wait("✓ completed");
    pair.judge("wide", "wide").equal();
}

both_flavours! {
    async fn a_dropped_line_ends_it_with_a_checkpoint_and_the_job_in_the_queue(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        slow_job(&pair, &taxi, 5);
        let Some(terminal) = at_work(&pair, &taxi, &Opening::default()) else {
            return;
        };
        let program = terminal.program();
        terminal.drop_line();
        handed_back(&pair, &taxi, program);
    }

    /// No signal tells it: its session has no terminal, only its files do.
    async fn a_terminal_that_dies_without_a_word_is_noticed_too(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        slow_job(&pair, &taxi, 5);
        let opening = Opening { by: &["setsid", "-w"], ..Opening::default() };
        let Some(terminal) = at_work(&pair, &taxi, &opening) else {
            return;
        };
        let program = terminal.program();
        terminal.crash();
        handed_back(&pair, &taxi, program);
    }

    async fn a_dashboard_that_is_to_keep_running_finishes_its_job_and_does_not_spin(pair: Pair) {
        let taxi = DbTaxi::new(&pair).set("dashboard.on_disconnect=keep_running");
        slow_job(&pair, &taxi, 8);
        let Some(terminal) = at_work(&pair, &taxi, &Opening::default()) else {
            return;
        };
        let program = terminal.program();
        let before = ["input", "dashboard"].map(|name| program.ticks(name).unwrap_or(0));
        terminal.drop_line();
        let lost = Instant::now();
        wait_until(LIMIT, "the end", || {
            for (name, before) in ["input", "dashboard"].iter().zip(before) {
                let ticks = program.ticks(name).unwrap_or(0).saturating_sub(before);
                let allowed = 5 * (1 + lost.elapsed().as_secs() / 5);
                assert!(ticks < allowed, "{name}: {ticks} ticks in {:?}", lost.elapsed());
            }
            !program.is_alive()
        });
        assert_eq!(stored(&pair, "COALESCE(SUM(state = 'completed'), 0)", "sync_jobs"), 1);
        pair.judge("wide", "wide").equal();
    }
}
