//! Incremental sync as a rule says it: strategy, lag window, detection of deletes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cron::{Cron, Zone};
use super::words::words;

words!(
    /// How an incremental run finds what changed.
    IncrementalStrategy {
        /// A watermark where the rule names its column, else comparison.
        #[default] Auto = "auto",
        /// Rows whose watermark column moved.
        Watermark = "watermark",
        /// Comparison of the whole table.
        Checksum = "checksum",
    }
);

/// What a run by watermark can't promise, in the words of every report of one.
pub const WATERMARK_PROMISE: &str = "changes that don't move the column, move it backwards, or \
     commit later than the lag window are missed; only a comparison proves equality";

/// How far behind the last watermark a run reads again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LagWindow {
    /// For columns that hold times.
    Time(Duration),
    /// For integers, in their own units.
    Units(u64),
}

impl LagWindow {
    /// For columns that hold times, where the rule says nothing.
    pub const DEFAULT_TIME: Duration = Duration::from_secs(300);
    /// For integers, where the rule says nothing.
    pub const DEFAULT_UNITS: u64 = 1000;
}

/// When a comparison follows a run by watermark, which can't see deletes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DetectDeletes {
    /// Never.
    #[default]
    Never,
    /// Each time.
    EveryRun,
    /// After the first run since each time that it names.
    Due(Cron),
}

impl DetectDeletes {
    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Never => "never",
            Self::EveryRun => "every_run",
            Self::Due(cron) => cron.as_str(),
        }
    }

    /// Whether a comparison follows the run that ends at `now`; `last`: the comparison before.
    #[must_use]
    pub fn is_due(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>, zone: Zone) -> bool {
        match self {
            Self::Never => false,
            Self::EveryRun => true,
            Self::Due(cron) => {
                let due = last.and_then(|last| cron.next_after(last, zone));
                due.is_none_or(|due| due <= now)
            }
        }
    }
}

/// The fields of a table rule that are about incremental sync alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IncrementalRule {
    /// How changes are found.
    pub strategy: IncrementalStrategy,
    /// What is read again; `None` is the default of the column's kind.
    pub lag_window: Option<LagWindow>,
    /// When deletes are looked for.
    pub detect_deletes: DetectDeletes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletes_are_looked_for_after_the_first_run_since_each_due_time() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let nightly = DetectDeletes::Due(Cron::parse("0 3 * * *").unwrap());
        let last = Some(at("2026-03-01T04:00:00Z"));
        for (now, due) in [
            ("2026-03-01T12:00:00Z", false),
            ("2026-03-02T02:59:59Z", false),
            ("2026-03-02T03:00:00Z", true),
            ("2026-03-05T10:00:00Z", true),
        ] {
            assert_eq!(nightly.is_due(last, at(now), Zone::UTC), due, "{now}");
        }
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        assert!(nightly.is_due(last, at("2026-03-02T02:00:00Z"), berlin));
        let now = at("2026-03-01T04:00:00Z");
        assert!(nightly.is_due(None, now, Zone::UTC));
        assert!(DetectDeletes::EveryRun.is_due(last, now, Zone::UTC));
        assert!(!DetectDeletes::Never.is_due(None, now, Zone::UTC));
    }
}
