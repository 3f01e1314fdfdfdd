//! Flags of `connections`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

/// Source servers.
#[derive(Debug, Subcommand)]
pub enum ConnectionsCommand {
    /// List connections
    List,
    /// Show a connection
    Show(ConnectionName),
    /// Add a connection
    Add(ConnectionAddArgs),
    /// Change a connection, by flags or in $EDITOR
    Edit(ConnectionEditArgs),
    /// Remove a connection that no config uses
    Remove(ConnectionName),
    /// Log in and check what a sync needs
    Test(ConnectionName),
}

/// Which connection.
#[derive(Debug, Args)]
pub struct ConnectionName {
    /// Connection, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Flags of `connections add`.
#[derive(Debug, Args)]
pub struct ConnectionAddArgs {
    /// Name of the connection
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its fields.
    #[command(flatten)]
    pub fields: ConnectionFields,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Take what is not given from [client] of an option file
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "~/.my.cnf"
    )]
    pub defaults_file: Option<PathBuf>,
}

/// Flags of `connections edit`.
#[derive(Debug, Args)]
pub struct ConnectionEditArgs {
    /// Connection, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// Its fields.
    #[command(flatten)]
    pub fields: ConnectionFields,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// The fields of a connection; what is not given keeps its value or default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ConnectionFields {
    /// Host name or address; several by commas, in order of failover; _mysql._tcp.example.com is a DNS SRV name [default: localhost]
    #[arg(long, value_name = "HOST", conflicts_with = "socket")]
    pub host: Option<String>,
    /// TCP port [default: 3306]
    #[arg(long, value_name = "PORT", conflicts_with = "socket")]
    pub port: Option<u16>,
    /// Path of a Unix socket, instead of host and port
    #[arg(long, value_name = "PATH")]
    pub socket: Option<String>,
    /// Account
    #[arg(long, value_name = "USER")]
    pub username: Option<String>,
    /// Source database
    #[arg(long, value_name = "DATABASE")]
    pub database: Option<String>,
    /// Target database on the local server [default: the source database's name]
    #[arg(long, value_name = "DATABASE")]
    pub local_db_name: Option<String>,
    /// TLS: disabled, required, verify_ca or verify_identity; alone it means required
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "required",
        value_parser = ["disabled", "required", "verify_ca", "verify_identity"]
    )]
    pub ssl: Option<String>,
    /// PEM file with the authorities to trust
    #[arg(long, value_name = "PATH")]
    pub ssl_ca: Option<String>,
    /// PEM file with our certificate
    #[arg(long, value_name = "PATH", requires = "ssl_key")]
    pub ssl_cert: Option<String>,
    /// PEM file with our key
    #[arg(long, value_name = "PATH", requires = "ssl_cert")]
    pub ssl_key: Option<String>,
    /// How long connecting to one address may take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub connect_timeout: Option<String>,
    /// Most sessions of one instance on this server [default: 8]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<u32>,
}

/// Where a password comes from; it is never an argument, since arguments can be seen in `ps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("password_source").multiple(false))]
pub struct PasswordArgs {
    /// Read the password from stdin
    #[arg(long, group = "password_source")]
    pub password_stdin: bool,
    /// Store the reference ${env:NAME}: the variable is read at each use
    #[arg(long, value_name = "NAME", group = "password_source")]
    pub password_env: Option<String>,
    /// Store the reference ${file:PATH}: the file is read at each use
    #[arg(long, value_name = "PATH", group = "password_source")]
    pub password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// Whether one of its flags was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }
}
