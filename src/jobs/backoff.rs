//! Waits between tries: exponential, jittered, bounded.

use std::time::Duration;

/// Longest wait between two tries.
const LONGEST: Duration = Duration::from_mins(10);

/// The tries of one piece of work.
#[derive(Debug, Clone)]
pub struct Backoff {
    attempts: u32,
    first: Duration,
    failed: u32,
}

impl Backoff {
    /// `attempts` tries after the first failure; `first` is the first wait.
    #[must_use]
    pub fn new(attempts: u32, first: Duration) -> Self {
        Self {
            attempts,
            first,
            failed: 0,
        }
    }

    /// Notes a failure: the wait before the next try, or `None` when there is none left.
    /// `progressed`: something was committed since the try began, so the count starts again.
    /// `jitter`: anything from 0 to 1; half of it is no jitter.
    pub fn failed(&mut self, progressed: bool, jitter: f64) -> Option<Duration> {
        if progressed {
            self.failed = 0;
        }
        if self.failed >= self.attempts {
            return None;
        }
        let doubled = self
            .first
            .saturating_mul(2_u32.saturating_pow(self.failed))
            .min(LONGEST);
        self.failed += 1;
        Some(
            doubled
                .mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
                .min(LONGEST),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_ten_minutes_and_then_there_are_no_more() {
        let mut backoff = Backoff::new(12, SECOND);
        let waits: Vec<u64> = std::iter::from_fn(|| backoff.failed(false, 0.5))
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }

    #[test]
    fn jitter_is_a_fifth_either_way() {
        let mut early = Backoff::new(1, 10 * SECOND);
        let mut late = early.clone();
        assert_eq!(early.failed(false, 0.0), Some(8 * SECOND));
        assert_eq!(late.failed(false, 1.0), Some(12 * SECOND));
    }

    #[test]
    fn progress_starts_the_count_again() {
        let mut backoff = Backoff::new(2, SECOND);
        assert!(backoff.failed(false, 0.5).is_some());
        assert!(backoff.failed(false, 0.5).is_some());
        assert_eq!(backoff.failed(true, 0.5), Some(SECOND));
        assert_eq!(backoff.failed(false, 0.5), Some(2 * SECOND));
        assert_eq!(backoff.failed(false, 0.5), None);
    }

    #[test]
    fn no_attempts_mean_no_retry() {
        assert_eq!(Backoff::new(0, SECOND).failed(true, 0.5), None);
    }

    #[test]
    fn absurd_settings_do_not_overflow() {
        let mut backoff = Backoff::new(u32::MAX, Duration::MAX);
        for _ in 0..100 {
            assert_eq!(backoff.failed(false, 1.0), Some(LONGEST));
        }
    }
}
