//! Definitions run on the target: nobody has to queue behind us for longer than a second, and who
//! is waited for is said.

use std::time::{Duration, Instant};

use super::error::SyncError;
use super::meter::Waiting;
use super::shared::TableShared;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::mysql::{Ident, Session};

/// Runs a definition; waits for locks a second at a time, so that nobody queues behind us for
/// longer, with growing pauses. Ends when the job is to end.
///
/// # Errors
/// `lock_timeout`, transient, when the lock was not free in time, with who holds it.
pub async fn run(
    table: &TableShared,
    session: &mut Session,
    sql: &str,
    timeout: Duration,
) -> Result<(), SyncError> {
    until_unlocked(table, session, sql, timeout, TableShared::check).await
}

/// The same, but only a wish to end at once ends it.
///
/// # Errors
/// Those of [`run`].
pub async fn insist(
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
