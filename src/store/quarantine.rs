//! Deleted rows that are kept for a while: which table holds those of which job, and until when.
//!
//! The count of a quarantine table changes in the transaction that moves its rows.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::transaction::{json, micros, parsed, values};
use super::{Store, StoreError};
use crate::model::ids::JobId;
use crate::mysql::{Row, TableRef, literal};

/// Rows of one target table that one job deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Number of the target database.
    pub number: u32,
    /// Name of the quarantine table.
    pub quarantine_table: String,
    /// The job.
    pub job: JobId,
    /// Where the rows were.
    pub target: TableRef,
    /// The columns of the target that identify a row.
    pub key_columns: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
    /// When they are dropped.
    pub expires_at: DateTime<Utc>,
    /// Whether that time has passed.
    pub is_expired: bool,
    /// When they were put back.
    pub undone_at: Option<DateTime<Utc>>,
}

impl Deleted {
    /// Whether its rows can still be put back.
    #[must_use]
    pub fn can_be_undone(&self) -> bool {
        self.undone_at.is_none() && !self.is_expired && self.rows > 0
    }
}

impl Store {
    /// Notes a quarantine table before it is made; its rows are to be kept for `keep`.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn open_quarantine(
        &self,
        deleted: &Deleted,
        keep: Duration,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO {}.sync_deleted (number, quarantine_table, job_id, target_database, \
             target_table, key_columns, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND) \
             ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at)",
            self.database()
        );
        let params = values![
            deleted.number,
            deleted.quarantine_table.as_str(),
            deleted.job.to_string(),
            deleted.target.database.raw(),
            deleted.target.table.raw(),
            json(&deleted.key_columns)?,
            micros(keep),
        ];
        self.exec(&sql, params).await?;
        Ok(())
    }

    /// The statement, for the transaction that moves them, that counts rows into a quarantine table
    /// (out of it, when `rows` is negative) and keeps them for `keep` from then on. It must change
    /// exactly one row.
    #[must_use]
    pub fn count_deleted_sql(
        &self,
        number: u32,
        table: &str,
        rows: i64,
        keep: Option<Duration>,
    ) -> String {
        let until = keep.map_or_else(String::new, |keep| {
            format!(
                ", expires_at = GREATEST(UTC_TIMESTAMP(3) + INTERVAL {} MICROSECOND, \
                 expires_at + INTERVAL 1000 MICROSECOND)",
                micros(keep)
            )
        });
        format!(
            "UPDATE {}.sync_deleted SET `rows` = CAST(`rows` AS SIGNED) + {rows}{until} \
             WHERE number = {number} AND quarantine_table = {}",
            self.database(),
            literal::text(table)
        )
    }

    /// What a job deleted and is kept, by target table.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn deleted_by(&self, job: JobId) -> Result<Vec<Deleted>, StoreError> {
        let sql = format!(
            "SELECT number, quarantine_table, target_database, target_table, key_columns, \
             `rows` AS n, expires_at, expires_at <= UTC_TIMESTAMP(3) AS expired, undone_at \
             FROM {}.sync_deleted WHERE job_id = ? ORDER BY target_table, quarantine_table",
            self.database()
        );
        self.rows(&sql, values![job.to_string()])
            .await?
            .iter()
            .map(|row| read(row, job))
            .collect()
    }

    /// Whether a quarantine table has rows whose time has not come, or its job goes on.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn needs_quarantine(&self, number: u32, table: &str) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT 1 AS one FROM {db}.sync_deleted d LEFT JOIN {db}.sync_jobs j ON j.id = d.job_id \
             WHERE d.number = ? AND d.quarantine_table = ? \
             AND ((d.`rows` > 0 AND d.expires_at > UTC_TIMESTAMP(3)) OR j.active_config IS NOT NULL)",
            db = self.database()
        );
        Ok(!self.rows(&sql, values![number, table]).await?.is_empty())
    }

    /// Forgets a quarantine table that was dropped; what it held once is remembered with its job.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn close_quarantine(&self, number: u32, table: &str) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {db}.sync_deleted WHERE number = ? AND quarantine_table = ? \
             AND (`rows` = 0 AND undone_at IS NULL \
             OR NOT EXISTS (SELECT 1 FROM {db}.sync_jobs j WHERE j.id = job_id))",
            db = self.database()
        );
        self.exec(&sql, values![number, table]).await?;
        Ok(())
    }

    /// Notes that what a job deleted of a target table was put back.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn mark_undone(&self, job: JobId, target_table: &str) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {}.sync_deleted SET undone_at = UTC_TIMESTAMP(3) \
             WHERE job_id = ? AND target_table = ? AND undone_at IS NULL",
            self.database()
        );
        self.exec(&sql, values![job.to_string(), target_table])
            .await?;
        Ok(())
    }
}

fn read(row: &Row, job: JobId) -> Result<Deleted, StoreError> {
    Ok(Deleted {
        number: u32::try_from(row.u64("number")?).unwrap_or(u32::MAX),
        quarantine_table: row.text("quarantine_table")?,
        job,
        target: TableRef::new(row.text("target_database")?, row.text("target_table")?),
        key_columns: parsed(&row.text("key_columns")?, "sync_deleted.key_columns")?,
        rows: row.u64("n")?,
        expires_at: row.time("expires_at")?,
        is_expired: row.bool("expired")?,
        undone_at: row.opt_time("undone_at")?,
    })
}
