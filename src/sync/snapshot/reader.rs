//! A read session on loan, inside its snapshot.

use std::sync::{Arc, Mutex};

use tokio::sync::OwnedSemaphorePermit;

use super::state::{Loan, Member, Snapshot, State, forget, lock};
use crate::model::error::ErrorCode;
use crate::mysql::Session;
use crate::sync::error::SyncError;

/// Lets go of the definitions of the tables that a session has read, on MySQL.
pub const RELEASE: &str = "ROLLBACK TO SAVEPOINT chunk";

/// A read session on loan, inside its snapshot.
pub struct Reader {
    member: Option<Member>,
    loan: u64,
    state: Arc<Mutex<State>>,
    broken: bool,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reader {
    pub(super) fn lend(
        mut member: Member,
        table: &str,
        state: &Arc<Mutex<State>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        if !table.is_empty() {
            member.read.insert(table.to_owned());
        }
        let loan = {
            let mut state = lock(state);
            state.last_loan += 1;
            let number = state.last_loan;
            let loan = Loan {
                table: table.to_owned(),
                read: member.read.clone(),
                end: member.end.clone(),
                connection: member.session.kill_id(),
            };
            state.loans.insert(number, loan);
            number
        };
        Self {
            member: Some(member),
            loan,
            state: Arc::clone(state),
            broken: false,
            permit: Some(permit),
        }
    }

    #[expect(clippy::expect_used, reason = "the member is only taken in drop")]
    fn member(&mut self) -> &mut Member {
        self.member.as_mut().expect("a session on loan")
    }

    /// The session.
    pub fn session(&mut self) -> &mut Session {
        &mut self.member().session
    }

    /// The moment it sees.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the member is only taken in drop")]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.member.as_ref().expect("a session on loan").snapshot
    }

    /// Lets go of the definitions of the tables that were read, where the server can do that
    /// within a transaction: whoever wants to change them need not wait for us.
    ///
    /// # Errors
    /// The loss of the connection.
    pub async fn release(&mut self) -> Result<(), SyncError> {
        if self.session().server().is_mariadb() {
            return Ok(());
        }
        let released = self.session().run(RELEASE).await;
        released.map(|_| ()).map_err(|error| {
            let error = SyncError::from(error);
            self.failed(&error);
            error
        })
    }

    /// Notes what a statement failed with: a lost connection or a snapshot that the server no
    /// longer has ends the snapshot for those who come later.
    pub fn failed(&mut self, error: &SyncError) {
        if let SyncError::Failed(failure) = error
            && matches!(
                failure.info.code,
                ErrorCode::ConnectionLost | ErrorCode::SchemaChanged
            )
        {
            self.broken = true;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else {
            return;
        };
        let mut state = lock(&self.state);
        state.loans.remove(&self.loan);
        if self.broken || !member.session.is_usable() {
            forget(&mut state, &member.snapshot);
            return;
        }
        let in_force = state
            .current
            .as_ref()
            .is_some_and(|current| current.id == member.snapshot.id);
        if !in_force {
            return;
        }
        if !state.per_chunk {
            if state.opened > 1 && member.session.endpoint().is_wanted() {
                // Somebody has none yet: this snapshot goes on with one session less.
                state.opened -= 1;
                state.unused.extend(self.permit.take());
            } else {
                state.idle.push(member);
            }
            return;
        }
        drop(state);
        // No transaction stays open between two pieces of work.
        let (shared, permit) = (Arc::clone(&self.state), self.permit.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let mut member = member;
                let ended = member.session.run("COMMIT").await;
                let mut state = lock(&shared);
                match ended {
                    Ok(_) => state.idle.push(member),
                    Err(_) => forget(&mut state, &member.snapshot),
                }
                drop(state);
                drop(permit);
            });
        }
    }
}
