//! Snapshots: several read sessions on a source that see the same moment, without any lock.
//!
//! MariaDB tells each session where in the binlog its snapshot lies: equal positions are equal
//! snapshots. MySQL does not; there the executed GTID set must be the same before and after all
//! snapshots were opened, *and* no transaction may be between its commit and its GTID when the
//! last one is open: equal before and after alone is wrong.
//!
//! A session that dies ends the snapshot for those who come later; whoever holds another session
//! of it may finish. So each reader carries the id of its snapshot, and a comparison only counts
//! for the snapshot that it names.

mod align;
mod keeper;
mod lock;
mod of_table;
mod reader;
mod state;
mod way;

pub use of_table::TableSnapshots;
pub use reader::{RELEASE, Reader};
pub use state::Snapshot;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use self::align::{Aligned, align, as_of_now, begin, begin_alone, same_server};
use self::keeper::Keeper;
use self::state::{Member, State, forget, lock};
use super::bound::{self, BoundWish};
use super::error::SyncError;
use super::stop::StopSignal;
use crate::model::config::SnapshotLock;
use crate::model::error::ErrorCode;
use crate::model::table_run::AsOf;
use crate::mysql::{Endpoint, MysqlError, Seat, Session, SessionKind};

/// How long aligned snapshots are tried for.
const ALIGN: Duration = Duration::from_secs(5);
/// The same where the second session is only to read ahead.
const ALIGN_SPARE: Duration = Duration::from_millis(500);

/// How snapshots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// Whether writes may be held back for it.
    pub lock: SnapshotLock,
    /// Each reader sees a moment of its own, and no transaction outlasts it.
    pub per_chunk: bool,
}

/// The snapshot of a job, opened when first needed and again when it was lost.
pub struct Snapshots {
    endpoint: Arc<Endpoint>,
    /// Sessions of the snapshot in force, and those that the next one should have.
    size: AtomicUsize,
    wanted: AtomicUsize,
    /// Workers that read: with one, the second session only reads ahead.
    needed: AtomicUsize,
    stop: StopSignal,
    manner: Manner,
    of_one_table: bool,
    permits: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    pinger: Mutex<Option<tokio::task::JoinHandle<()>>>,
    bounds: Option<Arc<BoundWish>>,
}

