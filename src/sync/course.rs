//! One table's run from its beginning: taken over, then gone on with what was begun, or begun anew.

use std::sync::Arc;

use chrono::Utc;

use super::closing::close;
use super::error::SyncError;
use super::full;
use super::load::{Load, discard};
use super::place::Place;
use super::shared::TableShared;
use super::swap;
use super::table::{Mode, Strategy};
use super::takeover::{give_up_shadow, take_over};
use super::watermark;
use crate::model::error::ErrorCode;
use crate::model::log::Level;
use crate::model::table_run::Verified;
use crate::mysql::ErrorClass;
use crate::store::checkpoints::{Checkpoint, Step};

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
            checkpoint.marks.accept();
            if checkpoint.source_schema.loaded.as_deref() == Some(&table.plan.fingerprint()) {
                checkpoint.source_schema.seen = table.plan.seen();
            }
            close(table, &mut checkpoint).await?;
            table.log(
                Level::Info,
                "the swap had happened; what was left of it is cleaned up",
            );
            if let Some(verified) = verified {
                return Ok(verified);
            }
        } else if checkpoint.shadow_table.is_some() {
            let same = checkpoint.source_schema.loaded.as_deref()
                == Some(&table.plan.fingerprint())
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
    if let Some(by) = table.plan.mode.watermark() {
        let why = watermark::why_full(&table.plan, &table.job.context.request, &checkpoint.marks);
        let Some(why) = why else {
            let verified = watermark::run(table, &mut checkpoint, by).await?;
            let last = checkpoint
                .marks
                .current
                .as_ref()
                .map(|mark| mark.compared_at);
            if !by
                .detect
                .is_due(last, Utc::now(), table.job.context.timezone)
            {
                return Ok(verified);
            }
            table.log(
                Level::Info,
                "the comparison that detect_deletes asks for follows",
            );
            return full::run(table, checkpoint, true).await;
        };
        table.log(Level::Info, format!("this run is full: {why}"));
    }
    if checkpoint.table_run_id.is_some() {
        close(table, &mut checkpoint).await?;
    }
    let compares = matches!(table.plan.mode, Mode::Checksum) && !table.job.context.request.full;
    full::run(table, checkpoint, compares).await
}
