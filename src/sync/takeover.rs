//! Taking a table over from whoever held it before: their connections, their fences, the name of
//! their shadow. Only then positions are read.

use std::sync::Arc;

use super::closing::close;
use super::error::SyncError;
use super::load::discard;
use super::place::{Place, table_type};
use super::shared::{TableShared, TargetSession};
use super::{ddl, hooks, swap};
use crate::model::log::Level;
use crate::mysql::SessionKind;
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;

/// Makes the table ours: the previous holder's connections are killed, its fences raised, and the
/// shadow gets the name of our fence, so that it finds neither rows nor tables when it wakes up.
/// Says whether this job began what is under way.
///
/// # Errors
/// When a server can't be reached, or the lease is lost.
pub async fn take_over(
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
            ddl::run(
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
    session: &mut TargetSession,
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
    session: &mut TargetSession,
) -> Result<bool, SyncError> {
    let proof = match old {
        Some(old) => place.old(old),
        None => table.plan.target.clone(),
    };
    Ok(table_type(session, &proof).await?.is_some())
}

/// After a permanent error the shadow is of no use.
pub async fn give_up_shadow(table: &Arc<TableShared>) {
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
