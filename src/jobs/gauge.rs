//! What progress shows beside the plain counts: rates, time left, percent, what limits.

use std::time::Duration;

use super::rates::{Eta, Rate, percent_unfinished};
use crate::model::progress::Progress;
use crate::model::table_run::Timing;

/// Share of worker time from which one side is called the bottleneck.
const MAJORITY: f64 = 0.4;
/// Weight of the newest second among those before.
const WEIGHT: f64 = 0.3;

/// Smooths the progress of one table, or of a job.
#[derive(Debug, Default)]
pub struct Gauge {
    rows: Rate,
    bytes: Rate,
    eta: Eta,
    bottleneck: Bottleneck,
}

impl Gauge {
    /// Fills in what follows from the counts, `elapsed` after the previous sample.
    pub fn sample(&mut self, progress: &mut Progress, timing: &Timing, elapsed: Duration) {
        self.rows.sample(progress.rows_done, elapsed);
        self.bytes.sample(progress.bytes_done, elapsed);
        progress.rows_per_second = self.rows.per_second().round();
        progress.bytes_per_second = self.bytes.per_second().round();
        progress.percent = percent_unfinished(progress.rows_done, progress.rows_total);
        let left = progress.rows_total.saturating_sub(progress.rows_done);
        progress.eta_seconds = self.eta.sample(left, self.rows.per_second(), elapsed);
        progress.bottleneck = self.bottleneck.sample(timing).map(str::to_owned);
    }
}

/// Which side takes most of the workers' time.
#[derive(Debug, Default)]
struct Bottleneck {
    last: [f64; 6],
    shares: [f64; 6],
}

impl Bottleneck {
    fn sample(&mut self, timing: &Timing) -> Option<&'static str> {
        let sides = [
            ("source", timing.source),
            ("target", timing.target),
            ("client", timing.client),
            ("lock", timing.lock),
            ("throttle", timing.throttle),
            ("ddl", timing.ddl),
        ];
        let mut spent = [0.0; 6];
        for (index, (_, total)) in sides.iter().enumerate() {
            spent[index] = (total - self.last[index]).max(0.0);
            self.last[index] = *total;
        }
        let all: f64 = spent.iter().sum();
        // A long statement tells its time when it ends: until then the last verdict stands.
        if all > 0.01 {
            for (share, spent) in self.shares.iter_mut().zip(spent) {
                *share += WEIGHT * (spent / all - *share);
            }
        }
        let total: f64 = self.shares.iter().sum();
        let (index, share) = self
            .shares
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))?;
        (total > 0.0 && share / total >= MAJORITY).then(|| sides[index].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_side_that_takes_most_time_is_the_bottleneck() {
        let mut bottleneck = Bottleneck::default();
        let mut timing = Timing::default();
        assert_eq!(bottleneck.sample(&timing), None);
        for _ in 0..5 {
            timing.target += 3.0;
            timing.source += 1.0;
            assert_eq!(bottleneck.sample(&timing), Some("target"));
        }
        assert_eq!(bottleneck.sample(&timing), Some("target"), "a long silence");
        for _ in 0..10 {
            timing.source += 2.0;
        }
        bottleneck.sample(&timing);
        for _ in 0..5 {
            timing.source += 2.0;
            bottleneck.sample(&timing);
        }
        timing.source += 2.0;
        assert_eq!(bottleneck.sample(&timing), Some("source"));
    }

    #[test]
    fn nothing_limits_where_all_sides_share_the_time() {
        let mut bottleneck = Bottleneck::default();
        let timing = Timing {
            source: 1.0,
            target: 1.0,
            client: 1.0,
            ..Timing::default()
        };
        assert_eq!(bottleneck.sample(&timing), None);
    }

    #[test]
    fn numbers_follow_from_the_counts() {
        let mut gauge = Gauge::default();
        let mut progress = Progress {
            rows_total: 10_000,
            ..Progress::default()
        };
        for second in 0..6 {
            progress.rows_done = 1000 * second;
            gauge.sample(&mut progress, &Timing::default(), SECOND);
        }
        assert!((progress.percent - 50.0).abs() < 1e-9);
        assert!((progress.rows_per_second - 1000.0).abs() < 1e-9);
        assert_eq!(progress.eta_seconds, Some(5.0));
    }
}
