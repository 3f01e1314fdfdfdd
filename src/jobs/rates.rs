//! Rates and times left that are calm enough to read.
//!
//! Pure: the time since the last sample is passed in.

use std::time::Duration;

/// Time over which a rate forgets.
const MEMORY: f64 = 5.0;

/// A smoothed rate per second.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    last: Option<u64>,
    value: Option<f64>,
}

impl Rate {
    /// Takes the total at `elapsed` after the previous sample; the first sample only sets the base.
    /// A total that fell (a new try) moves the base and is no progress.
    pub fn sample(&mut self, total: u64, elapsed: Duration) {
        let Some(last) = self.last.replace(total) else {
            return;
        };
        let seconds = elapsed.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let present = total.saturating_sub(last) as f64 / seconds;
        self.value = Some(match self.value {
            None => present,
            Some(value) => {
                let weight = 1.0 - (-seconds / MEMORY).exp();
                value + weight * (present - value)
            }
        });
    }

    /// Per second; zero before it is known and when it is nothing to speak of.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        match self.value {
            Some(value) if value >= 0.05 => value,
            _ => 0.0,
        }
    }
}

/// Time left that counts down and only jumps when it was clearly wrong.
#[derive(Debug, Clone, Default)]
pub struct Eta {
    age: f64,
    shown: Option<f64>,
}

impl Eta {
    /// A rate younger than this says nothing.
    const SETTLE: f64 = 3.0;
    /// Longer than this is not worth a number.
    const LONGEST: f64 = 30.0 * 86_400.0;

    /// Takes what is left at `elapsed` after the previous sample; gives seconds left.
    pub fn sample(&mut self, left: u64, per_second: f64, elapsed: Duration) -> Option<f64> {
        let seconds = elapsed.as_secs_f64();
        self.age += seconds;
        if self.age < Self::SETTLE || per_second <= 0.0 {
            self.shown = None;
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let present = left as f64 / per_second;
        if present > Self::LONGEST {
            self.shown = None;
            return None;
        }
        let counted = self.shown.map(|shown| (shown - seconds).max(0.0));
        let next = match counted {
            Some(counted) if (present - counted).abs() <= (present * 0.15).max(2.0) => counted,
            _ => present,
        };
        self.shown = Some(next);
        Some(next.round())
    }
}

/// Percent of a part that is not final: under 100, whatever the estimate was.
#[must_use]
pub fn percent_unfinished(done: u64, total: u64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = done as f64 / total as f64 * 100.0;
    ((percent * 10.0).round() / 10.0).min(99.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_steady_rate_is_shown_at_once_and_stays() {
        let mut rate = Rate::default();
        for second in 0..10_u64 {
            rate.sample(1000 * second, SECOND);
            if second > 0 {
                assert!((rate.per_second() - 1000.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn one_pause_does_not_hide_the_rate_and_a_long_one_does() {
        let mut rate = Rate::default();
        rate.sample(0, SECOND);
        rate.sample(1000, SECOND);
        rate.sample(1000, SECOND);
        assert!(rate.per_second() > 700.0);
        for _ in 0..60 {
            rate.sample(1000, SECOND);
        }
        assert!(rate.per_second() < f64::EPSILON);
    }

    #[test]
    fn a_total_that_falls_is_no_progress() {
        let mut rate = Rate::default();
        rate.sample(1_000_000, SECOND);
        rate.sample(0, SECOND);
        assert!(rate.per_second() < f64::EPSILON);
        rate.sample(100, SECOND);
        assert!(rate.per_second() < 101.0);
    }

    #[test]
    fn the_time_left_counts_down_through_small_changes() {
        let mut eta = Eta::default();
        let mut left = 100_000;
        let mut shown = Vec::new();
        for second in 0..10 {
            left -= 1000;
            let wobble = if second % 2 == 0 { 1050.0 } else { 950.0 };
            shown.push(eta.sample(left, wobble, SECOND));
        }
        assert_eq!(shown[..2], [None, None], "a young rate says nothing");
        let numbers: Vec<f64> = shown[2..].iter().map(|s| s.unwrap()).collect();
        assert!(
            numbers.windows(2).all(|w| (w[0] - w[1] - 1.0).abs() <= 1.0),
            "{numbers:?}"
        );
    }

    #[test]
    fn the_time_left_jumps_when_it_was_wrong_and_goes_when_nothing_moves() {
        let mut eta = Eta::default();
        for _ in 0..5 {
            eta.sample(1000, 100.0, SECOND);
        }
        assert_eq!(eta.sample(1000, 10.0, SECOND), Some(100.0));
        assert_eq!(eta.sample(1000, 0.0, SECOND), None);
    }

    #[test]
    fn the_unfinished_never_show_a_hundred() {
        assert!((percent_unfinished(412, 1000) - 41.2).abs() < 1e-9);
        assert!(percent_unfinished(9_999_999, 10_000_000) < 100.0);
        assert!(percent_unfinished(20, 10) < 100.0);
        assert!(percent_unfinished(0, 0) < f64::EPSILON);
    }
}
