//! The sync system as a whole: starts and stops the floors below in order.
//!
//! Owns the wiring: endpoints from the settings, the control database and its absence, the engine,
//! the services. Must not know: how any of them works, or which front looks on. Called by `cli`,
//! `dashboard` and `http`.
//!
//! ```text
//!   start: control database, its tables ─► engine ─► services
//!   stop:  engine (jobs checkpointed) ─► connections to sources ─► control database
//! ```

mod endpoints;
mod health;
mod open;
mod retry;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::open::{Open, process_facts};
use crate::jobs::{Engine, EventHub, EventStream, StopHow};
use crate::model::command::Refusal;
use crate::model::status::{DatabaseStatus, Status};
use crate::services::{ProcessFacts, Services, status_without_database};
use crate::settings::Settings;
use crate::store::{self, MigrationStatus, Store};

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

/// Where the control database stands; changes nothing.
///
/// # Errors
/// When it can't be reached or refuses.
pub async fn migration_status(settings: &Settings) -> Result<Vec<MigrationStatus>, Refusal> {
    let options = open::store_options(settings).map_err(|problem| problem.refusal)?;
    store::migration_status(&options)
        .await
        .map_err(|error| open::Problem::from(error).refusal)
}

/// The running sync system.
pub struct System {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// What the system's tasks share.
struct Shared {
    settings: Arc<Settings>,
    role: Role,
    hub: EventHub,
    facts: ProcessFacts,
    stopping: CancellationToken,
    /// `sync.health_interval` as it is now.
    health_interval: watch::Sender<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As of the last attempt or sign of life.
    database: DatabaseStatus,
    open: Option<Open>,
}

impl System {
    /// Starts everything in order: control database and its migrations, engine, services.
    ///
    /// # Errors
    /// For [`Role::OneShot`] whatever keeps the control database from being used, at once; for
    /// [`Role::Headless`] only what no wait can mend (a wrong key, a program that is too old); a
    /// dashboard opens and tells.
    pub async fn start(settings: Arc<Settings>, role: Role) -> Result<Self, Refusal> {
        let shared = Arc::new(Shared {
            facts: process_facts(&settings),
            health_interval: watch::Sender::new(settings.sync.health_interval),
            settings,
            role,
            hub: EventHub::default(),
            stopping: CancellationToken::new(),
            state: Mutex::default(),
        });
        let system = Self {
            shared: Arc::clone(&shared),
            tasks: TaskTracker::new(),
        };
        if role == Role::OneShot {
            let open = open::open(&shared)
                .await
                .map_err(|problem| problem.refusal)?;
            shared.set_open(open);
            return Ok(system);
        }
        let (tell, told) = oneshot::channel();
        system.tasks.spawn(health::watch(Arc::clone(&shared)));
        system.tasks.spawn(retry::keep_open(shared, tell));
        // A dashboard opens at once; what comes of it, is in `database()`.
        if role == Role::Headless {
            told.await.unwrap_or(Ok(()))?;
        }
        Ok(system)
    }

    /// What fronts ask; `None` while the control database has never answered.
    #[must_use]
    pub fn services(&self) -> Option<Services> {
        let state = self.shared.lock();
        state.open.as_ref().map(|open| open.services.clone())
    }

    /// The job engine; `None` while the control database has never answered, and with
    /// `sync.enabled: false`.
    #[must_use]
    pub fn engine(&self) -> Option<Arc<Engine>> {
        let state = self.shared.lock();
        state.open.as_ref().and_then(|open| open.engine.clone())
    }

    /// The control database as it was last seen.
    #[must_use]
    pub fn database(&self) -> DatabaseStatus {
        let state = self.shared.lock();
        let mut status = state.database.clone();
        if let Some(open) = &state.open {
            status.pool = open.store.pool().status();
        }
        status
    }

    /// Status of this process while there are no [`Self::services`] to ask.
    #[must_use]
    pub fn status_without_services(&self) -> Status {
        status_without_database(&self.shared.facts, self.database())
    }

    /// Takes over what may change of the settings without a restart.
    pub fn reload(&self, settings: &Settings) {
        let interval = settings.sync.health_interval;
        self.shared.health_interval.send_if_modified(|now| {
            let changed = *now != interval;
            *now = interval;
            changed
        });
    }

    /// Every event of the engine from here on; may be asked for before there is an engine.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.shared.hub.subscribe()
    }

    /// Stops everything in order: engine (jobs checkpointed), connections to sources, control
    /// database. Jobs have `server.shutdown_timeout` for the batch in hand. Called again while it
    /// waits, it stops jobs at once.
    pub async fn shutdown(&self, how: StopHow) {
        let shared = &self.shared;
        shared.stopping.cancel();
        let (store, engine) = {
            let state = shared.lock();
            let open = state.open.as_ref();
            (
                open.map(|open| open.store.clone()),
                open.and_then(|open| open.engine.clone()),
            )
        };
        if let Some(engine) = engine {
            engine
                .shutdown(how, shared.settings.server.shutdown_timeout)
                .await;
            shared.step("job engine stopped, connections to sources closed");
        }
        self.tasks.close();
        self.tasks.wait().await;
        if let Some(store) = store {
            store.close().await;
            shared.step("control database closed");
        }
        shared.hub.close();
    }
}

impl Shared {
    /// The control database answers and everything over it is up. Closed again when the system is
    /// being stopped already.
    fn set_open(&self, open: Open) {
        let mut state = self.lock();
        state.database = DatabaseStatus {
            connected: true,
            server: Some(open.server.clone()),
            ..DatabaseStatus::default()
        };
        state.open = Some(open);
    }

    /// The control database does not answer, and is tried again after `wait`.
    fn set_down(&self, error: String, wait: Duration) {
        let mut state = self.lock();
        state.database.connected = false;
        state.database.error = Some(error);
        state.database.retry_at = Some(Utc::now() + wait);
    }

    /// The control database answers again.
    fn set_up(&self) {
        let mut state = self.lock();
        state.database.connected = true;
        state.database.error = None;
        state.database.retry_at = None;
    }

    fn store(&self) -> Option<Store> {
        self.lock().open.as_ref().map(|open| open.store.clone())
    }

    /// A step of start and stop; of interest where the process stays.
    fn step(&self, what: &str) {
        if self.role == Role::OneShot {
            tracing::debug!(target: "db_taxi::system", "{what}");
        } else {
            tracing::info!(target: "db_taxi::system", "{what}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
