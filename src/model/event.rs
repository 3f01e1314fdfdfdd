//! Events: what happened, for whoever watches.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::ErrorInfo;
use super::ids::JobId;
use super::job::Job;
use super::log::LogEntry;
use super::progress::{Counts, Progress};
use super::table_run::TableRun;
use super::words::words;

/// One event of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Version of the format: 1.
    pub v: u32,
    /// Grows by at least 1 within a job.
    pub seq: u64,
    /// When.
    #[serde(with = "super::time")]
    pub time: DateTime<Utc>,
    /// Which job.
    pub job_id: JobId,
    /// Name of its config.
    pub config: String,
    /// Target table; `None` for the job.
    pub table: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

words!(
    /// One of the two servers of a job.
    Side {
        /// Where rows come from.
        #[default] Source = "source",
        /// Where rows go.
        Target = "target",
    }
);

impl Side {
    /// As a person is told.
    #[must_use]
    pub fn server(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "local server",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum What {
    /// A job was queued.
    JobCreated(Box<Job>),
    /// An instance took it.
    JobStarted(Box<Job>),
    /// A person holds it.
    JobPaused(Box<Job>),
    /// It goes on after a pause.
    JobResumed(Box<Job>),
    /// It went back to the queue.
    JobReleased(Box<Job>),
    /// It ended; with its tables.
    JobFinished(Box<Job>),
    /// A table began.
    TableStarted(Box<TableRun>),
    /// It does something else.
    TablePhaseChanged(Box<TableRun>),
    /// It ended well.
    TableFinished(Box<TableRun>),
    /// It ended badly.
    TableFailed(Box<TableRun>),
    /// It was left alone.
    TableSkipped(Box<TableRun>),
    /// It will be tried again.
    RetryScheduled {
        /// The try that failed, counted from 1.
        attempt: u32,
        /// Wait before the next.
        wait_seconds: f64,
        /// Why.
        error: ErrorInfo,
    },
    /// Work waits for a server to have room.
    Throttled {
        /// Which server.
        side: Side,
        /// Why.
        reason: String,
    },
    /// It goes on.
    Unthrottled {
        /// Which server.
        side: Side,
        /// What it waited for.
        reason: String,
    },
    /// Numbers moved; latest wins, may be skipped.
    Progress {
        /// How far.
        progress: Progress,
        /// What was done.
        counts: Counts,
    },
    /// A comparison found differences.
    DifferencesFound {
        /// On the source only.
        missing: u64,
        /// On the target only.
        extra: u64,
        /// On both, with other values.
        changed: u64,
    },
    /// Something to know.
    Warning {
        /// What kind.
        code: String,
        /// What.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A line of the job's log.
    Log(Box<LogEntry>),
}
