//! Plans: what a run would do, and what could go wrong.

use serde::{Deserialize, Serialize};

use super::rule::SyncMode;
use super::words::words;

/// What a run of a config would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the config.
    pub config: String,
    /// Name of the connection.
    pub connection: String,
    /// What concerns the job as a whole.
    pub warnings: Vec<String>,
    /// Each table.
    pub tables: Vec<TablePlan>,
}

impl Plan {
    /// Whether a table can't be run as it is.
    #[must_use]
    pub fn has_stop(&self) -> bool {
        self.tables.iter().any(TablePlan::has_stop)
    }
}

/// What a run would do to one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// Table on the source.
    pub source_table: String,
    /// Table on the target.
    pub target_table: String,
    /// Its mode.
    pub sync_mode: SyncMode,
    /// Incremental strategy; `None` for a full run.
    pub strategy: Option<String>,
    /// Why this way.
    pub reason: String,
    /// How the full run reaches the target.
    pub full_strategy: Option<String>,
    /// Which way rows go in.
    pub writer: Option<String>,
    /// Columns that identify a row; empty for none.
    pub key: Vec<String>,
    /// Ranges expected.
    pub chunks: u64,
    /// Rows expected.
    pub rows_estimate: u64,
    /// Bytes expected.
    pub bytes_estimate: u64,
    /// Time expected.
    pub eta_seconds: Option<f64>,
    /// Statements that define the target, exactly.
    pub ddl: Vec<String>,
    /// What may be deleted.
    pub deletes: PlannedDeletes,
    /// What could go wrong.
    pub risks: Vec<Risk>,
}

impl TablePlan {
    /// Whether it can't be run as it is.
    #[must_use]
    pub fn has_stop(&self) -> bool {
        self.risks
            .iter()
            .any(|risk| risk.severity == Severity::Stop)
    }
}

/// Target rows that a run would delete.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PlannedDeletes {
    /// How many; `None` while not compared.
    pub rows: Option<u64>,
    /// Whether they were counted.
    pub exact: bool,
}

words!(
    /// How much a risk matters.
    Severity {
        /// Good to know.
        #[default] Info = "info",
        /// Look at it.
        Warning = "warning",
        /// The table is refused.
        Stop = "stop",
    }
);

/// Something that could go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Stable word for it: `no_key`, `float_key`, `triggers` …
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Risk {
    /// A risk.
    pub fn new(id: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            message: message.into(),
            remedy: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
