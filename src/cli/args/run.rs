//! Flags of `run`, `plan`, `verify` and `repair`.

use clap::{ArgGroup, Args};

/// Flags of `run`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["names", "all", "file"]),
    after_long_help = "\
A job of the config that no living instance holds is taken up instead of a new one.
SIGINT stops the job after its batch; SIGTERM and SIGHUP hand it back to the queue.
A second signal ends it at once, by rollback. The next run goes on where it stopped."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct RunArgs {
    /// Configs to sync, by name or id
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Every enabled config
    #[arg(long)]
    pub all: bool,
    /// Import this mapping first, then run what it names
    #[arg(long, value_name = "MAPPING")]
    pub file: Option<String>,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Sync whole tables, this once
    #[arg(long)]
    pub full: bool,
    /// Forget checkpoints and begin again
    #[arg(long)]
    pub fresh: bool,
    /// Only show the plan, exactly: the same as `plan --exact`
    #[arg(long, conflicts_with_all = ["file", "skip_if_running"])]
    pub dry_run: bool,
    /// Write what happens as one JSON object a line, instead of the summary
    #[arg(long, conflicts_with = "dry_run")]
    pub events: bool,
    /// Exit with 0, not 4, when a living instance runs the config already
    #[arg(long)]
    pub skip_if_running: bool,
}

/// Flags of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Configs, by name or id
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Compare targets that exist and count what would change
    #[arg(long)]
    pub exact: bool,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Configs, by name or id
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// Flags of `repair`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A difference counts when it is the same twice. It is written in place, by the config's
conflict_resolution and within its limits for deletes; --yes answers the question before.
--sql writes the statements to a file instead of running them, - is stdout: run them with
the mysql client while nothing else writes these rows. Then the exit code is 1 when there
are differences.")]
pub struct RepairArgs {
    /// Configs, by name or id
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Write the statements to this file instead of running them
    #[arg(long, value_name = "FILE")]
    pub sql: Option<String>,
}
