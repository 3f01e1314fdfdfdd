//! Comparing a shadow with its source, range by range, and repairing it from the snapshot in force.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::chunk::buckets;
use super::super::compare::comparer;
use super::super::copy::whole_of;
use super::super::error::SyncError;
use super::super::fencing::mark_compared;
use super::super::hooks;
use super::super::key::KeyRange;
use super::super::meter::TableMeter;
use super::super::shared::TableShared;
use super::super::snapshot::Reader;
use super::super::walk::Walk;
use super::Load;
use crate::model::duration::format_duration;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::model::table_run::{Phase, Verified};
use crate::mysql::schema::TableSchema;
use crate::mysql::{SessionKind, TableRef};
use crate::store::ranges::{RangeRow, RangeState};

/// Differences repaired in one transaction.
const REPAIR: usize = 2_000;
/// Snapshots that may end for their age while a copy is compared.
const MOST_AGED: u32 = 3;

impl Load {
    /// Compares every range with the source in the snapshot in force, and repairs from it.
    pub(super) async fn compare(&self) -> Result<Verified, SyncError> {
        let table = &self.table;
        let store = &table.job.context.store;
        let shadow = self.shadow();
        let aged = table.snapshots.aged();
        for _ in 0..100 {
            table.check()?;
            if table.snapshots.aged() - aged >= MOST_AGED {
                return Err(too_old(table));
            }
            let force = table.snapshots.current().await?;
            let ranges = store.ranges(table.table_run).await?;
            if !cover_everything(&ranges) {
                return Err(SyncError::stop(
                    ErrorCode::VerifyFailed,
                    "the ranges of the copy leave keys out, so it proves nothing",
                ));
            }
            let todo: Vec<RangeRow> = ranges
                .iter()
                .filter(|r| {
                    !(r.state == RangeState::Compared && r.compared_in.as_ref() == Some(&force.id))
                })
                .cloned()
                .collect();
            if todo.is_empty() {
                let rows = ranges.iter().map(|r| r.rows).sum();
                return Ok(Verified::whole_table(force.as_of.clone(), rows));
            }
            TableMeter::set(&table.meter.chunks_total, ranges.len() as u64);
            TableMeter::set(&table.meter.chunks_done, (ranges.len() - todo.len()) as u64);
            if table.plan.key.is_some() && !table.plan.comparable {
                self.compare_whole(&todo, &shadow).await?;
                continue;
            }
            let mut walk = Walk::new(table);
            let mut queue: VecDeque<RangeRow> = todo.into();
            loop {
                if let Err(reason) = table.check() {
                    walk.note(reason);
                }
                while walk.has_room()
                    && let Some(range) = queue.pop_front()
                {
                    let (shadow, force) = (shadow.clone(), force.id.clone());
                    walk.begin(move |table, _front| async move {
                        compare_range(&table, &range, &shadow, &force).await?;
                        TableMeter::add(&table.meter.chunks_done, 1);
                        Ok(())
                    });
                }
                if !walk.next().await && (!walk.is_well() || queue.is_empty()) {
                    break;
                }
            }
            walk.finish().await?;
        }
        Err(ErrorInfo::new(
            ErrorCode::ConnectionLost,
            "the source's snapshot was lost again and again while the copy was compared",
        )
        .transient()
        .into())
    }

    /// Ranges of keys that the two servers order differently hold different rows: the table is
    /// compared in buckets of its keys, and rows are matched by the bytes of their keys.
    async fn compare_whole(&self, todo: &[RangeRow], shadow: &TableRef) -> Result<(), SyncError> {
        let table = &self.table;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let first = todo.first().map_or(0, |range| range.range_no);
        for part in buckets(&table.plan) {
            table.check()?;
            agree(table, &mut reader, shadow, &part, first).await?;
        }
        let force = reader.snapshot().id.clone();
        for range in todo {
            mark_compared(table, SessionKind::Load, range, range.rows, &force).await?;
        }
        Ok(())
    }
}

/// The comparison takes longer than any snapshot lasts: it would never come to an end.
fn too_old(table: &TableShared) -> SyncError {
    let most = table.job.context.config.spec.options.max_snapshot_age;
    ErrorInfo::new(
        ErrorCode::ConnectionLost,
        format!(
            "comparing the copy takes longer than max_snapshot_age ({}) lets a snapshot of the source last",
            format_duration(most)
        ),
    )
    .hint("raise max_snapshot_age, or max_concurrency; the copy is kept, and the next run goes on with it")
    .transient()
    .into()
}

