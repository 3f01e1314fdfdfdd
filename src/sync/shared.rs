//! What the workers of a job, and of one table in it, share.

mod loan;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

pub use loan::TargetSession;

use super::ahead::Ahead;
use super::bound::BoundWish;
use super::commit::Again;
use super::context::{JobContext, TableLease};
use super::error::SyncError;
use super::guard::Watched;
use super::key::KeyTuple;
use super::link::Link;
use super::meter::{TableMeter, TableObserver};
use super::order::Order;
use super::quarantine::kept::Quarantine;
use super::servers::Servers;
use super::snapshot::{Manner, Snapshots, TableSnapshots};
use super::stop::StopSignal;
use super::table::PlannedTable;
use super::throttle::{Throttle, Turn};
use super::workers::{WorkPermit, Workers};
use crate::model::config::Consistency;
use crate::model::ids::TableRunId;
use crate::model::log::Level;
use crate::model::rule::TableRule;
use crate::model::throttle::Limits;
use crate::mysql::{ErrorClass, Session, SessionKind};
use crate::store::fence::Fence;

/// Rows of one table that are named in the log one by one; the others are only counted.
const NAMED: usize = 50;

/// What all tables of a job share.
pub struct JobShared {
    /// What the job was given.
    pub context: JobContext,
    /// Wishes to end.
    pub stop: StopSignal,
    /// Facts about both servers.
    pub servers: Servers,
    /// The snapshot of the source that the tables of the job share.
    pub snapshots: Arc<Snapshots>,
    /// What is looked at before each snapshot; `None` where no table has a watermark.
    pub bounds: Option<Arc<BoundWish>>,
    /// All snapshots of the job, for the guard.
    pub watched: Arc<Watched>,
    /// The way to the source.
    pub link: Arc<Link>,
    /// Workers of the job.
    pub permits: Workers,
    /// How many of them write at once: each may read ahead meanwhile.
    pub writers: Workers,
    /// What is read and not yet written.
    pub ahead: Ahead,
    /// Most sessions that a snapshot of the source may have.
    pub room: usize,
    /// Limits on the source.
    pub source_throttle: Arc<Throttle>,
    /// Limits on the local server.
    pub target_throttle: Arc<Throttle>,
    /// Order of tables bound by foreign keys.
    pub order: Order,
    /// Source table to target table, for every table of the job.
    pub targets: HashMap<String, String>,
    /// Rules of the job's tables, by source table.
    pub rules: HashMap<String, TableRule>,
}

impl JobShared {
    /// Workers that the job may have.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.permits.allowed()
    }

    /// The snapshot for one table: the job's, or, with `consistency: table`, one of its own.
    fn snapshots_for_table(&self, plan: &PlannedTable) -> TableSnapshots {
        let options = &self.context.config.spec.options;
        let table = plan.source.table.raw();
        match options.consistency {
            Consistency::Snapshot => TableSnapshots::shared(&self.snapshots, table),
            Consistency::Chunk if plan.is_walked() => {
                TableSnapshots::shared(&self.snapshots, table)
            }
            // A table that can't be cut is one statement: it has a snapshot of its own.
            Consistency::Table | Consistency::Chunk => {
                // The connection's sessions are shared out among the tables at work.
                let at_work = self.targets.len().clamp(1, self.workers());
                let size = (self.snapshots.size() / at_work).max(1);
                let endpoint = Arc::clone(&self.context.source);
                let manner = Manner {
                    lock: options.snapshot_lock,
                    per_chunk: false,
                };
                let own = Snapshots::new(endpoint, size, manner, self.stop.clone()).of_one_table();
                let own = TableSnapshots::own(own.with_bounds(self.bounds.clone()), table);
                self.watched.add(own.all());
                own
            }
        }
    }

    /// The target table of a source table, if the job has it.
    #[must_use]
    pub fn target_of(&self, source_table: &str) -> Option<&str> {
        self.targets.get(source_table).map(String::as_str)
    }

    /// The right to do a piece of work; waits while all workers are busy.
    ///
    /// # Errors
    /// `Stopped` when the job is to end.
    pub async fn permit(&self) -> Result<WorkPermit, SyncError> {
        self.snapshots.want(self.workers(), self.room);
        self.ahead.allow(self.workers());
        tokio::select! {
            biased;
            () = self.stop.soft.cancelled() => Err(SyncError::Stopped),
            permit = self.permits.permit() => Ok(permit),
        }
    }
}

