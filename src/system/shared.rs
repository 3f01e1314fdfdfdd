//! What the tasks of the system share: what this process is, and whether the control database is
//! open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::elsewhere::Look;
use super::endpoints::Servers;
use crate::jobs::{Engine, EventHub};
use crate::model::notification::NotificationRule;
use crate::model::status::DatabaseStatus;
use crate::services::{Defaults, Live, ProcessFacts, Services};
use crate::settings::Settings;
use crate::store::Store;

/// What this process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person looks on; it opens without a control database and keeps trying.
    Dashboard,
    /// A service; it starts without a control database and keeps trying.
    Headless,
    /// One command; without a control database it is refused.
    OneShot,
}

/// An open control database and what works over it.
pub struct Open {
    /// The control database.
    pub store: Store,
    /// Flavour and version of its server.
    pub server: String,
    /// The engine, unless the settings forbid it.
    pub engine: Option<Arc<Engine>>,
    /// What fronts ask.
    pub services: Services,
    /// How sources are reached.
    pub servers: Arc<Servers>,
}

/// What the system's tasks share.
pub struct Shared {
    /// The settings in force.
    pub settings: Live<Arc<Settings>>,
    pub role: Role,
    pub hub: EventHub,
    /// The jobs of all processes, looked at while anybody listens.
    pub looks: watch::Sender<Look>,
    pub facts: ProcessFacts,
    pub stopping: CancellationToken,
    /// What holds where a config says nothing.
    pub defaults: Live<Defaults>,
    /// `sync.health_interval` as it is now.
    pub health_interval: watch::Sender<Duration>,
    /// `notifications` as they are now.
    pub notifications: watch::Sender<Vec<NotificationRule>>,
    pub state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    /// As of the last attempt or sign of life.
    pub database: DatabaseStatus,
    pub open: Option<Open>,
}

impl Shared {
    /// The control database answers and everything over it is up. Closed again when the system is
    /// being stopped already.
    pub fn set_open(&self, open: Open) {
        let mut state = self.lock();
        state.database = DatabaseStatus {
            connected: true,
            server: Some(open.server.clone()),
            ..DatabaseStatus::default()
        };
        state.open = Some(open);
    }

    /// The control database does not answer, and is tried again after `wait`.
    pub fn set_down(&self, error: String, wait: Duration) {
        let mut state = self.lock();
        state.database.connected = false;
        state.database.error = Some(error);
        state.database.retry_at = Some(Utc::now() + wait);
    }

    /// The control database answers again.
    pub fn set_up(&self) {
        let mut state = self.lock();
        state.database.connected = true;
        state.database.error = None;
        state.database.retry_at = None;
    }

    pub fn store(&self) -> Option<Store> {
        self.lock().open.as_ref().map(|open| open.store.clone())
    }

    /// A step of start and stop; of interest where the process stays.
    pub fn step(&self, what: &str) {
        if self.role == Role::OneShot {
            tracing::debug!(target: "db_taxi::system", "{what}");
        } else {
            tracing::info!(target: "db_taxi::system", "{what}");
        }
    }

    /// A step of the stop that did not go well; the next one is taken all the same.
    pub fn failed_step(&self, what: &str) {
        tracing::error!(target: "db_taxi::system", "{what}");
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
