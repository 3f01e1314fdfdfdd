//! A full run of one table: goes on with what was begun, or compares, applies few differences,
//! loads and swaps, or reconciles in place.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::apply::{Portion, Which, apply_live};
use super::chunk::{buckets, next_boundary, range_rows};
use super::compare::RowDifference;
use super::error::SyncError;
use super::hooks;
use super::key::{KeyRange, KeyTuple};
use super::load::{Load, close, comparer, discard};
use super::meter::TableMeter;
use super::place::{Place, table_type};
use super::shared::TableShared;
use super::swap::{self, check_delete_limits};
use super::table::Strategy;
use super::walk::Walk;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::{DifferenceKind, Level};
use crate::model::rule::FullStrategy;
use crate::model::table_run::{Phase, Verified, VerifiedScope};
use crate::mysql::{ErrorClass, SessionKind};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;
use crate::store::ranges::{RangeRow, RangeState};

/// Most differences that are applied to a live target in one transaction.
const FEW_ROWS: usize = 10_000;
/// Most bytes of them, by the table's average row.
const FEW_BYTES: u64 = 16 << 20;
/// Most rows of a table that is matched row by row as one range.
const WHOLE_ROWS: u64 = 1_000_000;
/// Rounds of an in-place reconcile until its comparison and the snapshot agree.
const ROUNDS: usize = 5;

/// Runs one table.
///
/// # Errors
/// Why it ended; what was committed is kept, unless trying again can't help.
pub async fn run(table: &Arc<TableShared>) -> Result<Verified, SyncError> {
    let (checkpoint, place, begun_here) = take_over(table).await?;
    let outcome = run_from(table, checkpoint, place, begun_here)
        .await
        .map_err(|error| table.explain(error));
    if let Err(SyncError::Failed(failure)) = &outcome
        && failure.class == ErrorClass::Stop
        && !matches!(failure.info.code, ErrorCode::LeaseLost | ErrorCode::Panic)
    {
        give_up_shadow(table).await;
    }
    outcome
}

async fn run_from(
    table: &Arc<TableShared>,
    mut checkpoint: Checkpoint,
    place: Option<Place>,
    begun_here: bool,
) -> Result<Verified, SyncError> {
    if let Some(place) = place {
        if let Step::Swapped { .. } = checkpoint.step {
            swap::finish(table, &mut checkpoint, &place).await?;
            let verified = checkpoint.verified.clone();
            close(table, &mut checkpoint).await?;
            table.log(
                Level::Info,
                "the swap had happened; what was left of it is cleaned up",
            );
            if let Some(verified) = verified {
                return Ok(verified);
            }
        } else if checkpoint.shadow_table.is_some() {
            let same = checkpoint.source_schema.as_deref() == Some(&table.plan.fingerprint())
                && table.plan.strategy == Strategy::Swap;
            if same && (!table.job.context.request.fresh || begun_here) {
                table.log(Level::Info, "goes on with the load that was begun");
                table
                    .observer
                    .strategy("swap", table.job.servers.writer.as_str());
                return Load::resume(table, place, checkpoint).run().await;
            }
            table.log(
                Level::Info,
                "the definition changed, or a fresh start was asked for: what was loaded is dropped",
            );
            discard(table, &place, &mut checkpoint).await?;
        }
    }
    if checkpoint.table_run_id.is_some() {
        close(table, &mut checkpoint).await?;
    }
    table.observer.strategy(
        table.plan.strategy.as_str(),
        table.job.servers.writer.as_str(),
    );
    let existing = table.plan.target_schema.is_some();
    if existing {
        guard_empty_source(table).await?;
    }
    match table.plan.strategy {
        Strategy::InPlace => super::in_place::run(table, checkpoint).await,
        Strategy::Swap => {
            let wish = table.plan.options.full_strategy;
            if existing
                && wish == FullStrategy::Auto
                && let Some(verified) = compare_first(table, &mut checkpoint).await?
            {
                return Ok(verified);
            }
            let place = Place::open(table).await?;
            Load::begin(table, place, checkpoint).await?.run().await
        }
    }
}

