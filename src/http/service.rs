//! What the routes share: the settings, the system once it is up, and whether the service stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::health::Readiness;
use crate::settings::Settings;
use crate::system::System;

/// The service as its routes see it.
pub struct Service {
    /// The settings that it began with.
    pub settings: Arc<Settings>,
    /// The sync system, once it is up.
    pub system: OnceLock<System>,
    /// No more work is taken.
    pub stopping: AtomicBool,
}

impl Service {
    /// A service that is not up yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            system: OnceLock::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Whether it can do what it is for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if self.stopping.load(Ordering::Relaxed) {
            return Readiness::NotReady("shutting_down");
        }
        match self.system.get() {
            None => Readiness::NotReady("starting"),
            Some(system) if system.services().is_none() || !system.database().connected => {
                Readiness::NotReady("database_unavailable")
            }
            Some(_) => Readiness::Ready,
        }
    }
}
