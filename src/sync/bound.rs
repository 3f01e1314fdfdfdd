//! Up to which moment a source's changes can be read without leaving one out that is still under
//! way.
//!
//! A row gets its stamp, or its number, before its transaction commits. So a run by watermark must
//! end before the oldest transaction, and before the longest statement, that may still commit. All
//! is told by the source's clock, and looked at before the snapshot is taken: what ended in between
//! is in the snapshot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::SyncError;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::transactions::{Asker, Listed, Open, SECOND, clock};
use crate::mysql::{Endpoint, Ident, MysqlError, Session, SessionKind, TableRef};
use crate::store::marks::Sample;

/// How long older transactions are waited for, so that a fresh sample can be used at once.
const SAMPLE_WAIT: Duration = Duration::from_secs(3);
/// How long the server may tell of open transactions as they were before.
const STALE: Duration = Duration::from_secs(30);

/// A column whose largest number is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The table on the source.
    pub table: TableRef,
    /// The column.
    pub column: Ident,
}

/// Which bounds the tables of a job need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoundWish {
    /// Columns of whole numbers; times need nothing more than the clock.
    pub counted: Vec<Counted>,
}

/// What was seen just before a snapshot was taken. Times are microseconds since 1970, UTC, by the
/// source's clock.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bound {
    /// The source's clock.
    pub now: i64,
    /// A second before the oldest transaction or statement began that may still write; `None` where
    /// there is none, or none can be seen.
    pub oldest: Option<i64>,
    /// How far a replica is behind.
    pub behind: i64,
    /// The largest numbers, by source table.
    pub samples: HashMap<String, Sample>,
}

impl Bound {
    /// The time up to which stamps are complete, for a column read again by `lag`.
    #[must_use]
    pub fn time(&self, lag: Duration) -> i64 {
        let lag = i64::try_from(lag.as_micros()).unwrap_or(i64::MAX);
        let lagged = self.now.saturating_sub(lag);
        self.oldest
            .map_or(lagged, |oldest| oldest.min(lagged))
            .saturating_sub(self.behind)
    }

    /// The newest of `samples` whose numbers are complete: all that may still write began after it
    /// was taken.
    #[must_use]
    pub fn number<'s>(&self, samples: impl Iterator<Item = &'s Sample>) -> Option<&'s Sample> {
        let horizon = match (self.oldest, self.behind) {
            (None, 0) => i64::MAX,
            (oldest, behind) => oldest.unwrap_or(self.now).min(self.now) - behind,
        };
        samples
            .filter(|sample| sample.at < horizon)
            .max_by_key(|sample| sample.at)
    }
}

/// What the account may see of others on the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Open transactions and statements of others.
    pub others: bool,
    /// Whether the source is a replica; `None` where that can't be seen.
    pub replica: Option<bool>,
}

impl Sight {
    /// Looks.
    ///
    /// # Errors
    /// When the source is lost.
    pub async fn of(session: &mut Session) -> Result<Self, SyncError> {
        let others = match session
            .first("SELECT 1 AS one FROM information_schema.INNODB_TRX LIMIT 1")
            .await
        {
            Ok(_) => true,
            Err(error) if error.is_denied() => false,
            Err(error) => return Err(error.into()),
        };
        let replica = match channels(session).await {
            Ok(channels) => Some(!channels.is_empty()),
            Err(error) if error.is_denied() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { others, replica })
    }
}

/// Looks at the source's clock, its open transactions and statements, and the wished columns.
///
/// # Errors
/// When the source can't be reached, or is a replica that does not replicate.
pub async fn look(endpoint: &Arc<Endpoint>, wish: &BoundWish) -> Result<Bound, SyncError> {
    let mut session = Session::open(endpoint, SessionKind::Probe, Duration::from_secs(60)).await?;
    let mut bound = Bound {
        now: clock(&mut session).await?,
        ..Bound::default()
    };
    for counted in &wish.counted {
        let sql = format!(
            "SELECT MAX({}) AS most FROM {}",
            counted.column, counted.table
        );
        let row = session.first(&sql).await?;
        let most = row.map(|row| row.opt_text("most")).transpose()?.flatten();
        // The clock after the number: what began earlier may hold a smaller number still.
        let at = clock(&mut session).await?;
        let value = most.and_then(|most| most.parse().ok());
        if let Some(value) = value {
            bound
                .samples
                .insert(counted.table.table.raw().to_owned(), Sample { at, value });
        }
    }
    bound.behind = behind(&mut session).await?;
    let newest = bound.samples.values().map(|sample| sample.at).max();
    let since = Instant::now();
    let mut asker = Asker::default();
    loop {
        bound.oldest = oldest(&mut session, &mut asker).await?;
        let waits = match (bound.oldest, newest) {
            (Some(oldest), Some(newest)) => oldest <= newest,
            _ => false,
        };
        if !waits || since.elapsed() > SAMPLE_WAIT {
            break;
        }
        asker.pause().await;
    }
    session.close().await;
    Ok(bound)
}

