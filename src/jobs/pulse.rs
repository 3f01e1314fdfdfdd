//! When the engine's loops last came round, for whoever has to tell a slow one from a stuck one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When the loops last came round.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Beats>);

#[derive(Debug, Default)]
struct Beats {
    /// `None`: the loop does not run in this process.
    queue: Option<Instant>,
    heartbeat: Option<Instant>,
}

impl Pulse {
    /// The loop that takes jobs begins a round.
    pub fn queue_came_round(&self) {
        self.beats(|beats| beats.queue = Some(Instant::now()));
    }

    /// The loop that gives signs of life begins a round.
    pub fn heartbeat_came_round(&self) {
        self.beats(|beats| beats.heartbeat = Some(Instant::now()));
    }

    /// Whether the loop that gives signs of life, if it has begun, came round within `limit`.
    #[must_use]
    pub fn gives_signs_within(&self, limit: Duration) -> bool {
        self.beats(|beats| beats.heartbeat.is_none_or(|last| last.elapsed() < limit))
    }

    /// Whether each loop that has begun came round within `limit`.
    #[must_use]
    pub fn is_within(&self, limit: Duration) -> bool {
        self.beats(|beats| {
            [beats.queue, beats.heartbeat]
                .into_iter()
                .flatten()
                .all(|last| last.elapsed() <= limit)
        })
    }

    fn beats<T>(&self, with: impl FnOnce(&mut Beats) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_loop_that_is_stuck_is_enough() {
        const LIMIT: Duration = Duration::from_secs(60);
        let pulse = Pulse::default();
        assert!(pulse.is_within(LIMIT), "nothing has begun");
        pulse.queue_came_round();
        pulse.heartbeat_came_round();
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(40)).await;
            pulse.heartbeat_came_round();
        }
        assert!(!pulse.is_within(LIMIT), "the queue did not come round");
        pulse.queue_came_round();
        assert!(pulse.is_within(LIMIT));
    }
}
