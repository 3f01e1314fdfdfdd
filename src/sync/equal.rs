//! Ends a run that found its target equal, or made it so without a swap.

use std::sync::Arc;

use super::closing::close;
use super::error::SyncError;
use super::shared::TableShared;
use super::snapshot::Snapshot;
use super::watermark;
use crate::model::table_run::Verified;
use crate::store::checkpoints::Checkpoint;

/// Ends a run whose target equals the snapshot `force`, `rows` having been compared.
///
/// # Errors
/// When the control database can't be written, or the lease is lost.
pub async fn end_equal(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    force: &Snapshot,
    rows: u64,
) -> Result<Verified, SyncError> {
    let next = watermark::after_comparison(table, force, &checkpoint.marks);
    let verified = Verified::whole_table(watermark::as_of(force, next.as_ref()), rows);
    checkpoint.marks.next = next;
    checkpoint.marks.accept();
    checkpoint.source_schema.seen = table.plan.seen();
    checkpoint.verified = Some(verified.clone());
    close(table, checkpoint).await?;
    Ok(verified)
}
