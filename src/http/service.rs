//! What the routes share: the settings, the system once it is up, and whether the service stops.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::health::Readiness;
use super::measure::{RequestCounts, Requests};
use super::origin::Origins;
use super::tls::Certificates;
use crate::model::token::TokenHash;
use crate::settings::Settings;
use crate::system::System;
use crate::system::metrics::Metrics;

/// The service as its routes see it.
pub struct Service {
    /// The settings that it began with.
    pub settings: Arc<Settings>,
    /// The same, and what of them has changed since.
    now: RwLock<Arc<Settings>>,
    /// Setting `security.api_token`.
    own_token: RwLock<Option<TokenHash>>,
    /// The sync system, once it is up.
    pub system: OnceLock<System>,
    /// No more work is taken.
    pub stopping: AtomicBool,
    /// Requests, as they are counted.
    pub requests: Arc<Requests>,
    /// What the service is measured by.
    pub metrics: Metrics,
    /// Whether only this machine reaches the listener.
    pub on_loopback: bool,
    /// From where requests may come.
    pub origins: Arc<Origins>,
    /// With TLS.
    pub certificates: Option<Arc<Certificates>>,
}

impl Service {
    /// A service that is not up yet and will listen at `address`.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        own_token: Option<TokenHash>,
        address: SocketAddr,
        certificates: Option<Arc<Certificates>>,
    ) -> Self {
        let origins = Origins::new(&[&settings.instance.name, &settings.server.host]);
        origins.set(&settings.server.cors_origins);
        let requests = Arc::new(Requests::default());
        Self {
            metrics: Metrics::new(vec![Box::new(RequestCounts(Arc::clone(&requests)))]),
            requests,
            now: RwLock::new(Arc::clone(&settings)),
            own_token: RwLock::new(own_token),
            settings,
            system: OnceLock::new(),
            stopping: AtomicBool::new(false),
            on_loopback: address.ip().to_canonical().is_loopback(),
            origins: Arc::new(origins),
            certificates,
        }
    }

    /// The settings in force: what may change without a restart is as it was read last.
    #[must_use]
    pub fn settings_now(&self) -> Arc<Settings> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Setting `security.api_token`, hashed.
    #[must_use]
    pub fn own_token(&self) -> Option<TokenHash> {
        let token = self.own_token.read();
        *token.unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes by settings that were read again; `own_token` is `security.api_token`.
    pub fn take_over(&self, settings: Settings, own_token: Option<TokenHash>) {
        self.origins.set(&settings.server.cors_origins);
        if let Some(system) = self.system.get() {
            system.reload(&settings);
        }
        *self
            .own_token
            .write()
            .unwrap_or_else(PoisonError::into_inner) = own_token;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Whether it lives: nothing that it needs to work is stuck. What it waits for is no matter.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.system.get().is_none_or(System::is_alive)
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
