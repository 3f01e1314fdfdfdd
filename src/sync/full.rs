//! A full run of one table: compares a target that is there, applies few differences, loads and
//! swaps, or reconciles in place.

use std::sync::Arc;

use super::deletes::{check_delete_limits, guard_emptied};
use super::equal::end_equal;
use super::error::SyncError;
use super::few::{apply_few, can_apply};
use super::load::Load;
use super::place::Place;
use super::shared::TableShared;
use super::survey::{ROUNDS, Survey, compare_all, lost_again};
use super::table::Strategy;
use super::watermark;
use crate::model::log::Level;
use crate::model::rule::FullStrategy;
use crate::model::table_run::{Phase, Verified};
use crate::mysql::SessionKind;
use crate::store::checkpoints::Checkpoint;

/// Makes the target equal to the source, from the start. With `compares`, a target that is there is
/// compared first, whatever `full_strategy` says.
///
/// # Errors
/// Why it ended; what was committed is kept.
pub async fn run(
    table: &Arc<TableShared>,
    mut checkpoint: Checkpoint,
    compares: bool,
) -> Result<Verified, SyncError> {
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
                && (wish == FullStrategy::Auto || compares)
                && let Some(verified) = compare_first(table, &mut checkpoint).await?
            {
                return Ok(verified);
            }
            let place = Place::open(table).await?;
            Load::begin(table, place, checkpoint).await?.run().await
        }
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
    guard_emptied(table, u64::from(source_has_rows(table).await?), 1)
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
    let passed = watermark::passed(table, &checkpoint.marks).await?;
    for _ in 0..ROUNDS {
        let force = table.snapshots.current().await?;
        let survey = Survey {
            force: &force.id,
            all: passed.is_some(),
            // Other tables that refer to this one rule the swap out.
            reach: false,
            passed: passed.as_deref(),
        };
        let found = compare_all(table, survey).await?;
        if found.restarted {
            continue;
        }
        watermark::tell_missed(table, found.missed);
        if found.many || !can_apply(table) && !found.few.is_empty() {
            table.log(
                Level::Info,
                "more than a few rows differ: the table is loaded and swapped",
            );
            return Ok(None);
        }
        if !found.few.is_empty() {
            guard_emptied(table, found.rows, found.target_rows)?;
            check_delete_limits(table, found.extra, found.target_rows)?;
            if table.snapshots.is_per_chunk() {
                super::in_place::write(table, checkpoint, &found).await?;
            } else {
                apply_few(table, checkpoint, &found).await?;
            }
        }
        let verified = end_equal(table, checkpoint, &force, found.rows).await?;
        return Ok(Some(verified));
    }
    Err(lost_again())
}
