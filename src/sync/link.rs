//! The way to the source: how much of the waiting for it is its own work, and how much the network.
//!
//! A statement waits for one round trip at least. While rows are waited for, the source's own process
//! list tells whether it looks for them or is held up sending them. Must not know: jobs. Told by the
//! guard, asked by whoever counts time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::mysql::activity::Process;

/// Weight of the newest look among those before, in percent.
const WEIGHT: u32 = 40;

/// What is known of the way to one source.
#[derive(Debug, Default)]
pub struct Link {
    round_trip_nanos: AtomicU64,
    /// How many of a hundred readers were held up sending, by the last looks.
    sending: AtomicU32,
}

impl Link {
    /// With a round trip that was measured.
    #[must_use]
    pub fn new(round_trip: Duration) -> Self {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        Self {
            round_trip_nanos: AtomicU64::new(nanos),
            sending: AtomicU32::new(0),
        }
    }

    /// Looks at what the source does for our connections.
    pub fn look(&self, processes: &[Process], is_ours: impl Fn(u64) -> bool) {
        let (mut reading, mut sending) = (0, 0);
        for process in processes {
            if is_ours(process.id) && process.is_statement() && process.reads() {
                reading += 1;
                sending += u32::from(process.is_sending());
            }
        }
        if reading == 0 {
            return;
        }
        let now = sending * 100 / reading;
        let before = self.sending.load(Ordering::Relaxed);
        let share = (before * (100 - WEIGHT) + now * WEIGHT).div_ceil(100);
        self.sending.store(share, Ordering::Relaxed);
    }

    /// How much of the time that rows were waited for is the network's.
    #[must_use]
    pub fn part_of_rows(&self, waited: Duration) -> Duration {
        waited * self.sending.load(Ordering::Relaxed).min(100) / 100
    }

    /// How much of the time that a short answer was waited for is the network's.
    #[must_use]
    pub fn part_of_answer(&self, waited: Duration) -> Duration {
        waited.min(Duration::from_nanos(
            self.round_trip_nanos.load(Ordering::Relaxed),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn reader(id: u64, state: &str) -> Process {
        Process {
            id,
            command: "Query".to_owned(),
            state: state.to_owned(),
            statement: "SELECT `a` FROM `b`.`c`".to_owned(),
            ..Process::default()
        }
    }

    #[test]
    fn a_source_that_is_held_up_sending_waits_for_the_network() {
        let link = Link::new(SECOND / 10);
        assert_eq!(link.part_of_rows(SECOND), Duration::ZERO);
        for _ in 0..10 {
            // A stranger that computes does not count.
            let list = [
                reader(1, "Writing to net"),
                reader(2, "Sending to client"),
                reader(9, "executing"),
            ];
            link.look(&list, |id| id < 9);
        }
        assert!(link.part_of_rows(SECOND) > SECOND * 9 / 10);
        for _ in 0..10 {
            link.look(&[reader(1, "Sending data"), reader(2, "executing")], |_| {
                true
            });
        }
        assert!(link.part_of_rows(SECOND) < SECOND / 10);
    }

    #[test]
    fn an_answer_takes_a_round_trip_at_most() {
        let link = Link::new(SECOND / 10);
        assert_eq!(link.part_of_answer(SECOND), SECOND / 10);
        assert_eq!(link.part_of_answer(SECOND / 100), SECOND / 100);
    }
}