/// What the workers of one table share.
pub struct TableShared {
    /// The job.
    pub job: Arc<JobShared>,
    /// The snapshot of the source that the table is read in: the job's, or one of its own.
    pub snapshots: TableSnapshots,
    /// The table, planned.
    pub plan: PlannedTable,
    /// The run.
    pub table_run: TableRunId,
    /// The right to write it; `None` for a run that only compares.
    pub lease: Option<TableLease>,
    /// Its counters.
    pub meter: Arc<TableMeter>,
    /// Who hears of it.
    pub observer: Arc<dyn TableObserver>,
    hard: CancellationToken,
    watcher: Option<tokio::task::JoinHandle<()>>,
    idle: Arc<Mutex<Vec<Session>>>,
    connections: Mutex<Vec<u32>>,
    kept: Mutex<HashSet<KeyTuple>>,
    named: AtomicUsize,
    /// Rows that the target had before this run.
    target_rows: tokio::sync::OnceCell<u64>,
    pub(super) quarantine: tokio::sync::OnceCell<Option<Quarantine>>,
}

impl TableShared {
    /// Shared state of one table run.
    #[must_use]
    pub fn new(
        job: &Arc<JobShared>,
        plan: PlannedTable,
        table_run: TableRunId,
        lease: Option<&TableLease>,
        meter: &Arc<TableMeter>,
        observer: &Arc<dyn TableObserver>,
    ) -> Arc<Self> {
        let hard = job.stop.hard.child_token();
        meter.set_link(&job.link);
        let watcher = lease.map(|lease| {
            let (lost, end) = (lease.lost.clone(), hard.clone());
            tokio::spawn(async move {
                lost.cancelled().await;
                end.cancel();
            })
        });
        Arc::new(Self {
            job: Arc::clone(job),
            snapshots: job.snapshots_for_table(&plan),
            plan,
            table_run,
            lease: lease.cloned(),
            meter: Arc::clone(meter),
            observer: Arc::clone(observer),
            hard,
            watcher,
            idle: Arc::default(),
            connections: Mutex::new(Vec::new()),
            kept: Mutex::default(),
            named: AtomicUsize::new(0),
            target_rows: tokio::sync::OnceCell::new(),
            quarantine: tokio::sync::OnceCell::new(),
        })
    }

    /// Fails when work is to end: the lease is lost, or the job is stopped.
    ///
    /// # Errors
    /// See above.
    pub fn check(&self) -> Result<(), SyncError> {
        self.check_lease()?;
        if self.job.stop.soft.is_cancelled() || self.job.stop.hard.is_cancelled() {
            return Err(SyncError::Stopped);
        }
        Ok(())
    }

    /// Awaits work that can be done again: where the job is to end it is dropped, its statement
    /// killed, and the next run finds in the dictionary that it has not happened.
    ///
    /// # Errors
    /// `Stopped`, or the work's own.
    pub async fn until_stopped<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, SyncError>
    where
        SyncError: From<E>,
    {
        tokio::select! {
            biased;
            () = self.job.stop.soft.cancelled() => Err(SyncError::Stopped),
            done = work => Ok(done?),
        }
    }

    /// Waits until a batch may begin: both servers have room for it. What comes back is to be held
    /// until the batch has been counted by [`Self::charge`].
    ///
    /// # Errors
    /// `Stopped` when the job is to end.
    pub async fn turn(&self) -> Result<[Turn; 2], SyncError> {
        let (job, observer) = (&self.job, &*self.observer);
        let source = job.source_throttle.turn(&self.meter, observer, &job.stop);
        let source = source.await?;
        let target = job.target_throttle.turn(&self.meter, observer, &job.stop);
        let turns = [source, target.await?];
        self.check_lease()?;
        self.wish_for_small_ranges();
        Ok(turns)
    }

