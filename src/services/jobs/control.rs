//! What is done to a job that is there: stopped, paused, resumed, tried again, changed.
//!
//! Each wish is stored for the instance that works on the job, wherever that is, and told at once
//! where it is this one.

use super::Jobs;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobChange, JobLimits, JobRequest, JobState, JobWish, Trigger};
use crate::model::table_run::TableState;
use crate::services::refusal::{conflict, invalid, refuse};

impl Jobs {
    /// Asks a job to end. One that waits is cancelled at once; one that runs ends after its batch,
    /// wherever it runs. Returns the job as it is then.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when it has ended.
    pub async fn stop(&self, id: JobId) -> Result<Job, Refusal> {
        let store = &self.0.store;
        let job = self.by_id(id).await?;
        if job.state.is_final() {
            return Err(invalid_state(&job, "has ended already"));
        }
        if job.state != JobState::Running && self.cancel_waiting(&job).await? {
            return self.by_id(id).await;
        }
        // It runs, or began to just now.
        store
            .set_job_wish(id, JobWish::Stop)
            .await
            .map_err(refuse)?;
        if let Some(runner) = &self.0.runner {
            runner.stop(id);
        }
        // One that was held or handed back meanwhile has nobody to obey.
        let job = self.by_id(id).await?;
        if matches!(job.state, JobState::Pending | JobState::Paused) {
            self.cancel_waiting(&job).await?;
            return self.by_id(id).await;
        }
        Ok(job)
    }

    /// Cancels a job that nobody works on; `false` when somebody began to.
    async fn cancel_waiting(&self, job: &Job) -> Result<bool, Refusal> {
        self.0
            .store
            .set_job_state(
                job.id,
                job.state,
                JobState::Cancelled,
                self.0.instance,
                None,
            )
            .await
            .map_err(refuse)
    }

    /// Asks a running job to be held after its batch: it gives its snapshot and leases up and keeps
    /// its checkpoints until somebody resumes it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when it does not run.
    pub async fn pause(&self, id: JobId) -> Result<Job, Refusal> {
        let job = self.by_id(id).await?;
        match job.state {
            JobState::Running => {}
            JobState::Pending => {
                return Err(invalid_state(
                    &job,
                    "waits in the queue, and only a running job is paused; stop it instead",
                ));
            }
            JobState::Paused => return Err(invalid_state(&job, "is paused already")),
            _ => return Err(invalid_state(&job, "has ended already")),
        }
        self.0
            .store
            .set_job_wish(id, JobWish::Pause)
            .await
            .map_err(refuse)?;
        if let Some(runner) = &self.0.runner {
            runner.pause(id);
        }
        self.by_id(id).await
    }

    /// Puts a paused job back into the queue.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when it is not paused.
    pub async fn resume(&self, id: JobId) -> Result<Job, Refusal> {
        let store = &self.0.store;
        let job = self.by_id(id).await?;
        if job.state == JobState::Running
            && store.job_wish(id).await.map_err(refuse)? == JobWish::Pause
        {
            return Err(invalid_state(
                &job,
                "is about to be paused; resume it when it is",
            ));
        }
        if job.state != JobState::Paused {
            return Err(invalid_state(&job, "is not paused"));
        }
        let moved = store
            .set_job_state(
                id,
                JobState::Paused,
                JobState::Pending,
                self.0.instance,
                None,
            )
            .await
            .map_err(refuse)?;
        let job = self.by_id(id).await?;
        if !moved {
            return Err(invalid_state(&job, "is not paused any more"));
        }
        if let Some(runner) = &self.0.runner {
            runner.resumed(&job);
        }
        Ok(job)
    }

