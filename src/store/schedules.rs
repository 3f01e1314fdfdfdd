//! When configs are started by themselves, and starting them once for each due time.

use chrono::{DateTime, Utc};

use super::jobs::{insert, refuse_busy};
use super::transaction::{at, id, transaction, values};
use super::{NewJob, Store, StoreError};
use crate::model::config::Config;
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{Job, JobRequest, Trigger};

/// When a config is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The config.
    pub config: ConfigId,
    /// Its schedule when `due_at` was worked out.
    pub schedule: String,
    /// The time zone that it was read in.
    pub zone: String,
    /// When it is to be started next.
    pub due_at: DateTime<Utc>,
}

/// Everything that a scheduler looks at.
#[derive(Debug, Clone)]
pub struct Schedules {
    /// Time of the server that stores them.
    pub now: DateTime<Utc>,
    /// Enabled configs with a schedule.
    pub configs: Vec<Config>,
    /// What was worked out before.
    pub rows: Vec<ScheduleRow>,
}

/// What became of a due time.
#[derive(Debug, Clone)]
pub enum Started {
    /// A job was queued.
    Job(Box<Job>),
    /// The config has an active job: this time is left out.
    Busy(String),
    /// Somebody else started it, or the schedule changed.
    NotDue,
}

impl Store {
    /// Enabled configs with a schedule, and when each is due as far as that is known.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn schedules(&self) -> Result<Schedules, StoreError> {
        let clock = self.rows("SELECT UTC_TIMESTAMP(3) AS now", vec![]).await?;
        let now = match clock.first() {
            Some(row) => row.time("now")?,
            None => Utc::now(),
        };
        let rows = self
            .rows(
                "SELECT config_id, schedule, zone, due_at FROM sync_schedules",
                vec![],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(ScheduleRow {
                    config: id(row, "config_id")?,
                    schedule: row.text("schedule")?,
                    zone: row.text("zone")?,
                    due_at: row.time("due_at")?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Schedules {
            now,
            configs: self.scheduled_configs().await?,
            rows,
        })
    }

    /// Stores when a config is due.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn put_schedule(&self, row: &ScheduleRow) -> Result<(), StoreError> {
        self.exec(
            "INSERT INTO sync_schedules (config_id, schedule, zone, due_at) VALUES (?, ?, ?, ?) \
             ON DUPLICATE KEY UPDATE schedule = VALUES(schedule), zone = VALUES(zone), \
             due_at = VALUES(due_at)",
            values![
                row.config.to_string(),
                row.schedule.as_str(),
                row.zone.as_str(),
                at(row.due_at)
            ],
        )
        .await?;
        Ok(())
    }

    /// Forgets when a config is due.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn drop_schedule(&self, config: ConfigId) -> Result<(), StoreError> {
        let sql = "DELETE FROM sync_schedules WHERE config_id = ?";
        self.exec(sql, values![config.to_string()]).await?;
        Ok(())
    }

    /// Queues the job of a due time and moves the schedule on, both or neither; of several who try,
    /// one does. Where the config has an active job, only the schedule moves on.
    ///
    /// # Errors
    /// `NotFound` when the config or its connection was removed meanwhile.
    pub async fn start_due(
        &self,
        row: &ScheduleRow,
        next: DateTime<Utc>,
    ) -> Result<Started, StoreError> {
        let config = self
            .config(row.config)
            .await?
            .ok_or_else(|| StoreError::not_found("config", row.config))?;
        let connection = self
            .connection(config.connection_id)
            .await?
            .ok_or_else(|| StoreError::not_found("connection", &config.spec.connection))?;
        let request = JobRequest {
            trigger: Trigger::Schedule,
            requested_by: "schedule".to_owned(),
            ..JobRequest::default()
        };
        let job = NewJob {
            config: &config,
            connection: &connection,
            request: &request,
            retry_of: None,
        };
        let made = JobId::generate();
        let outcome = transaction!(self, |session| {
            let moved = session
                .exec(
                    "UPDATE sync_schedules SET last_due_at = due_at, due_at = ? \
                     WHERE config_id = ? AND due_at = ? AND schedule = ?",
                    values![
                        at(next),
                        row.config.to_string(),
                        at(row.due_at),
                        row.schedule.as_str()
                    ],
                )
                .await?;
            if moved.affected == 0 {
                return Ok(Some(Started::NotDue));
            }
            // A change of the config's row: removing the config and this can't both commit.
            let counted = session
                .exec(
                    "UPDATE sync_configs SET jobs_made = jobs_made + 1 WHERE id = ? AND enabled = 1",
                    values![row.config.to_string()],
                )
                .await?;
            if counted.affected == 0 {
                return Ok(Some(Started::NotDue));
            }
            match refuse_busy(session, row.config).await {
                Ok(()) => {}
                Err(error @ StoreError::Conflict { .. }) => {
                    return Ok(Some(Started::Busy(error.to_string())));
                }
                Err(error) => return Err(error),
            }
            insert(session, made, &job).await?;
            session
                .exec(
                    "UPDATE sync_schedules SET last_job_id = ? WHERE config_id = ?",
                    values![made.to_string(), row.config.to_string()],
                )
                .await?;
            Ok(None)
        })?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
        let job = self.job(made).await?;
        let job = job.ok_or_else(|| StoreError::not_found("job", made))?;
        Ok(Started::Job(Box::new(job)))
    }
}
