//! Bringing several sessions to the same moment, and telling which moment it is.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::model::error::ErrorCode;
use crate::model::table_run::AsOf;
use crate::mysql::{MysqlError, Session};
use crate::sync::error::SyncError;

/// What a transaction of MySQL goes back to after each piece of work, which frees the definitions
/// of the tables that it has read.
const SAVEPOINT: &str = "SAVEPOINT chunk";

/// Opens the snapshots of all sessions at the same time.
pub(super) async fn begin(sessions: &mut [Session]) -> Result<(), MysqlError> {
    let begun = join_all(sessions.iter_mut().map(async |session| {
        session
            .run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            .await
    }))
    .await;
    begun.into_iter().try_for_each(|done| done.map(|_| ()))
}

/// Sets what [`super::Reader::release`] goes back to.
pub(super) async fn set_savepoints(sessions: &mut [Session]) -> Result<(), MysqlError> {
    let set = join_all(sessions.iter_mut().map(async |session| {
        if session.server().is_mariadb() {
            return Ok(());
        }
        session.run(SAVEPOINT).await.map(|_| ())
    }))
    .await;
    set.into_iter().collect()
}

pub(super) async fn align_mariadb(sessions: &mut [Session]) -> Result<Option<AsOf>, SyncError> {
    begin(sessions).await?;
    let positions = join_all(sessions.iter_mut().map(binlog_position)).await;
    let mut first: Option<String> = None;
    for position in positions {
        let Some(position) = position? else {
            return Ok(None);
        };
        if first.get_or_insert_with(|| position.clone()) != &position {
            return Ok(None);
        }
    }
    let mut as_of = as_of_now(&mut sessions[0]).await?;
    as_of.binlog = first;
    Ok(Some(as_of))
}

pub(super) async fn align_mysql(sessions: &mut [Session]) -> Result<Option<AsOf>, SyncError> {
    let before = variable(&mut sessions[0], "gtid_executed").await?;
    begin(sessions).await?;
    let owned = variable(&mut sessions[0], "gtid_owned").await?;
    let after = variable(&mut sessions[0], "gtid_executed").await?;
    if !owned.is_empty() || before != after {
        return Ok(None);
    }
    let mut as_of = as_of_now(&mut sessions[0]).await?;
    as_of.gtid = Some(after).filter(|set| !set.is_empty());
    Ok(Some(as_of))
}

/// `file:position` of the session's own snapshot, on MariaDB with a binlog.
pub(super) async fn binlog_position(session: &mut Session) -> Result<Option<String>, MysqlError> {
    let (mut file, mut position) = (None, None);
    for row in session
        .rows("SHOW STATUS LIKE 'binlog\\_snapshot\\_%'")
        .await?
    {
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
    let row = session
        .first("SELECT UTC_TIMESTAMP(3) AS now")
        .await?
        .ok_or_else(|| MysqlError::lost("the source has no clock"))?;
    let time: DateTime<Utc> = row.time("now")?;
    Ok(AsOf {
        time: Some(time),
        gtid: None,
        binlog: None,
        watermark: None,
    })
}

/// A global variable; empty where the server does not know it.
pub(super) async fn variable(session: &mut Session, name: &str) -> Result<String, MysqlError> {
    match session.first(&format!("SELECT @@GLOBAL.{name} AS v")).await {
        Ok(Some(row)) => Ok(row.opt_text("v")?.unwrap_or_default().replace('\n', "")),
        Ok(None) => Ok(String::new()),
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
