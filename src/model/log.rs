//! Lines of a job's log, and differences that a comparison found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::{ShownKey, ShownValue};
use super::ids::JobId;
use super::words::words;

words!(
    /// How much a line matters.
    Level {
        /// Something failed.
        Error = "error",
        /// Something to look at.
        Warn = "warn",
        /// What happens.
        #[default] Info = "info",
        /// How it happens.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
);

impl Level {
    /// Whether a line of this level is shown where `threshold` is asked for.
    #[must_use]
    pub fn passes(self, threshold: Self) -> bool {
        self as u8 <= threshold as u8
    }
}

words!(
    /// How lines of the process log look on stderr; files are always JSON.
    LogFormat {
        /// For people.
        #[default] Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
);

/// The words that `logging.modules` knows: the folders of this crate that log.
pub const LOG_MODULES: &[&str] = &[
    "cli",
    "dashboard",
    "http",
    "jobs",
    "logging",
    "mysql",
    "notify",
    "services",
    "settings",
    "store",
    "sync",
    "system",
];

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Grows within the control database; 0 before it is stored.
    pub id: u64,
    /// When.
    #[serde(with = "super::time")]
    pub time: DateTime<Utc>,
    /// How much it matters.
    pub level: Level,
    /// Its job.
    pub job_id: Option<JobId>,
    /// Target table.
    pub table: Option<String>,
    /// Name of the instance that wrote it.
    pub instance: String,
    /// The line.
    pub message: String,
    /// More about it, by name.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Which lines of a job's log are shown. The answer is always oldest first: with `after` the first
/// `limit` lines behind it, else the last `limit` lines (before `before`, where that is given).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// This level and those that matter more.
    pub level: Option<Level>,
    /// Of this target table.
    pub table: Option<String>,
    /// Only lines behind this id: what came since the last look.
    pub after: Option<u64>,
    /// Only lines ahead of this id: the page before.
    pub before: Option<u64>,
    /// Only lines with each of these texts in the message, the table's name or a field; case is
    /// passed over.
    pub contains: Vec<String>,
    /// Most lines; `None` is 500.
    pub limit: Option<u32>,
}

/// Which of a job's differences are shown, by number: those behind `after`, or the last ahead of
/// `before`, in order. Neither: the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferencePage {
    /// Of this target table.
    pub table: Option<String>,
    /// Only those behind this number.
    pub after: Option<u64>,
    /// Only those ahead of this number.
    pub before: Option<u64>,
    /// Most differences.
    pub limit: u32,
}

impl Default for DifferencePage {
    fn default() -> Self {
        Self {
            table: None,
            after: None,
            before: None,
            limit: 250,
        }
    }
}

words!(
    /// How a row differs.
    DifferenceKind {
        /// On the source only.
        #[default] Missing = "missing",
        /// On the target only.
        Extra = "extra",
        /// On both, with other values.
        Changed = "changed",
    }
);

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Target table.
    pub table: String,
    /// How.
    pub kind: DifferenceKind,
    /// Which row.
    pub key: ShownKey,
    /// Columns that differ.
    pub columns: Vec<DifferingColumn>,
    /// Whether it was the same twice.
    pub stable: bool,
    /// When it was first seen.
    #[serde(with = "super::time")]
    pub first_seen_at: DateTime<Utc>,
}

/// One column of a row that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferingColumn {
    /// Target column.
    pub name: String,
    /// Value on the source; `None` is NULL.
    pub source: Option<ShownValue>,
    /// Value on the target; `None` is NULL.
    pub target: Option<ShownValue>,
}
