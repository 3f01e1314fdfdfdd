//! Status of the whole: control database, engine, checks, statistics, instances.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{InstanceId, JobId};
use super::words::words;

/// Status of a process and what it works with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// `ok` or `degraded`.
    pub status: String,
    /// Version of this program.
    pub version: String,
    /// Name of this instance.
    pub instance: String,
    /// How long it runs.
    pub uptime_seconds: f64,
    /// The control database.
    pub database: DatabaseStatus,
    /// The sync system.
    pub sync: SyncStatus,
    /// The settings.
    pub settings: SettingsStatus,
}

/// The control database, as this process sees it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Whether it answers.
    pub connected: bool,
    /// Flavour and version.
    pub server: Option<String>,
    /// Why it does not answer.
    pub error: Option<String>,
    /// When it is tried next.
    #[serde(default, with = "super::time::opt")]
    pub retry_at: Option<DateTime<Utc>>,
    /// Its connections.
    pub pool: PoolStatus,
}

/// Connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Open.
    pub open: u32,
    /// Open and idle.
    pub idle: u32,
    /// Open and in use.
    pub in_use: u32,
    /// Most that may be open.
    pub max_open: u32,
    /// Times somebody had to wait for one.
    pub waits: u64,
}

/// When the settings were read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SettingsStatus {
    /// When they were read.
    #[serde(default, with = "super::time::opt")]
    pub loaded_at: Option<DateTime<Utc>>,
    /// Why a newer file was not taken.
    pub error: Option<String>,
    /// Keys that changed and need a restart.
    pub restart_needed: Vec<String>,
}

/// The sync system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// `ok`, `degraded` or `disabled`.
    pub status: String,
    /// What was checked.
    pub checks: Vec<Check>,
    /// Statistics.
    pub stats: Stats,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `sync_enabled database migrations tables engine leases key_file disk settings connections configs
    /// schedules labels shadows quarantine helper_tables clock notifications`.
    pub name: String,
    /// Whether all is well.
    pub ok: bool,
    /// What was found.
    pub message: String,
    /// What to do about it; also where all is well but something is worth doing.
    pub remedy: Option<String>,
}

/// Statistics; jobs as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names say it all; they are a public JSON shape"
)]
pub struct Stats {
    pub total_connections: u64,
    pub connected_connections: u64,
    pub total_configs: u64,
    pub enabled_configs: u64,
    pub total_jobs: u64,
    pub pending_jobs: u64,
    pub running_jobs: u64,
    pub paused_jobs: u64,
    pub completed_jobs: u64,
    pub completed_with_errors_jobs: u64,
    pub failed_jobs: u64,
    pub cancelled_jobs: u64,
    pub rows_synced: u64,
    pub bytes_synced: u64,
    pub instances: u64,
}

words!(
    /// Whether an instance lives.
    InstanceState {
        /// Seen lately.
        #[default] Alive = "alive",
        /// Not seen for longer than its leases last.
        Lost = "lost",
        /// Ended in order.
        Stopped = "stopped",
    }
);

/// A db-taxi process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name, unique among the living.
    pub name: String,
    /// Its id.
    pub id: InstanceId,
    /// Version of the program.
    pub version: String,
    /// `worker`, `api`.
    pub roles: Vec<String>,
    /// Labels that configs may ask for.
    pub labels: Vec<String>,
    /// `host:port` of its listener.
    pub address: Option<String>,
    /// Whether it lives.
    pub state: InstanceState,
    /// When it began.
    #[serde(with = "super::time")]
    pub started_at: DateTime<Utc>,
    /// When it last wrote to the control database.
    #[serde(with = "super::time")]
    pub seen_at: DateTime<Utc>,
    /// Jobs it works on.
    pub jobs: Vec<JobId>,
}
