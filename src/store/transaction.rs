//! How statements reach the control database: single ones, reads, and transactions that are tried
//! again when the server made us a deadlock's victim.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::model::error::ErrorCode;
use crate::mysql::{Done, MysqlError, Pooled, Row, Session, Value};

/// Tries of one transaction before its deadlock is given back.
pub(super) const TRIES: u32 = 5;
/// Sessions tried where the pool's turn out to have been closed by the server.
const STALE: u32 = 3;

/// Values of a statement, in the order of its placeholders.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::mysql::Value::from($value)),*] };
}
pub(super) use values;

/// A transaction: all of the block or nothing. The block may run several times. A macro, since a
/// closure that lends its session can't be sent between threads.
macro_rules! transaction {
    ($store:expr, |$session:ident| $work:block) => {{
        let mut tries = 1;
        loop {
            let mut pooled = $store.begin().await?;
            let outcome = async {
                let $session: &mut $crate::mysql::Session = &mut pooled;
                $work
            }
            .await;
            if let Some(outcome) = $store.end(pooled, outcome, &mut tries).await {
                break outcome;
            }
        }
    }};
}
pub(super) use transaction;

impl Store {
    /// Rows of one query. Sessions that went stale in the pool are replaced.
    pub(super) async fn rows(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let mut tries = 1;
        loop {
            // A server that can't be reached is told by the pool, and at once.
            match self
                .pool()
                .get()
                .await?
                .exec_rows(sql, params.clone())
                .await
            {
                Err(error) if error.is_connection_lost() && tries < STALE => tries += 1,
                other => return Ok(other?),
            }
        }
    }

    /// A session in a transaction of its own, to be ended by [`Self::end`].
    pub(super) async fn begin(&self) -> Result<Pooled, StoreError> {
        let mut tries = 1;
        loop {
            let mut session = self.pool().get().await?;
            match session.begin().await {
                Err(error) if error.is_connection_lost() && tries < STALE => tries += 1,
                other => return Ok(other.map(|()| session)?),
            }
        }
    }

    /// One statement, committed by itself.
    pub(super) async fn exec(&self, sql: &str, params: Vec<Value>) -> Result<Done, StoreError> {
        let mut tries = 1;
        loop {
            match self.pool().get().await?.exec(sql, params.clone()).await {
                Err(error) if lost_a_race(&error) && tries < TRIES => pause(&mut tries).await,
                other => return Ok(other?),
            }
        }
    }

    /// Ends a transaction of [`transaction!`]: commits what went well. `None`: it lost a race, and
    /// is to be tried again.
    pub(super) async fn end<T>(
        &self,
        mut session: Pooled,
        outcome: Result<T, StoreError>,
        tries: &mut u32,
    ) -> Option<Result<T, StoreError>> {
        let error = match outcome {
            Ok(value) => match session.commit().await {
                Ok(()) => return Some(Ok(value)),
                Err(error) => error,
            },
            Err(error) => {
                session.roll_back().await;
                match error {
                    StoreError::Mysql(error) => error,
                    other => return Some(Err(other)),
                }
            }
        };
        if !lost_a_race(&error) || *tries >= TRIES {
            return Some(Err(error.into()));
        }
        drop(session);
        pause(tries).await;
        None
    }
}

pub(super) async fn pause(tries: &mut u32) {
    tokio::time::sleep(Duration::from_millis(10 * u64::from(*tries))).await;
    *tries += 1;
}

/// A cluster tells a lost race at COMMIT with the same numbers.
pub(super) fn lost_a_race(error: &MysqlError) -> bool {
    error.number.is_some() && matches!(error.code, ErrorCode::Deadlock | ErrorCode::LockTimeout)
}

/// Whether a statement failed on the unique key `key`.
pub(super) fn violates(error: &MysqlError, key: &str) -> bool {
    error.number == Some(1062)
        && error
            .message
            .rsplit_once("for key")
            .is_some_and(|(_, name)| name.contains(key))
}

/// A time as a DATETIME(3) value.
pub(super) fn at(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A duration as microseconds, for `INTERVAL ? MICROSECOND`.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 2)
}

/// `?, ?, ?`.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// JSON text of something that is ours and always has one.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// The reverse of [`json`]; `what` names the column in the error.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("{what}: {e}")))
}

/// An id column.
pub(super) fn id<T: std::str::FromStr>(row: &Row, column: &str) -> Result<T, StoreError> {
    opt_id(row, column)?.ok_or_else(|| StoreError::Corrupt(format!("{column} is empty")))
}

/// An id column that may be NULL.
pub(super) fn opt_id<T: std::str::FromStr>(
    row: &Row,
    column: &str,
) -> Result<Option<T>, StoreError> {
    row.opt_text(column)?
        .map(|text| {
            text.parse()
                .map_err(|_| StoreError::Corrupt(format!("{column} {text:?} is no id")))
        })
        .transpose()
}

/// A column that holds one of our words.
pub(super) fn word<T>(
    row: &Row,
    column: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    let text = row.text(column)?;
    parse(&text).ok_or_else(|| {
        StoreError::Corrupt(format!(
            "{column} is {text:?}, which this version of db-taxi does not know"
        ))
    })
}

/// Why a row of `table` was not deleted by its id and version: it is gone, or has another version.
pub(super) async fn not_deleted(
    session: &mut Session,
    table: &str,
    kind: &'static str,
    id: &str,
) -> Result<StoreError, StoreError> {
    let sql = format!("SELECT 1 FROM {table} WHERE id = ?");
    let found = session.exec_rows(&sql, values![id]).await?;
    Ok(if found.is_empty() {
        StoreError::not_found(kind, id)
    } else {
        StoreError::PreconditionFailed
    })
}
