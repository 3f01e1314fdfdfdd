//! A session on the local server, on loan to a worker; and how its transactions end.
//!
//! Given back when it is dropped, unless something went wrong on it. Must not know: what is written.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use super::lock;
use crate::mysql::Session;
use crate::store::fence::Fence;
use crate::sync::commit::commit_fenced;
use crate::sync::error::SyncError;

/// A session on the local server, on loan; must be given back outside of any transaction, or
/// dropped with [`TargetSession::abandon`].
pub struct TargetSession {
    session: Option<Session>,
    idle: Arc<Mutex<Vec<Session>>>,
}

impl TargetSession {
    pub(super) fn lend(session: Session, idle: &Arc<Mutex<Vec<Session>>>) -> Self {
        Self {
            session: Some(session),
            idle: Arc::clone(idle),
        }
    }

    /// Rolls back by closing the connection.
    pub fn abandon(mut self) {
        if let Some(session) = self.session.take() {
            session.abandon();
        }
    }

    /// Ends a transaction that [`Self::run`] began: with the fence and COMMIT when `work` went
    /// well, else by giving the connection up, which rolls back.
    ///
    /// # Errors
    /// The work's own; those of [`commit_fenced`].
    pub async fn end<T>(
        mut self,
        work: Result<T, SyncError>,
        fence: &Fence,
    ) -> Result<(Self, T), SyncError> {
        let outcome = match work {
            Ok(value) => commit_fenced(&mut self, fence).await.map(|()| value),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(value) => Ok((self, value)),
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
    }
}

impl Deref for TargetSession {
    type Target = Session;
    #[expect(
        clippy::expect_used,
        reason = "the session is only taken when this is consumed"
    )]
    fn deref(&self) -> &Session {
        self.session.as_ref().expect("a session on loan")
    }
}

impl DerefMut for TargetSession {
    #[expect(
        clippy::expect_used,
        reason = "the session is only taken when this is consumed"
    )]
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("a session on loan")
    }
}

impl Drop for TargetSession {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && session.is_usable()
        {
            lock(&self.idle).push(session);
        }
    }
}
