//! Secrets: text, or a reference to where the text is.
//!
//! Text never reaches `Debug`, `Display`, `Serialize` or an error. References (`${env:NAME}`,
//! `${file:PATH}`) are not secret and are shown as written.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A secret as it was given. Resolving a reference is I/O and lives in `settings`.
#[derive(Clone)]
pub enum Secret {
    /// The secret itself.
    Text(SecretString),
    /// `${env:NAME}`: the value of an environment variable at each use.
    Env(String),
    /// `${file:PATH}`: the content of a file at each use, one trailing newline cut.
    File(String),
}

impl Secret {
    /// Reads a value as typed: a whole-value reference or text.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let inner = value
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        match inner.and_then(|inner| inner.split_once(':')) {
            Some(("env", name)) if !name.is_empty() => Self::Env(name.to_owned()),
            Some(("file", path)) if !path.is_empty() => Self::File(path.to_owned()),
            _ => Self::Text(SecretString::from(value.to_owned())),
        }
    }

    /// `${env:…}` or `${file:…}` as written; `None` for text.
    #[must_use]
    pub fn reference(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::Env(name) => Some(format!("${{env:{name}}}")),
            Self::File(path) => Some(format!("${{file:{path}}}")),
        }
    }

    /// What may be shown: the reference as written, or `***`.
    #[must_use]
    pub fn masked(&self) -> String {
        self.reference().unwrap_or_else(|| "***".to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.expose_secret() == b.expose_secret(),
            (Self::Env(a), Self::Env(b)) | (Self::File(a), Self::File(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_whole_values_only() {
        assert_eq!(
            Secret::parse("${env:A}").reference().as_deref(),
            Some("${env:A}")
        );
        assert_eq!(
            Secret::parse("${file:/a b}").reference().as_deref(),
            Some("${file:/a b}")
        );
        for text in ["x${env:A}", "${env:A}x", "${other:A}", "${env:}", "${}"] {
            assert_eq!(Secret::parse(text).reference(), None, "{text}");
        }
    }

    #[test]
    fn text_is_never_shown() {
        let secret = Secret::parse("canary");
        assert!(!format!("{secret:?} {}", secret.masked()).contains("canary"));
    }
}