    /// Counts rows that were read on the source, and written or read on the local server.
    pub fn charge(&self, rows: u64, bytes: u64) {
        self.meter.moved.read(rows, bytes);
        self.hold_back(rows, bytes);
    }

    fn hold_back(&self, rows: u64, bytes: u64) {
        self.job.source_throttle.charge(rows, bytes);
        self.job.target_throttle.charge(rows, bytes);
    }

    /// The same for rows that were only compared: their bytes by the table's average row.
    pub fn charge_compared(&self, rows: u64) {
        let average = self
            .plan
            .source_schema
            .as_ref()
            .and_then(|s| s.data_bytes.checked_div(s.rows_estimate))
            .unwrap_or(0);
        self.meter.moved.read(rows, 0);
        self.hold_back(rows, rows.saturating_mul(average));
    }

    /// Most rows of one transaction on a live target.
    #[must_use]
    pub fn batch_rows(&self) -> usize {
        let own = self.plan.options.batch_size;
        let rows = own.unwrap_or(self.job.context.batch_size);
        usize::try_from(rows).unwrap_or(usize::MAX).max(1)
    }

    /// Under a rate a range is at most what may be moved in a second.
    fn wish_for_small_ranges(&self) {
        let limits = [
            self.job.source_throttle.limits(),
            self.job.target_throttle.limits(),
        ];
        let least = |rate: fn(&Limits) -> Option<u64>| limits.iter().filter_map(rate).min();
        let meter = &self.meter;
        TableMeter::set(
            &meter.range_bytes,
            least(Limits::bytes_per_second).unwrap_or(0),
        );
        TableMeter::set(
            &meter.range_rows,
            least(|limits| limits.max_rows_per_second).unwrap_or(0),
        );
    }

    /// Fails only when work is to end at once: for steps that must not be left half done.
    ///
    /// # Errors
    /// See above.
    pub fn check_hard(&self) -> Result<(), SyncError> {
        self.check_lease()?;
        if self.job.stop.hard.is_cancelled() {
            return Err(SyncError::Stopped);
        }
        Ok(())
    }

