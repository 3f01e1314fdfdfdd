//! Flags of `config`, `migrate`, `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Settings. Only `rekey` needs a database.
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
    /// Change the key that seals stored passwords
    Rekey(RekeyArgs),
}

/// Flags of `config rekey`.
#[derive(Debug, Args)]
#[command(after_help = "\
The new key comes first in the key file; the older ones stay behind it. They open backups of the \
control database, and the masks that hash follow from the oldest. Cut off at any point, both keys \
are there, and the same command goes on.")]
pub struct RekeyArgs {
    /// Only put the new key into the key file, for other instances to have before it seals anything
    #[arg(long)]
    pub stage: bool,
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

/// Flags of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Write everything that a report of a fault needs into this file, passwords masked
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
}
