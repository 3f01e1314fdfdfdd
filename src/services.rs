//! What every front can ask for: connections, configs, mappings, jobs, monitoring.
//!
//! Owns the rules that hold whoever asks: names that are taken, things that are in use, target
//! tables that belong to one config, versions that moved on, states that allow a request. Must not
//! know: fronts, their texts and flags, or how a job is run. Called by the command line, the
//! dashboard and the HTTP service, always through [`Services`].

mod audit;
mod configs;
mod connections;
mod endpoints;
mod files;
mod health;
mod jobs;
mod live;
mod mappings;
mod monitoring;
mod refusal;
mod secrets;
mod targets;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::{Endpoints, Engine, StopHow};
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::Job;
use crate::store::Store;

pub use audit::Audit;
pub use configs::Configs;
pub use connections::Connections;
pub use files::{TextFile, write_lines};
pub use jobs::Jobs;
pub use live::{Defaults, Live, SettingsCell};
pub use mappings::{ImportOutcome, Mappings};
pub use monitoring::{ConfigGauges, Gauges, Monitoring, status_without_database};
pub use refusal::refuse;
pub use secrets::{Rekeyed, Secrets, backup_advice};
pub use tokens::Tokens;

/// Everything a front can ask for; clones share it.
#[derive(Clone)]
pub struct Services {
    /// Sources.
    pub connections: Connections,
    /// What is synced.
    pub configs: Configs,
    /// Both as a document.
    pub mappings: Mappings,
    /// Runs.
    pub jobs: Jobs,
    /// Who may call the REST API.
    pub tokens: Tokens,
    /// Stored secrets as a whole.
    pub secrets: Secrets,
    /// Who changed what.
    pub audit: Audit,
    /// How things are.
    pub monitoring: Monitoring,
}

/// What the services are given.
pub struct ServicesOptions {
    /// The control database.
    pub store: Store,
    /// How servers are reached.
    pub endpoints: Arc<dyn Endpoints>,
    /// Who runs jobs in this process; `None` where nobody does.
    pub runner: Option<Arc<dyn JobRunner>>,
    /// This process.
    pub instance: InstanceId,
    /// Setting `sync.lease_ttl`.
    pub lease_ttl: Duration,
    /// What holds where a config says nothing.
    pub defaults: Live<Defaults>,
    /// What monitoring tells of this process.
    pub process: ProcessFacts,
}

/// What is known of this process without a control database.
#[derive(Debug, Clone)]
pub struct ProcessFacts {
    /// Name of this instance.
    pub instance_name: String,
    /// When it began.
    pub started: Instant,
    /// Setting `sync.enabled`.
    pub sync_enabled: bool,
    /// The key file; `None` when the key comes from the environment.
    pub key_file: Option<PathBuf>,
    /// Folders that are written to: logs, state.
    pub folders: Vec<PathBuf>,
    /// How the settings stand.
    pub settings: SettingsCell,
}

/// Who runs jobs in this process.
pub trait JobRunner: Send + Sync {
    /// Tells it of a job that was put in the queue.
    fn created(&self, job: &Job);
    /// Stops a job after its batch. `false`: it does not run here.
    fn stop(&self, id: JobId) -> bool;
    /// Holds a job after its batch. `false`: it does not run here.
    fn pause(&self, id: JobId) -> bool;
    /// Tells it of a job that goes on after a pause.
    fn resumed(&self, job: &Job);
    /// The jobs that run here, with their tables, fresher than the control database has them.
    fn active(&self) -> Vec<Job>;
}

impl JobRunner for Engine {
    fn created(&self, job: &Job) {
        self.job_created(job);
    }
    fn stop(&self, id: JobId) -> bool {
        self.stop_job(id, StopHow::Cancel)
    }
    fn pause(&self, id: JobId) -> bool {
        self.stop_job(id, StopHow::Pause)
    }
    fn resumed(&self, job: &Job) {
        self.job_resumed(job);
    }
    fn active(&self) -> Vec<Job> {
        self.active_jobs()
    }
}

impl Services {
    /// The same in the name of `actor`, which the audit log has for what is changed.
    #[must_use]
    pub fn by(&self, actor: &str) -> Self {
        let shared = &self.monitoring.0;
        Self::new(ServicesOptions {
            store: shared.store.by(actor),
            endpoints: Arc::clone(&shared.endpoints),
            runner: shared.runner.clone(),
            process: shared.process.clone(),
            defaults: shared.defaults.clone(),
            ..**shared
        })
    }

    /// Services over a control database.
    #[must_use]
    pub fn new(options: ServicesOptions) -> Self {
        let shared = Arc::new(options);
        let connections = Connections(Arc::clone(&shared));
        Self {
            configs: Configs(Arc::clone(&shared)),
            mappings: Mappings(Arc::clone(&shared)),
            jobs: Jobs(Arc::clone(&shared)),
            tokens: Tokens(Arc::clone(&shared)),
            secrets: Secrets(Arc::clone(&shared)),
            audit: Audit(Arc::clone(&shared)),
            monitoring: Monitoring(shared),
            connections,
        }
    }
}
