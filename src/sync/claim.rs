//! Taking a table over for work that neither loads it nor goes on with a load: repair and undo.
//!
//! What a load has left stays for the next sync; only its fences are raised, so that a process that
//! wakes up late can commit nothing.

use super::context::{JobContext, TableLease};
use super::error::SyncError;
use crate::mysql::TableRef;
use crate::store::checkpoints::Checkpoint;

/// Ends the previous holder's connections and raises the fences of everything that it may still
/// write by. What is written under the result ends with `checkpoint_fence`.
///
/// # Errors
/// When the control database can't be written; `LeaseLost` when a newer fence holds the table.
pub async fn claim(
    context: &JobContext,
    held: &TableLease,
    target: &TableRef,
) -> Result<Checkpoint, SyncError> {
    let store = &context.store;
    // An earlier try of ours: what it sent last may still be under way.
    if let Some(own) = store.recorded_connections(&held.lease).await? {
        store.kill_previous(&own).await?;
    }
    if let Some(previous) = &held.previous {
        store.kill_previous(previous).await?;
    }
    let mut checkpoint = store
        .open_checkpoint(context.config.id, target, held.lease.fence)
        .await?;
    if let Some(unfinished) = checkpoint.table_run_id {
        store.adopt_ranges(&mut checkpoint, unfinished).await?;
    }
    Ok(checkpoint)
}
