//! Repair: a live comparison, then the differences that are stable are written in place.
//!
//! Leaves a load that is under way as it is: only the rows that differ are touched, under the fence
//! of the table's checkpoint.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::apply::{Portion, Reached, Which, apply_live, policy};
use super::claim::claim;
use super::compare::comparer;
use super::compare::{Comparer, RowDifference};
use super::deletes::{check_delete_limits, guard_emptied};
use super::error::SyncError;
use super::hooks;
use super::meter::TableMeter;
use super::shared::TableShared;
use super::snapshot::Reader;
use super::survey::{FEW_ROWS, lost_again};
use super::table::in_place_obstacles;
use super::verify::{self, Compared};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::{DifferenceKind, Level};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::{Session, SessionKind};

/// Keys per statement.
const KEYS: usize = 500;

/// Compares the table with its source and repairs what differs.
///
/// # Errors
/// Why it could not be compared or repaired; what was committed stays.
pub async fn run(table: &Arc<TableShared>) -> Result<Verified, SyncError> {
    let context = &table.job.context;
    let lease = table.lease.as_ref().ok_or_else(SyncError::lease_lost)?;
    let mut checkpoint = claim(context, lease, &table.plan.target).await?;
    table
        .observer
        .strategy("in_place", table.job.servers.writer.as_str());
    let compared = verify::compare(table).await?;
    verify::report(table, &compared).await?;
    let mut verified = compared.verified.clone();
    if verified.differences > 0 {
        may_repair(table, &compared).await?;
        table.observer.phase(Phase::Reconcile);
        table.log(
            Level::Info,
            format!("{} rows differ and are repaired", compared.stable.len()),
        );
        apply(table, &compared).await?;
        verified.differences = 0;
    }
    checkpoint.verified = Some(verified.clone());
    context.store.save_checkpoint(&checkpoint).await?;
    table.job.order.done(table.plan.target.table.raw());
    Ok(verified)
}

/// Fails where the differences can't, or must not, be written.
///
/// # Errors
/// `no_key`, `unsupported`, `duplicate_key` under `conflict_resolution: error`, `delete_limit` or
/// `empty_source`; or the loss of a connection.
pub async fn may_repair(table: &TableShared, compared: &Compared) -> Result<(), SyncError> {
    let obstacles = in_place_obstacles(&table.plan);
    if !obstacles.is_empty() || table.plan.key.is_none() {
        return Err(ErrorInfo::new(
            if table.plan.key.is_none() {
                ErrorCode::NoKey
            } else {
                ErrorCode::Unsupported
            },
            format!(
                "{} differs from its source and can't be repaired in place: {}",
                table.plan.target.shown(),
                obstacles.join("; ")
            ),
        )
        .hint("`db-taxi run` loads the table anew and swaps it in")
        .into());
    }
    policy::refuse_conflict(&comparer(table, &table.plan.target), &compared.stable)?;
    guard_emptied(table, compared.verified.rows, compared.target_rows)?;
    let extra = compared
        .stable
        .iter()
        .filter(|d| d.kind == DifferenceKind::Extra)
        .count() as u64;
    check_delete_limits(table, extra, compared.target_rows)?;
    if table.plan.inbound.is_empty() {
        return Ok(());
    }
    let comparer = comparer(table, &table.plan.target);
    let _permit = table.job.permit().await?;
    let mut reader = table.snapshots.reader().await?;
    let mut session = table.session(SessionKind::Apply).await?;
    let rows = as_seen(
        table,
        &comparer,
        &mut reader,
        &mut session,
        &compared.stable,
    )
    .await?;
    let reached = Reached::of(table, &comparer, &mut reader, &mut session, &rows).await?;
    reached.allow(table)
}

/// The differences as the reader's snapshot has them. Where each reader sees a moment of its own,
/// rows are looked at again: those that are equal by now, or differ in another way, are under way
/// and left to the next run.
///
/// # Errors
/// The servers' refusals, or the loss of a connection.
pub async fn as_seen<'r>(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    rows: &'r [RowDifference],
) -> Result<Cow<'r, [RowDifference]>, SyncError> {
    if !table.snapshots.is_per_chunk() {
        return Ok(Cow::Borrowed(rows));
    }
    let mut seen = Vec::new();
    for batch in rows.chunks(KEYS) {
        table.check()?;
        seen.extend(comparer.again(reader, session, batch).await?);
    }
    Ok(Cow::Owned(seen))
}

async fn apply(table: &Arc<TableShared>, compared: &Compared) -> Result<(), SyncError> {
    let name = table.plan.target.table.raw();
    let order = &table.job.order;
    let mut done = HashSet::new();
    if order.is_bound(name) || !table.plan.inbound.is_empty() {
        order.parents_ready(name).await;
        write(table, compared, Which::Upserts, &mut done).await?;
        order.ready(name);
        order.children_clean(name).await;
        write(table, compared, Which::Deletes, &mut done).await
    } else {
        write(table, compared, Which::All, &mut done).await
    }
}

async fn write(
    table: &Arc<TableShared>,
    compared: &Compared,
    which: Which,
    done: &mut HashSet<super::key::KeyTuple>,
) -> Result<(), SyncError> {
    let rows = if compared.stable.len() <= FEW_ROWS {
        FEW_ROWS
    } else {
        table.batch_rows()
    };
    let comparer = comparer(table, &table.plan.target);
    let batches = compared.stable.len().div_ceil(rows);
    for (at, differences) in compared.stable.chunks(rows).enumerate() {
        table.check()?;
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let is_same = Some(&reader.snapshot().id) == compared.snapshot.as_ref();
        if !is_same && !table.snapshots.is_per_chunk() {
            return Err(lost_again());
        }
        let mut session = table.session(SessionKind::Apply).await?;
        let differences = as_seen(table, &comparer, &mut reader, &mut session, differences).await?;
        drop(session);
        let portion = Portion {
            range_no: None,
            differences: &differences,
            which,
            is_last: which != Which::Deletes && at + 1 == batches,
        };
        let kept = apply_live(table, &comparer, &mut reader, portion, done).await?;
        TableMeter::add(&table.meter.kept, kept);
        hooks::reach("repair.batch");
    }
    Ok(())
}