/// A second before the oldest transaction or statement of others began; `None` where there is
/// none, or the account may not see them.
async fn oldest(session: &mut Session, asker: &mut Asker) -> Result<Option<i64>, SyncError> {
    let Some(transactions) = open(session, asker).await? else {
        return Ok(None);
    };
    let ours = session.our_ids();
    // A transaction that is read-only as a whole will never write; of a single statement the
    // server says the same while it may still call what writes.
    let reading: Vec<u64> = transactions
        .iter()
        .filter(|t| t.read_only && !t.single)
        .map(|t| t.connection)
        .collect();
    let writing = transactions
        .iter()
        .filter(|t| !ours.contains(&t.connection) && !reading.contains(&t.connection))
        .map(|t| t.began);
    let now = clock(session).await?;
    let mut began: Vec<i64> = writing.collect();
    for row in session.rows("SHOW PROCESSLIST").await? {
        let (id, command) = (row.u64("Id")?, row.opt_text("Command")?.unwrap_or_default());
        let user = row.opt_text("User")?.unwrap_or_default();
        let idle = matches!(
            command.as_str(),
            "Sleep" | "Binlog Dump" | "Binlog Dump GTID" | "Daemon" | "Connect"
        );
        // Replication's own threads count by their lag.
        if idle || user == "system user" || ours.contains(&id) || reading.contains(&id) {
            continue;
        }
        let seconds = row.opt_i64("Time")?.unwrap_or(0).max(0);
        // Its whole seconds are rounded down.
        began.push(now - (seconds + 1).saturating_mul(SECOND));
    }
    Ok(began.into_iter().min().map(|began| began - SECOND))
}

/// Transactions that are open on the source; `None` where the account may not see them.
async fn open(session: &mut Session, asker: &mut Asker) -> Result<Option<Vec<Open>>, SyncError> {
    match asker.open(session, STALE).await? {
        Listed::All(open) => Ok(Some(open)),
        Listed::Denied => Ok(None),
        Listed::Stale => Err(ErrorInfo::new(
            ErrorCode::Internal,
            "the source does not tell which transactions are open just now",
        )
        .transient()
        .into()),
    }
}

/// How far each channel of a replica is behind; `None` where it does not run.
async fn channels(session: &mut Session) -> Result<Vec<Option<i64>>, MysqlError> {
    let (sql, column) = if session.server().is_mariadb() {
        ("SHOW ALL SLAVES STATUS", "Seconds_Behind_Master")
    } else {
        ("SHOW REPLICA STATUS", "Seconds_Behind_Source")
    };
    let (rows, column) = match session.rows(sql).await {
        Err(error) if error.number == Some(1064) => (
            session.rows("SHOW SLAVE STATUS").await?,
            "Seconds_Behind_Master",
        ),
        other => (other?, column),
    };
    rows.iter().map(|row| row.opt_i64(column)).collect()
}

async fn behind(session: &mut Session) -> Result<i64, SyncError> {
    let channels = match channels(session).await {
        Ok(channels) => channels,
        Err(error) if error.is_denied() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut most = 0;
    for channel in channels {
        let Some(seconds) = channel else {
            return Err(ErrorInfo::new(
                ErrorCode::Unsupported,
                "the source is a replica that does not replicate just now: how far it is behind can't be known, and a watermark can't be set",
            )
            .hint("start its replication, or use strategy: checksum")
            .into());
        };
        // Its whole seconds are rounded down.
        if seconds > 0 {
            most = most.max((seconds + 1).saturating_mul(SECOND));
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> i64 {
        seconds * SECOND
    }

    #[test]
    fn times_end_before_whatever_may_still_commit() {
        let lag = Duration::from_secs(10);
        let mut bound = Bound {
            now: at(100),
            ..Bound::default()
        };
        assert_eq!(bound.time(lag), at(90));
        bound.oldest = Some(at(95));
        assert_eq!(bound.time(lag), at(90));
        bound.oldest = Some(at(40));
        assert_eq!(bound.time(lag), at(40));
        bound.behind = at(7);
        assert_eq!(bound.time(lag), at(33));
    }

    #[test]
    fn numbers_end_at_a_sample_that_is_older_than_whatever_may_still_commit() {
        let samples = [(10, 1), (20, 5), (101, 9)].map(|(s, value)| Sample { at: at(s), value });
        let mut bound = Bound {
            now: at(100),
            ..Bound::default()
        };
        let number = |bound: &Bound| bound.number(samples.iter()).map(|sample| sample.value);
        assert_eq!(number(&bound), Some(9), "nothing is under way");
        bound.oldest = Some(at(21));
        assert_eq!(number(&bound), Some(5));
        bound.oldest = Some(at(20));
        assert_eq!(
            number(&bound),
            Some(1),
            "a sample of the same moment may be too late"
        );
        bound.oldest = Some(at(10));
        assert_eq!(number(&bound), None);
        bound.oldest = None;
        bound.behind = at(50);
        assert_eq!(
            number(&bound),
            Some(5),
            "a replica has what is older than its lag"
        );
    }
}
