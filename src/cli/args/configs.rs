//! Flags of `configs`.

use clap::{Args, Subcommand};

use super::key_value;

/// Sync configs.
#[derive(Debug, Subcommand)]
pub enum ConfigsCommand {
    /// List configs
    List,
    /// Show a config
    Show(ConfigName),
    /// Add a config
    Add(ConfigAddArgs),
    /// Change a config, by flags or in $EDITOR
    Edit(ConfigEditArgs),
    /// Remove a config; its target tables stay
    Remove(ConfigName),
    /// Let `run` and its schedule start a config
    Enable(ConfigName),
    /// Keep `run` and its schedule from starting a config
    Disable(ConfigName),
}

/// Which config.
#[derive(Debug, Args)]
pub struct ConfigName {
    /// Config, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Flags of `configs add`.
#[derive(Debug, Args)]
pub struct ConfigAddArgs {
    /// Name of the config
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its fields.
    #[command(flatten)]
    pub fields: ConfigFields,
}

/// Flags of `configs edit`.
#[derive(Debug, Args)]
pub struct ConfigEditArgs {
    /// Config, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// New name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// Its fields.
    #[command(flatten)]
    pub fields: ConfigFields,
}

/// The fields of a config; what is not given keeps its value or default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ConfigFields {
    /// Connection, by name
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Tables by commas, or '*' for all; a name with * or ? is a pattern
    #[arg(long, value_name = "TABLES")]
    pub tables: Option<String>,
    /// Pattern of tables that no pattern in --tables reaches; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Run it only on instances that carry this label; repeatable, '' for any instance
    #[arg(long = "label", value_name = "LABEL")]
    pub labels: Vec<String>,
    /// How tables are kept in step: full or incremental
    #[arg(long, value_name = "MODE")]
    pub sync_mode: Option<String>,
    /// When it is started by itself: five cron fields, @hourly, @daily, @weekly, @monthly, or an object
    /// such as '{cron: 0 2 * * *, timezone: Europe/Berlin, jitter: 5m, catch_up: once, blackout:
    /// [08:00-18:00]}'; '' for never
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<String>,
    /// Sets an option, such as max_concurrency=8; repeatable
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    pub options: Vec<(String, String)>,
}