/// Makes the table ours: the previous holder's connections are killed, its fences raised, and the
/// shadow gets the name of our fence, so that it finds neither rows nor tables when it wakes up.
async fn take_over(
    table: &Arc<TableShared>,
) -> Result<(Checkpoint, Option<Place>, bool), SyncError> {
    let context = &table.job.context;
    let store = &context.store;
    if let Some(held) = &table.lease
        && let Some(own) = store.recorded_connections(&held.lease).await?
    {
        // An earlier try of ours: what it sent last may still be under way.
        store.kill_previous(&own).await?;
    }
    if let Some(previous) = table.lease.as_ref().and_then(|held| held.previous.as_ref()) {
        let killed = store.kill_previous(previous).await?;
        if killed > 0 {
            table.log(
                Level::Info,
                format!("{killed} connections of the previous holder were ended"),
            );
        }
    }
    let mut checkpoint = store
        .open_checkpoint(context.config.id, &table.plan.target, table.fence())
        .await?;
    hooks::reach("takeover.checkpoint");
    // A fresh start forgets what earlier jobs left, not what this job has done.
    let begun_here = checkpoint.table_run_id == Some(table.table_run);
    store.adopt_ranges(&mut checkpoint, table.table_run).await?;
    hooks::reach("takeover.adopted");
    if checkpoint.shadow_table.is_none() {
        return Ok((checkpoint, None, begun_here));
    }
    let place = Place::open(table).await?;
    rename_shadow(table, &place, &mut checkpoint).await?;
    Ok((checkpoint, Some(place), begun_here))
}

/// Finds the shadow under whichever fence it was left, and gives it ours. The dictionary decides
/// what has happened.
async fn rename_shadow(
    table: &Arc<TableShared>,
    place: &Place,
    checkpoint: &mut Checkpoint,
) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    let recorded = checkpoint.shadow_table.clone().unwrap_or_default();
    let ours = place.shadow_name(checkpoint.generation, checkpoint.number, table.fence());
    let prefix = ours[..ours.rfind('_').map_or(0, |at| at + 1)].to_owned();
    let mut names: Vec<String> = store
        .helpers(place.number)
        .await?
        .into_iter()
        .filter(|h| h.purpose == Purpose::Stage && h.table.starts_with(&prefix))
        .map(|h| h.table)
        .collect();
    if !names.contains(&recorded) {
        names.push(recorded.clone());
    }
    let mut session = table.session(SessionKind::Ddl).await?;
    let mut found = None;
    for name in &names {
        if table_type(&mut session, &place.shadow(name))
            .await?
            .is_some()
        {
            found = Some(name.clone());
        }
    }
    match found {
        Some(name) if name == ours => {}
        Some(name) => {
            place.list(table, &ours, Purpose::Stage).await?;
            let sql = format!(
                "RENAME TABLE {} TO {}",
                place.shadow(&name),
                place.shadow(&ours)
            );
            swap::retry_lock(
                table,
                &mut session,
                &sql,
                std::time::Duration::from_secs(300),
            )
            .await?;
        }
        None => {
            return shadow_is_gone(table, place, checkpoint, &mut session).await;
        }
    }
    hooks::reach("takeover.renamed");
    if matches!(
        checkpoint.step,
        Step::SwapIntended { .. } | Step::Swapped { .. }
    ) {
        // The shadow is there, so the swap has not happened.
        checkpoint.step = Step::Compare;
    }
    checkpoint.shadow_table = Some(ours.clone());
    store.save_checkpoint(checkpoint).await?;
    for name in names.iter().filter(|name| **name != ours) {
        place.unlist(table, name, Purpose::Stage).await?;
    }
    Ok(())
}

/// No shadow: it was swapped in, or never made, or lost.
async fn shadow_is_gone(
    table: &Arc<TableShared>,
    place: &Place,
    checkpoint: &mut Checkpoint,
    session: &mut super::shared::TargetSession,
) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    match checkpoint.step.clone() {
        Step::SwapIntended { old }
            if was_swapped(table, place, old.as_deref(), session).await? =>
        {
            return swap::settle(table, checkpoint, place, old).await;
        }
        Step::Swapped { .. } => return Ok(()),
        Step::Create => {
            // Made again under our fence.
            let ours = place.shadow_name(checkpoint.generation, checkpoint.number, table.fence());
            place.list(table, &ours, Purpose::Stage).await?;
            checkpoint.shadow_table = Some(ours);
        }
        _ => {
            table.log(Level::Warn, "the shadow is gone: the load begins again");
            return close(table, checkpoint).await;
        }
    }
    Ok(store.save_checkpoint(checkpoint).await?)
}

