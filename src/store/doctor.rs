//! What lies about: loads that wait, tables that nobody lists, the server's time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::transaction::{id, micros, values};
use super::{Store, StoreError};
use crate::model::ids::JobId;

/// A load that was begun and waits for a next job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLoad {
    /// Name of its config.
    pub config: String,
    /// Its target table.
    pub target_table: String,
    /// Last sign of work on it.
    pub since: DateTime<Utc>,
}

/// Deleted rows in quarantine whose time is near, or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRows {
    /// Name of the config that deleted them; empty when its job is forgotten.
    pub config: String,
    /// The job that deleted them.
    pub job: JobId,
    /// Where they were.
    pub target_table: String,
    /// How many there are.
    pub rows: u64,
    /// When they may be dropped.
    pub expires_at: DateTime<Utc>,
    /// Whether that time has passed.
    pub is_expired: bool,
}

impl Store {
    /// Deleted rows that are still there and whose time is over within `soon`, earliest first; of
    /// those whose time has not come, the ones that can be put back.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn kept_rows_ending(&self, soon: Duration) -> Result<Vec<KeptRows>, StoreError> {
        self.rows(
            "SELECT COALESCE(j.config_name, '') AS config_name, d.job_id, d.target_table, d.`rows` AS n, d.expires_at, \
             d.expires_at <= UTC_TIMESTAMP(3) AS expired FROM sync_deleted d \
             JOIN helper_tables h ON h.number = d.number AND h.table_name = d.quarantine_table \
             AND h.purpose = 'quarantine' LEFT JOIN sync_jobs j ON j.id = d.job_id \
             WHERE d.`rows` > 0 AND d.expires_at < UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
             AND (d.undone_at IS NULL OR d.expires_at <= UTC_TIMESTAMP(3)) \
             ORDER BY d.expires_at, d.target_table",
            values![micros(soon)],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(KeptRows {
                config: row.text("config_name")?,
                job: id(row, "job_id")?,
                target_table: row.text("target_table")?,
                rows: row.u64("n")?,
                expires_at: row.time("expires_at")?,
                is_expired: row.bool("expired")?,
            })
        })
        .collect()
    }

    /// Loads that nobody has worked on for `older_than` and whose config has no active job, oldest
    /// first.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn waiting_loads(
        &self,
        older_than: Duration,
    ) -> Result<Vec<WaitingLoad>, StoreError> {
        self.rows(
            "SELECT f.name, c.target_table, c.updated_at FROM sync_checkpoints c \
             JOIN sync_configs f ON f.id = c.config_id \
             LEFT JOIN sync_jobs j ON j.active_config = c.config_id \
             WHERE c.table_run_id IS NOT NULL AND j.id IS NULL \
             AND c.updated_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
             ORDER BY c.updated_at",
            values![micros(older_than)],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(WaitingLoad {
                config: row.text("name")?,
                target_table: row.text("target_table")?,
                since: row.time("updated_at")?,
            })
        })
        .collect()
    }

    /// `database.table` of what is in the helper databases of this control database without being
    /// listed. A table of ours is listed before it is made and until after it is dropped.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn unlisted_helper_tables(&self) -> Result<Vec<String>, StoreError> {
        self.rows(
            "SELECT CONCAT(t.TABLE_SCHEMA, '.', t.TABLE_NAME) AS stranger \
             FROM target_databases d JOIN information_schema.TABLES t \
             ON t.TABLE_SCHEMA IN (CONCAT('_dbtaxi_stage_', d.number), CONCAT('_dbtaxi_old_', d.number)) \
             LEFT JOIN helper_tables h ON h.number = d.number \
             AND CONVERT(h.table_name USING utf8mb4) COLLATE utf8mb4_bin = \
             CONVERT(t.TABLE_NAME USING utf8mb4) COLLATE utf8mb4_bin \
             WHERE h.number IS NULL ORDER BY 1",
            vec![],
        )
        .await?
        .iter()
        .map(|row| Ok(row.text("stranger")?))
        .collect()
    }

    /// The server's clock.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let rows = self.rows("SELECT UTC_TIMESTAMP(6) AS now", vec![]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::Corrupt("UTC_TIMESTAMP".to_owned()))?;
        Ok(row.time("now")?)
    }
}
