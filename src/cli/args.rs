//! What was typed: the command tree, one definition for parsing, help, completions and man page.
//!
//! Knows nothing of what a command does. Read by `cli` only.

mod config;
mod configs;
mod connections;
mod jobs;
mod mappings;
mod run;
mod tokens;

use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use config::{CompletionsArgs, ConfigCommand, ManArgs, MigrateArgs, RekeyArgs, StatusArgs};
pub use configs::{ConfigAddArgs, ConfigEditArgs, ConfigFields, ConfigName, ConfigsCommand};
pub use connections::{
    ConnectionAddArgs, ConnectionEditArgs, ConnectionFields, ConnectionName, ConnectionsCommand,
    PasswordArgs,
};
pub use jobs::{
    JobRef, JobsCommand, JobsListArgs, JobsLogsArgs, JobsStartArgs, JobsStopArgs, JobsUndoArgs,
    KindWord, LevelWord, StateWord,
};
pub use mappings::{CheckArgs, ExportArgs, ImportArgs, MappingsCommand};
pub use run::{PlanArgs, RepairArgs, RunArgs, VerifyArgs};
pub use tokens::{TokenCreateArgs, TokenRevokeArgs, TokensCommand};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; nothing different, nothing failed
  1    finished, but a table failed, differences were found, or a plan has a risk `stop`
  2    usage, settings, unknown name or invalid input; nothing was done
  3    a database can't be reached or refuses the login
  4    refused: already running, disabled, locked by another instance, confirmation missing
  130, 143, 129
       ended by SIGINT, SIGTERM or SIGHUP, after a checkpoint

Results go to stdout, logs and progress to stderr.";

/// Keeps local copies of remote MySQL and MariaDB tables in step with their source.
///
/// Without a command the dashboard opens; --headless runs the service.
#[derive(Debug, Parser)]
#[command(
    name = "db-taxi",
    version,
    after_long_help = EXIT_CODES,
    styles = Styles::plain(),
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Flags of the dashboard.
    #[command(flatten)]
    pub dashboard: DashboardArgs,
    /// Flags of the service.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// What to do; without one the dashboard opens.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// The flags alone, to be kept while something else is done.
    #[must_use]
    pub fn flags(&self) -> Self {
        Self {
            global: self.global.clone(),
            dashboard: self.dashboard.clone(),
            service: self.service.clone(),
            command: None,
        }
    }
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Settings file [default: $DBT_CONFIG, ./config.yaml, then config.yaml in the config folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Overrides one setting, such as sync.batch_size=500; repeatable
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
    /// Log level
    #[arg(long, value_name = "LEVEL", global = true)]
    pub log_level: Option<LevelWord>,
    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_default_value = true
    )]
    pub color: ColorWord,
    /// Print the result as JSON, as the REST API gives it
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on success
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWord {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags of the dashboard.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Dashboard")]
pub struct DashboardArgs {
    /// Theme
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Show only, change nothing
    #[arg(long)]
    pub read_only: bool,
    /// Draw less often
    #[arg(long)]
    pub low_bandwidth: bool,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

impl DashboardArgs {
    /// The first of its flags that was given.
    #[must_use]
    pub fn first_given(&self) -> Option<&'static str> {
        [
            (self.theme.is_some(), "--theme"),
            (self.read_only, "--read-only"),
            (self.low_bandwidth, "--low-bandwidth"),
            (self.ascii, "--ascii"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }
}

/// Flags of the service.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceArgs {
    /// Run as a service without a terminal: takes jobs from the queue, answers on HTTP
    #[arg(long)]
    pub headless: bool,
    /// Address to listen on [default: server.host and server.port]
    #[arg(long, value_name = "HOST:PORT", requires = "headless")]
    pub listen: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sync configs here and wait for the end
    Run(RunArgs),
    /// Show what a run would do; writes nothing
    Plan(PlanArgs),
    /// Compare targets with their sources; writes nothing to the targets
    Verify(VerifyArgs),
    /// Compare targets with their sources and write the rows that differ
    Repair(RepairArgs),
    /// Source servers
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Sync configs: which tables of a connection are synced, and how
    #[command(subcommand)]
    Configs(ConfigsCommand),
    /// Jobs: the runs of configs
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Connections and configs as one YAML or JSON document
    #[command(subcommand)]
    Mappings(MappingsCommand),
    /// Check the control database and everything that syncs need
    Status(StatusArgs),
    /// The db-taxi processes that share the control database, and what they work on
    Instances,
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Tokens of the REST API
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Bring the control database to this version
    Migrate(MigrateArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// `KEY=VALUE`, both sides kept as typed.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
