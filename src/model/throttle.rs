//! Limits on what is done to a server: a word for a set of them, or each by itself.

use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Limits on what we do to a server, as its owner writes them.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ThrottleSpec {
    /// No limits.
    None,
    /// The default limits of a source.
    #[default]
    Standard,
    /// Tight limits for a busy server.
    Gentle,
    /// These.
    Own(Limits),
}

/// Single limits; what is `None` or empty is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Statements that run on the server at once, ours not counted.
    pub max_threads_running: Option<u32>,
    /// Replication delay of the server, where it is a replica, and of each of `replicas`.
    pub max_lag: Option<Duration>,
    /// `host:port` of replicas whose delay counts, reached with the server's own credentials.
    pub replicas: Vec<String>,
    /// One SQL statement; its first value NULL, 0 or empty means: go on.
    pub query: Option<String>,
    /// Rows that all workers of an instance together move in a second.
    pub max_rows_per_second: Option<u64>,
    /// MiB that all workers of an instance together move in a second.
    pub max_mib_per_second: Option<u64>,
}

impl Limits {
    /// Bytes that may be moved in a second.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.max_mib_per_second.map(|mib| mib.saturating_mul(MIB))
    }

    /// Whether the server has to be asked something to hold them.
    #[must_use]
    pub fn are_measured(&self) -> bool {
        self.max_threads_running.is_some() || self.max_lag.is_some() || self.query.is_some()
    }
}

impl ThrottleSpec {
    /// The words that stand for a set of limits.
    pub const WORDS: &'static [&'static str] = &["none", "standard", "gentle"];

    /// The spec that a word stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "standard" => Some(Self::Standard),
            "gentle" => Some(Self::Gentle),
            _ => None,
        }
    }

    /// The word for it, if there is one.
    #[must_use]
    pub fn word(&self) -> Option<&'static str> {
        match self {
            Self::None => Some("none"),
            Self::Standard => Some("standard"),
            Self::Gentle => Some("gentle"),
            Self::Own(_) => None,
        }
    }

    /// As a person reads it: the word, or the limits by name.
    #[must_use]
    pub fn shown(&self) -> String {
        use super::duration::format_duration;
        let Self::Own(own) = self else {
            return self.word().unwrap_or_default().to_owned();
        };
        let mut parts = Vec::new();
        let mut part = |name: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{name}: {value}")));
        };
        part(
            "max_threads_running",
            own.max_threads_running.map(|n| n.to_string()),
        );
        part("max_lag", own.max_lag.map(format_duration));
        part(
            "replicas",
            (!own.replicas.is_empty()).then(|| format!("[{}]", own.replicas.join(", "))),
        );
        part("query", own.query.clone());
        part(
            "max_rows_per_second",
            own.max_rows_per_second.map(|n| n.to_string()),
        );
        part(
            "max_mib_per_second",
            own.max_mib_per_second.map(|n| n.to_string()),
        );
        format!("{{{}}}", parts.join(", "))
    }

    /// The limits that it stands for.
    #[must_use]
    pub fn limits(&self) -> Limits {
        match self {
            Self::None => Limits::default(),
            Self::Standard => Limits {
                max_threads_running: Some(64),
                max_lag: Some(Duration::from_secs(10)),
                ..Limits::default()
            },
            Self::Gentle => Limits {
                max_threads_running: Some(16),
                max_lag: Some(Duration::from_secs(2)),
                max_mib_per_second: Some(20),
                ..Limits::default()
            },
            Self::Own(limits) => limits.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_stand_for_what_is_written_of_them() {
        for word in ThrottleSpec::WORDS {
            let spec = ThrottleSpec::parse(word).unwrap();
            assert_eq!(spec.word(), Some(*word));
            assert_eq!(spec.shown(), *word);
        }
        assert_eq!(ThrottleSpec::None.limits(), Limits::default());
        let standard = ThrottleSpec::default().limits();
        assert_eq!(standard.max_threads_running, Some(64));
        assert_eq!(standard.max_lag, Some(Duration::from_secs(10)));
        assert_eq!(standard.bytes_per_second(), None);
        let gentle = ThrottleSpec::Gentle.limits();
        assert_eq!(gentle.max_threads_running, Some(16));
        assert_eq!(gentle.max_lag, Some(Duration::from_secs(2)));
        assert_eq!(gentle.bytes_per_second(), Some(20 << 20));
    }

    #[test]
    fn own_limits_are_shown_by_name() {
        let spec = ThrottleSpec::Own(Limits {
            max_lag: Some(Duration::from_secs(90)),
            replicas: vec!["r1:3306".to_owned(), "r2:3306".to_owned()],
            max_mib_per_second: Some(5),
            ..Limits::default()
        });
        assert_eq!(
            spec.shown(),
            "{max_lag: 1m 30s, replicas: [r1:3306, r2:3306], max_mib_per_second: 5}"
        );
    }
}
