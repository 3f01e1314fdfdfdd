//! What of the settings changes while the services work, shared by all clones of them.

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::cron::Zone;
use crate::model::status::SettingsStatus;
use crate::model::throttle::ThrottleSpec;

/// A value that everybody who holds it sees change.
#[derive(Debug, Clone, Default)]
pub struct Live<T>(Arc<RwLock<T>>);

impl<T: Clone> Live<T> {
    /// With this value at first.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// The value at this moment.
    #[must_use]
    pub fn get(&self) -> T {
        let value = self.0.read().unwrap_or_else(PoisonError::into_inner);
        value.clone()
    }

    /// Puts another value in force.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }

    /// Changes the value.
    pub fn change(&self, how: impl FnOnce(&mut T)) {
        how(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How the settings stand: when they were read, what is wrong with the file, what needs a restart.
pub type SettingsCell = Live<SettingsStatus>;

/// What holds where a config says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// Setting `sync.batch_size`.
    pub batch_size: u32,
    /// Setting `sync.timezone`.
    pub timezone: Zone,
    /// Setting `sync.throttle`.
    pub throttle: ThrottleSpec,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            batch_size: 1000,
            timezone: Zone::UTC,
            throttle: ThrottleSpec::None,
        }
    }
}
