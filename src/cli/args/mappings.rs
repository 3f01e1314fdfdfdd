//! Flags of `mappings`.

use clap::{Args, Subcommand};

/// The mapping document.
#[derive(Debug, Subcommand)]
pub enum MappingsCommand {
    /// Create and update what a mapping names; deletes nothing
    Import(ImportArgs),
    /// Print stored connections and configs as a mapping
    Export(ExportArgs),
    /// Hold a mapping, or what is stored, against the live servers
    Check(CheckArgs),
}

/// Flags of `mappings import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Mapping in YAML or JSON; - is stdin
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

/// Flags of `mappings export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Configs or connections, by name; all when none is given
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Include passwords in plain text
    #[arg(long)]
    pub with_secrets: bool,
    /// Write here; - is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: String,
}

/// Flags of `mappings check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Mapping in YAML or JSON; - is stdin. Without one, what is stored
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
}
