//! Connections: a source server and database, and where its copy goes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::ConnectionId;
use super::secret::Secret;
pub use super::throttle::ThrottleSpec;

/// A connection as its owner describes it: the object of the mapping file and of the REST body.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionSpec {
    /// Unique name.
    pub name: String,
    /// Host names or addresses, comma-separated in order of failover. Ignored with `socket`.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a Unix socket; excludes host and port.
    pub socket: Option<String>,
    /// Account name.
    pub username: String,
    /// Password; `None` keeps the stored one on update and means empty on creation.
    pub password: Option<Secret>,
    /// Source database.
    pub database: String,
    /// Target database on the local server; `None` means the name of the source database.
    pub local_db_name: Option<String>,
    /// Transport security.
    pub ssl: Ssl,
    /// How long connecting to one address may take.
    pub connect_timeout: Duration,
    /// Sessions of one instance on this server, all jobs together.
    pub max_connections: u32,
    /// Limits on what we do to this server.
    pub throttle: ThrottleSpec,
}

impl ConnectionSpec {
    /// Default of `port`.
    pub const DEFAULT_PORT: u16 = 3306;
    /// Default of `host`.
    pub const DEFAULT_HOST: &'static str = "localhost";
    /// Default of `connect_timeout`.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Default of `max_connections`.
    pub const DEFAULT_MAX_CONNECTIONS: u32 = 8;

    /// A connection with every default.
    #[must_use]
    pub fn new(name: &str, username: &str, database: &str) -> Self {
        Self {
            name: name.to_owned(),
            host: Self::DEFAULT_HOST.to_owned(),
            port: Self::DEFAULT_PORT,
            socket: None,
            username: username.to_owned(),
            password: None,
            database: database.to_owned(),
            local_db_name: None,
            ssl: Ssl::default(),
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
            max_connections: Self::DEFAULT_MAX_CONNECTIONS,
            throttle: ThrottleSpec::Standard,
        }
    }

    /// The target database on the local server.
    #[must_use]
    pub fn target_database(&self) -> &str {
        self.local_db_name.as_deref().unwrap_or(&self.database)
    }
}

/// Transport security of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ssl {
    /// How far the server's certificate is believed.
    pub mode: SslMode,
    /// PEM file with the authorities to trust; none trusts the public roots.
    pub ca: Option<String>,
    /// PEM file with our certificate; only together with `key`.
    pub cert: Option<String>,
    /// PEM file with our key; only together with `cert`.
    pub key: Option<String>,
}

/// How far the server's certificate is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SslMode {
    /// No TLS.
    #[default]
    Disabled,
    /// TLS, any certificate.
    Required,
    /// TLS, certificate by a trusted authority.
    VerifyCa,
    /// TLS, certificate by a trusted authority and for this host's name.
    VerifyIdentity,
}

impl SslMode {
    /// As written in a mapping file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Required => "required",
            Self::VerifyCa => "verify_ca",
            Self::VerifyIdentity => "verify_identity",
        }
    }
}

/// A stored connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// What its owner says. `password` is `Some` only when it is a reference or was asked for.
    pub spec: ConnectionSpec,
    /// Whether a password is stored.
    pub has_password: bool,
    /// Grows by one with each change of the spec.
    pub version: u64,
    /// Result of the last check.
    pub health: Health,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Result of the last check of a connection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// What the last check found.
    pub state: HealthState,
    /// When.
    pub checked_at: Option<DateTime<Utc>>,
    /// Time for one round trip, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Flavour and version of the server.
    pub server: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What the last check of a connection found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Not checked yet.
    #[default]
    Unknown,
    /// Reached and logged in.
    Ok,
    /// Could not be used.
    Failed,
}
