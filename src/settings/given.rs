//! What settings are read from, and what comes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::errors::key_shown;
use super::origin::Origin;
use super::types::Settings;
use super::value::Value;

/// What settings are read from; everything outside is handed in, so that tests can.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--set` and the flags that stand for a key, in the order of the command line; the last wins.
    pub sets: Vec<FlagValue>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// What relative paths start from.
    pub cwd: PathBuf,
}

impl LoadOptions {
    /// Environment and current folder of this process; `HOME` is filled in from the account where
    /// it is not set.
    #[must_use]
    pub fn of_process() -> Self {
        let mut env: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect();
        if !env.contains_key("HOME")
            && let Ok(home) = etcetera::home_dir()
        {
            env.insert("HOME".to_owned(), home.to_string_lossy().into_owned());
        }
        Self {
            env,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            ..Self::default()
        }
    }
}

/// One value from the command line.
#[derive(Clone)]
pub struct FlagValue {
    pub(super) flag: String,
    pub(super) key: String,
    pub(super) value: Option<String>,
}

impl FlagValue {
    /// The argument of `--set`: `KEY=VALUE`.
    #[must_use]
    pub fn set(argument: &str) -> Self {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.to_owned())),
            None => (argument.trim(), None),
        };
        Self {
            flag: format!("--set {}", key_shown(key)),
            key: key.to_owned(),
            value,
        }
    }

    /// A flag that stands for a key: `--log-level` for `logging.level`.
    #[must_use]
    pub fn named(flag: &str, key: &str, value: impl Into<String>) -> Self {
        Self {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value: Some(value.into()),
        }
    }
}

impl fmt::Debug for FlagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.flag)
    }
}

/// Settings that are in force.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Where each key came from.
    pub origins: BTreeMap<&'static str, Origin>,
    /// What is odd, but no error.
    pub warnings: Vec<Warning>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    pub(super) values: Values,
}

/// Something odd about the settings that is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub origin: Origin,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Values with their origin, by key.
pub(super) type Values = BTreeMap<&'static str, (Value, Origin)>;
