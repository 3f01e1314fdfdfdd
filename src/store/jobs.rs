//! Jobs: making them and finding them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::audit::Changes;
use super::idempotency::{self, Once};
use super::job_state::version_of;
use super::transaction::{at, id, json, opt_id, parsed, transaction, values, violates, word};
use super::{Store, StoreError};
use crate::model::audit::Action;
use crate::model::command::CONFIG_BUSY;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{
    Job, JobFilter, JobKind, JobPlace, JobRequest, JobState, JobWish, Kept, Trigger,
};
use crate::model::progress::{Counts, Progress};
use crate::mysql::{Row, Session, Value};

/// Jobs of one page where no limit is given.
const PAGE: u32 = 50;

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

/// What the `summary` column holds.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) progress: Progress,
    pub(super) counts: Counts,
    pub(super) tables_total: u32,
    pub(super) tables_completed: u32,
    pub(super) tables_failed: u32,
    pub(super) ran_seconds: f64,
    pub(super) paused: bool,
    pub(super) as_of: Option<DateTime<Utc>>,
}

const SELECT: &str = "SELECT j.id, j.config_id, j.config_name, j.connection_id, \
     j.connection_name, j.kind, j.state, j.`trigger`, j.requested_by, j.retry_of, j.priority, \
     j.request, j.instance_name, j.created_at, j.started_at, j.finished_at, j.summary, j.error \
     FROM sync_jobs j";

/// The config of a job, which may have been removed.
const WITH_CONFIG: &str = "LEFT JOIN sync_configs c ON c.id = j.config_id";

/// Whether the labels that a config asks for are all in a JSON list; it asks for none where it has
/// no such field.
const FITS: &str = "JSON_CONTAINS(?, COALESCE(JSON_EXTRACT(c.spec, '$.labels'), '[]'))";

/// Running, and nobody renews the lease.
const LEFT_ALONE: &str = "LEFT JOIN sync_leases l \
     ON l.resource = CONVERT(CONCAT('job:', j.id) USING utf8mb4) COLLATE utf8mb4_bin \
     WHERE j.state = 'running' AND (l.resource IS NULL OR l.holder_instance_id IS NULL \
     OR l.expires_at <= UTC_TIMESTAMP(3))";

impl Store {
    /// Queues a job.
    ///
    /// # Errors
    /// `Conflict` `config_busy` that names the config's active job; `NotFound` when the config was
    /// removed meanwhile.
    pub async fn create_job(&self, job: &NewJob<'_>) -> Result<Job, StoreError> {
        self.create_job_once(job, None).await
    }

    /// Queues a job that stands for a key, where there is one.
    ///
    /// # Errors
    /// As [`Self::create_job`]; `Conflict` [`idempotency::USED`] when the key stands for a job.
    pub async fn create_job_once(
        &self,
        job: &NewJob<'_>,
        once: Option<&Once<'_>>,
    ) -> Result<Job, StoreError> {
        let id = JobId::generate();
        let config = job.config.id;
        transaction!(self, |session| {
            if let Some(once) = once {
                idempotency::claim(session, once, id).await?;
            }
            // A change of the config's row: removing the config and this can't both commit.
            let counted = session
                .exec(
                    "UPDATE sync_configs SET jobs_made = jobs_made + 1 WHERE id = ?",
                    values![config.to_string()],
                )
                .await?;
            if counted.affected == 0 {
                return Err(StoreError::not_found("config", &job.config.spec.name));
            }
            refuse_busy(session, config).await?;
            insert(session, id, job).await
        })?;
        self.job(id)
            .await?
            .ok_or_else(|| StoreError::not_found("job", id))
    }

