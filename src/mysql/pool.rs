//! A pool of sessions of one kind on one server.
//!
//! Sessions keep their rules; one that was spent, or lost its connection, is not given back.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::endpoint::Endpoint;
use super::error::MysqlError;
use super::session::Session;
use super::session_kind::SessionKind;
use crate::model::status::PoolStatus;

/// A session that was idle for longer than this is asked for a sign of life before it is used.
const STALE: Duration = Duration::from_secs(1);

/// A bounded pool; clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    endpoint: Arc<Endpoint>,
    kind: SessionKind,
    lease: Duration,
    max_open: u32,
    max_idle: usize,
    permits: Arc<Semaphore>,
    idle: Mutex<VecDeque<(Session, Instant)>>,
    waits: AtomicU64,
}

impl Pool {
    /// A pool that opens no connection yet.
    #[must_use]
    pub fn new(
        endpoint: Arc<Endpoint>,
        kind: SessionKind,
        lease: Duration,
        max_open: u32,
        max_idle: u32,
    ) -> Self {
        Self(Arc::new(Inner {
            endpoint,
            kind,
            lease,
            max_open: max_open.max(1),
            max_idle: max_idle as usize,
            permits: Arc::new(Semaphore::new(max_open.max(1) as usize)),
            idle: Mutex::new(VecDeque::new()),
            waits: AtomicU64::new(0),
        }))
    }

    /// Where its sessions are connected to.
    #[must_use]
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0.endpoint
    }

    /// A session: an idle one that answers, else a fresh one; waits while all are in use.
    ///
    /// # Errors
    /// When none is free within 30 s, or the server can't be reached.
    pub async fn get(&self) -> Result<Pooled, MysqlError> {
        let permits = Arc::clone(&self.0.permits);
        if permits.available_permits() == 0 {
            self.0.waits.fetch_add(1, Ordering::Relaxed);
        }
        let permit = tokio::time::timeout(Duration::from_secs(30), permits.acquire_owned())
            .await
            .map_err(|_| MysqlError::lost("all connections of the pool are in use"))?
            .map_err(|_| MysqlError::lost("the pool is closed"))?;
        self.close_old();
        loop {
            let idle = self.lock().pop_back();
            match idle {
                Some((mut session, since)) => {
                    if since.elapsed() < STALE || session.ping().await.is_ok() {
                        return Ok(self.pooled(session, permit));
                    }
                }
                None => {
                    let session =
                        Session::open(&self.0.endpoint, self.0.kind, self.0.lease).await?;
                    return Ok(self.pooled(session, permit));
                }
            }
        }
    }

    /// Its numbers.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let idle = u32::try_from(self.lock().len()).unwrap_or(u32::MAX);
        let free = u32::try_from(self.0.permits.available_permits()).unwrap_or(u32::MAX);
        let in_use = self.0.max_open.saturating_sub(free);
        PoolStatus {
            open: in_use + idle,
            idle,
            in_use,
            max_open: self.0.max_open,
            waits: self.0.waits.load(Ordering::Relaxed),
        }
    }

    /// Closes what is idle and refuses every later [`Pool::get`].
    pub async fn close(&self) {
        self.0.permits.close();
        let idle: Vec<_> = self.lock().drain(..).collect();
        for (session, _) in idle {
            session.close().await;
        }
    }

    /// Closes what nobody has needed for long, in order, before the server ends it by its timeout.
    fn close_old(&self) {
        let old: Vec<Session> = {
            let mut idle = self.lock();
            let limit = self.0.lease / 2;
            let fresh = idle.partition_point(|(_, since)| since.elapsed() > limit);
            idle.drain(..fresh).map(|(session, _)| session).collect()
        };
        if !old.is_empty() {
            tokio::spawn(async move {
                for session in old {
                    session.close().await;
                }
            });
        }
    }

    fn pooled(&self, session: Session, permit: OwnedSemaphorePermit) -> Pooled {
        Pooled {
            session: Some(session),
            pool: self.clone(),
            _permit: permit,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Session, Instant)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session on loan; goes back when dropped, if it is still usable.
pub struct Pooled {
    session: Option<Session>,
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

impl Pooled {
    /// Runs `work` in one transaction: committed when it succeeds, rolled back when it does not.
    ///
    /// # Errors
    /// The work's own, or that of BEGIN and COMMIT. After an error of COMMIT whose answer was lost,
    /// whether it happened is not known.
    pub async fn transaction<T, E: From<MysqlError>>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin().await?;
        match work(&mut *self).await {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    /// Begins a transaction by hand: where the work borrows too much for
    /// [`Self::transaction`] to be sent between threads. Dropped before its end, the session is not
    /// given back: the server rolls back when it closes.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn begin(&mut self) -> Result<(), MysqlError> {
        self.set_in_transaction(true);
        self.run("START TRANSACTION").await.map(|_| ())
    }

    /// Commits what was begun by hand. After an error whose answer was lost, whether it happened
    /// is not known.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn commit(&mut self) -> Result<(), MysqlError> {
        self.run("COMMIT").await?;
        self.set_in_transaction(false);
        Ok(())
    }

    /// Rolls back what was begun by hand; a session that can't is closed instead.
    pub async fn roll_back(&mut self) {
        let failed = self.run("ROLLBACK").await.is_err();
        self.set_in_transaction(failed);
    }
}

impl Deref for Pooled {
    type Target = Session;
    #[expect(clippy::expect_used, reason = "the session is only taken in drop")]
    fn deref(&self) -> &Session {
        self.session.as_ref().expect("a session on loan")
    }
}

impl DerefMut for Pooled {
    #[expect(clippy::expect_used, reason = "the session is only taken in drop")]
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("a session on loan")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && session.is_usable()
            && !session.is_in_transaction()
        {
            let mut idle = self.pool.lock();
            if idle.len() < self.pool.0.max_idle && !self.pool.0.permits.is_closed() {
                idle.push_back((session, Instant::now()));
            }
        }
    }
}
