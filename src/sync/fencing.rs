//! How a transaction on the target notes what it did to a range, under the fence of the table's lease.
//!
//! The row of the range is checkpoint and fence in one: a statement from here is the last of its
//! transaction and must change exactly one row. Called by whoever writes or compares ranges.

use super::error::SyncError;
use super::shared::TableShared;
use crate::mysql::SessionKind;
use crate::store::fence::Fence;
use crate::store::ranges::{RangeCommit, RangeRow, RangeState};

/// The fence that leaves a range in `state`, its position and its rows as they are.
#[must_use]
pub fn range_fence(table: &TableShared, range_no: u32, state: RangeState) -> Fence {
    table.job.context.store.range_fence(&RangeCommit {
        table_run: table.table_run,
        range_no,
        fence: table.fence(),
        position: None,
        state,
        compared_in: None,
        rows: 0,
    })
}

/// Records, in a transaction of its own, that a range of `rows` rows equals the source in the
/// snapshot `force`.
///
/// # Errors
/// `LeaseLost` when the fence is not ours any more; else the server's.
pub async fn mark_compared(
    table: &TableShared,
    kind: SessionKind,
    range: &RangeRow,
    rows: u64,
    force: &str,
) -> Result<(), SyncError> {
    let fence = table.job.context.store.range_fence(&RangeCommit {
        table_run: table.table_run,
        range_no: range.range_no,
        fence: table.fence(),
        position: None,
        state: RangeState::Compared,
        compared_in: Some(force),
        rows: i64::try_from(rows).unwrap_or(i64::MAX) - i64::try_from(range.rows).unwrap_or(0),
    });
    table.note(kind, &fence).await
}
