//! Table runs: one table in a job.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::ErrorInfo;
use super::ids::TableRunId;
use super::progress::{Counts, Progress};
use super::rule::SyncMode;
use super::words::words;

words!(
    /// State of a table run.
    TableState {
        /// Not begun.
        #[default] Pending = "pending",
        /// Being worked on.
        Running = "running",
        /// Waiting to be tried again.
        Retrying = "retrying",
        /// Ended well.
        Completed = "completed",
        /// Ended badly.
        Failed = "failed",
        /// Stopped with its job.
        Cancelled = "cancelled",
        /// Left alone.
        Skipped = "skipped",
    }
);
words!(
    /// What a table run is doing.
    Phase {
        /// Deciding what to do.
        #[default] Plan = "plan",
        /// Creating the shadow.
        Schema = "schema",
        /// Waiting for a snapshot.
        Snapshot = "snapshot",
        /// Copying rows.
        Copy = "copy",
        /// Building keys.
        Index = "index",
        /// Catching up.
        CatchUp = "catch_up",
        /// Comparing and applying.
        Reconcile = "reconcile",
        /// Comparing.
        Verify = "verify",
        /// Putting the shadow in the target's place.
        Swap = "swap",
        /// Following the binlog.
        Follow = "follow",
        /// Nothing more.
        Done = "done",
    }
);
words!(
    /// What a comparison covered.
    VerifiedScope {
        /// The whole table.
        Table = "table",
        /// The key ranges that the run wrote.
        Run = "run",
        /// Nothing.
        #[default] None = "none",
    }
);

/// The point of the source that a table equals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AsOf {
    /// By the source's clock.
    #[serde(default, with = "super::time::opt")]
    pub time: Option<DateTime<Utc>>,
    /// GTID set, where the source has them.
    pub gtid: Option<String>,
    /// `file:position`, where the source tells it.
    pub binlog: Option<String>,
    /// Value up to which an ordered column has been synced.
    pub watermark: Option<String>,
}

/// What was compared, as of when.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verified {
    /// What the comparison covered.
    pub scope: VerifiedScope,
    /// The point of the source that it holds for.
    pub as_of: AsOf,
    /// Rows compared.
    pub rows: u64,
    /// Rows that differ.
    pub differences: u64,
    /// Last comparison of the whole table by any job.
    #[serde(default, with = "super::time::opt")]
    pub whole_table_at: Option<DateTime<Utc>>,
}

impl Verified {
    /// The whole table was compared with the source as of `as_of`, and `rows` rows are equal.
    #[must_use]
    pub fn whole_table(as_of: AsOf, rows: u64) -> Self {
        Self {
            scope: VerifiedScope::Table,
            whole_table_at: as_of.time,
            as_of,
            rows,
            differences: 0,
        }
    }
}

/// Seconds of worker time by what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Reading the source, the way to it included.
    pub source: f64,
    /// How much of `source` was spent on the way there: known to the process that did it.
    #[serde(skip)]
    pub network: f64,
    /// Writing the target.
    pub target: f64,
    /// This program.
    pub client: f64,
    /// Locks.
    pub lock: f64,
    /// Throttles.
    pub throttle: f64,
    /// Definitions: shadows, keys, swaps.
    pub ddl: f64,
}

/// One table in a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRun {
    /// Its id.
    pub id: TableRunId,
    /// Table on the source.
    pub source_table: String,
    /// Table on the target.
    pub target_table: String,
    /// Its mode.
    pub sync_mode: SyncMode,
    /// Incremental strategy; `None` for a full run.
    pub strategy: Option<String>,
    /// How the full run reaches the target: `swap` or `in_place`.
    pub full_strategy: Option<String>,
    /// Which way rows go in.
    pub writer: Option<String>,
    /// Its state.
    pub state: TableState,
    /// What it is doing.
    pub phase: Phase,
    /// Tries so far, counted from 1.
    pub attempt: u32,
    /// When it began.
    #[serde(default, with = "super::time::opt")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, with = "super::time::opt")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<ErrorInfo>,
    /// How far it is.
    pub progress: Progress,
    /// What it did.
    pub counts: Counts,
    /// What was compared.
    pub verified: Verified,
    /// Where the time went.
    pub timing: Timing,
}

impl TableRun {
    /// A table run that has not begun.
    #[must_use]
    pub fn new(source_table: &str, target_table: &str) -> Self {
        Self {
            id: TableRunId::generate(),
            source_table: source_table.to_owned(),
            target_table: target_table.to_owned(),
            sync_mode: SyncMode::Full,
            strategy: None,
            full_strategy: None,
            writer: None,
            state: TableState::Pending,
            phase: Phase::Plan,
            attempt: 0,
            started_at: None,
            finished_at: None,
            error: None,
            progress: Progress::default(),
            counts: Counts::default(),
            verified: Verified::default(),
            timing: Timing::default(),
        }
    }
}
