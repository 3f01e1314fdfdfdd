//! What a comparison finds that runs by watermark should have seen, had the column moved.
//!
//! Rows that differ although runs have passed their watermark, and rows that are gone: both are what
//! the promise of such runs leaves out. Called by every comparison of a whole table.

use super::window::window;
use crate::model::log::{DifferenceKind, Level};
use crate::store::marks::Marks;
use crate::sync::compare::RowDifference;
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::meter::TableMeter;
use crate::sync::shared::TableShared;
use crate::sync::snapshot::Reader;

/// Keys per statement.
const KEYS: usize = 500;

/// The value, as a literal, up to which runs by watermark have passed; `None` where none has since
/// the last comparison.
///
/// # Errors
/// When the source can't be asked.
pub async fn passed(table: &TableShared, marks: &Marks) -> Result<Option<String>, SyncError> {
    let (Some(by), Some(last)) = (table.plan.mode.watermark(), &marks.current) else {
        return Ok(None);
    };
    if last.runs == 0 || last.fingerprint != table.plan.mark_fingerprint() {
        return Ok(None);
    }
    let mut reader = table.snapshots.reader().await?;
    let window = window(reader.session(), by, &last.mark, &last.mark).await;
    if let Err(error) = &window {
        reader.failed(error);
    }
    Ok(window?.upper)
}

/// How many of the rows that differ runs by watermark have passed.
///
/// # Errors
/// The source's refusal, or the loss of the connection.
pub async fn missed(
    table: &TableShared,
    reader: &mut Reader,
    rows: &[RowDifference],
    passed: &str,
) -> Result<u64, SyncError> {
    let (Some(by), Some(key)) = (table.plan.mode.watermark(), &table.plan.key) else {
        return Ok(0);
    };
    let mut count = 0;
    let mut there: Vec<&KeyTuple> = Vec::new();
    for row in rows {
        match row.kind {
            DifferenceKind::Extra => count += 1,
            _ => there.push(&row.source_key),
        }
    }
    for keys in there.chunks(KEYS) {
        let condition = format!(
            "{} AND {} <= {passed}",
            key.any_of_sql(keys),
            by.column.name
        );
        let sql = format!(
            "SELECT COUNT(*) AS n {}",
            table.plan.source_from_sql(&condition)
        );
        let row = reader.session().first(&sql).await.map_err(SyncError::from);
        if let Err(error) = &row {
            reader.failed(error);
        }
        count += row?.map(|row| row.u64("n")).transpose()?.unwrap_or(0);
    }
    Ok(count)
}

/// Counts what a comparison of the whole table has found, and tells it.
pub fn tell_missed(table: &TableShared, missed: u64) {
    let told = TableMeter::get(&table.meter.missed);
    // A later round, or try, finds what the first has not applied yet.
    TableMeter::set(&table.meter.missed, told.max(missed));
    if missed > 0 {
        table.log(
            Level::Warn,
            format!("{missed} rows differ that runs by watermark had missed"),
        );
    }
}
