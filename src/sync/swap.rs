//! The swap: the shadow takes the target's place in one atomic `RENAME TABLE`.
//!
//! Before it: everything that would make it wrong is looked at again, and nobody may still hold a
//! snapshot in which the shadow is half full. After it: a foreign key that came meanwhile undoes it.

use std::time::{Duration, Instant};

use super::error::SyncError;
use super::full::guard_emptied;
use super::hooks;
use super::key::KeySpec;
use super::meter::{TableMeter, Waiting};
use super::orphans;
use super::place::{Place, table_type};
use super::shared::TableShared;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::model::rule::TableOptions;
use crate::mysql::schema::{TableSchema, inbound_foreign_keys};
use crate::mysql::{Ident, MysqlError, Session, SessionKind, TableRef, transactions};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;

/// For so long answers of the server may be older than the question before the shadow is rebuilt.
const STALE: Duration = Duration::from_secs(20);
/// How long old readers are waited for before the shadow is rebuilt to shut them out.
const READERS: Duration = Duration::from_secs(60);

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
    let last_write = last_write_mark(&mut session).await?;
    hooks::reach("swap.readers");
    wait_for_readers(table, &mut session, &shadow, &last_write).await?;
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
    retry_lock(table, &mut session, &sql, timeout).await?;
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
            insist(table, &mut session, &sql, timeout).await?;
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
        insist(table, &mut session, &sql, Duration::from_secs(60)).await?;
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
    let fence = table.job.context.store.checkpoint_commit_sql(checkpoint);
    let mut session = table.session(SessionKind::Apply).await?;
    let work = async {
        session.run("START TRANSACTION").await?;
        quarantine.take(table, &mut session, "o.", &select).await
    }
    .await;
    session.end(work, &fence).await?;
    hooks::reach("swap.quarantined");
    Ok(())
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

/// Fails when a run, with what it has deleted already, would delete more than it may: `gone` of the
/// target's `rows`.
///
/// # Errors
/// `delete_limit`, with what to do.
pub fn check_delete_limits(table: &TableShared, gone: u64, rows: u64) -> Result<(), SyncError> {
    if gone == 0 {
        return Ok(());
    }
    let before = TableMeter::get(&table.meter.deleted);
    within_limits(&table.plan.options, before + gone, before + rows)
}

