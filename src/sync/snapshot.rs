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

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bound::{self, Bound, BoundWish};
use super::context::StopSignal;
use super::error::SyncError;
use crate::model::error::ErrorCode;
use crate::model::table_run::AsOf;
use crate::mysql::{Endpoint, MysqlError, Session, SessionKind};

/// How long aligned snapshots are tried for.
const ALIGN: Duration = Duration::from_secs(5);
/// Idle sessions are pinged this often; the server would end them after 120 s.
const PING: Duration = Duration::from_secs(30);

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
}

/// The snapshot of a job, opened when first needed and again when it was lost.
pub struct Snapshots {
    endpoint: Arc<Endpoint>,
    /// Sessions of the snapshot in force, and those that the next one should have.
    size: AtomicUsize,
    wanted: AtomicUsize,
    stop: StopSignal,
    permits: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    pinger: Mutex<Option<tokio::task::JoinHandle<()>>>,
    bounds: Option<Arc<BoundWish>>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Snapshot>>,
    idle: Vec<(Session, Arc<Snapshot>)>,
    /// Sessions that the current snapshot has; fewer than permits when alignment failed.
    opened: usize,
    taken: u32,
}

/// A read session on loan, inside its snapshot.
pub struct Reader {
    session: Option<Session>,
    snapshot: Arc<Snapshot>,
    state: Arc<Mutex<State>>,
    broken: bool,
    _permit: OwnedSemaphorePermit,
}

impl Snapshots {
    /// `size` sessions at most; nothing is opened yet. The hard wish of `stop` ends every statement
    /// at once, the soft one every wait.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>, size: usize, stop: StopSignal) -> Self {
        let size = size.max(1);
        Self {
            endpoint,
            size: AtomicUsize::new(size),
            wanted: AtomicUsize::new(size),
            stop,
            permits: Arc::new(Semaphore::new(size)),
            state: Arc::default(),
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

    /// A reader of the snapshot in force; opens one when there is none. Waits while all are out.
    ///
    /// # Errors
    /// When the source can't be reached or refuses; `Stopped` when the job is to end.
    pub async fn reader(&self) -> Result<Reader, SyncError> {
        tokio::select! {
            biased;
            () = self.stop.soft.cancelled() => Err(SyncError::Stopped),
            reader = self.next_reader() => reader,
        }
    }

    async fn next_reader(&self) -> Result<Reader, SyncError> {
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
            if let Some((session, snapshot)) = ready {
                return Ok(Reader {
                    session: Some(session),
                    snapshot,
                    state: Arc::clone(&self.state),
                    broken: false,
                    _permit: permit,
                });
            }
            drop(permit);
            self.reopen().await?;
        }
    }

    /// The snapshot in force; opens one when there is none.
    ///
    /// # Errors
    /// When the source can't be reached or refuses.
    pub async fn current(&self) -> Result<Arc<Snapshot>, SyncError> {
        Ok(Arc::clone(&self.reader().await?.snapshot))
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

    /// How many readers there can be at once.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// The next snapshot is to have so many sessions.
    pub fn want(&self, size: usize) {
        self.wanted.store(size.max(1), Ordering::Relaxed);
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
            state.idle.drain(..).collect()
        };
        for (session, _) in idle {
            session.close().await;
        }
    }

