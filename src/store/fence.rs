//! The last statement of a data transaction, and what became of a transaction whose COMMIT was never
//! answered.
//!
//! The statement gives its row a number that grows each time, and the server tells that number with
//! its answer. So when the answer to the COMMIT is lost, the row itself says whether it happened.

use std::time::Duration;

use super::{Store, StoreError};
use crate::mysql::{ErrorClass, MysqlError, Session, SessionKind};

/// How long a lost transaction is asked for before it is left to the table's next try.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// The last statement of a data transaction: it must change exactly one row, which belongs to one
/// worker, and tells the number that the row has from then on.
#[derive(Clone)]
pub struct Fence {
    store: Store,
    update: String,
    /// Gives the row's number as `n`, after whoever is writing the row has ended.
    look: String,
}

/// A data transaction whose COMMIT was sent and not answered.
#[derive(Debug, Clone, Copy)]
pub struct LostCommit<'a> {
    /// Its session; nothing more is sent by it.
    pub session: &'a Session,
    /// The number that its fence told.
    pub number: u64,
}

impl Fence {
    pub(super) fn new(store: &Store, update: String, look: &str) -> Self {
        Self {
            store: store.clone(),
            update,
            look: format!("{look} LOCK IN SHARE MODE"),
        }
    }

    /// The statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.update
    }

    /// Whether a transaction happened that ended with this fence. Ends its session first, and asks
    /// until the server answers; what had not happened by then never will.
    ///
    /// # Errors
    /// `LeaseLost` when the row is not ours any more; the server's own when it does not answer for
    /// a minute or is another one than it was, or when the session's owner is to end.
    pub async fn happened(&self, lost: LostCommit<'_>) -> Result<bool, StoreError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let error = match self.look_once(lost).await {
                Ok(Some(happened)) => return Ok(happened),
                Ok(None) => {
                    let why =
                        "the connection broke at a COMMIT, and what became of it can't be told";
                    return Err(MysqlError::lost(why).into());
                }
                Err(StoreError::Mysql(error)) if error.class != ErrorClass::Stop => error,
                Err(error) => return Err(error),
            };
            if lost.session.is_cancelled() || tokio::time::Instant::now() >= deadline {
                return Err(error.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look_once(&self, lost: LostCommit<'_>) -> Result<Option<bool>, StoreError> {
        let pool = self.store.pool();
        // Of its own and fresh: the pool's may have died with the one that was lost.
        let mut session = Session::open(
            pool.endpoint(),
            SessionKind::Control,
            self.store.lease_ttl(),
        )
        .await?;
        let looked = self.look(&mut session, lost).await;
        session.close().await;
        looked
    }

    /// `None`: it can't be told.
    async fn look(
        &self,
        session: &mut Session,
        lost: LostCommit<'_>,
    ) -> Result<Option<bool>, StoreError> {
        if session.server().identity != lost.session.server().identity {
            // Another server: its locks say nothing about the transaction.
            return Ok(None);
        }
        end(session, lost.session).await?;
        // Waits for the transaction where it is still open.
        let row = session.first(&self.look).await?;
        let number = row.ok_or(StoreError::LeaseLost)?.u64("n")?;
        Ok((number <= lost.number).then_some(number == lost.number))
    }
}

/// Kills what is left of a session on the server, where that can hit nobody else: behind a proxy
/// ids are the proxy's, and after a restart they begin anew.
async fn end(session: &mut Session, lost: &Session) -> Result<(), MysqlError> {
    let Some(id) = lost.kill_id() else {
        return Ok(());
    };
    let uptime = session.first("SHOW GLOBAL STATUS LIKE 'Uptime'").await?;
    let uptime = uptime.map(|row| row.u64("Value")).transpose()?;
    // Whole seconds, rounded down: in doubt nothing is killed, and the row is waited for.
    if Duration::from_secs(uptime.unwrap_or(0)) < lost.age() {
        return Ok(());
    }
    match session.run(&format!("KILL {id}")).await {
        // It has ended by itself.
        Err(error) if error.number == Some(1094) => Ok(()),
        other => other.map(|_| ()),
    }
}
