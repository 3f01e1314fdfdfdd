//! What differs between two readings of the settings, key by key, and what of it takes effect
//! without a restart.

use std::fmt;

use super::given::Loaded;
use super::keys::{KEYS, Key, Kind};
use super::types::Settings;
use super::value::Value;

/// A key whose value is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub key: &'static str,
    /// Whether it takes effect without a restart.
    pub live: bool,
    /// Both values as they may be shown; `None` where nothing of them may.
    values: Option<(String, String)>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.values {
            Some((old, new)) => write!(f, "{}: {new}, was {old}", self.key),
            None => write!(f, "{} has changed", self.key),
        }
    }
}

/// Every key that has another value in `new` than in `old`, in the order of the file.
#[must_use]
pub fn changes(old: &Loaded, new: &Loaded) -> Vec<Change> {
    let value = |loaded: &Loaded, key: &Key| {
        let found = loaded.values.get(key.name);
        found.map_or(Value::Unset, |(value, _)| value.clone())
    };
    KEYS.iter()
        .filter_map(|key| {
            let (old, new) = (value(old, key), value(new, key));
            (old != new).then(|| Change {
                key: key.name,
                live: key.live,
                values: may_be_told(key.kind).then(|| (old.shown(), new.shown())),
            })
        })
        .collect()
}

/// Whether a value of this kind holds no secret, not even a reference to one, and fits a line.
fn may_be_told(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Text
            | Kind::OptionalText
            | Kind::Name
            | Kind::Word(_)
            | Kind::Flag
            | Kind::Number { .. }
            | Kind::Duration { .. }
            | Kind::Size { .. }
            | Kind::List
            | Kind::Words(_)
            | Kind::Zone
            | Kind::Throttle
            | Kind::Levels
    )
}

impl Settings {
    /// These settings, and of `new` what takes effect without a restart: the keys that the table
    /// of keys calls live.
    #[must_use]
    pub fn with_live_of(&self, new: &Self) -> Self {
        let mut all = self.clone();
        all.server.shutdown_timeout = new.server.shutdown_timeout;
        let (sync, of) = (&mut all.sync, &new.sync);
        sync.max_concurrency = of.max_concurrency;
        sync.batch_size = of.batch_size;
        sync.retry_attempts = of.retry_attempts;
        sync.retry_delay = of.retry_delay;
        sync.job_timeout = of.job_timeout;
        sync.cleanup_age = of.cleanup_age;
        sync.health_interval = of.health_interval;
        sync.timezone = of.timezone;
        sync.throttle.clone_from(&of.throttle);
        all.logging.level = new.logging.level;
        all.logging.modules.clone_from(&new.logging.modules);
        all.dashboard.clone_from(&new.dashboard);
        all.instance.labels.clone_from(&new.instance.labels);
        all.server.cors_origins.clone_from(&new.server.cors_origins);
        all.security.api_token.clone_from(&new.security.api_token);
        all.notifications.clone_from(&new.notifications);
        all
    }
}
