//! A run by watermark: the rows whose watermark moved since the last run are read in its order and
//! written in place, range by range; each range is a fenced checkpoint.
//!
//! What it reads ends where nothing can still be under way (see `bound`), and begins a lag window
//! before the end of the last run. It knows nothing of rows whose watermark did not move: only a
//! comparison finds those.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};

use super::apply::{Portion, Which, apply_live, check_parents};
use super::closing::close;
use super::compare::comparer;
use super::error::SyncError;
use super::fencing::mark_compared;
use super::hooks;
use super::meter::{TableMeter, Waiting};
use super::shared::TableShared;
use super::snapshot::Snapshot;
use super::table::ByWatermark;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::incremental::WATERMARK_PROMISE;
use crate::model::log::Level;
use crate::model::rule::Verify;
use crate::model::table_run::{AsOf, Phase, Verified, VerifiedScope};
use crate::mysql::SessionKind;
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::marks::{Mark, Marks, Watermark, Window};
use crate::store::ranges::{RangeRow, RangeState};

mod missed;
mod read;
mod span;
mod window;

pub use missed::{missed, passed, tell_missed};

use span::Span;
use window::{next_mark, window};

/// Ranges that are stored in one statement.
const RANGES: usize = 5_000;

/// The watermark of a run that compares the whole table with the snapshot `force`; `None` for a
/// table without one.
#[must_use]
pub fn after_comparison(table: &TableShared, force: &Snapshot, marks: &Marks) -> Option<Watermark> {
    let by = table.plan.mode.watermark()?;
    let fingerprint = table.plan.mark_fingerprint();
    let last = marks
        .current
        .as_ref()
        .filter(|last| last.fingerprint == fingerprint);
    Some(Watermark {
        runs: 0,
        compared_at: Utc::now(),
        ..next_watermark(table, by, force, last)?
    })
}

fn next_watermark(
    table: &TableShared,
    by: &ByWatermark,
    force: &Snapshot,
    last: Option<&Watermark>,
) -> Option<Watermark> {
    let bound = force.bound.as_ref()?;
    let source = table.plan.source.table.raw();
    let mut next = Watermark {
        mark: next_mark(by, source, bound, last),
        fingerprint: table.plan.mark_fingerprint(),
        samples: last.map(|last| last.samples.clone()).unwrap_or_default(),
        runs: last.map_or(0, |last| last.runs) + 1,
        compared_at: last.map_or_else(Utc::now, |last| last.compared_at),
    };
    if let Some(sample) = bound.samples.get(source) {
        next.note(*sample);
    }
    Some(next)
}

/// A moment of the source, with the watermark that holds for it.
#[must_use]
pub fn as_of(force: &Snapshot, watermark: Option<&Watermark>) -> AsOf {
    AsOf {
        watermark: shown(watermark),
        ..force.as_of.clone()
    }
}

/// A watermark for people: a time in UTC, or a number.
#[must_use]
pub fn shown(watermark: Option<&Watermark>) -> Option<String> {
    match &watermark?.mark {
        Mark::Time(micros) => DateTime::from_timestamp_micros(*micros)
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true)),
        Mark::Number(number) => Some(number.to_string()),
        Mark::Nothing => None,
    }
}

/// Why the table can't be run by its watermark this time; `None` when it can.
#[must_use]
pub fn why_full(
    plan: &super::table::PlannedTable,
    request: &crate::model::job::JobRequest,
    marks: &Marks,
) -> Option<&'static str> {
    if request.full {
        return Some("a full run is asked for");
    }
    if request.fresh {
        return Some("a fresh start is asked for");
    }
    if plan.target_schema.is_none() {
        return Some("the target is missing");
    }
    match &marks.current {
        None => Some("it is the first run"),
        Some(last) if last.fingerprint != plan.mark_fingerprint() => {
            Some("the source's definition or the rule changed since the last run")
        }
        Some(_) => None,
    }
}

/// Reads what moved since the last run and writes it in place.
///
/// # Errors
/// Why it ended; what was committed stays, and the next run goes on after it.
pub async fn run(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    by: &ByWatermark,
) -> Result<Verified, SyncError> {
    table.observer.phase(Phase::Reconcile);
    let store = &table.job.context.store;
    let window = match &checkpoint.step {
        Step::Watermark {
            window,
            planned: true,
        } if checkpoint
            .marks
            .next
            .as_ref()
            .is_some_and(|next| next.fingerprint == table.plan.mark_fingerprint()) =>
        {
            table.log(
                Level::Info,
                "goes on with the run by watermark that was begun",
            );
            window.clone()
        }
        _ => begin(table, checkpoint, by).await?,
    };
    let ranges = store.ranges(table.table_run).await?;
    let (done, left): (Vec<RangeRow>, Vec<RangeRow>) = ranges
        .into_iter()
        .partition(|range| range.state == RangeState::Compared);
    TableMeter::set(&table.meter.chunks_total, (done.len() + left.len()) as u64);
    TableMeter::set(&table.meter.chunks_done, done.len() as u64);
    let mut rows: u64 = done.iter().map(|range| range.rows).sum();
    TableMeter::set(&table.meter.rows_done, rows);
    let name = table.plan.target.table.raw();
    let order = &table.job.order;
    order.parents_ready(name).await;
    let knotted = is_knotted(table);
    for range in &left {
        table.check()?;
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let chunk = table.meter.moved.chunk(table.meter.moved.phase());
        let read = write(table, by, &window, range, !knotted).await?;
        chunk.done(read);
        table.charge_compared(read);
        rows += read;
        TableMeter::add(&table.meter.chunks_done, 1);
        hooks::reach("watermark.range");
    }
    if knotted {
        check_parents(table).await?;
    }
    order.ready(name);
    end(table, checkpoint, rows).await
}

