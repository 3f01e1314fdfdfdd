//! How earlier runs of a config's tables went.

use std::collections::HashMap;

use super::transaction::{parsed, values};
use super::{Store, StoreError};
use crate::model::ids::ConfigId;
use crate::model::table_run::TableRun;

impl Store {
    /// The newest completed sync of each target table among the last few jobs of a config.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn last_table_runs(
        &self,
        config: ConfigId,
    ) -> Result<HashMap<String, TableRun>, StoreError> {
        let mut newest = HashMap::new();
        // Ids grow with time.
        let rows = self
            .rows(
                "SELECT r.summary FROM sync_table_runs r JOIN \
                 (SELECT id FROM sync_jobs WHERE config_id = ? AND kind = 'sync' \
                 AND state IN ('completed', 'completed_with_errors') \
                 ORDER BY id DESC LIMIT 3) j ON j.id = r.job_id \
                 WHERE r.state = 'completed' ORDER BY r.id",
                values![config.to_string()],
            )
            .await?;
        for row in &rows {
            let run: TableRun = parsed(&row.text("summary")?, "sync_table_runs.summary")?;
            newest.insert(run.target_table.clone(), run);
        }
        Ok(newest)
    }
}
