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

mod elsewhere;
mod endpoints;
mod health;
mod live;
pub mod metrics;
mod notifications;
mod open;
mod retry;
mod shared;
mod status;
mod who;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::elsewhere::Look;
pub use self::live::LiveSettings;
use self::live::{defaults, tuning};
use self::open::process_facts;
pub use self::shared::Role;
use self::shared::Shared;
pub use self::who::requested_by;
use crate::jobs::{Engine, EventHub, EventStream, StopHow};
use crate::model::command::Refusal;
use crate::model::status::{DatabaseStatus, Status};
use crate::services::{Live, Services, SettingsCell, status_without_database};
use crate::settings::Settings;
use crate::store::{self, MigrationStatus};

/// What stands for `0s` of `server.shutdown_timeout`.
const NO_LIMIT: Duration = Duration::from_secs(86_400 * 365);
/// How long jobs may take, once they are stopped at once, before the stop goes on without them.
const AT_ONCE: Duration = Duration::from_secs(15);
/// How long the control database's sessions may take to close.
const CLOSING: Duration = Duration::from_secs(5);

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

impl System {
    /// Starts everything in order: control database and its migrations, engine, services.
    ///
    /// # Errors
    /// For [`Role::OneShot`] whatever keeps the control database from being used, at once; for
    /// [`Role::Headless`] only what no wait can mend (a wrong key, a program that is too old); a
    /// dashboard opens and tells.
    pub async fn start(settings: Arc<Settings>, role: Role) -> Result<Self, Refusal> {
        Self::start_live(settings, SettingsCell::default(), role).await
    }

    /// The same with settings that may change; `cell` is told how they stand.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_live(
        settings: Arc<Settings>,
        cell: SettingsCell,
        role: Role,
    ) -> Result<Self, Refusal> {
        let shared = Arc::new(Shared {
            facts: process_facts(&settings, cell),
            health_interval: watch::Sender::new(settings.sync.health_interval),
            notifications: watch::Sender::new(settings.notifications.clone()),
            defaults: Live::new(defaults(&settings)),
            settings: Live::new(settings),
            role,
            hub: EventHub::default(),
            looks: watch::Sender::default(),
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
        if role == Role::Headless {
            system.tasks.spawn(notifications::tell(Arc::clone(&shared)));
            system.tasks.spawn(elsewhere::look(Arc::clone(&shared)));
        }
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
            status.pool = open.store.pool_status();
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
        let shared = &self.shared;
        let settings = shared.settings.get().with_live_of(settings);
        let interval = settings.sync.health_interval;
        shared.defaults.set(defaults(&settings));
        shared.settings.set(Arc::new(settings.clone()));
        if let Some(engine) = self.engine() {
            engine.tune(tuning(&settings));
            engine.set_labels(&settings.instance.labels);
        }
        shared.health_interval.send_if_modified(|now| {
            let changed = *now != interval;
            *now = interval;
            changed
        });
        let rules = settings.notifications.clone();
        let _before = shared.notifications.send_replace(rules);
    }

    /// Whether the engine's loops come round. A control database that is away is no reason for them
    /// not to; neither is one that was never there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let limit = live::longest_round(&self.shared.settings.get());
        self.engine().is_none_or(|engine| engine.is_alive(limit))
    }

    /// Takes no jobs for a while and hands those back that run, after their batch: for a process
    /// that is about to be stopped from outside. `false`: a job has not ended in time.
    pub async fn park(&self) -> bool {
        match self.engine() {
            Some(engine) => {
                let timeout = self.shared.settings.get().server.shutdown_timeout;
                engine.park(timeout).await
            }
            None => true,
        }
    }

    /// Takes jobs again after [`Self::park`].
    pub fn unpark(&self) {
        if let Some(engine) = self.engine() {
            engine.unpark();
        }
    }

    /// Every event of the engine from here on; may be asked for before there is an engine.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.shared.hub.subscribe()
    }

    /// The same for whoever watches over a network: jobs never wait for it.
    #[must_use]
    pub fn events_hastily(&self) -> EventStream {
        self.shared.hub.subscribe_hastily()
    }

    /// The jobs of all processes that have not ended, looked at each second while anybody listens; in
    /// a service only.
    #[must_use]
    pub fn looks(&self) -> watch::Receiver<Look> {
        self.shared.looks.subscribe()
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
            let limit = shared.settings.get().server.shutdown_timeout;
            let limit = if limit.is_zero() { NO_LIMIT } else { limit };
            let stopping = engine.shutdown(how, limit);
            let bound = limit.saturating_add(AT_ONCE);
            if tokio::time::timeout(bound, stopping).await.is_ok() {
                shared.step("job engine stopped");
                shared.step("connections to sources closed");
            } else {
                let waited = bound.as_secs();
                shared.failed_step(&format!(
                    "the job engine did not stop within {waited} s: its sessions are dropped"
                ));
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
        shared.step("sync system stopped");
        if let Some(store) = store {
            if tokio::time::timeout(CLOSING, store.close()).await.is_ok() {
                shared.step("control database closed");
            } else {
                let waited = CLOSING.as_secs();
                shared.failed_step(&format!(
                    "the control database was not closed within {waited} s: its sessions are dropped"
                ));
            }
        }
        shared.hub.close();
    }
}
