//! Jobs: one run of a config, what it is asked and what it did.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::ErrorInfo;
use super::ids::{ConfigId, ConnectionId, JobId};
use super::progress::{Counts, Progress};
use super::table_run::{TableRun, VerifiedScope};
use super::throttle::ThrottleSpec;
use super::words::words;

pub use super::job_state::JobState;

words!(
    /// What a job does.
    JobKind {
        /// Brings the target in step.
        #[default] Sync = "sync",
        /// Compares, writes nothing.
        Verify = "verify",
        /// Compares, and writes what differs.
        Repair = "repair",
        /// Puts back what another job deleted.
        Undo = "undo",
    }
);
words!(
    /// Who asked for a job.
    Trigger {
        /// The command line.
        #[default] Cli = "cli",
        /// The dashboard.
        Dashboard = "dashboard",
        /// The REST API.
        Api = "api",
        /// A schedule.
        Schedule = "schedule",
        /// A retry of another job.
        Retry = "retry",
    }
);
words!(
    /// A wish of any front about a job, kept in the control database until its instance obeys.
    JobWish {
        /// None.
        #[default] None = "none",
        /// End it as `cancelled` after the batch in hand.
        Stop = "stop",
        /// Give it back to the queue after the batch in hand.
        Release = "release",
        /// Hold it after the batch in hand, until somebody resumes it.
        Pause = "pause",
    }
);

impl JobWish {
    /// Which of two wishes holds: the greater one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Release => 1,
            Self::Pause => 2,
            Self::Stop => 3,
        }
    }
}

/// A job as every front sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Its config.
    pub config_id: ConfigId,
    /// Name of its config when it was made.
    pub config: String,
    /// Its connection.
    pub connection_id: ConnectionId,
    /// Name of its connection when it was made.
    pub connection: String,
    /// Its state.
    pub state: JobState,
    /// Who asked for it.
    pub trigger: Trigger,
    /// `user@host`, `token:NAME` or `schedule`.
    pub requested_by: String,
    /// Name of the instance that works on it, or did last.
    pub instance: Option<String>,
    /// The job that this one tries again.
    pub retry_of: Option<JobId>,
    /// Highest first.
    pub priority: i32,
    /// Run as `sync_mode: full`, this once.
    pub full: bool,
    /// Forget checkpoints.
    pub fresh: bool,
    /// When it was queued.
    #[serde(with = "super::time")]
    pub created_at: DateTime<Utc>,
    /// When an instance first worked on it.
    #[serde(default, with = "super::time::opt")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, with = "super::time::opt")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<ErrorInfo>,
    /// How far it is, over all tables.
    pub progress: Progress,
    /// What it did, over all tables.
    pub counts: Counts,
    /// Tables in the job.
    pub tables_total: u32,
    /// Tables that ended well.
    pub tables_completed: u32,
    /// Tables that failed.
    pub tables_failed: u32,
    /// Its table runs; filled where one job is asked for.
    pub tables: Vec<TableRun>,
    /// What is kept of it beside what is shown.
    #[serde(skip)]
    pub kept: Kept,
}

/// What is kept of a job from one run to the next, and not shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Kept {
    /// How long it was worked on so far; neither paused, nor throttled, nor in the queue.
    pub ran: Duration,
    /// A person paused it, and nobody has taken it up since.
    pub paused: bool,
    /// Where its tables are not at hand: see [`Job::as_of`].
    pub as_of: Option<DateTime<Utc>>,
    /// Changes with what can be changed of it: its limits and its priority.
    pub version: u64,
}

impl Job {
    /// The point of the source that every table which it completed and compared has reached.
    #[must_use]
    pub fn as_of(&self) -> Option<DateTime<Utc>> {
        if self.tables.is_empty() {
            return self.kept.as_of;
        }
        self.tables
            .iter()
            .filter(|run| run.verified.scope != VerifiedScope::None)
            .filter_map(|run| run.verified.as_of.time)
            .min()
    }
}

/// What a new job is to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobRequest {
    /// What it does.
    pub kind: JobKind,
    /// Only these target tables; empty means all.
    pub tables: Vec<String>,
    /// Run as `sync_mode: full`, this once.
    pub full: bool,
    /// Forget checkpoints.
    pub fresh: bool,
    /// -100 to 100, highest first.
    pub priority: i32,
    /// Who asked for it.
    pub trigger: Trigger,
    /// `user@host`, `token:NAME` or `schedule`.
    pub requested_by: String,
    /// For `undo`: the job whose deleted rows are put back.
    #[serde(default)]
    pub undo_of: Option<JobId>,
    /// Limits that were changed while it ran or waited; they hold until it ends.
    #[serde(flatten)]
    pub limits: JobLimits,
}

/// Limits of one job that can be changed while it runs. `None`: as its config says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobLimits {
    /// Workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Limits on the source.
    #[serde(skip_serializing_if = "Option::is_none", with = "throttle_text")]
    pub throttle: Option<ThrottleSpec>,
}

/// Limits on a server inside of what is stored: as in a mapping file.
mod throttle_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::model::mapping::{parse_throttle, throttle_to_json};
    use crate::model::throttle::ThrottleSpec;

    pub(super) fn serialize<S: Serializer>(
        spec: &Option<ThrottleSpec>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        spec.as_ref().map(throttle_to_json).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<ThrottleSpec>, D::Error> {
        let Some(value) = Option::<Value>::deserialize(from)? else {
            return Ok(None);
        };
        parse_throttle(&value, "throttle").map(Some).map_err(|all| {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            D::Error::custom(all.join("; "))
        })
    }
}

/// A change of a job that has not ended; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobChange {
    /// Workers.
    pub max_concurrency: Option<u32>,
    /// Limits on the source.
    pub throttle: Option<ThrottleSpec>,
    /// Place in the queue.
    pub priority: Option<i32>,
}

/// A place in the list of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPlace {
    /// The job at this place.
    pub id: JobId,
    /// When it was made, where that is known: then the place holds also without the job.
    pub created_at: Option<DateTime<Utc>>,
}

impl From<JobId> for JobPlace {
    fn from(id: JobId) -> Self {
        Self {
            id,
            created_at: None,
        }
    }
}

/// Which jobs a list shows, newest first; every field that is `None` lets all pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobFilter {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this kind.
    pub kind: Option<JobKind>,
    /// Of this config.
    pub config_id: Option<ConfigId>,
    /// Of this connection.
    pub connection_id: Option<ConnectionId>,
    /// Made at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Most jobs; `None` is 50.
    pub limit: Option<u32>,
    /// Only jobs older than this one: the next page.
    pub before: Option<JobPlace>,
}
