//! Comparing the whole live target with one snapshot of the source: how many rows differ, in which
//! ranges, and, while they are few, which.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::apply::{Reached, policy};
use super::chunk::{buckets, next_boundary, range_rows};
use super::compare::RowDifference;
use super::compare::comparer;
use super::error::SyncError;
use super::key::{KeyRange, KeySpec, KeyTuple};
use super::meter::TableMeter;
use super::shared::TableShared;
use super::table::Strategy;
use super::walk::Walk;
use super::watermark::missed;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::SessionKind;

/// Most differences that are applied to a live target in one transaction.
pub const FEW_ROWS: usize = 10_000;
/// Most bytes of them, by the table's average row.
const FEW_BYTES: u64 = 16 << 20;
/// Most rows of a table that is matched row by row as one range.
const WHOLE_ROWS: u64 = 1_000_000;
/// Rounds of a comparison until it and the snapshot agree.
pub const ROUNDS: usize = 5;

/// What a walk over the whole live target found.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows that differ, while they are few.
    pub few: Vec<RowDifference>,
    /// Ranges that differ.
    pub ranges: Vec<KeyRange>,
    /// Whether there are more than a few.
    pub many: bool,
    /// Rows compared on the source.
    pub rows: u64,
    /// Rows on the target.
    pub target_rows: u64,
    /// Target rows to be deleted.
    pub extra: u64,
    /// Rows missing on the target.
    pub missing: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows that differ although runs by watermark have passed them.
    pub missed: u64,
    /// Rows of tables that the job does not sync which the changes would reach.
    pub reached: Reached,
    /// Rows that differ, or are missing, and stay so by the table's policy.
    pub kept: u64,
    /// The snapshot that all of this holds for.
    pub snapshot: String,
    /// Whether another snapshot came meanwhile.
    pub restarted: bool,
}

/// What a comparison looks at.
#[derive(Debug, Clone, Copy)]
pub struct Survey<'a> {
    /// Id of the snapshot that it holds for.
    pub force: &'a str,
    /// Whether every range is looked at; else it ends when more than a few rows differ.
    pub all: bool,
    /// Whether rows of other tables are counted that writing the differences would reach.
    pub reach: bool,
    /// The value of the watermark column, as a literal, that runs have passed.
    pub passed: Option<&'a str>,
}

impl<'a> Survey<'a> {
    /// Every range.
    #[must_use]
    pub fn whole(force: &'a str) -> Self {
        Self {
            force,
            all: true,
            reach: false,
            passed: None,
        }
    }
}

/// Compares the whole live target with a snapshot.
///
/// # Errors
/// The servers' refusals, or the loss of a connection.
pub async fn compare_all(table: &Arc<TableShared>, survey: Survey<'_>) -> Result<Found, SyncError> {
    let Survey { force, all, .. } = survey;
    let found = Arc::new(Mutex::new(Found {
        snapshot: force.to_owned(),
        ..Found::default()
    }));
    let estimate = table
        .plan
        .source_schema
        .as_ref()
        .map_or((0, 0), |s| (s.rows_estimate, s.data_bytes));
    let row_bytes = estimate.1.checked_div(estimate.0).unwrap_or(200).max(1);
    let few = FEW_ROWS.min(
        usize::try_from(FEW_BYTES / row_bytes)
            .unwrap_or(FEW_ROWS)
            .max(1),
    );
    TableMeter::set(&table.meter.rows_total, estimate.0);
    TableMeter::set(&table.meter.rows_done, 0);
    TableMeter::set(&table.meter.chunks_done, 0);
    TableMeter::set(&table.meter.chunks_total, 0);
    let key = table
        .plan
        .key
        .clone()
        // Ranges of a key that the two sides order differently hold different rows.
        .filter(|key| key.is_chunkable() && table.plan.comparable);
    let mut walk = Walk::new(table);
    let mut queue: VecDeque<KeyRange> = VecDeque::new();
    let (mut lower, mut planned): (Option<KeyTuple>, bool) = (None, false);
    loop {
        if let Err(reason) = table.check() {
            walk.note(reason);
        }
        let enough = {
            let found = lock(&found);
            found.restarted || (found.many && !all)
        };
        if enough {
            break;
        }
        if walk.is_well() && !planned && queue.len() < table.job.workers() {
            match &key {
                None => {
                    queue.extend(buckets(&table.plan));
                    planned = true;
                }
                Some(key) => {
                    let rows = range_rows(&table.plan, &table.meter, table.job.workers());
                    let fresh = boundaries(table, key, &mut lower, &mut planned, rows).await;
                    match fresh {
                        Ok(fresh) => queue.extend(fresh),
                        Err(error) => walk.note(error),
                    }
                }
            }
            TableMeter::set(
                &table.meter.chunks_total,
                TableMeter::get(&table.meter.chunks_done) + queue.len() as u64,
            );
        }
        while walk.has_room()
            && let Some(range) = queue.pop_front()
        {
            let (found, force) = (Arc::clone(&found), force.to_owned());
            let (reach, passed) = (survey.reach, survey.passed.map(str::to_owned));
            walk.begin(move |table, _front| async move {
                let survey = Survey {
                    force: &force,
                    all,
                    reach,
                    passed: passed.as_deref(),
                };
                let compared = compare_one(&table, range, survey, &found, few);
                table.until_stopped(compared).await
            });
        }
        if !walk.next().await && (!walk.is_well() || (planned && queue.is_empty())) {
            break;
        }
    }
    walk.finish().await?;
    let found = std::mem::take(&mut *lock(&found));
    TableMeter::set(&table.meter.kept, found.kept);
    Ok(found)
}

