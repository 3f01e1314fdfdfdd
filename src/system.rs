//! The sync system as a whole: starts and stops the floors below in order.
//!
//! Owns the wiring: endpoints from the settings, the control database and its absence, the engine,
//! the services. Must not know: how any of them works, or which front looks on. Called by `cli`.

use std::sync::Arc;

use crate::jobs::{Engine, EventHub, EventStream, StopHow};
use crate::model::command::Refusal;
use crate::model::status::DatabaseStatus;
use crate::settings::Settings;

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

/// The running sync system.
pub struct System {
    events: EventHub,
}

impl System {
    /// Starts everything in order: control database and its migrations, engine, services.
    ///
    /// # Errors
    /// `DatabaseUnavailable` for [`Role::OneShot`]; for the others only what no wait can mend.
    pub async fn start(settings: Arc<Settings>, role: Role) -> Result<Self, Refusal> {
        let _ = (settings, role);
        Ok(Self {
            events: EventHub::default(),
        })
    }

    /// The job engine; `None` while the control database is down, and with `sync.enabled: false`.
    #[must_use]
    pub fn engine(&self) -> Option<Arc<Engine>> {
        None
    }

    /// The control database as it was last seen.
    #[must_use]
    pub fn database(&self) -> DatabaseStatus {
        DatabaseStatus::default()
    }

    /// Every event of the engine from here on; may be asked for before there is an engine.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.events.subscribe()
    }

    /// Stops everything in order: engine (jobs checkpointed), connections to sources, control
    /// database. Called again while it waits, it stops jobs at once.
    pub async fn shutdown(&self, how: StopHow) {
        let _ = how;
        self.events.close();
    }
}
