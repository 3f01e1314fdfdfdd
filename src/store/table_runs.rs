//! Table runs of jobs: what each table did, as it was last seen.

use super::leases::Resource;
use super::transaction::{json, parsed, values};
use super::{Store, StoreError};
use crate::model::ids::{InstanceId, JobId};
use crate::model::table_run::TableRun;

impl Store {
    /// Stores a table run of a job as it is. Does nothing for anybody but the holder of the job's
    /// lease.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_table_run(
        &self,
        job: JobId,
        run: &TableRun,
        by: InstanceId,
    ) -> Result<(), StoreError> {
        let state = run.state.as_str();
        let phase = run.phase.as_str();
        let summary = json(run)?;
        let error = run.error.as_ref().map(json).transpose()?;
        self.exec(
            "INSERT INTO sync_table_runs \
             (id, job_id, source_table, target_table, state, phase, attempt, summary, error) \
             SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? FROM sync_leases l \
             WHERE l.resource = ? AND l.holder_instance_id = ? \
             ON DUPLICATE KEY UPDATE \
             state = ?, phase = ?, attempt = ?, summary = ?, error = ?",
            values![
                run.id.to_string(),
                job.to_string(),
                run.source_table.as_str(),
                run.target_table.as_str(),
                state,
                phase,
                run.attempt,
                summary.as_str(),
                error.as_deref(),
                self.resource_text(&Resource::Job(job)),
                by.to_string(),
                state,
                phase,
                run.attempt,
                summary.as_str(),
                error.as_deref(),
            ],
        )
        .await?;
        Ok(())
    }

    /// The table runs of a job, in the order they were made.
    pub(super) async fn table_runs(&self, job: JobId) -> Result<Vec<TableRun>, StoreError> {
        let sql = "SELECT summary FROM sync_table_runs WHERE job_id = ? ORDER BY id";
        self.rows(sql, values![job.to_string()])
            .await?
            .iter()
            .map(|row| parsed(&row.text("summary")?, "sync_table_runs.summary"))
            .collect()
    }
}
