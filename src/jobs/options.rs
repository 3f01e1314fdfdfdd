//! What the engine is given: its limits, its place in the fleet, and how servers are reached.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::events::EventHub;
use crate::model::connection::Connection;
use crate::model::cron::Zone;
use crate::model::ids::InstanceId;
use crate::model::secret::Secret;
use crate::model::throttle::ThrottleSpec;
use crate::mysql::Endpoint;
use crate::store::Store;
use crate::sync::Throttles;

/// Everything the engine needs to work.
pub struct EngineOptions {
    /// The control database.
    pub store: Store,
    /// This process.
    pub instance: InstanceId,
    /// Its name, as jobs and logs show it.
    pub instance_name: String,
    /// `worker` and `api`, for a service; empty for a process that only runs its own jobs.
    pub roles: Vec<String>,
    /// Labels that configs may ask for.
    pub labels: Vec<String>,
    /// `host:port` of its listener.
    pub address: Option<String>,
    /// Jobs at once.
    pub max_concurrency: usize,
    /// Tries of a table after the first failure.
    pub retry_attempts: u32,
    /// First wait before a retry; doubled each time.
    pub retry_delay: Duration,
    /// Running time of a job whose config says nothing; zero is no limit.
    pub job_timeout: Duration,
    /// Rows of a batch where the config says nothing.
    pub batch_size: u32,
    /// How long a lease lasts without being renewed.
    pub lease_ttl: Duration,
    /// Limits that all jobs of this process hold together.
    pub throttles: Throttles,
    /// Zone of `detect_deletes` as a cron expression.
    pub timezone: Zone,
    /// From a wish to stop a job to its end by force.
    pub stop_timeout: Duration,
    /// Age at which ended jobs are removed.
    pub cleanup_age: Duration,
    /// The time zone of schedules, where this process starts what is due.
    pub schedules: Option<Zone>,
    /// Whether a job waits for a source that was never reached: a service does, a command tells.
    pub waits_for_source: bool,
    /// How servers are reached.
    pub endpoints: Arc<dyn Endpoints>,
    /// Where events go; watchers may have subscribed to it before the engine was there.
    pub events: EventHub,
}

/// What of [`EngineOptions`] may change while the engine runs; the names mean the same.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see EngineOptions")]
pub struct Tuning {
    pub max_concurrency: usize,
    pub retry_attempts: u32,
    pub retry_delay: Duration,
    pub job_timeout: Duration,
    pub batch_size: u32,
    pub throttle: ThrottleSpec,
    pub timezone: Zone,
    pub stop_timeout: Duration,
    pub cleanup_age: Duration,
}

/// How servers are reached: resolves passwords, which is not the engine's to know.
pub trait Endpoints: Send + Sync {
    /// The source of a connection; `password` as the control database holds it.
    ///
    /// # Errors
    /// A sentence, when a password that is a reference can't be resolved.
    fn source(
        &self,
        connection: &Connection,
        password: Option<Secret>,
        compression: bool,
    ) -> Result<Arc<Endpoint>, String>;

    /// The local server.
    fn local(&self) -> Arc<Endpoint>;

    /// What masks are keyed with, where the settings name it.
    ///
    /// # Errors
    /// A sentence, when a secret that is a reference can't be resolved.
    fn mask_secret(&self) -> Result<Option<SecretString>, String> {
        Ok(None)
    }

    /// Keeps a secret out of every log from here on.
    fn conceal(&self, _secret: &SecretString) {}
}

/// Which jobs an engine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueMode {
    /// Any pending job, and those of dead instances.
    TakeAny,
    /// The same, but only while no living service takes jobs.
    TakeWhenAlone,
    /// Only those it is told to run.
    OnlyAsked,
}

/// How a job is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopHow {
    /// It ends as `cancelled`.
    Cancel,
    /// It goes back to the queue.
    Release,
    /// It is held until somebody resumes it.
    Pause,
}
