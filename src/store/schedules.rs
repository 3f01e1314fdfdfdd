//! When configs are started by themselves, and starting them once for each due time.

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};

use super::jobs::{insert, refuse_busy};
use super::transaction::{at, id, transaction, values};
use super::{NewJob, Store, StoreError};
use crate::model::config::Config;
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{Job, JobRequest, Trigger};
use crate::model::mapping::schedule_text;
use crate::model::schedule::Schedule;
use crate::mysql::Session;

/// Longest schedule that is stored as it is written.
const MOST_TEXT: usize = 900;

/// What tells a schedule from another one, as `sync_schedules` keeps it: its shortest form.
#[must_use]
pub fn signature(schedule: &Schedule) -> String {
    let text = schedule_text(schedule);
    if text.chars().count() <= MOST_TEXT {
        return text;
    }
    let hash = digest(&SHA256, text.as_bytes());
    let hex = hash.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

/// When a config is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The config.
    pub config: ConfigId,
    /// [`signature`] of its schedule when `due_at` was worked out.
    pub schedule: String,
    /// The time zone that it was read in.
    pub zone: String,
    /// When it is to be started next.
    pub due_at: DateTime<Utc>,
    /// The moment up to which everything was dealt with.
    pub settled_at: Option<DateTime<Utc>>,
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
    Busy {
        /// Which job.
        why: String,
        /// How many times were left out one after the other, this one included.
        in_a_row: u64,
    },
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
                "SELECT config_id, schedule, zone, due_at, last_due_at FROM sync_schedules",
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
                    settled_at: row.opt_time("last_due_at")?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Schedules {
            now,
            configs: self.scheduled_configs().await?,
            rows,
        })
    }

    /// Stores when a config is due in place of what was read before. `false`: that is not there any
    /// more, and nothing is changed; so a process that comes late does not turn the time back.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn put_schedule(
        &self,
        old: Option<&ScheduleRow>,
        new: &ScheduleRow,
    ) -> Result<bool, StoreError> {
        let settled = new.settled_at.map(at);
        let done = match old {
            None => {
                self.exec(
                    "INSERT IGNORE INTO sync_schedules (config_id, schedule, zone, due_at, last_due_at) \
                     VALUES (?, ?, ?, ?, ?)",
                    values![
                        new.config.to_string(),
                        new.schedule.as_str(),
                        new.zone.as_str(),
                        at(new.due_at),
                        settled
                    ],
                )
                .await?
            }
            Some(old) => {
                self.exec(
                    "UPDATE sync_schedules SET schedule = ?, zone = ?, due_at = ?, last_due_at = ? \
                     WHERE config_id = ? AND schedule = ? AND zone = ? AND due_at = ?",
                    values![
                        new.schedule.as_str(),
                        new.zone.as_str(),
                        at(new.due_at),
                        settled,
                        old.config.to_string(),
                        old.schedule.as_str(),
                        old.zone.as_str(),
                        at(old.due_at)
                    ],
                )
                .await?
            }
        };
        Ok(done.affected == 1)
    }

    /// Forgets when a config is due.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn drop_schedule(&self, config: ConfigId) -> Result<(), StoreError> {
        for table in ["sync_schedules", "sync_skipped_runs"] {
            let sql = format!("DELETE FROM {table} WHERE config_id = ?");
            self.exec(&sql, values![config.to_string()]).await?;
        }
        Ok(())
    }

    /// Configs whose last due times were left out one after the other, since a job of theirs had not
    /// ended: name and how many, most first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn skipped_runs(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT c.name, s.in_a_row FROM sync_skipped_runs s \
                   JOIN sync_configs c ON c.id = s.config_id AND c.enabled = 1 \
                   WHERE s.in_a_row > 0 ORDER BY s.in_a_row DESC, c.name";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter()
            .map(|row| Ok((row.text("name")?, row.u64("in_a_row")?)))
            .collect()
    }

    /// Queues the job of a due time and moves the schedule on, both or neither; of several who try,
    /// one does. Where the config has an active job, only the schedule moves on, and that is counted.
    /// A config whose schedule is another one by now, or that was changed meanwhile, is not due.
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
        let now = config.spec.schedule.as_ref().map(signature);
        if now.as_ref() != Some(&row.schedule) {
            return Ok(Started::NotDue);
        }
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
                    "UPDATE sync_schedules SET last_due_at = GREATEST(due_at, UTC_TIMESTAMP(3)), \
                     due_at = ? WHERE config_id = ? AND due_at = ? AND schedule = ? AND zone = ?",
                    values![
                        at(next),
                        row.config.to_string(),
                        at(row.due_at),
                        row.schedule.as_str(),
                        row.zone.as_str()
                    ],
                )
                .await?;
            if moved.affected == 0 {
                return Ok(Some(Started::NotDue));
            }
            // A change of the config's row: removing the config and this can't both commit.
            let counted = session
                .exec(
                    "UPDATE sync_configs SET jobs_made = jobs_made + 1 \
                     WHERE id = ? AND enabled = 1 AND version = ?",
                    values![row.config.to_string(), config.version],
                )
                .await?;
            if counted.affected == 0 {
                return Ok(Some(Started::NotDue));
            }
            match refuse_busy(session, row.config).await {
                Ok(()) => {}
                Err(error @ StoreError::Conflict { .. }) => {
                    let in_a_row = count_skipped(session, row.config).await?;
                    let why = error.to_string();
                    return Ok(Some(Started::Busy { why, in_a_row }));
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
            let sql = "UPDATE sync_skipped_runs SET in_a_row = 0 WHERE config_id = ?";
            session.exec(sql, values![row.config.to_string()]).await?;
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

/// Counts a due time that was left out; gives how many were since the last start.
async fn count_skipped(session: &mut Session, config: ConfigId) -> Result<u64, StoreError> {
    let config = config.to_string();
    session
        .exec(
            "INSERT INTO sync_skipped_runs (config_id, skipped, in_a_row, last_at) \
             VALUES (?, 1, 1, UTC_TIMESTAMP(3)) \
             ON DUPLICATE KEY UPDATE skipped = skipped + 1, in_a_row = in_a_row + 1, \
             last_at = VALUES(last_at)",
            values![config.as_str()],
        )
        .await?;
    let sql = "SELECT in_a_row FROM sync_skipped_runs WHERE config_id = ?";
    let rows = session.exec_rows(sql, values![config]).await?;
    Ok(rows.first().map_or(Ok(1), |row| row.u64("in_a_row"))?)
}