async fn boundaries(
    table: &Arc<TableShared>,
    key: &KeySpec,
    lower: &mut Option<KeyTuple>,
    planned: &mut bool,
    rows: u64,
) -> Result<Vec<KeyRange>, SyncError> {
    let mut reader = table.snapshots.reader().await?;
    let mut fresh = Vec::new();
    for _ in 0..table.job.workers() * 2 {
        let upper = next_boundary(reader.session(), &table.plan, key, lower.as_ref(), rows).await;
        if let Err(error) = &upper {
            reader.failed(error);
        }
        let upper = upper?;
        fresh.push(KeyRange {
            lower: lower.clone(),
            upper: upper.clone(),
            bucket: None,
        });
        match upper {
            Some(upper) => *lower = Some(upper),
            None => {
                *planned = true;
                break;
            }
        }
    }
    Ok(fresh)
}

async fn compare_one(
    table: &Arc<TableShared>,
    range: KeyRange,
    survey: Survey<'_>,
    found: &Mutex<Found>,
    few: usize,
) -> Result<(), SyncError> {
    let mut reader = table.snapshots.reader().await?;
    if reader.snapshot().id != survey.force {
        lock(found).restarted = true;
        return Ok(());
    }
    let chunk = table.meter.moved.chunk(table.meter.moved.phase());
    let mut session = table.session(SessionKind::Apply).await?;
    let comparer = comparer(table, &table.plan.target);
    let walkable = table.plan.key.as_ref().is_some_and(KeySpec::is_chunkable);
    // Where one range differed, the next is likely to: it is narrowed down at once.
    let narrow_at_once = walkable && !lock(found).ranges.is_empty();
    let (differing, source_rows, target_rows, rows) = if narrow_at_once {
        let clock = Instant::now();
        let narrowed = comparer
            .differing_buckets(&mut reader, &mut session, &range)
            .await?;
        let rows = comparer
            .rows_in(&mut reader, &mut session, &range, &narrowed.buckets)
            .await?;
        table.meter.asked_both(clock.elapsed());
        (
            !narrowed.buckets.is_empty(),
            narrowed.source_rows,
            narrowed.target_rows,
            rows,
        )
    } else {
        let (source, target) = comparer
            .range(&mut reader, &mut session, &range, &table.meter)
            .await?;
        // A key that can't be walked gives one range, maybe too large to match row by row.
        // Who writes in place matches it all the same, and must know before what will go.
        let writes = table.lease.is_some() && table.plan.strategy == Strategy::InPlace;
        let matchable =
            table.plan.key.is_some() && (walkable || writes || source.rows <= WHOLE_ROWS);
        let rows = if source != target && matchable {
            let clock = Instant::now();
            let rows = comparer.rows(&mut reader, &mut session, &range).await?;
            table.meter.asked_both(clock.elapsed());
            rows
        } else {
            Vec::new()
        };
        (source != target, source.rows, target.rows, rows)
    };
    table.charge_compared(source_rows);
    chunk.done(source_rows);
    let matched = !rows.is_empty();
    if table.lease.is_some() {
        policy::refuse_conflict(&comparer, &rows)?;
    }
    let all = rows.len() as u64;
    let (mut rows, _) = policy::leave(&comparer, &mut reader, &mut session, rows).await?;
    rows.retain(|row| !table.keeps(&row.key));
    let missed = match survey.passed {
        Some(passed) => missed(table, &mut reader, &rows, passed).await?,
        None => 0,
    };
    let reached = if survey.reach {
        Reached::of(table, &comparer, &mut reader, &mut session, &rows).await?
    } else {
        Reached::default()
    };
    let mut found = lock(found);
    found.kept += all - rows.len() as u64;
    found.rows += source_rows;
    found.target_rows += target_rows;
    TableMeter::add(&table.meter.rows_done, source_rows);
    TableMeter::add(&table.meter.chunks_done, 1);
    if !differing || (matched && rows.is_empty()) {
        return Ok(());
    }
    let count = |kind| rows.iter().filter(|r| r.kind == kind).count() as u64;
    found.extra += count(DifferenceKind::Extra);
    found.missing += count(DifferenceKind::Missing);
    found.changed += count(DifferenceKind::Changed);
    found.missed += missed;
    found.reached.add(reached);
    found.ranges.push(range);
    if !matched || found.few.len() + rows.len() > few {
        found.many = true;
        found.few.clear();
    } else if !found.many {
        found.few.extend(rows);
    }
    Ok(())
}

/// The error of a comparison whose snapshot was lost in every round.
#[must_use]
pub fn lost_again() -> SyncError {
    ErrorInfo::new(
        ErrorCode::ConnectionLost,
        "the source's snapshot was lost again and again",
    )
    .transient()
    .into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
