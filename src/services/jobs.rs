//! Jobs: start and look at them; [`control`] has what is done to one that is there, [`night`] what
//! ended badly while nobody looked.

mod control;
mod log_file;
mod night;
mod once;

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::ServicesOptions;
use super::refusal::{conflict, invalid, not_found, refuse};
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::finding::Finding;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobFilter, JobKind, JobRequest, JobState};
use crate::model::labels::nobody_carries;
use crate::model::log::{Difference, DifferencePage, LogEntry, LogFilter};
use crate::model::pattern;
use crate::model::rule::TableSelect;
use crate::store::NewJob;
use crate::store::idempotency::Once;

/// Most differences of a job that are shown.
const SHOWN_DIFFERENCES: u32 = 1000;

/// Runs.
#[derive(Clone)]
pub struct Jobs(pub(super) Arc<ServicesOptions>);

impl Jobs {
    /// Puts a job of `config` (a name or an id) into the queue and returns at once.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a table that the config does not write or a priority out of range;
    /// `Conflict` `config_busy` that names the active job, `config_disabled`, or `sync_disabled`.
    pub async fn start(&self, config: &str, request: JobRequest) -> Result<Job, Refusal> {
        self.create(config, request, None, None).await
    }

    pub(super) async fn create(
        &self,
        config: &str,
        request: JobRequest,
        retry_of: Option<JobId>,
        once: Option<&Once<'_>>,
    ) -> Result<Job, Refusal> {
        if !self.0.process.sync_enabled {
            return Err(conflict(
                "sync_disabled",
                "sync.enabled is false in the settings, so no job can be started",
            ));
        }
        let config = self.0.config(config).await?;
        if !config.spec.enabled && request.kind == JobKind::Sync {
            return Err(conflict(
                "config_disabled",
                format!(
                    "the config {name} is disabled; enable it with: db-taxi configs enable {name}",
                    name = config.spec.name
                ),
            ));
        }
        control::check_priority(request.priority)?;
        refuse_unknown_tables(&config.spec, &request.tables)?;
        if (request.kind == JobKind::Undo) != request.undo_of.is_some() {
            return Err(invalid(
                Finding::new("kind", "an undo belongs to a job")
                    .remedy("use: db-taxi jobs undo JOB"),
            ));
        }
        if let Some(job) = request.undo_of {
            self.undoable(job).await?;
        }
        let connection = self
            .0
            .store
            .connection(config.connection_id)
            .await
            .map_err(refuse)?
            .ok_or_else(|| not_found("connection", &config.spec.connection))?;
        let job = self
            .0
            .store
            .create_job_once(
                &NewJob {
                    config: &config,
                    connection: &connection,
                    request: &request,
                    retry_of,
                },
                once,
            )
            .await
            .map_err(refuse)?;
        if let Some(runner) = &self.0.runner {
            runner.created(&job);
        }
        Ok(job)
    }

