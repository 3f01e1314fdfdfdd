//! The engine as others see it.

use std::sync::Arc;
use std::time::Duration;

use super::events::EventStream;
use super::options::{EngineOptions, QueueMode, StopHow};
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::job::Job;

/// Takes jobs from the queue, runs them, and tells what happens.
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine that does nothing yet.
    #[must_use]
    pub fn new(options: EngineOptions) -> Arc<Self> {
        Arc::new(Self { options })
    }

    /// Begins to keep leases and the instance's sign of life, and to take jobs as `mode` says.
    pub fn start(&self, mode: QueueMode) {
        let _ = mode;
    }

    /// Tells watchers of a job that was put in the queue, and the queue to look at once.
    pub fn job_created(&self, job: &Job) {
        let _ = job;
    }

    /// Claims a job, runs it here and waits for its end. A job that another process works on is
    /// waited for as long as a lease lasts: its process may be dead.
    ///
    /// # Errors
    /// When there is no such job, another living process holds it, or the control database is gone.
    pub async fn run_job(&self, id: JobId) -> Result<Job, Refusal> {
        Err(Refusal::NotFound {
            kind: "job",
            name: id.to_string(),
        })
    }

    /// Every event from here on.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.options.events.subscribe()
    }

    /// The jobs that are being worked on here, with their tables, as of the last second.
    #[must_use]
    pub fn active_jobs(&self) -> Vec<Job> {
        self.options.events.active()
    }

    /// Stops a job that runs here: after its batch; asked again, at once. `false`: it is not here.
    pub fn stop_job(&self, id: JobId, how: StopHow) -> bool {
        let _ = (id, how);
        false
    }

    /// Takes no more jobs, stops those that run after their batch, and at once after `timeout`.
    /// Called again while it waits, it stops them at once.
    pub async fn shutdown(&self, how: StopHow, timeout: Duration) {
        let _ = (how, timeout);
    }
}
