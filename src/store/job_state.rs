//! States of jobs: moved by conditional changes, so that of two who try one succeeds; and wishes.

use ring::digest;

use super::jobs::Summary;
use super::leases::Resource;
use super::transaction::{json as text, parsed, transaction, values, word};
use super::{Store, StoreError};
use crate::model::audit::Action;
use crate::model::error::ErrorInfo;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{Job, JobChange, JobLimits, JobRequest, JobState, JobWish};
use crate::model::throttle::ThrottleSpec;
use crate::mysql::Session;
use serde_json::{Value, json};

impl Store {
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
        if !from.may_become(to) {
            return Err(StoreError::conflict(
                "invalid_state",
                format!("a {} job can't become {}", from.as_str(), to.as_str()),
            ));
        }
        let runs = to == JobState::Running;
        let mut sql = "UPDATE sync_jobs SET state = ?, error = ?".to_owned();
        let mut params = values![to.as_str(), error.map(text).transpose()?];
        if runs {
            sql.push_str(
                ", started_at = COALESCE(started_at, UTC_TIMESTAMP(3)), instance_id = ?, \
                 instance_name = (SELECT i.name FROM instances i WHERE i.id = ?)",
            );
            params.extend(values![by.to_string(), by.to_string()]);
        }
        if to.is_final() {
            sql.push_str(", finished_at = UTC_TIMESTAMP(3), active_config = NULL");
        }
        match (from, to) {
            // Obeyed by this very change; a wish to stop waits for who takes the job next.
            (JobState::Paused, JobState::Pending) | (_, JobState::Paused) => {
                sql.push_str(", command = IF(command = 'stop', command, 'none')");
            }
            (_, JobState::Pending) => {
                sql.push_str(", command = IF(command = 'release', 'none', command)");
            }
            _ => {}
        }
        sql.push_str(" WHERE id = ? AND state = ?");
        params.extend(values![id.to_string(), from.as_str()]);
        if to == JobState::Paused {
            // Nobody would look at a wish to stop a paused job.
            sql.push_str(" AND command <> 'stop'");
        }
        if runs || from == JobState::Running {
            sql.push_str(
                " AND EXISTS (SELECT 1 FROM sync_leases l \
                 WHERE l.resource = ? AND l.holder_instance_id = ?)",
            );
            params.extend(values![
                self.resource_text(&Resource::Job(id)),
                by.to_string()
            ]);
        }
        if self.actor().is_none() {
            return Ok(self.exec(&sql, params).await?.affected == 1);
        }
        transaction!(self, |session| {
            let moved = session.exec(&sql, params.clone()).await?.affected == 1;
            let action = match to {
                JobState::Cancelled => Some(Action::JobStop),
                JobState::Pending if from == JobState::Paused => Some(Action::JobResume),
                _ => None,
            };
            if let Some(action) = action.filter(|_| moved) {
                let state = |state: JobState| json!({"state": state.as_str()});
                self.tell_of_job(session, action, id, state(from), state(to))
                    .await?;
            }
            Ok(moved)
        })
    }

    /// Writes a change of a job down.
    async fn tell_of_job(
        &self,
        session: &mut Session,
        action: Action,
        id: JobId,
        before: Value,
        after: Value,
    ) -> Result<(), StoreError> {
        let sql = "SELECT config_name FROM sync_jobs WHERE id = ?";
        let rows = session.exec_rows(sql, values![id.to_string()]).await?;
        let row = rows.first();
        let config = row.map(|row| row.text("config_name")).transpose()?;
        let config = config.unwrap_or_default();
        let mut changes = self.changes();
        changes.note(action, (&config, id), Some(before), Some(after));
        changes.tell(session).await
    }

    /// Stores progress, counts and table totals of a job; its state stays. Does nothing for anybody
    /// but the holder of the job's lease: who was overtaken must not hide what the other one did.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_job_summary(&self, job: &Job, by: InstanceId) -> Result<(), StoreError> {
        let summary = Summary {
            progress: job.progress.clone(),
            counts: job.counts,
            tables_total: job.tables_total,
            tables_completed: job.tables_completed,
            tables_failed: job.tables_failed,
            ran_seconds: job.kept.ran.as_secs_f64(),
            paused: job.kept.paused,
            as_of: job.as_of(),
        };
        self.exec(
            "UPDATE sync_jobs SET summary = ?, rows_done = ?, bytes_done = ? WHERE id = ? \
             AND EXISTS (SELECT 1 FROM sync_leases l \
             WHERE l.resource = ? AND l.holder_instance_id = ?)",
            values![
                text(&summary)?,
                job.progress.rows_done,
                job.progress.bytes_done,
                job.id.to_string(),
                self.resource_text(&Resource::Job(job.id)),
                by.to_string()
            ],
        )
        .await?;
        Ok(())
    }

    /// What a front wishes of a job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_wish(&self, id: JobId) -> Result<JobWish, StoreError> {
        let sql = "SELECT command FROM sync_jobs WHERE id = ?";
        let rows = self.rows(sql, values![id.to_string()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::not_found("job", id))?;
        word(row, "command", JobWish::parse)
    }

    /// What a front wishes of a job, and which limits it has by now.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_orders(&self, id: JobId) -> Result<(JobWish, JobLimits), StoreError> {
        let sql = "SELECT command, request FROM sync_jobs WHERE id = ?";
        let rows = self.rows(sql, values![id.to_string()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::not_found("job", id))?;
        let request: JobRequest = parsed(&row.text("request")?, "sync_jobs.request")?;
        Ok((word(row, "command", JobWish::parse)?, request.limits))
    }

    /// Changes limits and place of a job that has not ended. Its place only while it waits.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when it has ended, or runs and should get another
    /// place; `PreconditionFailed` when its version is not `if_version`.
    pub async fn change_job(
        &self,
        id: JobId,
        change: &JobChange,
        if_version: Option<u64>,
    ) -> Result<(), StoreError> {
        transaction!(self, |session| {
            let sql = "SELECT state, request FROM sync_jobs WHERE id = ? FOR UPDATE";
            let rows = session.exec_rows(sql, values![id.to_string()]).await?;
            let row = rows
                .first()
                .ok_or_else(|| StoreError::not_found("job", id))?;
            let asked = row.text("request")?;
            if if_version.is_some_and(|wanted| wanted != version_of(&asked)) {
                return Err(StoreError::PreconditionFailed);
            }
            let state = word(row, "state", JobState::parse)?;
            let waits = matches!(state, JobState::Pending | JobState::Paused);
            if state.is_final() || (change.priority.is_some() && !waits) {
                let why = if state.is_final() {
                    format!("the job {id} has ended: {}", state.as_str())
                } else {
                    format!(
                        "the job {id} is running: only a job that waits has a place in the queue"
                    )
                };
                return Err(StoreError::conflict("invalid_state", why));
            }
            let mut request: JobRequest = parsed(&asked, "sync_jobs.request")?;
            let before = limits_shown(&request);
            if let Some(workers) = change.max_concurrency {
                request.limits.max_concurrency = Some(workers);
            }
            if let Some(throttle) = &change.throttle {
                request.limits.throttle = Some(throttle.clone());
            }
            if let Some(priority) = change.priority {
                request.priority = priority;
            }
            session
                .exec(
                    "UPDATE sync_jobs SET request = ?, priority = ? WHERE id = ?",
                    values![text(&request)?, request.priority, id.to_string()],
                )
                .await?;
            let after = limits_shown(&request);
            self.tell_of_job(session, Action::JobChange, id, before, after)
                .await
        })
    }

    /// Stores a wish for the instance that works on the job. A wish is not weakened by a later one:
    /// stop is more than pause, and pause more than release.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` when the job has ended.
    pub async fn set_job_wish(&self, id: JobId, wish: JobWish) -> Result<(), StoreError> {
        let sql = "UPDATE sync_jobs SET command = ? WHERE id = ? AND active_config IS NOT NULL \
             AND (? = 'none' AND command <> 'stop' OR FIELD(command, 'none', 'release', 'pause', 'stop') \
             < FIELD(?, 'none', 'release', 'pause', 'stop'))";
        let params = values![wish.as_str(), id.to_string(), wish.as_str(), wish.as_str()];
        let wished = if self.actor().is_none() {
            self.exec(sql, params).await?.affected == 1
        } else {
            transaction!(self, |session| {
                let seen = "SELECT state, command FROM sync_jobs WHERE id = ? FOR UPDATE";
                let rows = session.exec_rows(seen, values![id.to_string()]).await?;
                let wished = session.exec(sql, params.clone()).await?.affected == 1;
                if let (Some(row), true) = (rows.first(), wished) {
                    let state = row.text("state")?;
                    let before = json!({"state": state, "wish": row.text("command")?});
                    let after = json!({"state": state, "wish": wish.as_str()});
                    self.tell_of_job(session, action_of(wish), id, before, after)
                        .await?;
                }
                Ok(wished)
            })?
        };
        if wished {
            return Ok(());
        }
        // Nothing changed: the wish was there, a stronger one is, or there is nobody to obey.
        let sql = "SELECT state FROM sync_jobs WHERE id = ?";
        let rows = self.rows(sql, values![id.to_string()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::not_found("job", id))?;
        let state = word(row, "state", JobState::parse)?;
        if state.is_final() {
            return Err(StoreError::conflict(
                "invalid_state",
                format!("the job {id} has ended: {}", state.as_str()),
            ));
        }
        Ok(())
    }
}

/// Changes with what can be changed of a job, which is all in its `request`.
pub(super) fn version_of(request: &str) -> u64 {
    let hash = digest::digest(&digest::SHA256, request.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_ref()[..8]);
    // Within what every client holds as a whole number.
    u64::from_be_bytes(first) >> 11
}

fn action_of(wish: JobWish) -> Action {
    match wish {
        JobWish::Stop => Action::JobStop,
        JobWish::Pause => Action::JobPause,
        JobWish::Release => Action::JobRelease,
        JobWish::None => Action::JobResume,
    }
}

/// What can be changed of a job.
fn limits_shown(request: &JobRequest) -> Value {
    json!({
        "max_concurrency": request.limits.max_concurrency,
        "throttle": request.limits.throttle.as_ref().map(ThrottleSpec::shown),
        "priority": request.priority,
    })
}
