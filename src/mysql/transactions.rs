//! The server's list of open transactions, and its clock: who may still hold an older view, or
//! commit what began earlier.

use std::time::{Duration, Instant};

use super::{MysqlError, Session};

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;

/// Seconds after which the server ends a transaction of ours that asks no more; well above the
/// longest time between two questions.
const CUT_OFF: u32 = 8;

/// One transaction that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// The connection that has it; 0 for one that no connection has (prepared, or of the server's own).
    pub connection: u64,
    /// It will never write.
    pub read_only: bool,
    /// It is one statement, which may still call what writes.
    pub single: bool,
    /// When it began, microseconds since 1970, rounded down to a second.
    pub began: i64,
}

/// The server's answer to who has a transaction open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// All of them, our own included.
    All(Vec<Open>),
    /// None but earlier ones, for as long as was waited.
    Stale,
    /// The account may not see them.
    Denied,
}

/// The server's clock, microseconds since 1970.
///
/// # Errors
/// When the server is lost.
pub async fn clock(session: &mut Session) -> Result<i64, MysqlError> {
    // Without the sub-second part of a zone that is set back an hour: the session is in UTC.
    let sql = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED) AS now";
    let row = session
        .first(sql)
        .await?
        .ok_or_else(|| MysqlError::lost("the server has no clock"))?;
    row.i64("now")
}

/// Who asks for the open transactions, once or again and again.
///
/// The server renews its list only when nobody has asked for a tenth of a second: several that ask in
/// step would keep it old for each other. So whoever gets old answers asks less often and out of step,
/// also with its next questions.
#[derive(Debug, Default)]
pub struct Asker {
    /// How crowded it is: grows with each old answer.
    crowd: u32,
}

impl Asker {
    /// Old answers beyond this make no further difference.
    const MOST: u32 = 5;

    /// The transactions that are open now. An answer that is older than the question is waited for
    /// `patience` long to be renewed: a transaction of our own, begun just before the question, must
    /// be in it.
    ///
    /// # Errors
    /// When the server is lost.
    pub async fn open(
        &mut self,
        session: &mut Session,
        patience: Duration,
    ) -> Result<Listed, MysqlError> {
        // Where the way to the server is cut, this must not stay for others to wait for.
        session
            .run(&format!("SET SESSION wait_timeout = {CUT_OFF}"))
            .await?;
        session
            .run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            .await?;
        let listed = self.until_listed(session, patience).await;
        let ended = session.run("ROLLBACK").await;
        let listed = listed?;
        ended?;
        session.run("SET SESSION wait_timeout = DEFAULT").await?;
        Ok(listed)
    }

    /// A while to wait before the next question.
    pub async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(150) + self.until_renewed()).await;
    }

    async fn until_listed(
        &mut self,
        session: &mut Session,
        patience: Duration,
    ) -> Result<Listed, MysqlError> {
        let own = u64::from(session.id());
        let since = Instant::now();
        let mut first = true;
        loop {
            let open = match list(session).await {
                Ok(open) => open,
                Err(error) if error.is_denied() => return Ok(Listed::Denied),
                Err(error) => return Err(error),
            };
            if open.iter().any(|t| t.connection == own) {
                if first {
                    self.crowd = self.crowd.saturating_sub(1);
                }
                return Ok(Listed::All(open));
            }
            if since.elapsed() > patience {
                return Ok(Listed::Stale);
            }
            first = false;
            self.crowd = (self.crowd + 1).min(Self::MOST);
            tokio::time::sleep(self.until_renewed()).await;
        }
    }

    /// How long to leave the list alone.
    fn until_renewed(&self) -> Duration {
        Duration::from_millis(105 + rand::random_range(0..100_u64 << self.crowd))
    }
}

async fn list(session: &mut Session) -> Result<Vec<Open>, MysqlError> {
    // Times are told in the server's own zone. Where its clock was set back meanwhile, one of them
    // names two moments: the earlier is taken.
    const SQL: &str = "SELECT trx_mysql_thread_id AS id, trx_is_read_only AS ro, \
         trx_autocommit_non_locking AS single, \
         CAST(LEAST(UNIX_TIMESTAMP(trx_started), \
         UNIX_TIMESTAMP(trx_started - INTERVAL 1 HOUR) + 3600) AS SIGNED) AS began \
         FROM information_schema.INNODB_TRX";
    session.run("SET time_zone = 'SYSTEM'").await?;
    let rows = session.rows(SQL).await;
    session.run("SET time_zone = '+00:00'").await?;
    let mut open = Vec::new();
    for row in rows? {
        open.push(Open {
            connection: row.u64("id")?,
            read_only: row.bool("ro")?,
            single: row.bool("single")?,
            began: row.i64("began")?.saturating_mul(SECOND),
        });
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_left_alone_long_enough_to_be_renewed_and_longer_in_a_crowd() {
        let latest = |crowd| {
            let waits = (0..200).map(|_| Asker { crowd }.until_renewed().as_millis());
            waits.inspect(|wait| assert!(*wait > 100)).max().unwrap()
        };
        assert!(latest(0) < 300);
        let crowded = latest(Asker::MOST);
        assert!(crowded > 1_000 && crowded < 3_400, "{crowded}");
    }
}
