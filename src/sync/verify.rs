//! Comparing a live target with a live source: writes nothing.
//!
//! The source is read in one snapshot, the target after it. A row that differs may only be under
//! way, so it is looked at again later from a fresh snapshot: a difference is stable when it is
//! the same twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::apply::{leave_held, policy};
use super::compare::RowDifference;
use super::compare::comparer;
use super::error::SyncError;
use super::key::{KeyRange, KeyTuple};
use super::meter::TableMeter;
use super::shared::TableShared;
use super::survey::{Survey, compare_all, lost_again};
use super::watermark;
use crate::model::error::ErrorCode;
use crate::model::log::DifferenceKind;
use crate::model::table_run::{Phase, Verified};
use crate::mysql::SessionKind;

/// Differences that are shown with their columns.
const SAMPLE: usize = 200;

/// What a comparison of a live pair found.
pub struct Compared {
    /// What was compared, and how many rows differ.
    pub verified: Verified,
    /// The rows that differ, were so twice, and are not kept by policy. Without a key none are known.
    pub stable: Vec<RowDifference>,
    /// Rows on the target.
    pub target_rows: u64,
    /// The one snapshot that all of `stable` was found in; `None` where several were needed.
    pub snapshot: Option<String>,
}

/// Compares the whole table; what differs goes to the observer.
///
/// # Errors
/// Why it could not be compared.
pub async fn run(table: &Arc<TableShared>) -> Result<Verified, SyncError> {
    let compared = compare(table).await?;
    report(table, &compared).await?;
    Ok(compared.verified)
}

/// Compares the whole table; writes nothing.
///
/// # Errors
/// Why it could not be compared.
pub async fn compare(table: &Arc<TableShared>) -> Result<Compared, SyncError> {
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
        let mut compared = Compared {
            verified: Verified::whole_table(force.as_of.clone(), found.rows),
            stable: Vec::new(),
            target_rows: found.target_rows,
            snapshot: None,
        };
        if found.ranges.is_empty() {
            return Ok(compared);
        }
        if table.plan.key.is_none() {
            compared.verified.differences = found.rows.abs_diff(found.target_rows).max(1);
            return Ok(compared);
        }
        let (first, _) = rows_of(table, &found.ranges).await?;
        tokio::select! {
            () = tokio::time::sleep(table.job.context.config.spec.options.recheck_after) => {}
            () = table.job.stop.soft.cancelled() => return Err(SyncError::Stopped),
        }
        table.snapshots.renew();
        let (second, snapshot) = rows_of(table, &found.ranges).await?;
        compared.stable = without_held(table, same_twice(&first, second)).await?;
        count_missed(table, &compared.stable).await?;
        compared.snapshot = snapshot;
        compared.verified.differences = compared.stable.len() as u64;
        return Ok(compared);
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

/// The rows of ranges that differ, and the snapshot they were found in, where it was one.
async fn rows_of(
    table: &Arc<TableShared>,
    ranges: &[KeyRange],
) -> Result<(Vec<RowDifference>, Option<String>), SyncError> {
    let comparer = comparer(table, &table.plan.target);
    let mut out = Vec::new();
    let mut snapshots = HashSet::new();
    for range in ranges {
        table.check()?;
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let mut session = table.session(SessionKind::Apply).await?;
        snapshots.insert(reader.snapshot().id.clone());
        let found = comparer
            .differing_buckets(&mut reader, &mut session, range)
            .await?;
        table.charge_compared(found.source_rows);
        let rows = comparer
            .rows_in(&mut reader, &mut session, range, &found.buckets)
            .await?;
        let (rows, _) = policy::leave(&comparer, &mut reader, &mut session, rows).await?;
        out.extend(rows);
    }
    let one = snapshots.len() == 1;
    Ok((out, snapshots.into_iter().next().filter(|_| one)))
}

/// Rows that the table's policy leaves out, since their unique values are taken, are no difference.
async fn without_held(
    table: &Arc<TableShared>,
    stable: Vec<RowDifference>,
) -> Result<Vec<RowDifference>, SyncError> {
    let comparer = comparer(table, &table.plan.target);
    let _permit = table.job.permit().await?;
    let mut reader = table.snapshots.reader().await?;
    let mut session = table.session(SessionKind::Apply).await?;
    let (stable, held) = leave_held(table, &comparer, &mut reader, &mut session, stable).await?;
    TableMeter::add(&table.meter.kept, held);
    Ok(stable)
}

/// Counts what runs by watermark should have seen of the rows that differ.
async fn count_missed(table: &TableShared, stable: &[RowDifference]) -> Result<(), SyncError> {
    if table.plan.mode.watermark().is_none() || stable.is_empty() {
        return Ok(());
    }
    let context = &table.job.context;
    let name = table.plan.target.table.raw();
    let stored = context.store.checkpoint(context.config.id, name).await?;
    let marks = stored
        .map(|checkpoint| checkpoint.marks)
        .unwrap_or_default();
    let _permit = table.job.permit().await?;
    if let Some(passed) = watermark::passed(table, &marks).await? {
        let mut reader = table.snapshots.reader().await?;
        let missed = watermark::missed(table, &mut reader, stable, &passed).await?;
        watermark::tell_missed(table, missed);
    }
    Ok(())
}

/// Tells the observer what differs.
///
/// # Errors
/// When the rows can't be read again.
pub async fn report(table: &Arc<TableShared>, compared: &Compared) -> Result<(), SyncError> {
    let stable = &compared.stable;
    if table.plan.key.is_none() {
        let differ = compared.verified.differences;
        if differ > 0 {
            table.observer.differences(0, 0, differ, Vec::new());
        }
        return Ok(());
    }
    if compared.verified.differences == 0 {
        return Ok(());
    }
    let count = |kind| stable.iter().filter(|d| d.kind == kind).count() as u64;
    let _permit = table.job.permit().await?;
    let mut reader = table.snapshots.reader().await?;
    let mut session = table.session(SessionKind::Apply).await?;
    let comparer = comparer(table, &table.plan.target);
    let sample = &stable[..stable.len().min(SAMPLE)];
    let sample = comparer
        .explain(&mut reader, &mut session, sample, true)
        .await?;
    table.observer.differences(
        count(DifferenceKind::Missing),
        count(DifferenceKind::Extra),
        count(DifferenceKind::Changed),
        sample,
    );
    Ok(())
}