    /// Queues a new job for the tables that a job did not complete.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when the job has not ended or left nothing; else as
    /// [`Jobs::start`].
    pub async fn retry(&self, id: JobId, requested_by: &str) -> Result<Job, Refusal> {
        let job = self.known(id).await?;
        if !job.state.is_final() {
            return Err(invalid_state(&job, "has not ended"));
        }
        let asked = self.0.store.job_request(id).await.map_err(refuse)?;
        let tables = left_over(&job, &asked).ok_or_else(|| {
            invalid_state(
                &job,
                "completed all of its tables: nothing is left to try again",
            )
        })?;
        let request = JobRequest {
            tables,
            // What was loaded is gone on with.
            fresh: false,
            trigger: Trigger::Retry,
            requested_by: requested_by.to_owned(),
            ..asked
        };
        self.create(&job.config_id.to_string(), request, Some(id), None)
            .await
    }

    /// The limits that a job has at present: its own, or those of its config and connection.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn limits(&self, id: JobId) -> Result<JobLimits, Refusal> {
        let job = self.known(id).await?;
        let asked = self.0.store.job_request(id).await.map_err(refuse)?;
        let config = self.0.config(&job.config_id.to_string()).await?;
        let connection = self.0.store.connection(config.connection_id).await;
        let of_source = connection.map_err(refuse)?.map(|c| c.spec.throttle);
        Ok(JobLimits {
            max_concurrency: asked
                .limits
                .max_concurrency
                .or(Some(config.spec.options.max_concurrency)),
            throttle: asked.limits.throttle.or(of_source),
        })
    }

    /// Whether a change could be made of any job.
    ///
    /// # Errors
    /// `Invalid` for a number out of range, or no change at all.
    pub fn check_change(&self, change: &JobChange) -> Result<(), Refusal> {
        if let Some(priority) = change.priority {
            check_priority(priority)?;
        }
        if change
            .max_concurrency
            .is_some_and(|n| !(1..=64).contains(&n))
        {
            return Err(invalid(Finding::new(
                "max_concurrency",
                "max_concurrency must be a whole number from 1 to 64",
            )));
        }
        if *change == JobChange::default() {
            return Err(invalid(
                Finding::new("", "nothing is to be changed")
                    .remedy("give max_concurrency, throttle or priority"),
            ));
        }
        Ok(())
    }

    /// Changes limits of a job that has not ended, or the place of one that waits.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a number out of range, or no change at all; `Conflict`
    /// `invalid_state`.
    pub async fn change(&self, id: JobId, change: &JobChange) -> Result<Job, Refusal> {
        self.change_if(id, change, None).await
    }

    /// The same while the job's version is `if_version`.
    ///
    /// # Errors
    /// As [`Jobs::change`]; `Conflict` `precondition_failed`.
    pub async fn change_if(
        &self,
        id: JobId,
        change: &JobChange,
        if_version: Option<u64>,
    ) -> Result<Job, Refusal> {
        self.check_change(change)?;
        let changed = self.0.store.change_job(id, change, if_version).await;
        changed.map_err(refuse)?;
        self.by_id(id).await
    }
}

/// The tables that a job left, as a request names them; `None` when there are none.
fn left_over(job: &Job, asked: &JobRequest) -> Option<Vec<String>> {
    if job.tables.is_empty() {
        // It failed before its tables were known.
        return (job.state != JobState::Completed).then(|| asked.tables.clone());
    }
    let left: Vec<String> = job
        .tables
        .iter()
        .filter(|run| !matches!(run.state, TableState::Completed | TableState::Skipped))
        .map(|run| run.target_table.clone())
        .collect();
    (!left.is_empty()).then_some(left)
}

pub(super) fn check_priority(priority: i32) -> Result<(), Refusal> {
    if (-100..=100).contains(&priority) {
        return Ok(());
    }
    Err(invalid(Finding::new(
        "priority",
        "priority must be a whole number from -100 to 100",
    )))
}

fn invalid_state(job: &Job, why: &str) -> Refusal {
    conflict(
        "invalid_state",
        format!(
            "the job {} of {} {why} (it is {})",
            job.id,
            job.config,
            job.state.as_str().replace('_', " ")
        ),
    )
}