    /// A job with its table runs.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let found = self
            .jobs_where("WHERE j.id = ?", values![id.to_string()])
            .await?;
        self.with_tables(found.into_iter().next()).await
    }

    /// Jobs without their table runs, newest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
        let mut sql = "WHERE TRUE".to_owned();
        let mut params = Vec::new();
        let mut narrow = |condition: &str, value: Option<String>| {
            if let Some(value) = value {
                sql.push_str(condition);
                params.push(Value::from(value));
            }
        };
        narrow(
            " AND j.state = ?",
            filter.state.map(|s| s.as_str().to_owned()),
        );
        narrow(
            " AND j.kind = ?",
            filter.kind.map(|k| k.as_str().to_owned()),
        );
        narrow(
            " AND j.config_id = ?",
            filter.config_id.map(|id| id.to_string()),
        );
        narrow(
            " AND j.connection_id = ?",
            filter.connection_id.map(|id| id.to_string()),
        );
        narrow(" AND j.created_at >= ?", filter.since.map(at));
        match filter.before {
            Some(JobPlace {
                id,
                created_at: Some(time),
            }) => {
                sql.push_str(" AND (j.created_at, j.id) < (?, ?)");
                params.extend(values![at(time), id.to_string()]);
            }
            Some(JobPlace { id, .. }) => {
                sql.push_str(
                    " AND (j.created_at, j.id) < \
                     (SELECT b.created_at, b.id FROM sync_jobs b WHERE b.id = ?)",
                );
                params.push(id.to_string().into());
            }
            None => {}
        }
        sql.push_str(" ORDER BY j.created_at DESC, j.id DESC LIMIT ?");
        params.push(filter.limit.unwrap_or(PAGE).into());
        self.jobs_where(&sql, params).await
    }

    /// The newest job of a config, with its table runs.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn last_job(&self, config: ConfigId) -> Result<Option<Job>, StoreError> {
        let filter = JobFilter {
            config_id: Some(config),
            limit: Some(1),
            ..JobFilter::default()
        };
        let newest = self.list_jobs(&filter).await?.pop();
        self.with_tables(newest).await
    }

    /// Jobs that wait for an instance and that one with these labels may run: highest priority
    /// first, then oldest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn pending_jobs(
        &self,
        labels: &[String],
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        self.known_jobs_where(
            &format!(
                "{WITH_CONFIG} WHERE j.state = 'pending' AND {FITS} \
                 ORDER BY j.priority DESC, j.created_at, j.id LIMIT ?"
            ),
            values![json(&labels)?, limit],
        )
        .await
    }

    /// Running jobs whose lease nobody renews, and that an instance with these labels may run.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn orphaned_jobs(&self, labels: &[String]) -> Result<Vec<Job>, StoreError> {
        self.orphaned_where(
            &format!("{WITH_CONFIG} {LEFT_ALONE} AND {FITS}"),
            values![json(&labels)?],
        )
        .await
    }

    /// Running jobs whose lease nobody renews, whoever may run them.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn all_orphaned_jobs(&self) -> Result<Vec<Job>, StoreError> {
        self.orphaned_where(LEFT_ALONE, vec![]).await
    }

    async fn orphaned_where(&self, rest: &str, params: Vec<Value>) -> Result<Vec<Job>, StoreError> {
        let order = "ORDER BY j.priority DESC, j.created_at, j.id";
        self.known_jobs_where(&format!("{rest} {order}"), params)
            .await
    }

    /// What a job was asked to do.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_request(&self, id: JobId) -> Result<JobRequest, StoreError> {
        let sql = "SELECT request FROM sync_jobs WHERE id = ?";
        let rows = self.rows(sql, values![id.to_string()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::not_found("job", id))?;
        parsed(&row.text("request")?, "sync_jobs.request")
    }

    pub(super) async fn jobs_where(
        &self,
        rest: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Job>, StoreError> {
        self.rows(&format!("{SELECT} {rest}"), params)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The same without those that only a later version can read: they are left to it.
    async fn known_jobs_where(
        &self,
        rest: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Job>, StoreError> {
        let rows = self.rows(&format!("{SELECT} {rest}"), params).await?;
        let known = rows.iter().map(read).filter(|job| match job {
            Err(StoreError::Corrupt(why)) => {
                tracing::debug!(target: "db_taxi::store", "a job is left to a later version: {why}");
                false
            }
            _ => true,
        });
        known.collect()
    }

    async fn with_tables(&self, job: Option<Job>) -> Result<Option<Job>, StoreError> {
        let Some(mut job) = job else { return Ok(None) };
        job.tables = self.table_runs(job.id).await?;
        Ok(Some(job))
    }
}

/// Refuses with the config's active job, if there is one.
pub(super) async fn refuse_busy(session: &mut Session, config: ConfigId) -> Result<(), StoreError> {
    let sql = "SELECT id, state FROM sync_jobs WHERE active_config = ?";
    let active = session.exec_rows(sql, values![config.to_string()]).await?;
    match active.first() {
        None => Ok(()),
        Some(row) => Err(busy(&row.text("id")?, &row.text("state")?)),
    }
}

fn busy(job: &str, state: &str) -> StoreError {
    StoreError::conflict(
        CONFIG_BUSY,
        format!("the config has an active job: {job} ({state})"),
    )
}

pub(super) async fn insert(
    session: &mut Session,
    id: JobId,
    job: &NewJob<'_>,
) -> Result<(), StoreError> {
    let request = job.request;
    let inserted = session
        .exec(
            "INSERT INTO sync_jobs (id, config_id, config_name, connection_id, connection_name, \
             kind, state, active_config, `trigger`, requested_by, retry_of, command, priority, \
             request, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3))",
            values![
                id.to_string(),
                job.config.id.to_string(),
                job.config.spec.name.as_str(),
                job.connection.id.to_string(),
                job.connection.spec.name.as_str(),
                request.kind.as_str(),
                JobState::Pending.as_str(),
                job.config.id.to_string(),
                request.trigger.as_str(),
                request.requested_by.chars().take(255).collect::<String>(),
                job.retry_of.map(|id| id.to_string()),
                JobWish::None.as_str(),
                request.priority,
                json(request)?,
            ],
        )
        .await;
    match inserted {
        // Only on a cluster, where another node's job was not seen a moment ago.
        Err(error) if violates(&error, "active_config") => {
            return Err(busy("just made", "pending"));
        }
        other => other.map(|_| ())?,
    }
    let action = match (request.kind, job.retry_of) {
        (JobKind::Undo, _) => Action::JobUndo,
        (_, Some(_)) => Action::JobRetry,
        _ => Action::JobStart,
    };
    let after = serde_json::json!({
        "kind": request.kind.as_str(),
        "trigger": request.trigger.as_str(),
        "tables": request.tables,
        "full": request.full,
        "fresh": request.fresh,
        "priority": request.priority,
        "retry_of": job.retry_of.map(|id| id.to_string()),
        "undo_of": request.undo_of.map(|id| id.to_string()),
    });
    let mut changes = Changes::by(Some(&request.requested_by));
    changes.note(action, (&job.config.spec.name, id), None, Some(after));
    changes.tell(session).await
}

fn read(row: &Row) -> Result<Job, StoreError> {
    let asked = row.text("request")?;
    let request: JobRequest = parsed(&asked, "sync_jobs.request")?;
    let summary: Summary = row
        .opt_text("summary")?
        .map(|text| parsed(&text, "sync_jobs.summary"))
        .transpose()?
        .unwrap_or_default();
    let times: [Option<DateTime<Utc>>; 2] =
        [row.opt_time("started_at")?, row.opt_time("finished_at")?];
    Ok(Job {
        id: id(row, "id")?,
        kind: word(row, "kind", JobKind::parse)?,
        config_id: id(row, "config_id")?,
        config: row.text("config_name")?,
        connection_id: id(row, "connection_id")?,
        connection: row.text("connection_name")?,
        state: word(row, "state", JobState::parse)?,
        trigger: word(row, "trigger", Trigger::parse)?,
        requested_by: row.text("requested_by")?,
        instance: row.opt_text("instance_name")?,
        retry_of: opt_id(row, "retry_of")?,
        priority: i32::try_from(row.i64("priority")?).unwrap_or_default(),
        full: request.full,
        fresh: request.fresh,
        created_at: row.time("created_at")?,
        started_at: times[0],
        finished_at: times[1],
        error: row
            .opt_text("error")?
            .map(|text| parsed(&text, "sync_jobs.error"))
            .transpose()?,
        progress: summary.progress,
        counts: summary.counts,
        tables_total: summary.tables_total,
        tables_completed: summary.tables_completed,
        tables_failed: summary.tables_failed,
        tables: Vec::new(),
        kept: Kept {
            ran: Duration::try_from_secs_f64(summary.ran_seconds).unwrap_or_default(),
            paused: summary.paused,
            as_of: summary.as_of,
            version: version_of(&asked),
        },
    })
}
