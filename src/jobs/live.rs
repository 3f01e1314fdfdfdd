//! Limits of a job that somebody may change while it runs, on their way to the work.

use tokio::sync::watch;

use crate::model::job::JobLimits;

/// Limits of one job as they are now; every worker of it watches.
#[derive(Debug)]
pub struct Live(watch::Sender<JobLimits>);

impl Live {
    /// As the job was asked for.
    #[must_use]
    pub fn new(limits: JobLimits) -> Self {
        Self(watch::Sender::new(limits))
    }

    /// Takes limits as somebody wants them by now; `true` when they are others than before.
    pub fn set(&self, limits: JobLimits) -> bool {
        self.0.send_if_modified(|now| {
            let changed = *now != limits;
            *now = limits;
            changed
        })
    }

    /// What the work reads.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<JobLimits> {
        self.0.subscribe()
    }
}
