//! Few differences of a live target: applied row by row, in one transaction where nothing forbids it.

use std::collections::HashSet;
use std::sync::Arc;

use super::apply::{Portion, Which, apply_live};
use super::compare::comparer;
use super::error::SyncError;
use super::hooks;
use super::meter::TableMeter;
use super::shared::TableShared;
use super::survey::{Found, lost_again};
use crate::model::log::Level;
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::ranges::{RangeRow, RangeState};

/// Whether rows of the live target can be changed one by one.
#[must_use]
pub fn can_apply(table: &TableShared) -> bool {
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
        let _turns = table.turn().await?;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        if reader.snapshot().id != found.snapshot {
            return Err(lost_again());
        }
        let portion = Portion {
            range_no: Some(0),
            differences: &found.few,
            which,
            is_last: which != Which::Deletes,
        };
        let kept = apply_live(table, &comparer, &mut reader, portion, &mut done).await?;
        TableMeter::add(&table.meter.kept, kept);
        Ok(())
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
