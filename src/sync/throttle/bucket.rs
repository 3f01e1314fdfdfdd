//! A bucket that is drained at a rate: whoever puts in waits until it has drained.
//!
//! Pure: the time is passed in. What a piece of work takes is only known when it is done, so it
//! begins with what pieces took lately and is put right at its end.

use std::time::{Duration, Instant};

/// A bucket of one rate; the rate may be another at each call.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// When it will have drained.
    empty_at: Option<Instant>,
    /// What one piece of work took lately.
    usual: f64,
}

impl Bucket {
    /// How long a piece of work has to wait; zero lets it begin.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Duration {
        self.empty_at
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// A piece of work begins: puts in what it will take, as far as one can know.
    pub fn begin(&mut self, now: Instant, rate: Option<u64>) -> Duration {
        let Some(rate) = rate else {
            return Duration::ZERO;
        };
        // What nobody knows yet is a second's worth: the first one goes ahead of the others.
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let usual = if self.usual == 0.0 {
            rate as f64
        } else {
            self.usual
        };
        let time = time_of(usual, rate);
        self.put_in(now, time);
        time
    }

    /// It has ended, and what it took was counted: takes out what [`Self::begin`] put in.
    pub fn end(&mut self, reserved: Duration) {
        if let Some(at) = self.empty_at {
            self.empty_at = at.checked_sub(reserved);
        }
    }

    /// Counts what was moved.
    pub fn charge(&mut self, now: Instant, rate: Option<u64>, units: u64) {
        let Some(rate) = rate else {
            // Without a limit nothing is owed.
            *self = Self::default();
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let units = units as f64;
        self.usual = if self.usual == 0.0 {
            units
        } else {
            (self.usual + units) / 2.0
        };
        self.put_in(now, time_of(units, rate));
    }

    fn put_in(&mut self, now: Instant, time: Duration) {
        let from = self.empty_at.map_or(now, |at| at.max(now));
        self.empty_at = Some(from + time);
    }
}

fn time_of(units: f64, rate: u64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = units / rate.max(1) as f64;
    // A limit that one batch passes by far is no reason to stand still for days.
    Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Works through pieces with several workers; gives the seconds it took.
    fn run(workers: usize, pieces: &[u64], rate: u64) -> f64 {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let mut free_at = vec![start; workers];
        let mut end = start;
        for piece in pieces {
            let worker = (0..workers).min_by_key(|w| free_at[*w]).unwrap();
            let mut now = free_at[worker];
            while !bucket.wait(now).is_zero() {
                now += bucket.wait(now);
            }
            let reserved = bucket.begin(now, Some(rate));
            // Moving takes no time of its own here.
            bucket.charge(now, Some(rate), *piece);
            bucket.end(reserved);
            free_at[worker] = now;
            end = end.max(now + bucket.wait(now));
        }
        (end - start).as_secs_f64()
    }

    #[test]
    fn all_workers_together_keep_the_rate() {
        for workers in [1, 4, 16] {
            let seconds = run(workers, &[1000; 40], 1000);
            assert!((seconds - 40.0).abs() < 0.1, "{workers}: {seconds}");
        }
        let seconds = run(4, &[10, 5000, 1, 3000, 800, 1189], 1000);
        assert!((seconds - 10.0).abs() < 0.1, "{seconds}");
    }

    #[test]
    fn work_that_has_not_told_yet_what_it_took_holds_others_back() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        bucket.charge(start, Some(1000), 2000);
        let later = start + 2 * SECOND;
        assert!(bucket.wait(later).is_zero());
        let reserved = bucket.begin(later, Some(1000));
        assert_eq!(bucket.wait(later), 2 * SECOND, "as much as the last one");
        bucket.charge(later, Some(1000), 500);
        bucket.end(reserved);
        assert_eq!(bucket.wait(later), SECOND / 2);
    }

    #[test]
    fn idle_time_is_not_saved_up_and_no_limit_owes_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        bucket.charge(start, Some(1000), 1000);
        let later = start + 100 * SECOND;
        bucket.charge(later, Some(1000), 1000);
        assert_eq!(bucket.wait(later), SECOND);
        bucket.charge(later, None, 1_000_000);
        assert!(bucket.wait(later).is_zero());
        assert!(bucket.begin(later, None).is_zero());
    }
}
