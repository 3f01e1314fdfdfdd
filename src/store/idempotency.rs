//! Keys by which a caller starts a job once, however often it asks.
//!
//! A key and its job are made in one transaction, so there is never one without the other. A key
//! holds for [`HOLDS`] and belongs to who gave it.

use super::transaction::{id, micros, values};
use super::{Store, StoreError};
use crate::model::ids::JobId;
use crate::mysql::Session;
use std::time::Duration;

/// How long a key stands for its job.
pub const HOLDS: Duration = Duration::from_hours(24);
/// Old keys removed at once.
const SWEPT: u32 = 1000;
/// The code of [`Store::create_job_once`] for a key that stands for another job.
pub const USED: &str = "idempotency_key";

/// A start that must happen once.
#[derive(Debug, Clone, Copy)]
pub struct Once<'a> {
    /// Who asks.
    pub actor: &'a str,
    /// Its key; printable ASCII, at most 255 characters.
    pub key: &'a str,
    /// What is asked for, as a hash of 64 characters.
    pub asked: &'a str,
}

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedOnce {
    /// The job.
    pub job: JobId,
    /// What was asked for.
    pub asked: String,
}

impl Store {
    /// What a key stands for, if it holds.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn started_once(&self, once: &Once<'_>) -> Result<Option<StartedOnce>, StoreError> {
        let sql = "SELECT job_id, asked FROM idempotency_keys WHERE actor = ? \
                   AND idempotency_key = ? AND created_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND";
        let rows = self
            .rows(sql, values![actor(once), once.key, micros(HOLDS)])
            .await?;
        rows.first()
            .map(|row| {
                Ok(StartedOnce {
                    job: id(row, "job_id")?,
                    asked: row.text("asked")?,
                })
            })
            .transpose()
    }

    /// Removes keys that hold no longer.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn sweep_keys(&self) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM idempotency_keys \
             WHERE created_at <= UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND LIMIT {SWEPT}"
        );
        Ok(self.exec(&sql, values![micros(HOLDS)]).await?.affected)
    }
}

/// Makes the key stand for `job`, inside of the transaction that makes the job. Who comes second
/// waits here until the first has committed.
pub(super) async fn claim(
    session: &mut Session,
    once: &Once<'_>,
    job: JobId,
) -> Result<(), StoreError> {
    let held = micros(HOLDS);
    let job = job.to_string();
    session
        .exec(
            "INSERT INTO idempotency_keys (actor, idempotency_key, asked, job_id, created_at) \
             VALUES (?, ?, ?, ?, UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE \
             job_id = IF(created_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND, job_id, ?), \
             asked = IF(created_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND, asked, ?), \
             created_at = IF(created_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND, created_at, \
             UTC_TIMESTAMP(3))",
            values![
                actor(once),
                once.key,
                once.asked,
                job.as_str(),
                held,
                job.as_str(),
                held,
                once.asked,
                held
            ],
        )
        .await?;
    let rows = session
        .exec_rows(
            "SELECT job_id FROM idempotency_keys WHERE actor = ? AND idempotency_key = ? FOR UPDATE",
            values![actor(once), once.key],
        )
        .await?;
    match rows.first().map(|row| row.text("job_id")).transpose()? {
        Some(holder) if holder == job => Ok(()),
        _ => Err(StoreError::conflict(USED, "the key stands for another job")),
    }
}

fn actor(once: &Once<'_>) -> String {
    once.actor.chars().take(255).collect()
}
