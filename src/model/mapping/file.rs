//! Mapping documents as fronts hand them round.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::writer::Format;

/// A document as it was read from a file. Its text may hold passwords and is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct MappingFile {
    /// Its text.
    pub text: String,
    /// YAML or JSON.
    pub format: Format,
}

impl fmt::Debug for MappingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingFile")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// What an import did, or with `dry_run` would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// `connection NAME` and `config NAME` of what was made.
    pub created: Vec<String>,
    /// Of what was changed.
    pub updated: Vec<String>,
    /// Of what was the same already.
    pub unchanged: Vec<String>,
    /// Unified diff from what was stored to what is, passwords masked; empty when nothing changes.
    pub diff: String,
}
