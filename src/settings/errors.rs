//! What is wrong with the settings: all of it at once, each with its place.

use std::fmt;

use super::origin::Origin;
use crate::model::finding::Finding;

/// One thing that is wrong. Never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Where the value came from.
    pub origin: Origin,
    /// Which key (`sync.batch_size`); `None` is the file or flag as a whole.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What is allowed, or what to do.
    pub allowed: Option<String>,
}

impl SettingError {
    pub(super) fn new(origin: Origin, key: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            origin,
            key: key.map(str::to_owned),
            message: message.into(),
            allowed: None,
        }
    }

    pub(super) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// The same in the form that every front shows.
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        let line = match &self.origin {
            Origin::File { line, .. } => *line,
            _ => None,
        };
        Finding {
            path: self.key.clone().unwrap_or_default(),
            line,
            message: format!("{} (from {})", self.message, self.origin),
            remedy: self.allowed.clone(),
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(allowed) = &self.allowed {
            write!(f, "; {allowed}")?;
        }
        Ok(())
    }
}

/// A key nobody knows, as far as it is surely a key: `password:secret` without a blank is one long
/// key to YAML, and what follows the name must not be repeated.
pub(super) fn key_shown(name: &str) -> String {
    const MOST: usize = 60;
    let plain: String = name
        .chars()
        .take(MOST)
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        .collect();
    if plain.len() == name.len() {
        plain
    } else {
        format!("{plain}…")
    }
}

/// Everything that is wrong with the settings, in the order of file, environment, flags; one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}