    /// Why a job in the queue can't be taken by anybody who lives; `None` when it can, or does not
    /// wait.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn waits_because(&self, job: &Job) -> Result<Option<String>, Refusal> {
        if job.state != JobState::Pending {
            return Ok(None);
        }
        let store = &self.0.store;
        let config = store.config(job.config_id).await.map_err(refuse)?;
        let wanted = config.map(|config| config.spec.labels).unwrap_or_default();
        if wanted.is_empty() {
            return Ok(None);
        }
        let instances = store.list_instances().await.map_err(refuse)?;
        Ok(nobody_carries(&instances, &wanted))
    }

    /// Jobs that fit `filter`, newest first; of those that run here, as they are this second.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, Refusal> {
        let mut jobs = self.0.store.list_jobs(filter).await.map_err(refuse)?;
        if let Some(runner) = &self.0.runner {
            let active = runner.active();
            for job in jobs.iter_mut().filter(|job| !job.state.is_final()) {
                if let Some(live) = active.iter().find(|live| live.id == job.id) {
                    *job = live.clone();
                    job.kept.as_of = job.as_of();
                    job.tables.clear();
                }
            }
        }
        Ok(jobs)
    }

    /// Every job that has not ended, as [`Jobs::list`] has them.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn active(&self) -> Result<Vec<Job>, Refusal> {
        let mut active = Vec::new();
        for state in [JobState::Running, JobState::Paused, JobState::Pending] {
            let filter = JobFilter {
                state: Some(state),
                limit: Some(u32::MAX),
                ..JobFilter::default()
            };
            active.extend(self.list(&filter).await?);
        }
        Ok(active)
    }

    /// The job with this id, or `last:CONFIG`: the newest job of a config. With its tables.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id_or_last: &str) -> Result<Job, Refusal> {
        let id = match id_or_last.strip_prefix("last:") {
            Some(name) => {
                let config = self.0.config(name).await?;
                self.0
                    .store
                    .last_job(config.id)
                    .await
                    .map_err(refuse)?
                    .ok_or_else(|| not_found("job", id_or_last))?
                    .id
            }
            None => JobId::from_str(id_or_last).map_err(|_| {
                invalid(
                    Finding::new("", format!("{id_or_last} is no id of a job"))
                        .remedy("give an id, or last:CONFIG for the newest job of a config"),
                )
            })?,
        };
        self.by_id(id).await
    }

    /// What a job deleted and can be put back: target tables with their rows.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `invalid_state` while the job has not ended, or when nothing of it can
    /// be put back, with the reason.
    pub async fn undoable(&self, id: JobId) -> Result<Vec<(String, u64)>, Refusal> {
        let job = self.known(id).await?;
        if !job.state.is_final() {
            return Err(conflict(
                "invalid_state",
                format!(
                    "the job is {}: stop it first, or wait for its end",
                    job.state.as_str()
                ),
            ));
        }
        let all = self.0.store.deleted_by(id).await.map_err(refuse)?;
        let mut left: Vec<(String, u64)> = Vec::new();
        for one in all.iter().filter(|one| one.can_be_undone()) {
            let name = one.target.table.raw();
            match left.iter_mut().find(|(table, _)| table == name) {
                Some((_, rows)) => *rows += one.rows,
                None => left.push((name.to_owned(), one.rows)),
            }
        }
        if !left.is_empty() {
            return Ok(left);
        }
        let why = if let Some(at) = all.iter().find_map(|one| one.undone_at) {
            format!("what the job deleted was put back at {}", at.to_rfc3339())
        } else if let Some(old) = all.iter().find(|one| one.is_expired) {
            format!(
                "what the job deleted was kept until {}",
                old.expires_at.to_rfc3339()
            )
        } else {
            "the job deleted nothing that is kept; the option quarantine keeps what later jobs delete"
                .to_owned()
        };
        Err(conflict("invalid_state", why))
    }

    /// The job whose deleted rows another one puts back.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn undo_of(&self, id: JobId) -> Result<Option<JobId>, Refusal> {
        let request = self.0.store.job_request(id).await.map_err(refuse)?;
        Ok(request.undo_of)
    }

    /// Lines of a job's log, oldest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn logs(&self, id: JobId, filter: &LogFilter) -> Result<Vec<LogEntry>, Refusal> {
        self.known(id).await?;
        self.0.store.job_logs(id, filter).await.map_err(refuse)
    }

    /// The first thousand differences that a job found.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn differences(&self, id: JobId) -> Result<Vec<Difference>, Refusal> {
        let first = DifferencePage {
            limit: SHOWN_DIFFERENCES,
            ..DifferencePage::default()
        };
        let found = self.difference_page(id, first).await?;
        Ok(found
            .into_iter()
            .map(|(_, difference)| difference)
            .collect())
    }

    /// A page of the differences that a job found, each with its number, in the order of those.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn difference_page(
        &self,
        id: JobId,
        page: DifferencePage,
    ) -> Result<Vec<(u64, Difference)>, Refusal> {
        self.known(id).await?;
        self.0.store.job_differences(id, page).await.map_err(refuse)
    }

    /// Jobs that ended badly after `since`, newest first, with their tables; none that a later job of
    /// its config has taken the place of. At most `limit`.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn failed_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Job>, Refusal> {
        let found = self.0.store.failed_since(since, limit).await;
        found.map_err(refuse)
    }

    pub(super) async fn known(&self, id: JobId) -> Result<Job, Refusal> {
        self.0
            .store
            .job(id)
            .await
            .map_err(refuse)?
            .ok_or_else(|| not_found("job", id))
    }

    pub(super) async fn by_id(&self, id: JobId) -> Result<Job, Refusal> {
        let job = self.known(id).await?;
        if job.state == JobState::Running
            && let Some(runner) = &self.0.runner
            && let Some(mut live) = runner.active().into_iter().find(|live| live.id == id)
        {
            live.kept.version = job.kept.version;
            return Ok(live);
        }
        Ok(job)
    }
}

/// Refuses target tables that no rule of the config can write.
pub(super) fn refuse_unknown_tables(spec: &ConfigSpec, tables: &[String]) -> Result<(), Refusal> {
    let writes = |table: &String| {
        spec.tables.iter().any(|rule| match &rule.select {
            TableSelect::Source(source) => rule.target_table.as_ref().unwrap_or(source) == table,
            TableSelect::Match(text) => {
                pattern::matches(text, table)
                    && !spec.exclude.iter().any(|out| pattern::matches(out, table))
            }
        })
    };
    let findings: Vec<Finding> = tables
        .iter()
        .enumerate()
        .filter(|(_, table)| !writes(table))
        .map(|(index, table)| {
            Finding::new(
                format!("tables[{index}]"),
                format!("the config {} writes no table named {table}", spec.name),
            )
            .remedy("give the name of a target table of the config")
        })
        .collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Invalid(findings))
    }
}