/// Whether the swap that was intended has happened, the shadow being gone.
async fn was_swapped(
    table: &TableShared,
    place: &Place,
    old: Option<&str>,
    session: &mut super::shared::TargetSession,
) -> Result<bool, SyncError> {
    let proof = match old {
        Some(old) => place.old(old),
        None => table.plan.target.clone(),
    };
    Ok(table_type(session, &proof).await?.is_some())
}

/// After a permanent error the shadow is of no use.
async fn give_up_shadow(table: &Arc<TableShared>) {
    let context = &table.job.context;
    let cleaned = async {
        let name = table.plan.target.table.raw();
        let Some(mut checkpoint) = context.store.checkpoint(context.config.id, name).await? else {
            return Ok(());
        };
        if checkpoint.fence != table.fence() || checkpoint.shadow_table.is_none() {
            return Ok(());
        }
        let place = Place::open(table).await?;
        discard(table, &place, &mut checkpoint).await
    }
    .await;
    if let Err(error) = cleaned {
        table.log(
            Level::Warn,
            format!("the shadow could not be dropped; it goes with a later clean-up: {error}"),
        );
    }
}

/// An empty source never empties a target unasked.
async fn guard_empty_source(table: &Arc<TableShared>) -> Result<(), SyncError> {
    if table.plan.options.allow_empty_source {
        return Ok(());
    }
    let _permit = table.job.permit().await?;
    let mut session = table.session(SessionKind::Apply).await?;
    let target = session
        .first(&format!(
            "SELECT 1 AS one FROM {} LIMIT 1",
            table.plan.target
        ))
        .await?;
    if target.is_none() {
        return Ok(());
    }
    if source_has_rows(table).await? {
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

async fn source_has_rows(table: &TableShared) -> Result<bool, SyncError> {
    let mut reader = table.snapshots.reader().await?;
    let sql = format!(
        "SELECT 1 AS one {} LIMIT 1",
        table.plan.source_from_sql("TRUE")
    );
    let found = reader.session().first(&sql).await.map_err(SyncError::from);
    if let Err(error) = &found {
        reader.failed(error);
    }
    Ok(found?.is_some())
}

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
    /// The snapshot that all of this holds for.
    pub snapshot: String,
    /// Whether another snapshot came meanwhile.
    pub restarted: bool,
}

/// Compares the whole live target with the snapshot `force`. With `all`, every range is looked
/// at; else the walk ends when more than a few rows differ.
///
/// # Errors
/// The servers' refusals, or the loss of a connection.
pub async fn compare_all(
    table: &Arc<TableShared>,
    force: &str,
    all: bool,
) -> Result<Found, SyncError> {
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
            walk.begin(move |table| async move {
                compare_one(&table, range, &force, &found, few).await
            });
        }
        if !walk.next().await && (!walk.is_well() || (planned && queue.is_empty())) {
            break;
        }
    }
    walk.finish().await?;
    Ok(std::mem::take(&mut *lock(&found)))
}

async fn boundaries(
    table: &Arc<TableShared>,
    key: &super::key::KeySpec,
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
    force: &str,
    found: &Mutex<Found>,
    few: usize,
) -> Result<(), SyncError> {
    let mut reader = table.snapshots.reader().await?;
    if reader.snapshot().id != force {
        lock(found).restarted = true;
        return Ok(());
    }
    let mut session = table.session(SessionKind::Apply).await?;
    let comparer = comparer(table, &table.plan.target);
    let walkable = table
        .plan
        .key
        .as_ref()
        .is_some_and(super::key::KeySpec::is_chunkable);
    // Where one range differed, the next is likely to: it is narrowed down at once.
    let narrow_at_once = walkable && !lock(found).ranges.is_empty();
    let (differing, source_rows, target_rows, rows) = if narrow_at_once {
        let narrowed = comparer
            .differing_buckets(&mut reader, &mut session, &range)
            .await?;
        let rows = comparer
            .rows_in(&mut reader, &mut session, &range, &narrowed.buckets)
            .await?;
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
        let matchable = table.plan.key.is_some() && (walkable || source.rows <= WHOLE_ROWS);
        let rows = if source != target && matchable {
            comparer.rows(&mut reader, &mut session, &range).await?
        } else {
            Vec::new()
        };
        (source != target, source.rows, target.rows, rows)
    };
    let matched = !rows.is_empty();
    let mut found = lock(found);
    found.rows += source_rows;
    found.target_rows += target_rows;
    TableMeter::add(&table.meter.rows_done, source_rows);
    TableMeter::add(&table.meter.chunks_done, 1);
    if !differing {
        return Ok(());
    }
    let count = |kind| rows.iter().filter(|r| r.kind == kind).count() as u64;
    found.extra += count(DifferenceKind::Extra);
    found.missing += count(DifferenceKind::Missing);
    found.changed += count(DifferenceKind::Changed);
    found.ranges.push(range);
    if !matched || found.few.len() + rows.len() > few {
        found.many = true;
        found.few.clear();
    } else if !found.many {
        found.few.extend(rows);
    }
    Ok(())
}

