//! What progress shows beside the plain counts: rates, time left, percent, what limits.

use std::time::Duration;

use super::rates::{Eta, Rate, percent_unfinished};
use crate::model::progress::Progress;
use crate::model::table_run::Timing;

/// Share of worker time from which one side is called the bottleneck.
const MAJORITY: f64 = 0.4;
/// Weight of the newest second among those before.
const WEIGHT: f64 = 0.3;

/// How long work will take, by an earlier run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Seconds of all of it.
    pub all: f64,
    /// Seconds of what comes after the rows: keys, the wait for locks, the swap.
    pub after_rows: f64,
}

/// Smooths the progress of one table, or of a job.
#[derive(Debug, Default)]
pub struct Gauge {
    rows: Rate,
    bytes: Rate,
    eta: Eta,
    bottleneck: Bottleneck,
    age: Duration,
    /// Age at which all rows were there.
    rows_done_at: Option<Duration>,
}

impl Gauge {
    /// Fills in what follows from the counts, `elapsed` after the previous sample.
    pub fn sample(
        &mut self,
        progress: &mut Progress,
        timing: &Timing,
        elapsed: Duration,
        expected: Option<Forecast>,
    ) {
        self.age += elapsed;
        self.rows.sample(progress.rows_done, elapsed);
        self.bytes.sample(progress.bytes_done, elapsed);
        progress.rows_per_second = self.rows.per_second().round();
        progress.bytes_per_second = self.bytes.per_second().round();
        progress.percent = percent_unfinished(progress.rows_done, progress.rows_total);
        let left = progress.rows_total.saturating_sub(progress.rows_done);
        // The rate tells of the rows, the last run of what comes after them; and of all of it before
        // the rate says anything.
        let by_rate = self.eta.sample(left, self.rows.per_second(), elapsed);
        let after = expected.map_or(0.0, |by| by.after_rows);
        progress.eta_seconds = by_rate
            .filter(|_| left > 0)
            .map(|seconds| (seconds + after).round())
            .or_else(|| self.by_the_last_run(expected?, left));
        progress.bottleneck = self.bottleneck.sample(timing).map(str::to_owned);
    }
}

impl Gauge {
    /// Seconds left by the last run: of its end where all rows are there, else of all of it.
    fn by_the_last_run(&mut self, expected: Forecast, left: u64) -> Option<f64> {
        if left > 0 {
            self.rows_done_at = None;
        }
        let left = if left == 0 && expected.after_rows > 0.0 {
            let since = *self.rows_done_at.get_or_insert(self.age);
            expected.after_rows - self.age.saturating_sub(since).as_secs_f64()
        } else {
            expected.all - self.age.as_secs_f64()
        };
        (left >= 1.0).then(|| left.round())
    }
}

/// Which side takes most of the workers' time.
#[derive(Debug, Default)]
struct Bottleneck {
    last: [f64; 7],
    shares: [f64; 7],
}

impl Bottleneck {
    fn sample(&mut self, timing: &Timing) -> Option<&'static str> {
        let sides = sides(timing);
        let mut spent = [0.0; 7];
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

fn sides(timing: &Timing) -> [(&'static str, f64); 7] {
    [
        ("source", (timing.source - timing.network).max(0.0)),
        ("network", timing.network.min(timing.source)),
        ("target", timing.target),
        ("client", timing.client),
        ("lock", timing.lock),
        ("throttle", timing.throttle),
        ("ddl", timing.ddl),
    ]
}

/// Which side took most of the time, of all that was spent.
#[must_use]
pub fn majority(timing: &Timing) -> Option<&'static str> {
    let sides = sides(timing);
    let all: f64 = sides.iter().map(|(_, spent)| spent).sum();
    let (name, spent) = sides.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (all > 0.0 && spent / all >= MAJORITY).then_some(name)
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
            gauge.sample(&mut progress, &Timing::default(), SECOND, None);
        }
        assert!((progress.percent - 50.0).abs() < 1e-9);
        assert!((progress.rows_per_second - 1000.0).abs() < 1e-9);
        assert_eq!(progress.eta_seconds, Some(5.0));
    }

    #[test]
    fn the_last_run_tells_the_time_left_where_the_rate_does_not() {
        let mut gauge = Gauge::default();
        let mut progress = Progress {
            rows_total: 1000,
            ..Progress::default()
        };
        let mut shown = |rows_done| {
            progress.rows_done = rows_done;
            let last = Forecast {
                all: 30.0,
                after_rows: 0.0,
            };
            gauge.sample(&mut progress, &Timing::default(), SECOND, Some(last));
            progress.eta_seconds
        };
        assert_eq!([shown(0), shown(100)], [Some(29.0), Some(28.0)]);
        shown(200);
        assert_eq!(shown(300), Some(7.0), "by its rate");
        assert_eq!(shown(1000), Some(25.0), "keys are still to be built");
        for _ in 0..30 {
            shown(1000);
        }
        assert_eq!(shown(1000), None, "it takes longer than ever: nobody knows");
    }

    #[test]
    fn each_phase_has_its_own_time_left() {
        let mut gauge = Gauge::default();
        let mut progress = Progress {
            rows_total: 1000,
            ..Progress::default()
        };
        let last = Forecast {
            all: 100.0,
            after_rows: 20.0,
        };
        let mut shown = |rows_done| {
            progress.rows_done = rows_done;
            gauge.sample(&mut progress, &Timing::default(), SECOND, Some(last));
            progress.eta_seconds
        };
        for rows in [0, 100, 200] {
            shown(rows);
        }
        assert_eq!(shown(300), Some(27.0), "7 s of rows, 20 s of keys and swap");
        assert_eq!(shown(1000), Some(20.0), "the rows came faster than before");
        assert_eq!(shown(1000), Some(19.0));
    }

    #[test]
    fn the_way_to_the_source_is_told_from_the_source() {
        let timing = |network| Timing {
            source: 8.0,
            network,
            target: 2.0,
            ..Timing::default()
        };
        assert_eq!(majority(&timing(7.0)), Some("network"));
        assert_eq!(majority(&timing(1.0)), Some("source"));
    }

    #[test]
    fn the_side_that_took_most_of_all_is_named_at_the_end() {
        let timing = Timing {
            source: 1.0,
            ddl: 6.0,
            target: 3.0,
            ..Timing::default()
        };
        assert_eq!(majority(&timing), Some("ddl"));
        assert_eq!(majority(&Timing::default()), None);
    }
}
