//! What monitoring reads again and again: names, and when a config was last complete.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::transaction::id;
use super::{Store, StoreError};
use crate::model::ids::{ConfigId, ConnectionId};

impl Store {
    /// Every config: id, name, whether it is enabled.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn config_names(&self) -> Result<Vec<(ConfigId, String, bool)>, StoreError> {
        let sql = "SELECT id, name, enabled FROM sync_configs ORDER BY name";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter()
            .map(|row| Ok((id(row, "id")?, row.text("name")?, row.bool("enabled")?)))
            .collect()
    }

    /// Every connection: id and name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn connection_names(&self) -> Result<Vec<(ConnectionId, String)>, StoreError> {
        let sql = "SELECT id, name FROM sync_connections ORDER BY name";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter()
            .map(|row| Ok((id(row, "id")?, row.text("name")?)))
            .collect()
    }

    /// When the last run of each config ended that completed all of its tables. One whose jobs are
    /// all older than `sync.cleanup_age` has none.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn last_successes(&self) -> Result<HashMap<ConfigId, DateTime<Utc>>, StoreError> {
        let sql = "SELECT config_id, MAX(finished_at) AS at FROM sync_jobs \
                   WHERE state = 'completed' AND kind = 'sync' AND finished_at IS NOT NULL \
                   AND JSON_LENGTH(request, '$.tables') = 0 GROUP BY config_id";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter()
            .map(|row| Ok((id(row, "config_id")?, row.time("at")?)))
            .collect()
    }
}
