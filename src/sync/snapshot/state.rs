//! One moment of the source, its sessions, and who has them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::model::table_run::AsOf;
use crate::mysql::Session;
use crate::sync::bound::Bound;

/// One moment of the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Unique over all snapshots ever taken.
    pub id: String,
    /// Which moment.
    pub as_of: AsOf,
    /// Which server process and data.
    pub server: String,
    /// Whether several sessions share it, or one had to do.
    pub aligned: bool,
    /// Up to where watermarks are complete in it, for a job that has some.
    pub bound: Option<Bound>,
    /// How long writes on the source were held back for it.
    pub locked: Option<Duration>,
    /// Why several sessions could not be had where a lock was asked for.
    pub not_locked: Option<String>,
}

/// A session of a snapshot.
pub(super) struct Member {
    pub(super) session: Session,
    pub(super) snapshot: Arc<Snapshot>,
    /// Tables that it has read: on MariaDB it keeps their definitions from being changed.
    pub(super) read: BTreeSet<String>,
    /// Ends its statements, now and later.
    pub(super) end: CancellationToken,
}

/// What is known of a session on loan.
pub(super) struct Loan {
    /// The table that it reads now; empty where it is not said.
    pub(super) table: String,
    pub(super) read: BTreeSet<String>,
    pub(super) end: CancellationToken,
    /// Its connection, where it may be killed.
    pub(super) connection: Option<u32>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) current: Option<Arc<Snapshot>>,
    pub(super) begun: Option<Instant>,
    /// The one taken last.
    pub(super) last: Option<Arc<Snapshot>>,
    pub(super) idle: Vec<Member>,
    /// Sessions on loan, by number.
    pub(super) loans: HashMap<u64, Loan>,
    pub(super) last_loan: u64,
    /// How often readers of a table had to give way.
    pub(super) gave_way: HashMap<String, u32>,
    /// Tables that somebody waits for.
    pub(super) waited_for: HashSet<String>,
    /// Snapshots that were ended for their age.
    pub(super) aged: u32,
    pub(super) per_chunk: bool,
    /// Sessions that the current snapshot has.
    pub(super) opened: usize,
    /// Permits without a session: alignment failed, or the connection's budget gave fewer.
    pub(super) unused: Vec<OwnedSemaphorePermit>,
    pub(super) taken: u32,
}

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn forget(state: &mut State, snapshot: &Arc<Snapshot>) {
    if state.current.as_ref().is_some_and(|c| c.id == snapshot.id) {
        state.current = None;
        state.idle.clear();
    }
}
