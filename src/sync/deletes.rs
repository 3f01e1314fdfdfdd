//! How many rows a run may delete. Asked before the first delete of every path: swap, in place,
//! few differences, repair, live apply.

use super::error::SyncError;
use super::meter::TableMeter;
use super::shared::TableShared;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::rule::TableOptions;

/// An empty source never empties a target unasked.
///
/// # Errors
/// `empty_source`, with what to do.
pub fn guard_emptied(
    table: &TableShared,
    source_rows: u64,
    target_rows: u64,
) -> Result<(), SyncError> {
    if source_rows > 0 || target_rows == 0 || table.plan.options.allow_empty_source {
        return Ok(());
    }
    Err(ErrorInfo::new(
        ErrorCode::EmptySource,
        format!(
            "the source {} gives no rows, the target {} has some; nothing was changed",
            table.plan.source.shown(),
            table.plan.target.shown()
        ),
    )
    .hint("if that is right, set allow_empty_source: true for this table")
    .into())
}

/// Fails when a run, with what it has deleted already, would delete more than it may: `gone` of the
/// target's `rows`.
///
/// # Errors
/// `delete_limit`, with what to do.
pub fn check_delete_limits(table: &TableShared, gone: u64, rows: u64) -> Result<(), SyncError> {
    if gone == 0 {
        return Ok(());
    }
    let before = TableMeter::get(&table.meter.deleted);
    within_limits(&table.plan.options, before + gone, before + rows)
}

/// Fails when `gone` of `rows` target rows are more than a run may delete.
fn within_limits(options: &TableOptions, gone: u64, rows: u64) -> Result<(), SyncError> {
    if gone == 0 {
        return Ok(());
    }
    let refuse = |limit: String| -> SyncError {
        ErrorInfo::new(
            ErrorCode::DeleteLimit,
            format!("the run would delete {gone} of {rows} target rows; {limit}; they stay"),
        )
        .hint("if that is right, raise max_delete_rows or max_delete_percent for this table")
        .into()
    };
    if let Some(most) = options.max_delete_rows
        && gone > most
    {
        return Err(refuse(format!("max_delete_rows is {most}")));
    }
    let percent = u64::from(options.max_delete_percent);
    if rows >= TableOptions::DELETE_PERCENT_FLOOR && gone * 100 > rows * percent {
        return Err(refuse(format!("max_delete_percent is {percent}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_from_a_thousand_rows_on() {
        let options = TableOptions::default();
        assert!(within_limits(&options, 999, 999).is_ok());
        assert!(within_limits(&options, 250, 1000).is_ok());
        assert!(within_limits(&options, 251, 1000).is_err());
        let strict = TableOptions {
            max_delete_rows: Some(0),
            ..TableOptions::default()
        };
        assert!(within_limits(&strict, 0, 10).is_ok());
        assert!(within_limits(&strict, 1, 10).is_err());
    }
}
