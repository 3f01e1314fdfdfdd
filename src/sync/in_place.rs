//! Reconciling a live target range by range, where it can't be swapped: inserts and updates first,
//! parents before children; then deletes, children before parents.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::apply::{Portion, Which, apply_live, check_parents, policy};
use super::compare::comparer;
use super::deletes::{check_delete_limits, guard_emptied};
use super::equal::end_equal;
use super::error::SyncError;
use super::few::{apply_few, whole_table_range};
use super::hooks;
use super::meter::TableMeter;
use super::shared::TableShared;
use super::survey::{Found, ROUNDS, Survey, compare_all, lost_again};
use super::watermark;
use crate::model::error::ErrorCode;
use crate::model::log::{DifferenceKind, Level};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::SessionKind;
use crate::store::checkpoints::Checkpoint;

/// Brings a live target in step, in place.
///
/// # Errors
/// Why it ended; what was committed stays, and the next run compares again.
pub async fn run(
    table: &Arc<TableShared>,
    mut checkpoint: Checkpoint,
) -> Result<Verified, SyncError> {
    table.observer.phase(Phase::Reconcile);
    let name = table.plan.target.table.raw().to_owned();
    let order = &table.job.order;
    let passed = watermark::passed(table, &checkpoint.marks).await?;
    for round in 0..ROUNDS {
        let force = table.snapshots.current().await?;
        // The whole table is compared before the first write, so that limits hold for all of it.
        let survey = Survey {
            force: &force.id,
            all: true,
            reach: true,
            passed: passed.as_deref(),
        };
        let found = compare_all(table, survey).await?;
        if found.restarted {
            continue;
        }
        watermark::tell_missed(table, found.missed);
        may_write(table, &found)?;
        if !found.many && (found.few.is_empty() || !table.snapshots.is_per_chunk()) {
            if !found.few.is_empty() {
                apply_few(table, &mut checkpoint, &found).await?;
            }
            // What was applied was read back in its transaction, the rest compared before.
            order.done(&name);
            return end_equal(table, &mut checkpoint, &force, found.rows).await;
        }
        table.log(
            Level::Info,
            format!(
                "round {}: {} missing, {} changed, {} extra rows in {} ranges",
                round + 1,
                found.missing,
                found.changed,
                found.extra,
                found.ranges.len()
            ),
        );
        write(table, &mut checkpoint, &found).await?;
        order.done(&name);
        if table.snapshots.is_per_chunk() {
            return end_equal(table, &mut checkpoint, &force, found.rows).await;
        }
    }
    Err(lost_again())
}

/// Fails where what was found must not be written: nothing was then.
fn may_write(table: &TableShared, found: &Found) -> Result<(), SyncError> {
    if found.ranges.is_empty() {
        return Ok(());
    }
    guard_emptied(table, found.rows, found.target_rows)?;
    check_delete_limits(table, found.extra, found.target_rows)?;
    found.reached.allow(table)
}

/// Brings the ranges that differ in step, each compared again and written from one snapshot: inserts
/// and updates after the parents', deletes after the children's.
///
/// # Errors
/// Why it ended; what was committed stays, and the next run compares again.
pub async fn write(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    found: &Found,
) -> Result<(), SyncError> {
    let name = table.plan.target.table.raw().to_owned();
    let order = &table.job.order;
    let store = &table.job.context.store;
    checkpoint.table_run_id = Some(table.table_run);
    store.save_checkpoint(checkpoint).await?;
    store.delete_ranges(table.table_run, table.fence()).await?;
    store
        .add_ranges(table.table_run, table.fence(), &[whole_table_range()])
        .await?;
    order.parents_ready(&name).await;
    write_ranges(table, &found.ranges, Which::Upserts).await?;
    check_parents(table).await?;
    order.ready(&name);
    order.children_clean(&name).await;
    write_ranges(table, &found.ranges, Which::Deletes).await?;
    Ok(())
}

async fn write_ranges(
    table: &Arc<TableShared>,
    ranges: &[super::key::KeyRange],
    which: Which,
) -> Result<(), SyncError> {
    let batch_rows = table.batch_rows();
    let comparer = comparer(table, &table.plan.target);
    let mut done = HashSet::new();
    for range in ranges {
        table.check()?;
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let chunk = table.meter.moved.chunk(table.meter.moved.phase());
        let mut reader = table.snapshots.reader().await?;
        let mut session = table.session(SessionKind::Apply).await?;
        let clock = Instant::now();
        let found = comparer
            .differing_buckets(&mut reader, &mut session, range)
            .await?;
        table.charge_compared(found.source_rows);
        let rows = comparer
            .rows_in(&mut reader, &mut session, range, &found.buckets)
            .await?;
        table.meter.asked_both(clock.elapsed());
        // What stays was counted when the whole table was compared.
        let (mut rows, _) = policy::leave(&comparer, &mut reader, &mut session, rows).await?;
        drop(session);
        rows.retain(|r| (r.kind == DifferenceKind::Extra) == (which == Which::Deletes));
        let (mut at, mut size) = (0, batch_rows);
        while at < rows.len() {
            table.check()?;
            let batch = &rows[at..rows.len().min(at + size)];
            let portion = Portion {
                range_no: Some(0),
                differences: batch,
                which,
                is_last: false,
            };
            let applied = apply_live(table, &comparer, &mut reader, portion, &mut done).await;
            match applied {
                Ok(kept) => {
                    TableMeter::add(&table.meter.kept, kept);
                    at += batch.len();
                }
                // Fewer rows meet fewer locks of others.
                Err(error) if size > batch_rows / 8 && batch.len() > 1 && is_locked(&error) => {
                    size = (size / 2).max(1);
                    table.log(
                        Level::Info,
                        format!("rows are locked by others: batches of {size} rows from here on"),
                    );
                }
                Err(error) => return Err(error),
            }
            hooks::reach("in_place.batch");
        }
        chunk.done(found.source_rows);
    }
    Ok(())
}

fn is_locked(error: &SyncError) -> bool {
    error
        .info()
        .is_some_and(|info| matches!(info.code, ErrorCode::LockTimeout | ErrorCode::Deadlock))
}
