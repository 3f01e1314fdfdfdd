//! Opens the control database and everything over it.

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;

use super::endpoints::{Servers, local};
use super::shared::{Open, Role, Shared};
use super::who::requested_by;
use crate::jobs::{Endpoints, Engine, EngineOptions, QueueMode};
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::ids::InstanceId;
use crate::model::labels::{API, WORKER};
use crate::services::{JobRunner, ProcessFacts, Services, ServicesOptions, SettingsCell};
use crate::settings::{ServerSettings, Settings};
use crate::store::keys::{KEY_VARIABLE, KeyRing};
use crate::store::{Store, StoreError, StoreOptions};
use crate::sync::Throttles;

/// Why the control database can't be used.
pub struct Problem {
    /// As it is told.
    pub refusal: Refusal,
    /// Whether it may pass.
    pub passes: bool,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let passes = !matches!(error, StoreError::TooNew { .. } | StoreError::WrongKey(_));
        let refusal = match error {
            // Nothing is asked of it yet: whatever keeps it from opening makes it unavailable.
            StoreError::Mysql(inner) => Refusal::DatabaseUnavailable(inner.advised()),
            other => other.refusal(),
        };
        Self { refusal, passes }
    }
}

/// The control database as the settings name it.
pub fn store_options(settings: &Settings) -> Result<StoreOptions, Problem> {
    let local = local(&settings.database).map_err(|message| Problem {
        refusal: Refusal::Invalid(vec![Finding::new("database.password", message)]),
        passes: true,
    })?;
    Ok(StoreOptions {
        endpoint: Arc::new(local),
        database: settings.database.database.clone(),
        max_open: settings.database.max_open_conns,
        max_idle: settings.database.max_idle_conns,
        lease_ttl: settings.sync.lease_ttl,
        key: KeyRing::load(&settings.security.key_file)?,
    })
}

/// Opens the control database, brings its tables up to date, starts the engine, then the services.
pub async fn open(shared: &Shared) -> Result<Open, Problem> {
    let settings = shared.settings.get();
    let settings = &*settings;
    let options = store_options(settings)?;
    let local = Arc::clone(&options.endpoint);
    let store = Store::open(options).await?;
    let server = store
        .pool()
        .get()
        .await
        .map_err(StoreError::from)?
        .server()
        .shown();
    shared.step(&format!("control database open on {server}"));
    shared.step("tables of the control database are up to date");
    let servers = Arc::new(Servers::new(local, settings.security.mask_key.clone()));
    let endpoints: Arc<dyn Endpoints> = servers.clone();
    let instance = InstanceId::generate();
    let mut facts = shared.facts.clone();
    let engine = if settings.sync.enabled {
        let engine = Engine::new(engine_options(shared, &store, instance, &endpoints));
        if shared.role != Role::OneShot {
            facts.instance_name = engine.enter().await?;
            engine.start(queue_mode(shared));
            shared.step(&format!(
                "job engine started as instance {}",
                facts.instance_name
            ));
        }
        Some(engine)
    } else {
        shared.step("no job engine: sync.enabled is false");
        None
    };
    // A service changes things in the name of whoever asks it.
    let changed_by = match shared.role {
        Role::Headless => store.clone(),
        Role::Dashboard | Role::OneShot => store.by(&requested_by()),
    };
    let services = Services::new(ServicesOptions {
        store: changed_by,
        endpoints,
        runner: engine
            .clone()
            .map(|engine| -> Arc<dyn JobRunner> { engine }),
        instance,
        lease_ttl: settings.sync.lease_ttl,
        defaults: shared.defaults.clone(),
        process: facts,
    });
    Ok(Open {
        servers,
        store,
        server,
        engine,
        services,
    })
}

fn engine_options(
    shared: &Shared,
    store: &Store,
    instance: InstanceId,
    endpoints: &Arc<dyn Endpoints>,
) -> EngineOptions {
    let settings = shared.settings.get();
    let sync = &settings.sync;
    let is_service = shared.role == Role::Headless;
    EngineOptions {
        store: store.clone(),
        instance,
        instance_name: settings.instance.name.clone(),
        roles: if is_service {
            settings.instance.roles.clone()
        } else {
            Vec::new()
        },
        labels: settings.instance.labels.clone(),
        address: is_service.then(|| address(&settings.server)),
        max_concurrency: sync.max_concurrency,
        retry_attempts: sync.retry_attempts,
        retry_delay: sync.retry_delay,
        job_timeout: sync.job_timeout,
        batch_size: sync.batch_size,
        timezone: sync.timezone,
        lease_ttl: sync.lease_ttl,
        throttles: Throttles::new(sync.throttle.clone()),
        stop_timeout: settings.server.shutdown_timeout,
        cleanup_age: sync.cleanup_age,
        schedules: (is_service && settings.instance.has_role(API)).then_some(sync.timezone),
        waits_for_source: shared.role != Role::OneShot,
        endpoints: Arc::clone(endpoints),
        events: shared.hub.clone(),
    }
}

/// Where others reach the listener: by the host's name where it listens on every address.
fn address(server: &ServerSettings) -> String {
    let host = match server.host.as_str() {
        "0.0.0.0" | "::" | "" => rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        host => host.to_owned(),
    };
    if host.contains(':') {
        format!("[{host}]:{}", server.port)
    } else {
        format!("{host}:{}", server.port)
    }
}

fn queue_mode(shared: &Shared) -> QueueMode {
    let settings = shared.settings.get();
    let instance = &settings.instance;
    match shared.role {
        Role::Dashboard => QueueMode::TakeWhenAlone,
        Role::Headless if instance.has_role(WORKER) => QueueMode::TakeAny,
        Role::Headless | Role::OneShot => QueueMode::OnlyAsked,
    }
}

/// What is known of this process without a control database.
pub fn process_facts(settings: &Settings, cell: SettingsCell) -> ProcessFacts {
    cell.change(|status| {
        status.loaded_at.get_or_insert_with(Utc::now);
    });
    let from_environment = std::env::var(KEY_VARIABLE).is_ok_and(|key| !key.trim().is_empty());
    ProcessFacts {
        instance_name: settings.instance.name.clone(),
        started: Instant::now(),
        sync_enabled: settings.sync.enabled,
        key_file: (!from_environment).then(|| settings.security.key_file.clone()),
        folders: settings.logging.directory.iter().cloned().collect(),
        settings: cell,
    }
}
