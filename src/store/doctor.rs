//! What lies about: loads that wait, tables that nobody lists, the server's time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::transaction::{micros, values};
use super::{Store, StoreError};

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

impl Store {
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
