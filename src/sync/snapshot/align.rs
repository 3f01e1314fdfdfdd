//! Bringing several sessions to the same moment, and telling which moment it is.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::model::error::ErrorCode;
use crate::model::table_run::AsOf;
use crate::mysql::{MysqlError, Row, Session};
use crate::sync::error::SyncError;

/// What a transaction of MySQL goes back to after each piece of work, which frees the definitions
/// of the tables that it has read.
const SAVEPOINT: &str = "SAVEPOINT chunk";

/// What begins a snapshot.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// The source's clock.
const NOW: &str = "SELECT UTC_TIMESTAMP(3) AS now";
/// Where a session's own snapshot lies in the binlog of MariaDB.
const POSITION: &str = "SHOW STATUS LIKE 'binlog\\_snapshot\\_%'";
/// Whether MySQL numbers its transactions.
const MODE: &str = "SELECT @@GLOBAL.gtid_mode AS v";
/// What MySQL has executed, and what is between its commit and its GTID.
const EXECUTED: &str = "SELECT @@GLOBAL.gtid_executed AS v";
const OWNED: &str = "SELECT @@GLOBAL.gtid_owned AS v";

/// Begins the snapshot of one session, to be released piece by piece where the server can do that.
pub(super) async fn begin(session: &mut Session) -> Result<(), MysqlError> {
    if session.server().is_mariadb() {
        session.run(BEGIN).await?;
    } else {
        session.batch(&[BEGIN, SAVEPOINT]).await?;
    }
    Ok(())
}

/// Opens the snapshots of all sessions at the same time.
pub(super) async fn begin_all(sessions: &mut [Session]) -> Result<(), MysqlError> {
    let begun = join_all(sessions.iter_mut().map(begin)).await;
    begun.into_iter().collect()
}

/// What came of an attempt to bring sessions to one moment.
pub(super) enum Aligned {
    /// They see this one.
    At(AsOf),
    /// Something was written meanwhile.
    NotYet,
    /// The server does not tell moments apart.
    Never,
}

/// Tries to bring sessions to one moment.
pub(super) async fn align(sessions: &mut [Session]) -> Result<Aligned, SyncError> {
    if sessions[0].server().is_mariadb() {
        align_mariadb(sessions).await
    } else {
        align_mysql(sessions).await
    }
}

async fn align_mariadb(sessions: &mut [Session]) -> Result<Aligned, SyncError> {
    let begun = join_all(sessions.iter_mut().map(begin_mariadb)).await;
    let mut first: Option<AsOf> = None;
    for as_of in begun {
        let as_of = as_of?;
        if as_of.binlog.is_none() {
            return Ok(Aligned::Never);
        }
        if first.get_or_insert_with(|| as_of.clone()).binlog != as_of.binlog {
            return Ok(Aligned::NotYet);
        }
    }
    Ok(first.map_or(Aligned::Never, Aligned::At))
}

/// Begins the snapshot of one session of MariaDB and asks which moment it sees, in one round trip.
async fn begin_mariadb(session: &mut Session) -> Result<AsOf, MysqlError> {
    let sets = session.batch(&[BEGIN, POSITION, NOW]).await?;
    let [_, position, now] = sets.as_slice() else {
        return Err(no_answer());
    };
    Ok(AsOf {
        binlog: position_of(position)?,
        ..as_of(now)?
    })
}

async fn align_mysql(sessions: &mut [Session]) -> Result<Aligned, SyncError> {
    let sets = sessions[0].batch(&[MODE, EXECUTED]).await?;
    let [mode, before] = sets.as_slice() else {
        return Err(no_answer().into());
    };
    if !value_of(mode)?.eq_ignore_ascii_case("on") {
        return Ok(Aligned::Never);
    }
    let before = value_of(before)?;
    begin_all(sessions).await?;
    let sets = sessions[0].batch(&[OWNED, EXECUTED, NOW]).await?;
    let [owned, after, now] = sets.as_slice() else {
        return Err(no_answer().into());
    };
    let (owned, after) = (value_of(owned)?, value_of(after)?);
    if !owned.is_empty() || before != after {
        return Ok(Aligned::NotYet);
    }
    Ok(Aligned::At(AsOf {
        gtid: Some(after).filter(|set| !set.is_empty()),
        ..as_of(now)?
    }))
}

/// Begins the snapshot of a session that reads alone.
pub(super) async fn begin_alone(session: &mut Session) -> Result<AsOf, MysqlError> {
    if session.server().is_mariadb() {
        return begin_mariadb(session).await;
    }
    begin(session).await?;
    let mut as_of = as_of_now(session).await?;
    let set = variable(session, "gtid_executed").await;
    as_of.gtid = Some(set.unwrap_or_default()).filter(|set| !set.is_empty());
    Ok(as_of)
}

/// `file:position` of the session's own snapshot, on MariaDB with a binlog.
pub(super) async fn binlog_position(session: &mut Session) -> Result<Option<String>, MysqlError> {
    position_of(&session.rows(POSITION).await?)
}

fn position_of(rows: &[Row]) -> Result<Option<String>, MysqlError> {
    let (mut file, mut position) = (None, None);
    for row in rows {
        let value = row.text("Value")?;
        match row.text("Variable_name")?.to_ascii_lowercase().as_str() {
            "binlog_snapshot_file" => file = Some(value),
            "binlog_snapshot_position" => position = Some(value),
            _ => {}
        }
    }
    Ok(match (file, position) {
        (Some(file), Some(position)) if !file.is_empty() => Some(format!("{file}:{position}")),
        _ => None,
    })
}

pub(super) async fn as_of_now(session: &mut Session) -> Result<AsOf, MysqlError> {
    as_of(&session.rows(NOW).await?)
}

fn as_of(now: &[Row]) -> Result<AsOf, MysqlError> {
    let row = now
        .first()
        .ok_or_else(|| MysqlError::lost("the source has no clock"))?;
    let time: DateTime<Utc> = row.time("now")?;
    Ok(AsOf {
        time: Some(time),
        gtid: None,
        binlog: None,
        watermark: None,
    })
}

fn no_answer() -> MysqlError {
    MysqlError::lost("the source did not answer every question about its snapshot")
}

/// The value of a variable, without the line breaks of a long one.
fn value_of(rows: &[Row]) -> Result<String, MysqlError> {
    let value = rows.first().map(|row| row.opt_text("v")).transpose()?;
    Ok(value.flatten().unwrap_or_default().replace('\n', ""))
}

/// A global variable; empty where the server does not know it.
pub(super) async fn variable(session: &mut Session, name: &str) -> Result<String, MysqlError> {
    match session.rows(&format!("SELECT @@GLOBAL.{name} AS v")).await {
        Ok(rows) => value_of(&rows),
        Err(error) if error.number == Some(1193) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Behind a proxy sessions may be on different servers, whose snapshots have nothing in common.
pub(super) async fn same_server(sessions: &mut [Session]) -> Result<String, SyncError> {
    let identities = join_all(sessions.iter_mut().map(Session::identity)).await;
    let mut first: Option<String> = None;
    for identity in identities {
        let identity = identity?;
        if first.get_or_insert_with(|| identity.clone()) != &identity {
            return Err(SyncError::stop(
                ErrorCode::Unsupported,
                "the sessions of one snapshot are on different servers: connect to one server, not through a balancing proxy",
            ));
        }
    }
    Ok(first.unwrap_or_default())
}