/// Whether its rows may refer to rows of a later range.
fn is_knotted(table: &TableShared) -> bool {
    let target = &table.plan.target;
    let keys = table
        .plan
        .target_schema
        .iter()
        .flat_map(|s| &s.foreign_keys);
    keys.into_iter().any(|key| key.parent == *target)
        || table.job.order.is_in_ring(target.table.raw())
}

/// Decides what is read, and stores it with its ranges.
async fn begin(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    by: &ByWatermark,
) -> Result<Window, SyncError> {
    let store = &table.job.context.store;
    // Also before the first look at the source: what a rate allows says how the rows are cut.
    let _turns = table.turn().await?;
    let _permit = table.job.permit().await?;
    let Some(last) = checkpoint.marks.current.clone() else {
        return Err(SyncError::stop(
            ErrorCode::Internal,
            "a run by watermark was begun without a watermark",
        ));
    };
    let mut reader = table.snapshots.reader().await?;
    let force = Arc::clone(reader.snapshot());
    let Some(next) = next_watermark(table, by, &force, Some(&last)) else {
        return Err(ErrorInfo::new(
            ErrorCode::SchemaChanged,
            "the table came to have a watermark while the job ran; run it again",
        )
        .into());
    };
    let planned = async {
        let window = window(reader.session(), by, &last.mark, &next.mark).await?;
        let spans = read::spans(table, &mut reader, by, &window).await?;
        Ok::<_, SyncError>((window, spans))
    }
    .await;
    if let Err(error) = &planned {
        reader.failed(error);
    }
    let (window, (spans, rows)) = planned?;
    drop(reader);
    TableMeter::set(&table.meter.rows_total, rows);
    let shown = shown(Some(&next)).unwrap_or_else(|| "nothing new".to_owned());
    table.log(
        Level::Info,
        format!("{rows} rows are read again, up to the watermark {shown}"),
    );
    checkpoint.marks.next = Some(next);
    checkpoint.table_run_id = Some(table.table_run);
    checkpoint.snapshot = Some(force.id.clone());
    checkpoint.step = Step::Watermark {
        window: window.clone(),
        planned: false,
    };
    store.save_checkpoint(checkpoint).await?;
    hooks::reach("watermark.begin");
    store.delete_ranges(table.table_run, table.fence()).await?;
    let rows: Vec<RangeRow> = (1..)
        .zip(&spans)
        .map(|(no, span)| span.to_row(no))
        .collect();
    for some in rows.chunks(RANGES) {
        store
            .add_ranges(table.table_run, table.fence(), some)
            .await?;
    }
    checkpoint.step = Step::Watermark {
        window: window.clone(),
        planned: true,
    };
    store.save_checkpoint(checkpoint).await?;
    hooks::reach("watermark.planned");
    Ok(window)
}

/// Brings the rows of one range in step; says how many it holds.
async fn write(
    table: &Arc<TableShared>,
    by: &ByWatermark,
    window: &Window,
    range: &RangeRow,
    is_last: bool,
) -> Result<u64, SyncError> {
    let comparer = comparer(table, &table.plan.target);
    let span = Span::of_row(range)?;
    let mut reader = table.snapshots.reader().await?;
    let clock = Instant::now();
    let seen = read::rows(&comparer, &mut reader, by, window, &span).await;
    table.meter.waited(Waiting::Source, clock.elapsed());
    if let Err(error) = &seen {
        reader.failed(error);
    }
    let seen = seen?;
    let clock = Instant::now();
    let mut session = table.session(SessionKind::Apply).await?;
    let differences = read::differing(&comparer, &mut session, &seen).await?;
    drop(session);
    table.meter.waited(Waiting::Target, clock.elapsed());
    let (mut done, mut kept) = (HashSet::new(), 0);
    for differences in differences.chunks(table.batch_rows()) {
        table.check()?;
        let portion = Portion {
            range_no: Some(range.range_no),
            differences,
            which: Which::Upserts,
            is_last,
        };
        kept += apply_live(table, &comparer, &mut reader, portion, &mut done).await?;
        hooks::reach("watermark.batch");
    }
    let rows = seen.len() as u64;
    let force = &reader.snapshot().id;
    mark_compared(table, SessionKind::Apply, range, rows, force).await?;
    // Of a range that is begun again the rows are still kept: they count once it is done.
    TableMeter::add(&table.meter.kept, kept);
    TableMeter::add(&table.meter.rows_done, rows);
    Ok(rows)
}

/// The watermark comes into force, in the statement that ends the run.
async fn end(
    table: &Arc<TableShared>,
    checkpoint: &mut Checkpoint,
    rows: u64,
) -> Result<Verified, SyncError> {
    let force = table.snapshots.current().await?;
    let name = table.plan.target.table.raw();
    let config = table.job.context.config.id;
    let verifies = table.job.context.store.last_verified(config, name).await?;
    let by_run = checkpoint.verified.as_ref().and_then(|v| v.whole_table_at);
    let scope = match table.plan.options.verify {
        Verify::None => VerifiedScope::None,
        _ => VerifiedScope::Run,
    };
    let verified = Verified {
        scope,
        as_of: as_of(&force, checkpoint.marks.next.as_ref()),
        rows: if scope == VerifiedScope::None {
            0
        } else {
            rows
        },
        differences: 0,
        whole_table_at: by_run.max(verifies),
    };
    checkpoint.verified = Some(verified.clone());
    checkpoint.marks.accept();
    checkpoint.source_schema.seen = table.plan.seen();
    hooks::reach("watermark.end");
    close(table, checkpoint).await?;
    table.log(Level::Info, format!("by watermark: {WATERMARK_PROMISE}"));
    Ok(verified)
}