impl Snapshots {
    /// `size` sessions at most; nothing is opened yet. The hard wish of `stop` ends every statement
    /// at once, the soft one every wait.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>, size: usize, manner: Manner, stop: StopSignal) -> Self {
        let size = size.max(1);
        Self {
            endpoint,
            size: AtomicUsize::new(size),
            wanted: AtomicUsize::new(size),
            needed: AtomicUsize::new(size),
            stop,
            manner,
            of_one_table: false,
            permits: Arc::new(Semaphore::new(size)),
            state: Arc::new(Mutex::new(State {
                per_chunk: manner.per_chunk,
                ..State::default()
            })),
            pinger: Mutex::new(None),
            bounds: None,
        }
    }

    /// The same, with a look at what is under way on the source before each snapshot.
    #[must_use]
    pub fn with_bounds(mut self, wish: Option<Arc<BoundWish>>) -> Self {
        self.bounds = wish;
        self
    }

    /// Marks it as the snapshot of one table, which gives its last session up too while it reads
    /// nothing and others wait for a first one: they may be what the table waits for.
    #[must_use]
    pub fn of_one_table(mut self) -> Self {
        self.of_one_table = true;
        self
    }

    /// A reader of the snapshot in force, for a table; opens one when there is none. Waits while
    /// all are out.
    ///
    /// # Errors
    /// When the source can't be reached or refuses; `Stopped` when the job is to end.
    pub async fn reader_of(&self, table: &str) -> Result<Reader, SyncError> {
        tokio::select! {
            biased;
            () = self.stop.soft.cancelled() => Err(SyncError::Stopped),
            reader = self.next_reader(table) => reader,
        }
    }

    async fn next_reader(&self, table: &str) -> Result<Reader, SyncError> {
        self.clear_way(table).await;
        loop {
            let permit = Arc::clone(&self.permits)
                .acquire_owned()
                .await
                .map_err(|_| SyncError::Stopped)?;
            let ready = {
                let mut state = self.lock();
                match (&state.current, state.idle.len()) {
                    (Some(_), 1..) => state.idle.pop(),
                    _ => None,
                }
            };
            let Some(mut member) = ready else {
                drop(permit);
                self.reopen().await?;
                continue;
            };
            if self.manner.per_chunk
                && let Err(error) = begin(&mut member.session).await
            {
                forget(&mut self.lock(), &member.snapshot);
                return Err(error.into());
            }
            return Ok(Reader::lend(member, table, &self.state, permit));
        }
    }

    /// The snapshot in force; opens one when there is none.
    ///
    /// # Errors
    /// When the source can't be reached or refuses.
    pub async fn current(&self) -> Result<Arc<Snapshot>, SyncError> {
        Ok(Arc::clone(self.reader_of("").await?.snapshot()))
    }

    /// Ends the snapshot: the next reader gets a later one.
    pub fn renew(&self) {
        let mut state = self.lock();
        state.current = None;
        state.idle.clear();
    }

    /// How many snapshots were taken so far: more than one is not one point in time.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.lock().taken
    }

    /// The snapshot that was taken last, ended or not.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Snapshot>> {
        self.lock().last.clone()
    }

    /// How many readers there can be at once.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// The next snapshot is for so many workers, with at most `room` sessions. A single worker gets
    /// a second session where it can be had without harm: one reads ahead while what the other read
    /// is compared.
    pub fn want(&self, workers: usize, room: usize) {
        self.needed.store(workers.max(1), Ordering::Relaxed);
        self.wanted
            .store(sessions_for(workers, room), Ordering::Relaxed);
    }

    /// Takes the wanted size over; only while every permit is held by the caller.
    fn resize(&self, held: &mut OwnedSemaphorePermit) {
        let (size, wanted) = (self.size(), self.wanted.load(Ordering::Relaxed));
        if wanted > size {
            self.permits.add_permits(wanted - size);
        } else if let Some(surplus) = held.split(size - wanted) {
            surplus.forget();
        }
        self.size.store(wanted, Ordering::Relaxed);
    }

    /// Ends every idle session; those on loan end when they come back.
    pub async fn close(&self) {
        let pinger = self
            .pinger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = pinger {
            task.abort();
        }
        self.permits.close();
        let idle: Vec<_> = {
            let mut state = self.lock();
            state.current = None;
            state.unused.clear();
            state.idle.drain(..).collect()
        };
        for member in idle {
            member.session.close().await;
        }
    }

    /// Opens a snapshot once every session of an older one is back.
    async fn reopen(&self) -> Result<(), SyncError> {
        let all = u32::try_from(self.size()).unwrap_or(u32::MAX);
        self.lock().unused.clear();
        let mut all = Arc::clone(&self.permits)
            .acquire_many_owned(all)
            .await
            .map_err(|_| SyncError::Stopped)?;
        {
            let mut state = self.lock();
            if state.current.is_some() && !state.idle.is_empty() {
                return Ok(());
            }
            state.current = None;
            state.idle.clear();
            state.opened = 0;
        }
        if all.num_permits() == self.size() {
            self.resize(&mut all);
        }
        let bound = match &self.bounds {
            Some(wish) => Some(bound::look(&self.endpoint, wish).await?),
            None => None,
        };
        let (sessions, mut snapshot) = self.open_aligned().await?;
        snapshot.bound = bound;
        let snapshot = Arc::new(snapshot);
        {
            let mut state = self.lock();
            state.taken += 1;
            state.last = Some(Arc::clone(&snapshot));
            state.begun = Some(Instant::now());
            state.opened = sessions.len();
            let unused = self.size().saturating_sub(sessions.len());
            let unused = unused.min(all.num_permits());
            state.unused.extend(all.split(unused));
            state.idle = sessions
                .into_iter()
                .map(|(session, end)| Member {
                    session,
                    snapshot: Arc::clone(&snapshot),
                    read: BTreeSet::new(),
                    end,
                })
                .collect();
            state.current = Some(Arc::clone(&snapshot));
        }
        self.start_pinger();
        tracing::info!(
            target: "db_taxi::sync",
            snapshot = snapshot.id,
            aligned = snapshot.aligned,
            binlog = snapshot.as_of.binlog,
            "snapshot of the source taken"
        );
        Ok(())
    }

    async fn open_aligned(&self) -> Result<(Vec<Opened>, Snapshot), SyncError> {
        let seats = self.endpoint.seats(self.size()).await;
        let ends: Vec<CancellationToken> =
            seats.iter().map(|_| self.stop.hard.child_token()).collect();
        let opening = seats.into_iter().zip(&ends);
        let opened = join_all(opening.map(|(seat, end)| self.session(seat, end))).await;
        let mut sessions = opened.into_iter().collect::<Result<Vec<_>, MysqlError>>()?;
        sessions[0]
            .server()
            .check_source()
            .map_err(|why| SyncError::stop(ErrorCode::Unsupported, why))?;
        let snapshot = self.take(&mut sessions).await?;
        Ok((sessions.into_iter().zip(ends).collect(), snapshot))
    }

    /// Brings the sessions to one moment; ends all but one where that can't be done.
    async fn take(&self, sessions: &mut Vec<Session>) -> Result<Snapshot, SyncError> {
        if self.manner.per_chunk {
            // Each of them begins when it is lent.
            let mut as_of = as_of_now(&mut sessions[0]).await?;
            as_of.gtid = None;
            let server = same_server(sessions).await?;
            return Ok(snapshot(as_of, server, true));
        }
        // For a session that only reads ahead nothing is held back, and not much is tried.
        let spare = self.needed.load(Ordering::Relaxed) == 1;
        if sessions.len() > 1 {
            let patience = if spare { ALIGN_SPARE } else { ALIGN };
            if let Some(as_of) = align_within(sessions, patience).await? {
                let server = same_server(sessions).await?;
                return Ok(snapshot(as_of, server, true));
            }
        }
        let alone = spare || sessions.len() == 1;
        let mut not_locked = None;
        if !alone && self.manner.lock == SnapshotLock::Ftwrl {
            match lock::open_locked(&self.endpoint, sessions).await {
                Ok(lock::Locked { as_of, held }) => {
                    let server = same_server(sessions).await?;
                    return Ok(Snapshot {
                        locked: Some(held),
                        ..snapshot(as_of, server, true)
                    });
                }
                Err(error) => not_locked = Some(error.advised()),
            }
        }
        // One session reads everything in one snapshot.
        for session in sessions.split_off(1) {
            session.close().await;
        }
        let as_of = begin_alone(&mut sessions[0]).await?;
        let server = same_server(sessions).await?;
        Ok(Snapshot {
            not_locked,
            ..snapshot(as_of, server, alone)
        })
    }

    async fn session(
        &self,
        seat: Option<Seat>,
        end: &CancellationToken,
    ) -> Result<Session, MysqlError> {
        let lease = Duration::from_secs(60);
        let session = Session::open_on(&self.endpoint, SessionKind::Read, lease, seat).await?;
        Ok(session.with_cancel(end.clone()))
    }

    fn start_pinger(&self) {
        let mut pinger = self.pinger.lock().unwrap_or_else(PoisonError::into_inner);
        if pinger.is_some() {
            return;
        }
        let keeper = Keeper {
            endpoint: Arc::clone(&self.endpoint),
            permits: Arc::clone(&self.permits),
            state: Arc::clone(&self.state),
            of_one_table: self.of_one_table,
        };
        *pinger = Some(tokio::spawn(keeper.keep()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Aligns without a lock, where the server offers a way and leaves a quiet moment for it.
async fn align_within(
    sessions: &mut [Session],
    patience: Duration,
) -> Result<Option<AsOf>, SyncError> {
    let deadline = Instant::now() + patience;
    loop {
        match align(sessions).await? {
            Aligned::At(as_of) => return Ok(Some(as_of)),
            Aligned::Never => return Ok(None),
            Aligned::NotYet if Instant::now() > deadline => return Ok(None),
            Aligned::NotYet => {}
        }
    }
}

/// How many sessions so many workers read with.
#[must_use]
pub fn sessions_for(workers: usize, room: usize) -> usize {
    workers.max(2).min(room.max(1))
}

/// A session, and what ends its statements.
type Opened = (Session, CancellationToken);

fn snapshot(as_of: AsOf, server: String, aligned: bool) -> Snapshot {
    Snapshot {
        id: uuid::Uuid::now_v7().to_string(),
        as_of,
        server,
        aligned,
        bound: None,
        locked: None,
        not_locked: None,
    }
}
