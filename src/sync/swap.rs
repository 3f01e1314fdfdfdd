//! The swap: the shadow takes the target's place in one atomic `RENAME TABLE`.
//!
//! Before it: everything that would make it wrong is looked at again, and nobody may still hold a
//! snapshot in which the shadow is half full. After it: a foreign key that came meanwhile undoes it.

mod names;
mod readers;

use std::time::Duration;

use super::commit::Again;
use super::deletes::{check_delete_limits, guard_emptied};
use super::error::SyncError;
use super::key::KeySpec;
use super::load::discard;
use super::meter::TableMeter;
use super::place::{Place, table_type};
use super::shared::TableShared;
use super::{ddl, hooks, orphans};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::schema::{TableSchema, inbound_foreign_keys};
use crate::mysql::{Session, SessionKind, TableRef, transactions};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;

/// Puts the shadow in the target's place. `checkpoint` names it and is kept up to date.
///
/// # Errors
/// Why it could not be done; the shadow is kept, and a later run goes on.
pub async fn swap(
    table: &TableShared,
    checkpoint: &mut Checkpoint,
    place: &Place,
) -> Result<(), SyncError> {
    let name = checkpoint.shadow_table.clone().unwrap_or_default();
    let shadow = place.shadow(&name);
    let target = table.plan.target.clone();
    let mut session = table.session(SessionKind::Ddl).await?;
    let exists = look_again(table, &mut session).await?;
    if let Some((name, by)) = names::taken(table, &mut session, &shadow).await? {
        drop(session);
        // It came since the constraints were made, so the next load tells them apart.
        discard(table, place, checkpoint).await?;
        return Err(ErrorInfo::new(
            ErrorCode::SchemaChanged,
            format!(
                "{} came to bear the name {} of a constraint while the table was loaded: it is loaded \
                 again, and the constraint called otherwise",
                by.raw(),
                name.raw()
            ),
        )
        .transient()
        .into());
    }
    let gone = if exists {
        table
            .until_stopped(check_deletes(table, &mut session, &shadow))
            .await?
    } else {
        0
    };
    table
        .until_stopped(check_orphans(table, &mut session, &shadow))
        .await?;
    let last_write = transactions::clock(&mut session).await?;
    hooks::reach("swap.readers");
    readers::shut_out(table, &mut session, &shadow, last_write).await?;
    let old = exists.then(|| name.clone());
    if let Some(old) = &old {
        place.list(table, old, Purpose::Old).await?;
    }
    checkpoint.step = Step::SwapIntended { old: old.clone() };
    table.job.context.store.save_checkpoint(checkpoint).await?;
    hooks::reach("swap.intended");
    let sql = match &old {
        Some(old) => {
            format!(
                "RENAME TABLE {target} TO {}, {shadow} TO {target}",
                place.old(old)
            )
        }
        None => format!("RENAME TABLE {shadow} TO {target}"),
    };
    let timeout = table.plan.options.swap_timeout;
    ddl::run(table, &mut session, &sql, timeout).await?;
    hooks::reach("swap.renamed");
    drop(session);
    settle(table, checkpoint, place, old).await?;
    TableMeter::add(&table.meter.deleted, gone);
    finish(table, checkpoint, place).await
}

/// After the `RENAME`: a foreign key that came since the last look follows the replaced table, so
/// the swap is undone; else it is recorded. Goes on when the job is to end, since half a swap is
/// worse than a late end. `checkpoint` names the shadow as it was called at the `RENAME`.
///
/// # Errors
/// `schema_changed`, transient, when the swap was undone; else when a server can't be reached.
pub async fn settle(
    table: &TableShared,
    checkpoint: &mut Checkpoint,
    place: &Place,
    old: Option<String>,
) -> Result<(), SyncError> {
    if let Some(old) = &old {
        let target = &table.plan.target;
        let name = checkpoint.shadow_table.clone().unwrap_or_default();
        let (shadow, replaced) = (place.shadow(&name), place.old(old));
        let mut session = table.session(SessionKind::Ddl).await?;
        let followed = inbound_foreign_keys(&mut session, &replaced).await?;
        if let Some(key) = followed.iter().find(|key| key.table != replaced) {
            let sql = format!("RENAME TABLE {target} TO {shadow}, {replaced} TO {target}");
            let timeout = table.plan.options.swap_timeout;
            ddl::insist(table, &mut session, &sql, timeout).await?;
            checkpoint.step = Step::Compare;
            table.job.context.store.save_checkpoint(checkpoint).await?;
            return Err(ErrorInfo::new(
                ErrorCode::SchemaChanged,
                format!(
                    "{} came to refer to the target while it was swapped; the swap was undone",
                    key.table.shown()
                ),
            )
            .transient()
            .into());
        }
    }
    checkpoint.step = Step::Swapped {
        old,
        quarantined: false,
    };
    table.job.context.store.save_checkpoint(checkpoint).await?;
    hooks::reach("swap.swapped");
    Ok(())
}

/// Drops the replaced table and strikes out the names.
///
/// # Errors
/// When a server can't be reached.
pub async fn finish(
    table: &TableShared,
    checkpoint: &mut Checkpoint,
    place: &Place,
) -> Result<(), SyncError> {
    let name = checkpoint.shadow_table.clone().unwrap_or_default();
    keep_vanished(table, checkpoint, place).await?;
    if let Step::Swapped { old: Some(old), .. } = &checkpoint.step {
        let mut session = table.session(SessionKind::Ddl).await?;
        let sql = format!("DROP TABLE IF EXISTS {}", place.old(old));
        hooks::reach("swap.dropping");
        ddl::insist(table, &mut session, &sql, Duration::from_secs(60)).await?;
        place.unlist(table, old, Purpose::Old).await?;
    }
    hooks::reach("swap.dropped");
    place.unlist(table, &name, Purpose::Stage).await
}