/// Fails when `gone` of `rows` target rows are more than a run may delete.
fn within_limits(options: &TableOptions, gone: u64, rows: u64) -> Result<(), SyncError> {
    if gone == 0 {
        return Ok(());
    }
    let refuse = |limit: String| -> SyncError {
        ErrorInfo::new(
            ErrorCode::DeleteLimit,
            format!("the run would delete {gone} of {rows} target rows; {limit}; they stay"),
        )
        .hint("if that is right, raise max_delete_rows or max_delete_percent for this table")
        .into()
    };
    if let Some(most) = options.max_delete_rows
        && gone > most
    {
        return Err(refuse(format!("max_delete_rows is {most}")));
    }
    let percent = u64::from(options.max_delete_percent);
    if rows >= TableOptions::DELETE_PERCENT_FLOOR && gone * 100 > rows * percent {
        return Err(refuse(format!("max_delete_percent is {percent}")));
    }
    Ok(())
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

/// The server's clock after the shadow's last write, in the zone that transactions are listed in.
async fn last_write_mark(session: &mut Session) -> Result<String, SyncError> {
    session.run("SET SESSION time_zone = 'SYSTEM'").await?;
    let row = session.first("SELECT NOW(6) AS now").await?;
    session.run("SET SESSION time_zone = '+00:00'").await?;
    Ok(row.map(|r| r.text("now")).transpose()?.unwrap_or_default())
}

/// A transaction that began before the shadow's last write would see half of it after the swap:
/// none may be left. After a minute, or where transactions can't be seen, the shadow is rebuilt,
/// which makes such a reader fail instead.
async fn wait_for_readers(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
    mark: &str,
) -> Result<(), SyncError> {
    let clock = Instant::now();
    let mut told = false;
    let mut stale = 0;
    loop {
        table.check()?;
        let open = match open_transactions(session, mark).await {
            Ok(Some(open)) => open,
            Ok(None) => {
                tokio::time::sleep(transactions::until_renewed(stale)).await;
                stale += 1;
                if clock.elapsed() < STALE {
                    continue;
                }
                return rebuild(table, session, shadow).await;
            }
            Err(error) if error.number == Some(1227) => {
                table.log(Level::Info, "without PROCESS old readers can't be seen: the shadow is rebuilt to shut them out");
                return rebuild(table, session, shadow).await;
            }
            Err(error) => return Err(error.into()),
        };
        let ours = session.our_ids();
        let others: Vec<u64> = open.into_iter().filter(|id| !ours.contains(id)).collect();
        table.meter.waited(Waiting::Lock, Duration::ZERO);
        if others.is_empty() {
            table.meter.waited(Waiting::Lock, clock.elapsed());
            return Ok(());
        }
        if !told {
            told = true;
            table.log(
                Level::Info,
                format!("the swap waits for transactions that are older than the shadow: connections {others:?}"),
            );
        }
        if clock.elapsed() > READERS {
            table.log(
                Level::Info,
                "old transactions are still open: the shadow is rebuilt to shut them out",
            );
            return rebuild(table, session, shadow).await;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Connections whose transactions began up to a second after `mark`; `None` where the server's
/// answer can't be believed: it keeps its list while others ask for it all the time, so a
/// transaction of our own, begun just before the question, must be in it.
async fn open_transactions(
    session: &mut Session,
    mark: &str,
) -> Result<Option<Vec<u64>>, MysqlError> {
    session
        .run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        .await?;
    let sql = format!(
        "SELECT trx_mysql_thread_id AS id, trx_started <= TIMESTAMP '{mark}' + INTERVAL 1 SECOND AS old \
         FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id <> 0"
    );
    let rows = session.rows(&sql).await;
    session.run("COMMIT").await?;
    let (mut seen, mut old) = (false, Vec::new());
    for row in rows? {
        let id = row.u64("id")?;
        seen |= id == u64::from(session.id());
        if row.bool("old")? {
            old.push(id);
        }
    }
    Ok(seen.then_some(old))
}

async fn rebuild(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
) -> Result<(), SyncError> {
    let sql = format!("ALTER TABLE {shadow} FORCE");
    table
        .until_stopped(retry_lock(table, session, &sql, Duration::from_secs(60)))
        .await
}

/// Runs a definition; waits for locks a second at a time, so that nobody queues behind us for
/// longer, with growing pauses. Ends when the job is to end.
///
/// # Errors
/// `lock_timeout`, transient, when the lock was not free in time, with who holds it.
pub async fn retry_lock(
    table: &TableShared,
    session: &mut Session,
    sql: &str,
    timeout: Duration,
) -> Result<(), SyncError> {
    until_unlocked(table, session, sql, timeout, TableShared::check).await
}

/// The same, but only a wish to end at once ends it.
async fn insist(
    table: &TableShared,
    session: &mut Session,
    sql: &str,
    timeout: Duration,
) -> Result<(), SyncError> {
    until_unlocked(table, session, sql, timeout, TableShared::check_hard).await
}

async fn until_unlocked(
    table: &TableShared,
    session: &mut Session,
    sql: &str,
    timeout: Duration,
    check: impl Fn(&TableShared) -> Result<(), SyncError>,
) -> Result<(), SyncError> {
    let clock = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        check(table)?;
        let attempt = Instant::now();
        match session.run(sql).await {
            Ok(_) => {
                table.meter.waited(Waiting::Ddl, attempt.elapsed());
                return Ok(());
            }
            Err(error) if matches!(error.number, Some(1205 | 1213)) => {
                table.meter.waited(Waiting::Lock, attempt.elapsed());
                let blockers = blockers(session, &table.plan.target.table).await;
                if !timeout.is_zero() && clock.elapsed() > timeout {
                    return Err(ErrorInfo::new(
                        ErrorCode::LockTimeout,
                        format!("the target's table was in use for {} s: {blockers}", clock.elapsed().as_secs()),
                    )
                    .hint("end these sessions, or raise swap_timeout; the copy is kept and the next run goes on")
                    .transient()
                    .into());
                }
                table.log(
                    Level::Info,
                    format!("waiting for a lock on the target's table: {blockers}"),
                );
                let asleep = Instant::now();
                while asleep.elapsed() < pause {
                    check(table)?;
                    tokio::time::sleep(pause.min(Duration::from_millis(250))).await;
                }
                pause = (pause * 2).min(Duration::from_secs(30));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sessions that may hold the lock, as far as the account can see.
async fn blockers(session: &mut Session, name: &Ident) -> String {
    let sql = "SELECT ID AS id, USER AS who, TIME AS t, COMMAND AS c FROM information_schema.PROCESSLIST \
               WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon' ORDER BY TIME DESC LIMIT 5";
    let rows = session.rows(sql).await.unwrap_or_default();
    let ours = session.our_ids();
    let shown: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let id = row.u64("id").ok()?;
            (!ours.contains(&id)).then(|| {
                format!(
                    "{id} ({}, {} s)",
                    row.text("who").unwrap_or_default(),
                    row.text("t").unwrap_or_default()
                )
            })
        })
        .collect();
    if shown.is_empty() {
        format!("who uses {} can't be seen (PROCESS is missing)", name.raw())
    } else {
        format!("sessions that may use it: {}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_from_a_thousand_rows_on() {
        let options = TableOptions::default();
        assert!(within_limits(&options, 999, 999).is_ok());
        assert!(within_limits(&options, 250, 1000).is_ok());
        assert!(within_limits(&options, 251, 1000).is_err());
        let strict = TableOptions {
            max_delete_rows: Some(0),
            ..TableOptions::default()
        };
        assert!(within_limits(&strict, 0, 10).is_ok());
        assert!(within_limits(&strict, 1, 10).is_err());
    }
}