/// Whether every key is in one of the ranges: a comparison of all of them says nothing otherwise.
fn cover_everything(ranges: &[RangeRow]) -> bool {
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
        return false;
    };
    first.lower.is_none()
        && last.upper.is_none()
        && ranges
            .windows(2)
            .all(|pair| pair[0].upper.is_some() && pair[0].upper == pair[1].lower)
}

/// Compares one range in the snapshot `force`, and repairs it until it is equal.
///
/// # Errors
/// `verify_failed` where a repair does not make it equal; else the servers' own.
pub(super) async fn compare_range(
    table: &Arc<TableShared>,
    range: &RangeRow,
    shadow: &TableRef,
    force: &str,
) -> Result<(), SyncError> {
    let mut reader = table.snapshots.reader().await?;
    if reader.snapshot().id != force {
        // A later snapshot came: the caller looks again which ranges it covers.
        return Ok(());
    }
    let chunk = table.meter.moved.chunk(Phase::Verify);
    let bounds = whole_of(range)?;
    let rows = agree(table, &mut reader, shadow, &bounds, range.range_no).await?;
    chunk.done(rows);
    hooks::reach("compare.range");
    mark_compared(table, SessionKind::Load, range, rows, force).await
}

/// Compares the rows within `bounds`, and repairs them until they are equal. Returns how many
/// there are.
async fn agree(
    table: &Arc<TableShared>,
    reader: &mut Reader,
    shadow: &TableRef,
    bounds: &KeyRange,
    range_no: u32,
) -> Result<u64, SyncError> {
    let comparer = comparer(table, shadow);
    let mut session = table.session(SessionKind::Load).await?;
    let (mut source, mut target) = table
        .until_stopped(comparer.range(reader, &mut session, bounds, &table.meter))
        .await?;
    // A source without transactions goes on changing under the comparison.
    let stable = table
        .plan
        .source_schema
        .as_ref()
        .is_none_or(TableSchema::is_transactional);
    let mut rounds = if stable { 1 } else { 10 };
    while source != target {
        if table.plan.key.is_none() {
            return Err(differs_without_key(table));
        }
        let differences = table
            .until_stopped(comparer.rows(reader, &mut session, bounds))
            .await?;
        if rounds == 0 {
            return Err(match differences.first() {
                Some(row) => comparer.refuse(reader, &mut session, row).await,
                None => SyncError::stop(
                    ErrorCode::VerifyFailed,
                    "a range differs from its source, but no row of it does",
                ),
            });
        }
        rounds -= 1;
        table.log(
            Level::Info,
            format!(
                "range {range_no}: {} rows differ from the snapshot in force and are repaired",
                differences.len()
            ),
        );
        hooks::reach("compare.repair");
        for batch in differences.chunks(REPAIR) {
            table.check()?;
            super::super::apply::repair_shadow(table, &comparer, reader, range_no, batch).await?;
        }
        (source, target) = table
            .until_stopped(comparer.range(reader, &mut session, bounds, &table.meter))
            .await?;
    }
    table.charge_compared(source.rows);
    Ok(source.rows)
}

/// A table without a key that changed between its copy and its comparison is loaded again; one
/// that did not is a copy that is not faithful.
fn differs_without_key(table: &TableShared) -> SyncError {
    let info = ErrorInfo::new(
        ErrorCode::VerifyFailed,
        format!(
            "the copy of {} differs from its source, and without a key its rows can't be matched",
            table.plan.source.shown()
        ),
    )
    .hint("add a primary key to the source's table");
    info.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_with_a_hole_or_an_end_cover_too_little() {
        let range = |range_no, lower: Option<&str>, upper: Option<&str>| RangeRow {
            range_no,
            lower: lower.map(str::to_owned),
            upper: upper.map(str::to_owned),
            position: None,
            seq: 0,
            state: RangeState::Copied,
            compared_in: None,
            rows: 0,
        };
        assert!(cover_everything(&[range(0, None, None)]));
        let (a, b, c) = (
            range(1, None, Some("5")),
            range(2, Some("5"), Some("9")),
            range(3, Some("9"), None),
        );
        assert!(cover_everything(&[a.clone(), b.clone(), c.clone()]));
        for short in [
            vec![],
            vec![a.clone(), b.clone()],
            vec![b, c.clone()],
            vec![a, c],
        ] {
            assert!(!cover_everything(&short), "{short:?}");
        }
    }
}
