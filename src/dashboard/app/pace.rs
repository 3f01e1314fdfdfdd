//! The time left of a job as it is shown: counted down once a second, corrected only when it was
//! clearly wrong, so that it can be read.

/// Seconds for which an estimate that is missing is counted on.
const REMEMBERED: u32 = 5;
/// Part of the estimate by which it may be off before it is corrected.
const TOLERANCE: f64 = 0.15;

/// The time left of one job.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    shown: Option<f64>,
    missing: u32,
}

impl Pace {
    /// A second passed, and the job says that so many are left.
    pub fn second(&mut self, told: Option<f64>) {
        let counted = self.shown.map(|shown| (shown - 1.0).max(0.0));
        self.shown = match (told.filter(|told| told.is_finite()), counted) {
            (None, counted) => {
                self.missing += 1;
                counted.filter(|_| self.missing <= REMEMBERED)
            }
            (Some(told), Some(counted))
                if (told - counted).abs() <= (told * TOLERANCE).max(3.0) =>
            {
                self.missing = 0;
                Some(counted)
            }
            (Some(told), _) => {
                self.missing = 0;
                Some(told)
            }
        };
    }

    /// Seconds left, as they are shown.
    #[must_use]
    pub fn eta(&self) -> Option<f64> {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_down_through_wobble() {
        let mut pace = Pace::default();
        let mut shown = Vec::new();
        for second in 0..30 {
            let wobble = if second % 2 == 0 { 3.0 } else { -3.0 };
            pace.second(Some(100.0 - f64::from(second) + wobble));
            shown.push(pace.eta().unwrap());
        }
        assert!(
            shown.windows(2).all(|w| (w[0] - w[1] - 1.0).abs() < 1e-9),
            "{shown:?}"
        );
    }

    #[test]
    fn a_wrong_time_is_corrected_and_a_lost_one_goes_away_after_a_while() {
        let mut pace = Pace::default();
        pace.second(Some(100.0));
        pace.second(Some(500.0));
        assert_eq!(pace.eta(), Some(500.0));
        for _ in 0..REMEMBERED {
            pace.second(None);
            assert!(pace.eta().is_some());
        }
        pace.second(None);
        assert_eq!(pace.eta(), None);
        pace.second(Some(f64::NAN));
        assert_eq!(pace.eta(), None);
    }
}
