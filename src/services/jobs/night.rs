//! What ended badly while nobody looked.

use chrono::{DateTime, Utc};

use super::Jobs;
use crate::model::command::Refusal;
use crate::model::job::Job;
use crate::model::night::FailedJob;
use crate::model::table_run::TableState;
use crate::services::refusal::refuse;

/// Most jobs that are told of.
const MOST: u32 = 50;

impl Jobs {
    /// Jobs that ended badly after `since`, newest first, none that a later one made good; with
    /// what their tables still are.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn bad_night(&self, since: DateTime<Utc>) -> Result<Vec<FailedJob>, Refusal> {
        let store = &self.0.store;
        let jobs = self.failed_since(since, MOST).await?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let verified = store.verified_tables().await.map_err(refuse)?;
        let active = store.active_configs().await.map_err(refuse)?;
        let told = |job: Job| {
            let known = verified.get(&job.config_id).map_or(&[][..], Vec::as_slice);
            let failed = job
                .tables
                .iter()
                .filter(|run| run.state == TableState::Failed);
            let standing = failed
                .filter_map(|run| {
                    let (table, found) =
                        known.iter().find(|(name, _)| *name == run.target_table)?;
                    Some((table.clone(), found.as_of.time?))
                })
                .collect();
            let again = active.contains(&job.config_id);
            FailedJob {
                job,
                standing,
                again,
            }
        };
        Ok(jobs.into_iter().map(told).collect())
    }

    /// The control database's clock, which the times of jobs come from.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn clock(&self) -> Result<DateTime<Utc>, Refusal> {
        self.0.store.now().await.map_err(refuse)
    }
}
