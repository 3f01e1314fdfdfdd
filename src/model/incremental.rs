//! Incremental sync as a rule says it: strategy, lag window, detection of deletes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::words;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectDeletes {
    /// Never.
    #[default]
    Never,
    /// Each time.
    EveryRun,
}

impl DetectDeletes {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::EveryRun => "every_run",
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
