//! Ends a run of a table in its checkpoint.

use super::error::SyncError;
use super::hooks;
use super::shared::TableShared;
use crate::store::checkpoints::{Checkpoint, Step};

/// Ends a run in the checkpoint: nothing is left of it but what was compared.
///
/// # Errors
/// When the control database can't be written, or the lease is lost.
pub async fn close(table: &TableShared, checkpoint: &mut Checkpoint) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    store.delete_ranges(table.table_run, table.fence()).await?;
    hooks::reach("load.closing");
    checkpoint.step = Step::Idle;
    checkpoint.shadow_table = None;
    checkpoint.marks.next = None;
    checkpoint.table_run_id = None;
    checkpoint.snapshot = None;
    Ok(store.save_checkpoint(checkpoint).await?)
}
