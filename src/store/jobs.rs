//! Jobs: the queue, its states, and what they did.

use std::time::Duration;

use super::{Store, StoreError, stub};
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::error::ErrorInfo;
use crate::model::ids::{ConfigId, InstanceId, JobId};
use crate::model::job::{Job, JobFilter, JobRequest, JobState, JobWish};
use crate::model::table_run::TableRun;

/// A job to be queued.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Its config.
    pub config: &'a Config,
    /// Its connection.
    pub connection: &'a Connection,
    /// What it is to do.
    pub request: &'a JobRequest,
    /// The job that it tries again.
    pub retry_of: Option<JobId>,
}

impl Store {
    /// Queues a job.
    ///
    /// # Errors
    /// `Conflict` `config_busy` that names the config's active job; `NotFound` when the config was
    /// removed meanwhile.
    pub async fn create_job(&self, job: &NewJob<'_>) -> Result<Job, StoreError> {
        let _ = job;
        Err(stub())
    }

    /// A job with its table runs.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Jobs without their table runs, newest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
        let _ = filter;
        Err(stub())
    }

    /// The newest job of a config, with its table runs.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn last_job(&self, config: ConfigId) -> Result<Option<Job>, StoreError> {
        let _ = config;
        Err(stub())
    }

    /// Jobs that wait for an instance: highest priority first, then oldest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn pending_jobs(&self, limit: u32) -> Result<Vec<Job>, StoreError> {
        let _ = limit;
        Err(stub())
    }

    /// Running jobs whose lease nobody renews.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn orphaned_jobs(&self) -> Result<Vec<Job>, StoreError> {
        Err(stub())
    }

    /// Moves a job from one state to another; `false` when it was not in `from` any more.
    ///
    /// To and from `running` only the holder of the job's lease may move it: for anybody else the
    /// answer is `false`.
    ///
    /// # Errors
    /// `Conflict` `invalid_state` when there is no such transition.
    pub async fn set_job_state(
        &self,
        id: JobId,
        from: JobState,
        to: JobState,
        by: InstanceId,
        error: Option<&ErrorInfo>,
    ) -> Result<bool, StoreError> {
        let _ = (id, from, to, by, error);
        Err(stub())
    }

    /// Stores progress, counts and table totals of a job; its state stays.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_job_summary(&self, job: &Job) -> Result<(), StoreError> {
        let _ = job;
        Err(stub())
    }

    /// Stores a table run of a job as it is.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_table_run(&self, job: JobId, run: &TableRun) -> Result<(), StoreError> {
        let _ = (job, run);
        Err(stub())
    }

    /// What a front wishes of a job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_wish(&self, id: JobId) -> Result<JobWish, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Stores a wish for the instance that works on the job. A wish to stop is not weakened by a
    /// later one to release.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when the job has ended.
    pub async fn set_job_wish(&self, id: JobId, wish: JobWish) -> Result<(), StoreError> {
        let _ = (id, wish);
        Err(stub())
    }

    /// What a job was asked to do.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_request(&self, id: JobId) -> Result<JobRequest, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Removes jobs that ended longer ago than `older_than`, with their logs and differences; never
    /// the newest one of a config. Returns how many.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn delete_old_jobs(&self, older_than: Duration) -> Result<u64, StoreError> {
        let _ = older_than;
        Err(stub())
    }
}
