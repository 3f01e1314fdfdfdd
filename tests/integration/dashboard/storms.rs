//! What shakes the screen while a job runs: sizes that change, a worker that panics.

use super::terminal::{Opening, Terminal};
use super::{slow_config, slow_job};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

/// Sizes as somebody makes them who drags a corner, and some that nobody can read.
fn sizes() -> Vec<(u16, u16)> {
    let dragged = (1..=60u16).map(|n| (1 + n * 37 % 190, 1 + n * 23 % 58));
    let odd = [
        (1, 1),
        (2, 1),
        (1, 60),
        (200, 1),
        (59, 16),
        (60, 15),
        (60, 16),
        (80, 2),
    ];
    odd.into_iter().chain(dragged).collect()
}

both_flavours! {
    async fn a_storm_of_sizes_changes_nothing_for_the_job(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        slow_job(&pair, &taxi, 4);
        let Some(terminal) = Terminal::open(&taxi) else {
            return;
        };
        terminal.wait("▶ running");
        terminal.press("enter", "tables");
        terminal.wait("work at risk");
        for (width, height) in sizes() {
            terminal.resize(width, height);
        }
        terminal.resize(1, 1);
        terminal.until("one cell", |screen| screen.trim().chars().count() <= 1);
        terminal.resize(100, 30);
        terminal.wait("✓ completed");
        terminal.press("?", "help");
        terminal.wait("┌ Help");
        terminal.press("esc", "close");
        terminal.press("q", "back");
        terminal.press("q", "quit");
        terminal.wait_for_end();
        pair.judge("wide", "wide").equal();
    }

    /// The job is over, the screen whole, the keys answered.
    async fn a_worker_that_panics_leaves_the_screen_alive(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        slow_config(&pair, &taxi, 2);
        let opening = Opening {
            env: &[("DB_TAXI_HOOKS", "commit.before@2=panic:on purpose")],
            ..Opening::default()
        };
        let Some(terminal) = Terminal::open_as(&taxi, &opening) else {
            return;
        };
        terminal.press("2", "Sync configs");
        terminal.press("s", "start");
        let screen = terminal.wait("a worker panicked");
        assert!(screen.contains("1 Connections"), "{screen}");
        terminal.press("2", "Sync configs");
        terminal.wait("everything");
        terminal.press("?", "help");
        terminal.wait("┌ Help");
        terminal.press("esc", "close");
        // It was a fault of one job, not of the program: the next try is a good one.
        terminal.press("s", "start");
        terminal.wait("✓ completed");
        pair.judge("wide", "wide").equal();
        terminal.press("q", "back");
        terminal.press("q", "quit");
        terminal.wait_for_end();
    }
}
