//! What the routes share: the settings, the system once it is up, and whether the service stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::health::Readiness;
use super::measure::{RequestCounts, Requests};
use crate::settings::Settings;
use crate::system::System;
use crate::system::metrics::Metrics;

/// The service as its routes see it.
pub struct Service {
    /// The settings that it began with.
    pub settings: Arc<Settings>,
    /// The sync system, once it is up.
    pub system: OnceLock<System>,
    /// No more work is taken.
    pub stopping: AtomicBool,
    /// Requests, as they are counted.
    pub requests: Arc<Requests>,
    /// What the service is measured by.
    pub metrics: Metrics,
}

impl Service {
    /// A service that is not up yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let requests = Arc::new(Requests::default());
        Self {
            metrics: Metrics::new(vec![Box::new(RequestCounts(Arc::clone(&requests)))]),
            requests,
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
            Some(system) if system.engine().is_some_and(|engine| !engine.is_beating()) => {
                Readiness::NotReady("engine_stuck")
            }
            Some(_) => Readiness::Ready,
        }
    }
}