    /// The lease's fence.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.lease.as_ref().map_or(0, |held| held.lease.fence)
    }

    /// Notes rows that this run leaves out, since a row that stays holds a unique value of theirs.
    /// Returns those of them that are new.
    pub fn keep(&self, rows: HashSet<KeyTuple>) -> Vec<KeyTuple> {
        let mut kept = lock(&self.kept);
        rows.into_iter()
            .filter(|row| kept.insert(row.clone()))
            .collect()
    }

    /// Whether this run leaves a row out.
    #[must_use]
    pub fn keeps(&self, row: &KeyTuple) -> bool {
        lock(&self.kept).contains(row)
    }

    /// Rows of the target without those that this run has added, for limits on deletes; counted
    /// once.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn target_rows(&self, session: &mut Session) -> Result<u64, SyncError> {
        let count = async {
            let sql = format!("SELECT COUNT(*) AS n FROM {}", self.plan.target);
            let row = session.first(&sql).await?;
            let rows = row.map(|row| row.u64("n")).transpose()?.unwrap_or(0);
            let added = TableMeter::get(&self.meter.inserted);
            // Whoever asks adds what was deleted up to then.
            let before = rows.saturating_sub(added) + TableMeter::get(&self.meter.deleted);
            Ok::<_, SyncError>(before)
        };
        let before = *self.target_rows.get_or_try_init(|| count).await?;
        Ok(before.saturating_sub(TableMeter::get(&self.meter.deleted)))
    }

    /// A line for the job's log.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.observer.log(level, message.as_ref());
    }

    /// A line about one row: the first of them are told, the others only counted.
    pub fn name_row(&self, message: impl AsRef<str>) {
        match self.named.fetch_add(1, Ordering::Relaxed) {
            before if before < NAMED => self.log(Level::Warn, message),
            NAMED => self.log(
                Level::Warn,
                "further rows of this kind are counted, not named",
            ),
            _ => {}
        }
    }

    /// A warning, counted.
    pub fn warn(&self, code: &str, message: impl AsRef<str>, hint: Option<&str>) {
        TableMeter::add(&self.meter.warnings, 1);
        self.observer.warning(code, message.as_ref(), hint);
    }

    /// A session on the local server; its id is recorded under the lease before it is used, so
    /// that whoever takes over can kill it.
    ///
    /// # Errors
    /// When the server can't be reached, or the lease is lost.
    pub async fn session(&self, kind: SessionKind) -> Result<TargetSession, SyncError> {
        self.check_lease()?;
        // Idle sessions end when a lease would; one that did is replaced.
        while let Some(mut session) = self.take_idle(kind) {
            if session.ping().await.is_ok() {
                return Ok(TargetSession::lend(session, &self.idle));
            }
        }
        let context = &self.job.context;
        let session = Session::open(&context.local, kind, context.lease_ttl)
            .await?
            .with_cancel(self.hard.clone());
        if let Some(held) = &self.lease {
            let ids = {
                let mut ids = lock(&self.connections);
                ids.push(session.id());
                ids.clone()
            };
            context.store.record_connections(&held.lease, &ids).await?;
        }
        Ok(TargetSession::lend(session, &self.idle))
    }

    /// A transaction of nothing but its fence.
    ///
    /// # Errors
    /// When the server can't be reached, or the lease is lost.
    pub async fn note(&self, kind: SessionKind, fence: &Fence) -> Result<(), SyncError> {
        let mut again = Again::default();
        loop {
            let mut session = self.session(kind).await?;
            let begun = session.run("START TRANSACTION").await;
            let begun = begun.map(|_| ()).map_err(SyncError::from);
            match session.end(begun, fence).await {
                Err(error) if again.allows(&error) => {}
                ended => return ended.map(|_| ()),
            }
        }
    }

    fn take_idle(&self, kind: SessionKind) -> Option<Session> {
        let mut idle = lock(&self.idle);
        idle.iter()
            .position(|s| s.kind() == kind)
            .map(|at| idle.swap_remove(at))
    }

    fn check_lease(&self) -> Result<(), SyncError> {
        match &self.lease {
            Some(held) if held.lost.is_cancelled() => Err(SyncError::lease_lost()),
            _ => Ok(()),
        }
    }

    /// Closes idle sessions, and the snapshot where it is the table's own.
    pub async fn close(&self) {
        self.snapshots.close().await;
        let idle: Vec<_> = lock(&self.idle).drain(..).collect();
        for session in idle {
            session.close().await;
        }
    }

    /// Whether the table can go on at once after this error: its readers gave way to somebody on the
    /// source, or its definition there changed and it is planned anew.
    #[must_use]
    pub fn gave_way(&self, error: &SyncError) -> bool {
        use crate::model::error::ErrorCode;
        if self.check().is_err() {
            return false;
        }
        let SyncError::Failed(failure) = error else {
            return false;
        };
        match failure.info.code {
            ErrorCode::ConnectionLost => self.snapshots.gave_way(),
            ErrorCode::SchemaChanged => failure.class == ErrorClass::Retry,
            _ => false,
        }
    }

    /// Turns an error that came from our own giving up into the reason for it.
    #[must_use]
    pub fn explain(&self, error: SyncError) -> SyncError {
        match self.check() {
            Err(reason) if matches!(error, SyncError::Stopped) || is_lost(&error) => reason,
            _ => error,
        }
    }
}

fn is_lost(error: &SyncError) -> bool {
    error.info().is_some_and(|info| {
        matches!(
            info.code,
            crate::model::error::ErrorCode::ConnectionLost
                | crate::model::error::ErrorCode::Unreachable
        )
    })
}

impl Drop for TableShared {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
