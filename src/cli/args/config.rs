//! Flags of `config`, `migrate`, `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Settings. None of these needs a database.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings in force, each with where it came from; secrets masked
    Show,
    /// Check the settings
    Check,
    /// Print a settings file with every key, its default and its meaning
    Template,
    /// Show which files and folders are used
    Paths,
    /// List the actions of the dashboard with their keys, for the setting dashboard.keys
    Keys,
}

/// Flags of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only show where the control database stands; exit 1 when a migration is missing
    #[arg(long)]
    pub status: bool,
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page per command into this folder instead
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}
