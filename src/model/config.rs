//! Sync configs: a named set of table rules for one connection, with its options.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cron::Zone;
use super::ids::{ConfigId, ConnectionId, JobId};
use super::job_state::JobState;
use super::rule::{SyncMode, TableOptions, TableRule};
use super::schedule::Schedule;
use super::words::words;

/// A config as its owner describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigSpec {
    /// Unique name.
    pub name: String,
    /// Name of its connection.
    pub connection: String,
    /// Default mode of its tables.
    pub sync_mode: SyncMode,
    /// Whether `run` and schedules may start it.
    pub enabled: bool,
    /// When it is started by itself.
    pub schedule: Option<Schedule>,
    /// What is synced, in stored order; the first rule that fits a table wins.
    pub tables: Vec<TableRule>,
    /// Patterns that no `match` rule reaches.
    pub exclude: Vec<String>,
    /// It runs only on instances that carry all of them.
    pub labels: Vec<String>,
    /// How it is done.
    pub options: Options,
}

impl ConfigSpec {
    /// A config of `tables` with every default.
    #[must_use]
    pub fn new(name: &str, connection: &str, tables: Vec<TableRule>) -> Self {
        Self {
            name: name.to_owned(),
            connection: connection.to_owned(),
            sync_mode: SyncMode::Full,
            enabled: true,
            schedule: None,
            tables,
            exclude: Vec::new(),
            labels: Vec::new(),
            options: Options::default(),
        }
    }
}

/// How a config is run. `None` means: the default of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Workers of one job, over its tables and ranges.
    pub max_concurrency: u32,
    /// Compressed protocol to the source.
    pub enable_compression: bool,
    /// How many points in time a job reads.
    pub consistency: Consistency,
    /// Whether writes on the source may be held back to align snapshots.
    pub snapshot_lock: SnapshotLock,
    /// Age at which a snapshot on the source is ended; zero is no limit.
    pub max_snapshot_age: Duration,
    /// Where shadows are made.
    pub shadow_in: ShadowIn,
    /// Bits of the row hash that ranges are compared by.
    pub checksum: Checksum,
    /// How long a difference on a live pair must last to count.
    pub recheck_after: Duration,
    /// Which way rows go in.
    pub writer: WriterChoice,
    /// Running time of a job; zero is no limit; `None` is the setting's.
    pub job_timeout: Option<Duration>,
    /// Options that a table rule may override.
    pub table: TableOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_concurrency: Self::DEFAULT_MAX_CONCURRENCY,
            enable_compression: false,
            consistency: Consistency::Snapshot,
            snapshot_lock: SnapshotLock::None,
            max_snapshot_age: Self::DEFAULT_MAX_SNAPSHOT_AGE,
            shadow_in: ShadowIn::Auto,
            checksum: Checksum::Fast,
            recheck_after: Self::DEFAULT_RECHECK_AFTER,
            writer: WriterChoice::Auto,
            job_timeout: None,
            table: TableOptions::default(),
        }
    }
}

impl Options {
    /// Default of `max_concurrency`.
    pub const DEFAULT_MAX_CONCURRENCY: u32 = 4;
    /// Default of `max_snapshot_age`.
    pub const DEFAULT_MAX_SNAPSHOT_AGE: Duration = Duration::from_secs(3600);
    /// Default of `recheck_after`.
    pub const DEFAULT_RECHECK_AFTER: Duration = Duration::from_secs(5);
}

words!(
    /// How many points in time a job reads.
    Consistency {
        /// One for the job.
        #[default] Snapshot = "snapshot",
        /// One per table.
        Table = "table",
        /// None: each batch is read by itself, and no transaction on the source lasts.
        Chunk = "chunk",
    }
);
words!(
    /// Whether writes on the source may be held back to align snapshots.
    SnapshotLock {
        /// Never.
        #[default] None = "none",
        /// For a moment, by `FLUSH TABLES WITH READ LOCK`, where there is no other way.
        Ftwrl = "ftwrl",
    }
);
words!(
    /// Where shadows are made.
    ShadowIn {
        /// Helper databases where they can be created, else the target's own.
        #[default] Auto = "auto",
        /// Always the target's own database.
        Target = "target",
    }
);
words!(
    /// Bits of the row hash that ranges are compared by.
    Checksum {
        /// 64 bits and a count.
        #[default] Fast = "fast",
        /// 128 bits.
        Strong = "strong",
    }
);
words!(
    /// Which way rows go in.
    WriterChoice {
        /// The best that the target allows.
        #[default] Auto = "auto",
        /// `LOAD DATA LOCAL`.
        LoadData = "load_data",
        /// Multi-row `INSERT`.
        Insert = "insert",
    }
);

/// A stored config.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Its id.
    pub id: ConfigId,
    /// Its connection.
    pub connection_id: ConnectionId,
    /// What its owner says; `connection` is the connection's present name.
    pub spec: ConfigSpec,
    /// Grows by one with each change of the spec.
    pub version: u64,
    /// The newest job, if any.
    pub last_job: Option<LastJob>,
    /// When its schedule starts it next, as far as somebody worked that out.
    pub next_runs: Vec<DateTime<Utc>>,
    /// The zone in which its schedule is read, as far as somebody worked that out.
    pub zone: Option<Zone>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// The newest job of a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastJob {
    /// Its id.
    pub id: JobId,
    /// Its state.
    pub state: JobState,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}
