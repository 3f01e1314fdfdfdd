//! `snapshot_lock: ftwrl`: where a server offers nothing to align snapshots by, and only on request,
//! writes are held back for the moment that it takes to open them.
//!
//! `FLUSH TABLES WITH READ LOCK` waits for running statements, and while it waits, writes wait behind
//! it; on MySQL a failed one even keeps the lock. So it is sent only while no statement runs for
//! long, on a connection of its own that a timer kills and that is closed on any error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::align::{as_of_now, begin_all, binlog_position, variable};
use crate::model::error::ErrorCode;
use crate::model::table_run::AsOf;
use crate::mysql::{Endpoint, ErrorClass, MysqlError, Session, SessionKind};

/// A statement that runs for longer keeps us from asking for the lock.
const OLDEST_STATEMENT: u64 = 1;
/// How long a moment without such a statement is waited for.
const QUIET: Duration = Duration::from_secs(10);
/// The longest that the lock is asked for and held: then its connection is killed.
const LONGEST: Duration = Duration::from_secs(2);

/// Snapshots of one moment, and how long writes were held back for them.
pub(super) struct Locked {
    pub(super) as_of: AsOf,
    pub(super) held: Duration,
}

/// Opens the snapshots of `sessions` under a global read lock.
///
/// # Errors
/// Why the lock was not taken or not kept; it is free again in any case.
pub(super) async fn open_locked(
    endpoint: &Arc<Endpoint>,
    sessions: &mut [Session],
) -> Result<Locked, MysqlError> {
    let open = || Session::open(endpoint, SessionKind::Guard, LONGEST);
    let mut killer = open().await?;
    let mut locker = open().await?;
    locker
        .run("SET SESSION lock_wait_timeout = 1, wait_timeout = 2")
        .await?;
    let Some(id) = locker.kill_id() else {
        return Err(refused(
            "a proxy stands before the server, so the lock could not be ended by force",
        ));
    };
    wait_for_quiet(&mut killer).await?;
    // A timer of its own: it must not depend on anything that could hang here.
    let timer = tokio::spawn(async move {
        tokio::time::sleep(LONGEST).await;
        // Gone already is as good.
        let _killed = killer.run(&format!("KILL {id}")).await;
        killer.close().await;
    });
    let asked = Instant::now();
    let opened = async {
        locker.run("FLUSH TABLES WITH READ LOCK").await?;
        begin_all(sessions).await?;
        let mut as_of = as_of_now(&mut locker).await?;
        if sessions[0].server().is_mariadb() {
            as_of.binlog = binlog_position(&mut sessions[0]).await?;
        } else {
            as_of.gtid = Some(variable(&mut sessions[0], "gtid_executed").await?)
                .filter(|set| !set.is_empty());
        }
        // Only a lock that held to the end held all the time.
        locker.run("UNLOCK TABLES").await?;
        Ok(as_of)
    }
    .await;
    let held = asked.elapsed();
    timer.abort();
    // Never used again, whatever happened: this is what surely frees the lock.
    locker.close().await;
    opened.map(|as_of| Locked { as_of, held })
}

/// Waits until no statement of anybody is older than a second.
async fn wait_for_quiet(session: &mut Session) -> Result<(), MysqlError> {
    if !sees_others(session).await? {
        return Err(MysqlError {
            hint: Some("GRANT PROCESS ON *.* to the account".to_owned()),
            ..refused(
                "the account may not see the statements of others, which the lock would wait for",
            )
        });
    }
    let deadline = Instant::now() + QUIET;
    loop {
        let ours = session.our_ids();
        let busy =
            session.processes().await?.into_iter().find(|p| {
                p.is_statement() && p.seconds > OLDEST_STATEMENT && !ours.contains(&p.id)
            });
        match busy {
            None => return Ok(()),
            Some(p) if Instant::now() > deadline => {
                return Err(refused(format!(
                    "connection {} runs a statement for {} s, which the lock would wait for",
                    p.id, p.seconds
                )));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Whether the account has PROCESS: the servers refuse this table without.
async fn sees_others(session: &mut Session) -> Result<bool, MysqlError> {
    let sql = "SELECT COUNT(*) AS n FROM information_schema.INNODB_METRICS WHERE NAME = ''";
    match session.rows(sql).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(_) => Ok(false),
    }
}

fn refused(why: impl Into<String>) -> MysqlError {
    MysqlError::own(ErrorCode::Unsupported, ErrorClass::Stop, why)
}
