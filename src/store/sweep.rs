//! What is removed once it is old, in small transactions: the control database stays as large as its
//! retention, however long the service runs.

use std::time::Duration;

use super::leases::Resource;
use super::transaction::{id, micros, values};
use super::{Store, StoreError};
use crate::model::ids::JobId;

/// Old jobs looked for at once.
const BROOM: u32 = 50;
/// Rows removed in one transaction.
const SWEPT_AT_ONCE: u64 = 5_000;

impl Store {
    /// Removes jobs that ended longer ago than `older_than`, with their logs and differences, and
    /// log lines of that age that belong to no job; never the newest job of a config, nor one whose
    /// deleted rows are still kept. Then numbers of target databases retired as long ago. Returns how
    /// many jobs.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn delete_old_jobs(&self, older_than: Duration) -> Result<u64, StoreError> {
        let stray = format!(
            "DELETE FROM sync_logs WHERE job_id IS NULL \
             AND logged_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND LIMIT {SWEPT_AT_ONCE}"
        );
        while self
            .exec(&stray, values![micros(older_than)])
            .await?
            .affected
            == SWEPT_AT_ONCE
        {}
        let mut gone = 0;
        loop {
            let old = self
                .rows(
                    "SELECT j.id FROM sync_jobs j \
                     LEFT JOIN sync_configs c ON c.id = j.config_id \
                     WHERE j.active_config IS NULL \
                     AND j.finished_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
                     AND NOT EXISTS (SELECT 1 FROM sync_deleted d WHERE d.job_id = j.id \
                     AND d.`rows` > 0 AND d.expires_at > UTC_TIMESTAMP(3)) \
                     AND (c.id IS NULL OR EXISTS (SELECT 1 FROM sync_jobs n \
                     WHERE n.config_id = j.config_id \
                     AND (n.created_at, n.id) > (j.created_at, j.id))) LIMIT ?",
                    values![micros(older_than), BROOM],
                )
                .await?;
            if old.is_empty() {
                self.forget_retired_numbers(older_than).await?;
                return Ok(gone);
            }
            for row in &old {
                gone += self.delete_job(id(row, "id")?).await?;
            }
        }
    }

    /// What hangs on the job goes first and in small transactions: a log may be long.
    async fn delete_job(&self, job: JobId) -> Result<u64, StoreError> {
        let id = job.to_string();
        for table in ["sync_logs", "sync_differences", "sync_table_runs"] {
            let sql = format!("DELETE FROM {table} WHERE job_id = ? LIMIT {SWEPT_AT_ONCE}");
            while self.exec(&sql, values![id.as_str()]).await?.affected == SWEPT_AT_ONCE {}
        }
        // Those whose tables are not dropped yet go with them.
        let sql = "DELETE FROM sync_deleted WHERE job_id = ? AND NOT EXISTS (SELECT 1 \
                   FROM helper_tables h WHERE h.number = sync_deleted.number \
                   AND h.purpose = 'quarantine' AND h.table_name = sync_deleted.quarantine_table)";
        self.exec(sql, values![id.as_str()]).await?;
        // An id is never given again, so the fence of its lease means nothing any more.
        let lease = self.resource_text(&Resource::Job(job));
        self.exec(
            "DELETE FROM sync_leases WHERE resource = ? AND (holder_instance_id IS NULL \
             OR expires_at < UTC_TIMESTAMP(3)) AND EXISTS (SELECT 1 FROM sync_jobs j \
             WHERE j.id = ? AND j.active_config IS NULL)",
            values![lease, id.as_str()],
        )
        .await?;
        let sql = "DELETE FROM sync_jobs WHERE id = ? AND active_config IS NULL";
        Ok(self.exec(sql, values![id.as_str()]).await?.affected)
    }

    /// The highest number stays: a server that counts anew after a restart must not give it again.
    async fn forget_retired_numbers(&self, older_than: Duration) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM target_databases WHERE retired_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
             AND number < (SELECT top FROM (SELECT MAX(number) AS top FROM target_databases) AS t) \
             AND NOT EXISTS (SELECT 1 FROM helper_tables h WHERE h.number = target_databases.number) \
             LIMIT {SWEPT_AT_ONCE}"
        );
        while self.exec(&sql, values![micros(older_than)]).await?.affected == SWEPT_AT_ONCE {}
        Ok(())
    }
}