    /// Opens a snapshot once every session of an older one is back.
    async fn reopen(&self) -> Result<(), SyncError> {
        let all = u32::try_from(self.size()).unwrap_or(u32::MAX);
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
            state.opened = sessions.len();
            state.idle = sessions
                .into_iter()
                .map(|s| (s, Arc::clone(&snapshot)))
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

    async fn open_aligned(&self) -> Result<(Vec<Session>, Snapshot), SyncError> {
        let opened = join_all((0..self.size()).map(|_| self.session())).await;
        let mut sessions = opened.into_iter().collect::<Result<Vec<_>, MysqlError>>()?;
        sessions[0]
            .server()
            .check_source()
            .map_err(|why| SyncError::stop(ErrorCode::Unsupported, why))?;
        let mariadb = sessions[0].server().is_mariadb();
        let deadline = Instant::now() + ALIGN;
        let can_align = if mariadb {
            variable(&mut sessions[0], "log_bin").await? == "1"
        } else {
            variable(&mut sessions[0], "gtid_mode")
                .await?
                .eq_ignore_ascii_case("on")
        };
        if sessions.len() > 1 && can_align {
            loop {
                let as_of = if mariadb {
                    align_mariadb(&mut sessions).await?
                } else {
                    align_mysql(&mut sessions).await?
                };
                if let Some(as_of) = as_of {
                    let server = same_server(&mut sessions).await?;
                    return Ok((sessions, snapshot(as_of, server, true)));
                }
                if Instant::now() > deadline {
                    break;
                }
            }
        }
        // One session reads everything in one snapshot.
        for session in sessions.split_off(1) {
            session.close().await;
        }
        begin(&mut sessions).await?;
        let as_of = if mariadb {
            let mut as_of = as_of_now(&mut sessions[0]).await?;
            as_of.binlog = binlog_position(&mut sessions[0]).await?;
            as_of
        } else {
            let mut as_of = as_of_now(&mut sessions[0]).await?;
            as_of.gtid = Some(
                variable(&mut sessions[0], "gtid_executed")
                    .await
                    .unwrap_or_default(),
            )
            .filter(|set| !set.is_empty());
            as_of
        };
        let server = same_server(&mut sessions).await?;
        let aligned = self.size() == 1;
        Ok((sessions, snapshot(as_of, server, aligned)))
    }

    async fn session(&self) -> Result<Session, MysqlError> {
        let session =
            Session::open(&self.endpoint, SessionKind::Read, Duration::from_secs(60)).await?;
        Ok(session.with_cancel(self.stop.hard.clone()))
    }

    fn start_pinger(&self) {
        let mut pinger = self.pinger.lock().unwrap_or_else(PoisonError::into_inner);
        if pinger.is_some() {
            return;
        }
        let (state, permits) = (Arc::clone(&self.state), Arc::clone(&self.permits));
        *pinger = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(PING).await;
                let idle = lock(&state).idle.len();
                for _ in 0..idle {
                    // Under a permit, so that nobody reopens while a session is out for its ping.
                    let Ok(_permit) = Arc::clone(&permits).try_acquire_owned() else {
                        break;
                    };
                    let next = {
                        let mut state = lock(&state);
                        if state.idle.is_empty() {
                            None
                        } else {
                            Some(state.idle.remove(0))
                        }
                    };
                    let Some((mut session, snapshot)) = next else {
                        break;
                    };
                    let alive = session.ping().await.is_ok();
                    let mut state = lock(&state);
                    if !alive {
                        forget(&mut state, &snapshot);
                    } else if state.current.as_ref().is_some_and(|c| c.id == snapshot.id) {
                        state.idle.push((session, snapshot));
                    }
                }
            }
        }));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget(state: &mut State, snapshot: &Arc<Snapshot>) {
    if state.current.as_ref().is_some_and(|c| c.id == snapshot.id) {
        state.current = None;
        state.idle.clear();
    }
}

impl Reader {
    /// The session.
    #[expect(clippy::expect_used, reason = "the session is only taken in drop")]
    pub fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a session on loan")
    }

    /// The moment it sees.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
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
        let Some(session) = self.session.take() else {
            return;
        };
        let mut state = lock(&self.state);
        if self.broken || !session.is_usable() {
            forget(&mut state, &self.snapshot);
        } else if state
            .current
            .as_ref()
            .is_some_and(|c| c.id == self.snapshot.id)
        {
            state.idle.push((session, Arc::clone(&self.snapshot)));
        }
    }
}

