//! What is told to the world outside: written down once for all instances, tried by whoever claims
//! it, and known afterwards, so that it is not told again.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::transaction::{at, id, micros, transaction, values};
use super::{Store, StoreError};
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::{Job, JobKind};
use crate::mysql::{Session, Value};

/// Jobs looked at when a process begins to tell.
const MOST_JOBS: u32 = 1_000;
/// Rows removed in one statement.
const SWEPT_AT_ONCE: u64 = 1_000;

/// A notification to be told to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its id, which is in the body too.
    pub id: String,
    /// What happened: the same text from every instance that sees it.
    pub event: String,
    /// Who is told, as a hash.
    pub target: String,
    /// The config that it is about.
    pub config: ConfigId,
    /// JSON.
    pub body: String,
}

/// A notification that this process is to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: String,
    /// JSON.
    pub body: String,
    /// Which try this is, counted from 1.
    pub attempt: u32,
}

/// How notifications stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationStatus {
    /// Sent lately.
    pub sent: u64,
    /// To be tried, or tried again.
    pub waiting: u64,
    /// Given up lately.
    pub failed: u64,
    /// Why the last one was given up.
    pub error: Option<String>,
}

impl Store {
    /// Since when a target is told of what happens: since the first process asked.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn told_since(&self, target: &str) -> Result<DateTime<Utc>, StoreError> {
        self.exec(
            "INSERT IGNORE INTO notification_targets (target, since) VALUES (?, UTC_TIMESTAMP(3))",
            values![target],
        )
        .await?;
        let sql = "SELECT since FROM notification_targets WHERE target = ?";
        let rows = self.rows(sql, values![target]).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| StoreError::Corrupt("notification_targets".to_owned()))?;
        Ok(row.time("since")?)
    }

    /// Writes notifications down, each once for all instances; gives how many were not there yet.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn put_notifications(&self, all: &[Outgoing]) -> Result<u64, StoreError> {
        let mut put = 0;
        for one in all {
            put += self.exec(PUT, put_values(one)).await?.affected;
        }
        Ok(put)
    }

    /// Claims the next notification of a target that is due, for as long as a try may take; after
    /// that somebody else may try. `None`: there is none, or another instance was faster.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn claim_notification(
        &self,
        target: &str,
        instance: &str,
        patience: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, body, attempt FROM notifications WHERE state = 'waiting' \
                 AND due_at <= UTC_TIMESTAMP(3) AND target = ? ORDER BY due_at, made_at, id LIMIT 1",
                values![target],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let (id, attempt) = (row.text("id")?, row.u64("attempt")?);
        let claimed = self
            .exec(
                "UPDATE notifications SET attempt = attempt + 1, instance = ?, \
                 due_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
                 WHERE id = ? AND state = 'waiting' AND attempt = ? AND due_at <= UTC_TIMESTAMP(3)",
                values![instance, micros(patience), id.as_str(), attempt],
            )
            .await?;
        if claimed.affected != 1 {
            return Ok(None);
        }
        Ok(Some(Claimed {
            id,
            body: row.text("body")?,
            attempt: u32::try_from(attempt + 1).unwrap_or(u32::MAX),
        }))
    }

    /// A try went well. `false`: somebody else has claimed it since.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn notification_sent(&self, claimed: &Claimed) -> Result<bool, StoreError> {
        let sql = "UPDATE notifications SET state = 'sent', ended_at = UTC_TIMESTAMP(3), error = NULL \
                   WHERE id = ? AND state = 'waiting' AND attempt = ?";
        let done = self.exec(sql, values![claimed.id.as_str(), claimed.attempt]);
        Ok(done.await?.affected == 1)
    }

    /// A try failed. `again`: the wait until the next one; `None` gives up. `false`: somebody else
    /// has claimed it since.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn notification_failed(
        &self,
        claimed: &Claimed,
        error: &str,
        again: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let error: String = error.chars().take(2_000).collect();
        let (change, mut params): (_, Vec<Value>) = match again {
            Some(wait) => (
                "due_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND",
                values![micros(wait)],
            ),
            None => ("state = 'failed', ended_at = UTC_TIMESTAMP(3)", values![]),
        };
        params.extend(values![error, claimed.id.as_str(), claimed.attempt]);
        let sql = format!(
            "UPDATE notifications SET {change}, error = ? \
             WHERE id = ? AND state = 'waiting' AND attempt = ?"
        );
        Ok(self.exec(&sql, params).await?.affected == 1)
    }

    /// How notifications stand; of those that ended, the ones of the last `lately`.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn notification_status(
        &self,
        lately: Duration,
    ) -> Result<NotificationStatus, StoreError> {
        let sql = "SELECT state, error, ended_at FROM notifications WHERE ended_at IS NULL \
                   OR ended_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND ORDER BY ended_at";
        let mut status = NotificationStatus::default();
        for row in &self.rows(sql, values![micros(lately)]).await? {
            match row.text("state")?.as_str() {
                "sent" => status.sent += 1,
                "failed" => {
                    status.failed += 1;
                    status.error = row.opt_text("error")?;
                }
                _ => status.waiting += 1,
            }
        }
        Ok(status)
    }

    /// Forgets notifications that were made longer ago than `age`.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn forget_notifications(&self, age: Duration) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM notifications WHERE made_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
             LIMIT {SWEPT_AT_ONCE}"
        );
        while self.exec(&sql, values![micros(age)]).await?.affected == SWEPT_AT_ONCE {}
        Ok(())
    }

    /// Lags that were told of and are not known to be gone: config and the age that was passed.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn told_lags(&self) -> Result<Vec<(ConfigId, Duration)>, StoreError> {
        let sql = "SELECT config_id, above_ms FROM notified_lags";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter()
            .map(|row| {
                let above = Duration::from_millis(row.u64("above_ms")?);
                Ok((id(row, "config_id")?, above))
            })
            .collect()
    }

    /// A lag begins: notes that, and what is told of it, both or neither, and once over all
    /// instances.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn lag_began(
        &self,
        config: ConfigId,
        above: Duration,
        told: &[Outgoing],
    ) -> Result<bool, StoreError> {
        let sql = "INSERT IGNORE INTO notified_lags (config_id, above_ms, since) \
                   VALUES (?, ?, UTC_TIMESTAMP(3))";
        self.lag(sql, config, above, told).await
    }

    /// A lag is gone: the same.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn lag_ended(
        &self,
        config: ConfigId,
        above: Duration,
        told: &[Outgoing],
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM notified_lags WHERE config_id = ? AND above_ms = ?";
        self.lag(sql, config, above, told).await
    }

    async fn lag(
        &self,
        change: &str,
        config: ConfigId,
        above: Duration,
        told: &[Outgoing],
    ) -> Result<bool, StoreError> {
        let above = u64::try_from(above.as_millis()).unwrap_or(u64::MAX / 2);
        transaction!(self, |session| {
            let changed = session
                .exec(change, values![config.to_string(), above])
                .await?;
            if changed.affected == 0 {
                return Ok(false);
            }
            put_all(session, told).await?;
            Ok(true)
        })
    }

    /// Ids of jobs that have not ended, and of those that were made after `since`.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn jobs_in_motion(
        &self,
        since: DateTime<Utc>,
    ) -> Result<(Vec<JobId>, Vec<JobId>), StoreError> {
        let ids = async |sql: &str, params: Vec<Value>| {
            let rows = self.rows(sql, params).await?;
            rows.iter()
                .map(|row| id(row, "id"))
                .collect::<Result<_, _>>()
        };
        // In this order: what ends between the two is in one of them.
        let sql = "SELECT id FROM sync_jobs WHERE active_config IS NOT NULL";
        let active = ids(sql, vec![]).await?;
        let sql = "SELECT id FROM sync_jobs WHERE created_at >= ?";
        Ok((active, ids(sql, values![at(since)]).await?))
    }

    /// Jobs that ended after `since`, oldest first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn jobs_ended_since(&self, since: DateTime<Utc>) -> Result<Vec<JobId>, StoreError> {
        let sql = "SELECT id FROM sync_jobs WHERE active_config IS NULL AND finished_at > ? \
                   ORDER BY finished_at DESC, id DESC LIMIT ?";
        let rows = self.rows(sql, values![at(since), MOST_JOBS]).await?;
        let newest_first: Vec<JobId> = rows
            .iter()
            .map(|row| id(row, "id"))
            .collect::<Result<_, _>>()?;
        Ok(newest_first.into_iter().rev().collect())
    }

    /// The job before `job`, of its config and kind, that says whether all was well: one that failed
    /// or left tables out, or did all tables. Whether all was well.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn was_well_before(&self, job: &Job) -> Result<Option<bool>, StoreError> {
        let sql = "SELECT state FROM sync_jobs WHERE config_id = ? AND kind = ? \
                   AND (created_at, id) < (?, ?) AND (state IN ('failed', 'completed_with_errors') \
                   OR (state = 'completed' AND (retry_of IS NOT NULL \
                   OR JSON_LENGTH(request, '$.tables') = 0))) \
                   ORDER BY created_at DESC, id DESC LIMIT 1";
        let rows = self
            .rows(
                sql,
                values![
                    job.config_id.to_string(),
                    job.kind.as_str(),
                    at(job.created_at),
                    job.id.to_string()
                ],
            )
            .await?;
        let state = rows.first().map(|row| row.text("state")).transpose()?;
        Ok(state.map(|state| state == "completed"))
    }

    /// The newest sync of a config that completed.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn last_completed(&self, config: ConfigId) -> Result<Option<Job>, StoreError> {
        let found = self
            .jobs_where(
                "WHERE j.config_id = ? AND j.kind = ? AND j.state = 'completed' \
                 ORDER BY j.created_at DESC, j.id DESC LIMIT 1",
                values![config.to_string(), JobKind::Sync.as_str()],
            )
            .await?;
        Ok(found.into_iter().next())
    }
}

const PUT: &str = "INSERT IGNORE INTO notifications \
     (id, event, target, config_id, body, state, attempt, due_at, made_at) \
     VALUES (?, ?, ?, ?, ?, 'waiting', 0, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))";

fn put_values(one: &Outgoing) -> Vec<Value> {
    values![
        one.id.as_str(),
        one.event.as_str(),
        one.target.as_str(),
        one.config.to_string(),
        one.body.as_str()
    ]
}

async fn put_all(session: &mut Session, all: &[Outgoing]) -> Result<(), StoreError> {
    for one in all {
        session.exec(PUT, put_values(one)).await?;
    }
    Ok(())
}
