//! What is known of how old copies are, and which jobs ended badly lately.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::transaction::{at, id, parsed, values};
use super::{Store, StoreError};
use crate::model::ids::ConfigId;
use crate::model::job::Job;
use crate::model::table_run::Verified;

impl Store {
    /// What the last finished run of each table compared, by config: target table and comparison.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn verified_tables(
        &self,
    ) -> Result<HashMap<ConfigId, Vec<(String, Verified)>>, StoreError> {
        let sql = "SELECT config_id, target_table, verified FROM sync_checkpoints \
                   WHERE verified IS NOT NULL ORDER BY config_id, target_table";
        let mut found: HashMap<ConfigId, Vec<(String, Verified)>> = HashMap::new();
        for row in &self.rows(sql, vec![]).await? {
            let verified = parsed(&row.text("verified")?, "sync_checkpoints.verified")?;
            let tables = found.entry(id(row, "config_id")?).or_default();
            tables.push((row.text("target_table")?, verified));
        }
        Ok(found)
    }

    /// Configs with a job that has not ended.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn active_configs(&self) -> Result<HashSet<ConfigId>, StoreError> {
        let sql = "SELECT config_id FROM sync_jobs WHERE active_config IS NOT NULL";
        let rows = self.rows(sql, vec![]).await?;
        rows.iter().map(|row| id(row, "config_id")).collect()
    }

    /// Jobs that ended badly after `since`, newest first, with their tables; none that a later job of
    /// its config has taken the place of: one of the same kind, or a sync, that did all tables or
    /// was to try this one again, however that ended.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn failed_since(
        &self,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let mut jobs = self
            .jobs_where(
                "WHERE j.state IN ('failed', 'completed_with_errors') AND j.finished_at > ? \
                 AND NOT EXISTS (SELECT 1 FROM sync_jobs n WHERE n.config_id = j.config_id \
                 AND (n.created_at, n.id) > (j.created_at, j.id) \
                 AND n.state IN ('completed', 'failed', 'completed_with_errors') \
                 AND (n.kind = j.kind OR (n.kind = 'sync' AND j.kind <> 'undo')) \
                 AND (n.retry_of = j.id OR JSON_LENGTH(n.request, '$.tables') = 0)) \
                 ORDER BY j.finished_at DESC, j.id DESC LIMIT ?",
                values![at(since), limit],
            )
            .await?;
        for job in &mut jobs {
            job.tables = self.table_runs(job.id).await?;
        }
        Ok(jobs)
    }
}
