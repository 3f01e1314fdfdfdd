//! The settings as plain data, named as in the file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::connection::Ssl;
use crate::model::cron::Zone;
use crate::model::log::{Level, LogFormat};
use crate::model::notification::NotificationRule;
use crate::model::secret::Secret;
use crate::model::throttle::ThrottleSpec;
use crate::model::words::words;
use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The HTTP listener of `--headless`.
    pub server: ServerSettings,
    /// The local server and its control database.
    pub database: DatabaseSettings,
    /// The engine.
    pub sync: SyncSettings,
    /// Logs of this process.
    pub logging: LoggingSettings,
    /// The terminal dashboard.
    pub dashboard: DashboardSettings,
    /// Keys that protect secrets.
    pub security: SecuritySettings,
    /// This process among others.
    pub instance: InstanceSettings,
    /// Whom to tell of what.
    pub notifications: Vec<NotificationRule>,
}

/// The HTTP listener of `--headless`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; 0 is any free one.
    pub port: u16,
    /// How long reading a request may take; zero is no limit.
    pub read_timeout: Duration,
    /// How long a response may take, streams excepted; zero is no limit.
    pub write_timeout: Duration,
    /// How long requests, and then jobs, have to finish at the end.
    pub shutdown_timeout: Duration,
    /// Largest request body in bytes.
    pub max_body: u64,
    /// Web origins whose pages may call.
    pub cors_origins: Vec<String>,
    /// Certificate chain of the listener; without it there is no TLS.
    pub tls_cert: Option<PathBuf>,
    /// Its private key.
    pub tls_key: Option<PathBuf>,
}

/// The local server and its control database.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseSettings {
    /// Host names or addresses, comma-separated in order of failover. Not used with `socket`.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a Unix socket.
    pub socket: Option<PathBuf>,
    /// Account name.
    pub username: String,
    /// Password; `None` is none.
    pub password: Option<Secret>,
    /// Transport security.
    pub ssl: Ssl,
    /// How long connecting to one address may take.
    pub connect_timeout: Duration,
    /// Name of the control database.
    pub database: String,
    /// Sessions of this instance on the local server.
    pub max_open_conns: u32,
    /// Sessions that stay open when idle; at most `max_open_conns`.
    pub max_idle_conns: u32,
}

/// The engine.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncSettings {
    /// Whether this process has an engine.
    pub enabled: bool,
    /// Jobs at once.
    pub max_concurrency: usize,
    /// Default of the option: most rows per INSERT and transaction.
    pub batch_size: u32,
    /// Tries after the first failure, per table.
    pub retry_attempts: u32,
    /// Wait before the first retry, doubled each time.
    pub retry_delay: Duration,
    /// Default of the option: running time of a job; zero is no limit.
    pub job_timeout: Duration,
    /// Age at which finished jobs are removed; zero keeps them.
    pub cleanup_age: Duration,
    /// Limits on what is done to the local server.
    pub throttle: ThrottleSpec,
    /// How often connections are checked; zero is on demand only.
    pub health_interval: Duration,
    /// Time zone of schedules.
    pub timezone: Zone,
    /// How long a lease lives without being renewed.
    pub lease_ttl: Duration,
}

/// Logs of this process.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggingSettings {
    /// What is logged where `modules` says nothing.
    pub level: Level,
    /// Levels of single modules.
    pub modules: BTreeMap<String, Level>,
    /// Look of stderr; `None` is text on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// Folder of the daily files; `None` is no files.
    pub directory: Option<PathBuf>,
    /// Daily files to keep.
    pub keep_files: usize,
    /// Collector of traces; only with the feature `otel`.
    pub otlp_endpoint: Option<String>,
}

/// The terminal dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct DashboardSettings {
    /// Name of the theme.
    pub theme: String,
    /// Most frames per second; see [`Self::frame_rate`].
    pub max_fps: u32,
    /// Draw less, for slow lines.
    pub low_bandwidth: bool,
    /// Draw with ASCII only; also set by `TERM=linux` or a locale that is not UTF-8.
    pub ascii: bool,
    /// Take mouse events.
    pub mouse: bool,
    /// Refuse everything that changes something.
    pub read_only: bool,
    /// What happens to jobs when the terminal goes away.
    pub on_disconnect: OnDisconnect,
    /// Lines of the live log.
    pub log_lines: usize,
    /// Keys of single actions, by the names that `db-taxi config keys` lists.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl DashboardSettings {
    /// Frames per second with `low_bandwidth` taken into account.
    #[must_use]
    pub fn frame_rate(&self) -> u32 {
        const LOW_BANDWIDTH: u32 = 4;
        if self.low_bandwidth {
            self.max_fps.min(LOW_BANDWIDTH)
        } else {
            self.max_fps
        }
    }
}

words!(
    /// What happens to running jobs when the dashboard's terminal goes away.
    OnDisconnect {
        /// Checkpoint, give them back to the queue, exit.
        #[default] Release = "release",
        /// Finish them, then exit.
        KeepRunning = "keep_running",
    }
);

/// Keys that protect secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct SecuritySettings {
    /// File with the key that seals stored secrets.
    pub key_file: PathBuf,
    /// A token of the REST API with the scope `admin`.
    pub api_token: Option<Secret>,
    /// What `hash` masks are keyed with; `None` derives it from the key file.
    pub mask_key: Option<Secret>,
}

/// This process among others.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSettings {
    /// Its name.
    pub name: String,
    /// `worker` takes jobs, `api` serves HTTP and schedules.
    pub roles: Vec<String>,
    /// What it carries for configs that ask for it.
    pub labels: Vec<String>,
}

impl InstanceSettings {
    /// Whether it has a role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}
