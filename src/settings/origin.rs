//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from, as it is shown beside the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table of keys.
    Default,
    /// Worked out from the surroundings: the text says from what.
    Derived(String),
    /// The settings file.
    File {
        /// As it was found.
        path: PathBuf,
        /// Counted from 1; `None` is the file as a whole.
        line: Option<usize>,
    },
    /// The environment variable of this name.
    Env(String),
    /// The command line flag as it is spelled, without the value.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(from) => write!(f, "default: {from}"),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Env(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}