/// Compares a target that is there before anything is written. `Some` when that was enough:
/// nothing differed, or little, and it was applied.
async fn compare_first(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
) -> Result<Option<Verified>, SyncError> {
    {
        let mut session = table.session(SessionKind::Apply).await?;
        let sql = format!("SELECT 1 AS one FROM {} LIMIT 1", table.plan.target);
        let is_empty = session.first(&sql).await?.is_none();
        drop(session);
        if is_empty && source_has_rows(table).await? {
            return Ok(None);
        }
    }
    table.observer.phase(Phase::Reconcile);
    for _ in 0..ROUNDS {
        let force = table.snapshots.current().await?;
        let found = compare_all(table, &force.id, false).await?;
        if found.restarted {
            continue;
        }
        if found.many || !can_apply(table) && !found.few.is_empty() {
            table.log(
                Level::Info,
                "more than a few rows differ: the table is loaded and swapped",
            );
            return Ok(None);
        }
        if !found.few.is_empty() {
            check_delete_limits(&table.plan.options, found.extra, found.target_rows)?;
            apply_few(table, checkpoint, &found).await?;
        }
        let verified = Verified {
            scope: VerifiedScope::Table,
            as_of: force.as_of.clone(),
            rows: found.rows,
            differences: 0,
            whole_table_at: force.as_of.time,
        };
        checkpoint.verified = Some(verified.clone());
        close(table, checkpoint).await?;
        return Ok(Some(verified));
    }
    Err(lost_again())
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

/// Whether rows of the live target can be changed one by one.
fn can_apply(table: &TableShared) -> bool {
    let Some(schema) = &table.plan.target_schema else {
        return false;
    };
    let names: Option<Vec<_>> = table
        .plan
        .target_key
        .as_ref()
        .map(|k| k.columns.iter().map(|c| c.name.clone()).collect());
    schema.is_transactional()
        && schema.triggers.is_empty()
        && names.is_some_and(|names| schema.unique_key_on(&names).is_some())
}

/// Applies few differences: in one transaction, or, where foreign keys bind the table to others of
/// the job, inserts and updates after its parents' and deletes after its children's.
pub async fn apply_few(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    found: &Found,
) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    checkpoint.table_run_id = Some(table.table_run);
    checkpoint.step = Step::Idle;
    store.save_checkpoint(checkpoint).await?;
    store.delete_ranges(table.table_run, table.fence()).await?;
    store
        .add_ranges(table.table_run, table.fence(), &[whole_table_range()])
        .await?;
    hooks::reach("apply.begin");
    table.log(
        Level::Info,
        format!(
            "{} missing, {} changed, {} extra rows are applied",
            found.missing, found.changed, found.extra
        ),
    );
    let name = table.plan.target.table.raw().to_owned();
    let order = &table.job.order;
    let comparer = comparer(table, &table.plan.target);
    let mut done = HashSet::new();
    let mut apply = async |which: Which| -> Result<(), SyncError> {
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        if reader.snapshot().id != found.snapshot {
            return Err(lost_again());
        }
        let portion = Portion {
            range_no: 0,
            differences: &found.few,
            which,
            is_last: which != Which::Deletes,
        };
        apply_live(table, &comparer, &mut reader, portion, &mut done).await
    };
    if order.is_bound(&name) || !table.plan.inbound.is_empty() {
        order.parents_ready(&name).await;
        apply(Which::Upserts).await?;
        order.ready(&name);
        order.children_clean(&name).await;
        apply(Which::Deletes).await
    } else {
        apply(Which::All).await
    }
}

/// Range 0: the table itself.
#[must_use]
pub fn whole_table_range() -> RangeRow {
    RangeRow {
        range_no: 0,
        lower: None,
        upper: None,
        position: None,
        seq: 0,
        state: RangeState::Planned,
        compared_in: None,
        rows: 0,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