/// Puts the rows that vanished by the swap into quarantine, once, before the replaced table goes.
async fn keep_vanished(
    table: &TableShared,
    checkpoint: &mut Checkpoint,
    place: &Place,
) -> Result<(), SyncError> {
    let Step::Swapped {
        old: Some(old),
        quarantined: false,
    } = checkpoint.step.clone()
    else {
        return Ok(());
    };
    let (Some(key), Some(quarantine)) = (&table.plan.target_key, table.quarantine().await?) else {
        return Ok(());
    };
    let select = format!(
        "FROM {} o LEFT JOIN {} t ON {} WHERE t.{} IS NULL",
        place.old(&old),
        table.plan.target,
        same_key_sql(key, "o", "t"),
        key.columns[0].name
    );
    checkpoint.step = Step::Swapped {
        old: Some(old),
        quarantined: true,
    };
    let fence = table.job.context.store.step_fence(checkpoint);
    let mut again = Again::default();
    loop {
        let mut session = table.session(SessionKind::Apply).await?;
        let work = async {
            session.run("START TRANSACTION").await?;
            quarantine.take(table, &mut session, "o.", &select).await
        }
        .await;
        match session.end(work, &fence).await {
            Err(error) if again.allows(&error) => {}
            ended => {
                ended?;
                hooks::reach("swap.quarantined");
                return Ok(());
            }
        }
    }
}

fn same_key_sql(key: &KeySpec, one: &str, other: &str) -> String {
    let same: Vec<String> = key
        .columns
        .iter()
        .map(|c| format!("{one}.{0} = {other}.{0}", c.name))
        .collect();
    same.join(" AND ")
}

/// Whether the target is there; fails when something about it forbids the swap by now.
async fn look_again(table: &TableShared, session: &mut Session) -> Result<bool, SyncError> {
    let target = &table.plan.target;
    let changed = |why: String| -> SyncError {
        ErrorInfo::new(ErrorCode::SchemaChanged, why)
            .transient()
            .into()
    };
    let exists = match table_type(session, target).await?.as_deref() {
        None => false,
        Some("BASE TABLE") => true,
        Some(kind) => {
            return Err(SyncError::stop(
                ErrorCode::Unsupported,
                format!("{} has become a {}", target.shown(), kind.to_lowercase()),
            ));
        }
    };
    if exists != table.plan.target_schema.is_some() {
        return Err(changed(format!(
            "{} came or went during the run",
            target.shown()
        )));
    }
    if let Some(planned) = &table.plan.target_schema {
        let now = TableSchema::read(session, target).await?;
        if now.as_ref().map(TableSchema::fingerprint) != Some(planned.fingerprint()) {
            return Err(changed(format!(
                "the definition of {} changed during the run",
                target.shown()
            )));
        }
        if now.is_some_and(|now| !now.triggers.is_empty()) {
            return Err(changed(format!(
                "{} got a trigger during the run",
                target.shown()
            )));
        }
        let inbound = inbound_foreign_keys(session, target).await?;
        if let Some(key) = inbound.iter().find(|key| key.table != *target) {
            return Err(changed(format!(
                "{} came to refer to {}",
                key.table.shown(),
                target.shown()
            )));
        }
    }
    Ok(exists)
}

/// Target rows that the shadow lacks must be within the limits. Returns how many they are.
async fn check_deletes(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
) -> Result<u64, SyncError> {
    let target = &table.plan.target;
    let count = |row: Option<crate::mysql::Row>| -> Result<u64, SyncError> {
        Ok(row.map(|r| r.u64("n")).transpose()?.unwrap_or(0))
    };
    let rows = count(
        session
            .first(&format!("SELECT COUNT(*) AS n FROM {target}"))
            .await?,
    )?;
    let gone = match &table.plan.target_key {
        Some(key) => {
            let first = &key.columns[0].name;
            let sql = format!(
                "SELECT COUNT(*) AS n FROM {target} t LEFT JOIN {shadow} s ON {} WHERE s.{first} IS NULL",
                same_key_sql(key, "s", "t")
            );
            count(session.first(&sql).await?)?
        }
        None => {
            let after = count(
                session
                    .first(&format!("SELECT COUNT(*) AS n FROM {shadow}"))
                    .await?,
            )?;
            rows.saturating_sub(after)
        }
    };
    if gone > 0 {
        let left = session
            .first(&format!("SELECT 1 AS one FROM {shadow} LIMIT 1"))
            .await?;
        guard_emptied(table, u64::from(left.is_some()), rows)?;
    }
    check_delete_limits(table, gone, rows)?;
    Ok(gone)
}

/// Rows of the shadow whose foreign key finds no parent.
async fn check_orphans(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
) -> Result<(), SyncError> {
    let Some(schema) = TableSchema::read(session, shadow).await? else {
        return Ok(());
    };
    for key in &schema.foreign_keys {
        let lost = orphans::count(session, shadow, key, None).await?;
        orphans::tell(table, key, lost)?;
    }
    Ok(())
}
