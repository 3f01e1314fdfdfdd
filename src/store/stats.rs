//! Statistics over everything that is stored.

use super::transaction::{micros, values};
use super::{Store, StoreError};
use crate::model::job::JobState;
use crate::model::status::Stats;

impl Store {
    /// Statistics over everything that is stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = Stats::default();
        let rows = self
            .rows(
                "SELECT (SELECT COUNT(*) FROM sync_connections) AS connections, \
                 (SELECT COUNT(*) FROM sync_connections WHERE health LIKE ?) AS connected, \
                 (SELECT COUNT(*) FROM sync_configs) AS configs, \
                 (SELECT COUNT(*) FROM sync_configs WHERE enabled) AS enabled_configs, \
                 (SELECT COUNT(*) FROM instances WHERE stopped_at IS NULL \
                  AND seen_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND) AS instances",
                values!["{\"state\":\"ok\"%", micros(self.lease_ttl())],
            )
            .await?;
        if let Some(row) = rows.first() {
            stats.total_connections = row.u64("connections")?;
            stats.connected_connections = row.u64("connected")?;
            stats.total_configs = row.u64("configs")?;
            stats.enabled_configs = row.u64("enabled_configs")?;
            stats.instances = row.u64("instances")?;
        }
        let rows = self
            .rows(
                "SELECT state, COUNT(*) AS jobs, CAST(SUM(rows_done) AS UNSIGNED) AS rows_done, \
                 CAST(SUM(bytes_done) AS UNSIGNED) AS bytes_done FROM sync_jobs GROUP BY state",
                vec![],
            )
            .await?;
        for row in &rows {
            let jobs = row.u64("jobs")?;
            stats.total_jobs += jobs;
            stats.rows_synced += row.u64("rows_done")?;
            stats.bytes_synced += row.u64("bytes_done")?;
            match super::transaction::word(row, "state", JobState::parse)? {
                JobState::Pending => stats.pending_jobs = jobs,
                JobState::Running => stats.running_jobs = jobs,
                JobState::Paused => stats.paused_jobs = jobs,
                JobState::Completed => stats.completed_jobs = jobs,
                JobState::CompletedWithErrors => stats.completed_with_errors_jobs = jobs,
                JobState::Failed => stats.failed_jobs = jobs,
                JobState::Cancelled => stats.cancelled_jobs = jobs,
            }
        }
        Ok(stats)
    }
}
