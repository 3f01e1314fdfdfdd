//! What is asked for about configs beside reading and starting them, and what comes back.

use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::ids::ConfigId;
use crate::model::mapping::{ImportOutcome, MappingFile};

/// Which stored config is changed, and as of which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Its id.
    pub id: ConfigId,
    /// The version that was looked at; another one is not overwritten.
    pub version: u64,
}

/// A config to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Saving {
    /// What it replaces; `None` makes a new one.
    pub base: Option<Base>,
    /// What it is to be.
    pub spec: ConfigSpec,
}

/// Something to be done with configs; each ends as one [`ConfigTold`].
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigAsk {
    /// Let `run` and schedules start it, or not.
    SetEnabled {
        /// Which.
        id: ConfigId,
        /// Its name, for what is said.
        name: String,
        /// Whether they may.
        enabled: bool,
    },
    /// Remove a config with its checkpoints. Send after a typed confirmation only.
    Delete {
        /// Which.
        id: ConfigId,
        /// Its name.
        name: String,
    },
    /// Store a config. Send after what changes was shown.
    Save(Box<Saving>),
    /// Read what is stored, after somebody else changed it.
    Read {
        /// Which.
        id: ConfigId,
    },
    /// Read a mapping file and say what its import would do; stores nothing.
    ReadFile {
        /// Where it is.
        path: String,
    },
    /// Import a document. Send after what changes was shown.
    Import {
        /// Where it was read, for what is said.
        path: String,
        /// What was read.
        file: MappingFile,
    },
    /// Write configs with their connections into a file.
    Export {
        /// Their names; all where there are none.
        names: Vec<String>,
        /// Where to.
        path: String,
        /// Whether a file that exists is replaced. Send after confirmation only.
        overwrite: bool,
    },
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum ConfigTold {
    /// Of [`ConfigAsk::SetEnabled`].
    Enabled {
        /// Name of the config.
        name: String,
        /// As it is now.
        result: Result<Box<Config>, Refusal>,
    },
    /// Of [`ConfigAsk::Delete`].
    Deleted {
        /// Which.
        id: ConfigId,
        /// Name of the config.
        name: String,
        /// Whether it is gone.
        result: Result<(), Refusal>,
    },
    /// Of [`ConfigAsk::Save`].
    Saved {
        /// What was to be stored.
        saving: Box<Saving>,
        /// As it is now.
        result: Result<Box<Config>, Refusal>,
    },
    /// Of [`ConfigAsk::Read`].
    Read {
        /// Which.
        id: ConfigId,
        /// As it is now.
        result: Result<Box<Config>, Refusal>,
    },
    /// Of [`ConfigAsk::ReadFile`].
    FileRead {
        /// Where it is.
        path: String,
        /// What it holds and what its import would do.
        result: Result<(MappingFile, ImportOutcome), Refusal>,
    },
    /// Of [`ConfigAsk::Import`].
    Imported {
        /// Where it was read.
        path: String,
        /// What was done.
        result: Result<ImportOutcome, Refusal>,
    },
    /// Of [`ConfigAsk::Export`].
    Exported {
        /// What was to be written.
        names: Vec<String>,
        /// Where to.
        path: String,
        /// Where it was written, in full.
        result: Result<String, Refusal>,
    },
}