fn snapshot(as_of: AsOf, server: String, aligned: bool) -> Snapshot {
    Snapshot {
        id: uuid::Uuid::now_v7().to_string(),
        as_of,
        server,
        aligned,
        bound: None,
    }
}

async fn begin(sessions: &mut [Session]) -> Result<(), MysqlError> {
    let begun = join_all(sessions.iter_mut().map(async |session| {
        session
            .run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            .await
    }))
    .await;
    begun.into_iter().try_for_each(|done| done.map(|_| ()))
}

async fn align_mariadb(sessions: &mut [Session]) -> Result<Option<AsOf>, SyncError> {
    begin(sessions).await?;
    let mut first: Option<String> = None;
    for session in sessions.iter_mut() {
        let Some(position) = binlog_position(session).await? else {
            return Ok(None);
        };
        if first.get_or_insert_with(|| position.clone()) != &position {
            return Ok(None);
        }
    }
    let mut as_of = as_of_now(&mut sessions[0]).await?;
    as_of.binlog = first;
    Ok(Some(as_of))
}

async fn align_mysql(sessions: &mut [Session]) -> Result<Option<AsOf>, SyncError> {
    let before = variable(&mut sessions[0], "gtid_executed").await?;
    begin(sessions).await?;
    let owned = variable(&mut sessions[0], "gtid_owned").await?;
    let after = variable(&mut sessions[0], "gtid_executed").await?;
    if !owned.is_empty() || before != after {
        return Ok(None);
    }
    let mut as_of = as_of_now(&mut sessions[0]).await?;
    as_of.gtid = Some(after).filter(|set| !set.is_empty());
    Ok(Some(as_of))
}

/// `file:position` of the session's own snapshot, on MariaDB with a binlog.
async fn binlog_position(session: &mut Session) -> Result<Option<String>, MysqlError> {
    let (mut file, mut position) = (None, None);
    for row in session
        .rows("SHOW STATUS LIKE 'binlog\\_snapshot\\_%'")
        .await?
    {
        let value = row.text("Value")?;
        match row.text("Variable_name")?.to_ascii_lowercase().as_str() {
            "binlog_snapshot_file" => file = Some(value),
            "binlog_snapshot_position" => position = Some(value),
            _ => {}
        }
    }
    Ok(match (file, position) {
        (Some(file), Some(position)) if !file.is_empty() => Some(format!("{file}:{position}")),
        _ => None,
    })
}

async fn as_of_now(session: &mut Session) -> Result<AsOf, MysqlError> {
    let row = session
        .first("SELECT UTC_TIMESTAMP(3) AS now")
        .await?
        .ok_or_else(|| MysqlError::lost("the source has no clock"))?;
    let time: DateTime<Utc> = row.time("now")?;
    Ok(AsOf {
        time: Some(time),
        gtid: None,
        binlog: None,
        watermark: None,
    })
}

/// A global variable; empty where the server does not know it.
async fn variable(session: &mut Session, name: &str) -> Result<String, MysqlError> {
    match session.first(&format!("SELECT @@GLOBAL.{name} AS v")).await {
        Ok(Some(row)) => Ok(row.opt_text("v")?.unwrap_or_default().replace('\n', "")),
        Ok(None) => Ok(String::new()),
        Err(error) if error.number == Some(1193) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Behind a proxy sessions may be on different servers, whose snapshots have nothing in common.
async fn same_server(sessions: &mut [Session]) -> Result<String, SyncError> {
    let mut first: Option<String> = None;
    for session in sessions.iter_mut() {
        let identity = session.identity().await?;
        if first.get_or_insert_with(|| identity.clone()) != &identity {
            return Err(SyncError::stop(
                ErrorCode::Unsupported,
                "the sessions of one snapshot are on different servers: connect to one server, not through a balancing proxy",
            ));
        }
    }
    Ok(first.unwrap_or_default())
}
