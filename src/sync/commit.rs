//! How a data transaction ends: with its fence, then COMMIT, and, where the answer to that is lost,
//! with finding out what became of it.
//!
//! So a batch is never written twice and never left out: what did not happen is done again by its
//! worker, what happened is gone on from. Called by everything that writes user data.

use super::error::SyncError;
use super::hooks;
use crate::mysql::Session;
use crate::store::fence::{Fence, LostCommit};

/// The fence, then COMMIT. The session may be of no more use afterwards.
///
/// # Errors
/// `LeaseLost` when the fence changed no row. What [`SyncError::was_undone`] did not happen, and may
/// be done again by another session.
pub async fn commit_fenced(session: &mut Session, fence: &Fence) -> Result<(), SyncError> {
    hooks::reach("commit.before_fence");
    let done = session.run(fence.sql()).await?;
    if done.affected != 1 {
        return Err(SyncError::lease_lost());
    }
    hooks::reach("commit.before");
    if let Err(error) = session.run("COMMIT").await {
        let Some(number) = done
            .last_insert_id
            .filter(|_| error.is_connection_lost() && !session.is_cancelled())
        else {
            return Err(error.into());
        };
        tracing::info!(target: "db_taxi::sync", %error, "a COMMIT was not answered");
        let lost = LostCommit {
            session: &*session,
            number,
        };
        if !fence.happened(lost).await? {
            return Err(SyncError::from(error).undone());
        }
        tracing::info!(target: "db_taxi::sync", "the COMMIT that was not answered has happened");
    }
    hooks::reach("commit.after");
    Ok(())
}

/// Tries of one transaction whose COMMIT is cut off each time. After these it is the table that
/// tries again, and waits in between.
#[derive(Debug)]
pub struct Again(u32);

impl Default for Again {
    fn default() -> Self {
        Self(3)
    }
}

impl Again {
    /// Whether the transaction that ended with `error` is to be done again at once.
    pub fn allows(&mut self, error: &SyncError) -> bool {
        let may = error.was_undone() && self.0 > 0;
        if may {
            self.0 -= 1;
            tracing::info!(target: "db_taxi::sync", "a COMMIT did not reach the local server: the same rows are written again");
        }
        may
    }
}
