//! Ranges: where one ends and the next begins.
//!
//! Boundaries are found by walking the key's index on the source, so gaps and skew of the key's
//! values make no difference; sizes aim at a number of bytes, by what rows measured so far.

use super::error::SyncError;
use super::key::{Bucket, KeyRange, KeySpec, KeyTuple};
use super::meter::TableMeter;
use super::table::PlannedTable;
use crate::mysql::Session;

/// Bytes that one range, and one transaction, aim at.
pub const RANGE_BYTES: u64 = 16 << 20;
/// Most rows of a range: what a comparison of it may hold in memory.
pub const RANGE_ROWS: u64 = 200_000;
const LEAST_ROWS: u64 = 200;

/// Rows that the next range should have.
#[must_use]
pub fn range_rows(plan: &PlannedTable, meter: &TableMeter, workers: usize) -> u64 {
    let measured = (
        TableMeter::get(&meter.rows_done),
        TableMeter::get(&meter.bytes_done),
    );
    let estimate = plan
        .source_schema
        .as_ref()
        .map_or((0, 0), |s| (s.rows_estimate, s.data_bytes));
    let row_bytes = match measured {
        (rows, bytes) if rows >= 1000 && bytes > 0 => bytes / rows,
        // A comparison moves no bytes to measure rows by.
        _ => estimate.1.checked_div(estimate.0).unwrap_or(1000),
    };
    let least = |most: u64, wish: &std::sync::atomic::AtomicU64| match TableMeter::get(wish) {
        0 => most,
        wish => most.min(wish),
    };
    let by_bytes = least(RANGE_BYTES, &meter.range_bytes) / row_bytes.max(16);
    // A small table is cut so that every worker gets a few ranges of it.
    let by_workers = (estimate.0 / (workers as u64 * 4)).max(2_000);
    let by_bytes = by_bytes.min(by_workers).clamp(LEAST_ROWS, RANGE_ROWS);
    least(by_bytes, &meter.range_rows)
}

/// The parts that a table is compared in whose key can't be walked in one order on both sides:
/// rows of one part are held in memory.
#[must_use]
pub fn buckets(plan: &PlannedTable) -> Vec<KeyRange> {
    let rows = plan.source_schema.as_ref().map_or(0, |s| s.rows_estimate);
    let of = rows / RANGE_ROWS + 1;
    if of == 1 || plan.key.is_none() {
        return vec![KeyRange::default()];
    }
    (0..of)
        .map(|number| KeyRange {
            bucket: Some(Bucket { number, of }),
            ..KeyRange::default()
        })
        .collect()
}

/// The last key of the range of `rows` rows that follows `lower`; `None` where fewer are left.
///
/// # Errors
/// When the source refuses or is lost.
pub async fn next_boundary(
    session: &mut Session,
    plan: &PlannedTable,
    key: &KeySpec,
    lower: Option<&KeyTuple>,
    rows: u64,
) -> Result<Option<KeyTuple>, SyncError> {
    let after = key.range_sql(&KeyRange {
        lower: lower.cloned(),
        ..KeyRange::default()
    });
    let sql = format!(
        "SELECT {list} {from} ORDER BY {list} LIMIT 1 OFFSET {offset}",
        list = key.list_sql(),
        from = plan.source_from_sql(&after),
        offset = rows.saturating_sub(1),
    );
    let positions: Vec<usize> = (0..key.columns.len()).collect();
    let mut rows = session.stream(&sql).await?;
    let mut found = None;
    while let Some(row) = rows.next().await? {
        found = Some(KeyTuple::of_row(&row, &positions)?);
    }
    if found.is_some() && found.as_ref() == lower {
        return Err(SyncError::stop(
            crate::model::error::ErrorCode::Internal,
            "the key did not advance: the source's order of keys contradicts itself",
        ));
    }
    Ok(found)
}
