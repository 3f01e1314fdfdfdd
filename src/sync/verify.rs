//! Comparing a live target with a live source: writes nothing.
//!
//! The source is read in one snapshot, the target after it. A row that differs may only be under
//! way, so it is looked at again later from a fresh snapshot: a difference is stable when it is
//! the same twice.

use std::collections::HashMap;
use std::sync::Arc;

use super::compare::RowDifference;
use super::error::SyncError;
use super::key::{KeyRange, KeyTuple};
use super::load::comparer;
use super::shared::TableShared;
use super::survey::{Survey, compare_all, lost_again};
use crate::model::error::ErrorCode;
use crate::model::log::DifferenceKind;
use crate::model::table_run::{Phase, Verified};
use crate::mysql::SessionKind;

/// Differences that are shown with their columns.
const SAMPLE: usize = 200;

/// Compares the whole table; what differs goes to the observer.
///
/// # Errors
/// Why it could not be compared.
pub async fn run(table: &Arc<TableShared>) -> Result<Verified, SyncError> {
    table.observer.phase(Phase::Verify);
    if table.plan.target_schema.is_none() {
        return Err(SyncError::stop(
            ErrorCode::VerifyFailed,
            format!("the target {} is not there", table.plan.target.shown()),
        ));
    }
    for _ in 0..5 {
        let force = table.snapshots.current().await?;
        let found = compare_all(table, Survey::whole(&force.id)).await?;
        if found.restarted {
            continue;
        }
        let mut verified = Verified::whole_table(force.as_of.clone(), found.rows);
        if found.ranges.is_empty() {
            return Ok(verified);
        }
        if table.plan.key.is_none() {
            verified.differences = found.rows.abs_diff(found.target_rows).max(1);
            table
                .observer
                .differences(0, 0, verified.differences, Vec::new());
            return Ok(verified);
        }
        let first = rows_of(table, &found.ranges).await?;
        tokio::select! {
            () = tokio::time::sleep(table.job.context.config.spec.options.recheck_after) => {}
            () = table.job.stop.soft.cancelled() => return Err(SyncError::Stopped),
        }
        table.snapshots.renew();
        let second = rows_of(table, &found.ranges).await?;
        let stable = same_twice(&first, second);
        verified.differences = stable.len() as u64;
        report(table, &stable).await?;
        return Ok(verified);
    }
    Err(lost_again())
}

fn same_twice(first: &[RowDifference], second: Vec<RowDifference>) -> Vec<RowDifference> {
    let seen: HashMap<&KeyTuple, &RowDifference> = first.iter().map(|d| (&d.key, d)).collect();
    second
        .into_iter()
        .filter(|d| seen.get(&d.key).is_some_and(|earlier| *earlier == d))
        .collect()
}

async fn rows_of(
    table: &Arc<TableShared>,
    ranges: &[KeyRange],
) -> Result<Vec<RowDifference>, SyncError> {
    let comparer = comparer(table, &table.plan.target);
    let mut out = Vec::new();
    for range in ranges {
        table.check()?;
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let mut session = table.session(SessionKind::Apply).await?;
        out.extend(comparer.rows(&mut reader, &mut session, range).await?);
    }
    Ok(out)
}

async fn report(table: &Arc<TableShared>, stable: &[RowDifference]) -> Result<(), SyncError> {
    let count = |kind| stable.iter().filter(|d| d.kind == kind).count() as u64;
    let sample = if stable.is_empty() {
        Vec::new()
    } else {
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let mut session = table.session(SessionKind::Apply).await?;
        let comparer = comparer(table, &table.plan.target);
        comparer
            .explain(
                &mut reader,
                &mut session,
                &stable[..stable.len().min(SAMPLE)],
                true,
            )
            .await?
    };
    table.observer.differences(
        count(DifferenceKind::Missing),
        count(DifferenceKind::Extra),
        count(DifferenceKind::Changed),
        sample,
    );
    Ok(())
}
