//! A control database in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::jobs::ledger::{Claim, Ledger};
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::{Connection, ConnectionSpec, Health};
use crate::model::error::ErrorInfo;
use crate::model::ids::{ConfigId, ConnectionId, InstanceId, JobId};
use crate::model::job::{Job, JobKind, JobLimits, JobRequest, JobState, JobWish, Kept, Trigger};
use crate::model::labels::carries;
use crate::model::log::{Difference, LogEntry};
use crate::model::progress::{Counts, Progress};
use crate::model::secret::Secret;
use crate::model::status::Instance;
use crate::model::table_run::TableRun;
use crate::mysql::MysqlError;
use crate::store::StoreError;
use crate::store::leases::{Lease, PreviousHolder, Resource};
use crate::store::schedules::{ScheduleRow, Schedules, Started};

/// A control database in memory.
#[derive(Default)]
pub struct FakeLedger(Mutex<State>, OnceLock<(Semaphore, Duration)>);

#[derive(Default)]
struct State {
    unreachable: bool,
    /// The next question is never answered.
    mute: bool,
    leases: HashMap<Resource, Row>,
    renewals: u64,
    jobs: HashMap<JobId, Job>,
    config: Option<Config>,
    runs: Vec<(JobId, TableRun)>,
    wishes: HashMap<JobId, JobWish>,
    limits: HashMap<JobId, JobLimits>,
    logs: Vec<String>,
    instances: Vec<Instance>,
    stopped: Vec<InstanceId>,
    /// The next sign of life is that of a stranger.
    forgotten: bool,
    /// Labels of the last sign of life.
    labels: Vec<String>,
    /// Names that instances are given, last first.
    names: Vec<String>,
}

struct Row {
    holder: Option<InstanceId>,
    fence: u64,
    expires: Instant,
}

impl FakeLedger {
    /// An empty one.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Queues a job of one config.
    pub fn add_job(&self, kind: JobKind) -> JobId {
        let id = JobId::generate();
        let mut state = self.lock();
        let config = state.config.get_or_insert_with(config);
        let job = Job {
            id,
            kind,
            config_id: config.id,
            config: config.spec.name.clone(),
            connection_id: config.connection_id,
            connection: "source".to_owned(),
            state: JobState::Pending,
            trigger: Trigger::Cli,
            requested_by: "me@here".to_owned(),
            instance: None,
            retry_of: None,
            priority: 0,
            full: false,
            fresh: false,
            created_at: Utc::now(),
            started_at: None,
            finished_at: None,
            error: None,
            progress: Progress::default(),
            counts: Counts::default(),
            tables_total: 0,
            tables_completed: 0,
            tables_failed: 0,
            tables: Vec::new(),
            kept: Kept::default(),
        };
        state.jobs.insert(id, job);
        id
    }

    /// Labels that the one config asks for.
    pub fn ask_for_labels(&self, labels: &[&str]) {
        let mut state = self.lock();
        let config = state.config.get_or_insert_with(config);
        config.spec.labels = labels.iter().map(|&label| label.to_owned()).collect();
    }

    /// Labels of the last sign of life.
    pub fn told_labels(&self) -> Vec<String> {
        self.lock().labels.clone()
    }

    /// The next sign of life is refused; entered again, the instance gets this name.
    pub fn forget_and_rename(&self, name: &str) {
        let mut state = self.lock();
        state.forgotten = true;
        state.names.push(name.to_owned());
    }

    /// From here on it does, or does not, answer.
    pub fn unreachable(&self, unreachable: bool) {
        self.lock().unreachable = unreachable;
    }

    /// From here on it answers so many at a time, each after so long.
    pub fn slow(&self, places: usize, time: Duration) {
        assert!(self.1.set((Semaphore::new(places), time)).is_ok());
    }

    /// The next question is never answered.
    pub fn lose_next_answer(&self) {
        self.lock().mute = true;
    }

    /// Gives a lease to somebody else.
    pub fn steal(&self, lease: &Lease) {
        self.hold(&lease.resource, Duration::from_hours(1));
    }

    /// Somebody else holds a resource for so long.
    pub fn hold(&self, resource: &Resource, time: Duration) {
        let mut state = self.lock();
        let fence = state.leases.get(resource).map_or(1, |row| row.fence + 1);
        let row = Row {
            holder: Some(InstanceId::generate()),
            fence,
            expires: Instant::now() + time,
        };
        state.leases.insert(resource.clone(), row);
    }

    /// Whether nobody holds anything.
    pub fn nothing_is_held(&self) -> bool {
        self.lock().leases.values().all(|row| row.holder.is_none())
    }

    /// Whether no lease is in force: one that could not be released has run out.
    pub fn nothing_is_in_force(&self) -> bool {
        let (state, now) = (self.lock(), Instant::now());
        let mut rows = state.leases.values();
        rows.all(|row| row.holder.is_none() || row.expires <= now)
    }

    /// Leases renewed so far.
    pub fn renewals(&self) -> u64 {
        self.lock().renewals
    }

    /// Messages of stored log lines.
    pub fn log_lines(&self) -> Vec<String> {
        self.lock().logs.clone()
    }

    /// Every stored version of the table runs of a job.
    pub fn saved_runs(&self, job: JobId) -> Vec<TableRun> {
        let state = self.lock();
        let of_job = state.runs.iter().filter(|(id, _)| *id == job);
        of_job.map(|(_, run)| run.clone()).collect()
    }

    /// A job as stored, with its tables.
    pub fn stored(&self, id: JobId) -> Job {
        self.lock().stored(id).unwrap()
    }

    /// Changes a stored job.
    pub fn change(&self, id: JobId, f: impl FnOnce(&mut Job)) {
        f(self.lock().jobs.get_mut(&id).unwrap());
    }

    /// Changes the config.
    pub fn change_config(&self, f: impl FnOnce(&mut ConfigSpec)) {
        f(&mut self.lock().config.get_or_insert_with(config).spec);
    }

    /// Removes the config.
    pub fn remove_config(&self) {
        self.lock().config = None;
    }

    /// Wishes something of a job.
    pub fn wish(&self, id: JobId, wish: JobWish) {
        self.lock().wishes.insert(id, wish);
    }

    /// Changes the limits of a job.
    pub fn limit(&self, id: JobId, limits: JobLimits) {
        self.lock().limits.insert(id, limits);
    }

    /// What is wished of a job.
    pub fn wished(&self, id: JobId) -> JobWish {
        self.lock().wishes.get(&id).copied().unwrap_or_default()
    }

    /// Another process is there.
    pub fn add_instance(&self, instance: Instance) {
        self.lock().instances.push(instance);
    }

    /// Removes every other process.
    pub fn remove_instances(&self) {
        self.lock().instances.clear();
    }

    /// Processes that said they ended.
    pub fn stopped(&self) -> Vec<InstanceId> {
        self.lock().stopped.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        f: impl FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        async move {
            tokio::task::yield_now().await;
            if let Some((places, time)) = self.1.get() {
                let _place = places.acquire().await;
                tokio::time::sleep(*time).await;
            }
            if std::mem::take(&mut self.lock().mute) {
                std::future::pending::<()>().await;
            }
            let mut state = self.lock();
            if state.unreachable {
                return Err(MysqlError::lost("gone").into());
            }
            f(&mut state)
        }
        .boxed()
    }
}

impl State {
    fn stored(&self, id: JobId) -> Option<Job> {
        let mut job = self.jobs.get(&id)?.clone();
        for (_, run) in self.runs.iter().filter(|(of, _)| *of == id) {
            match job.tables.iter_mut().find(|old| old.id == run.id) {
                Some(old) => *old = run.clone(),
                None => job.tables.push(run.clone()),
            }
        }
        Some(job)
    }

    /// Whether the one config asks for no other labels.
    fn fit(&self, labels: &[String]) -> bool {
        let config = self.config.as_ref();
        config.is_none_or(|config| carries(labels, &config.spec.labels))
    }

    fn is_held(&self, resource: &Resource) -> bool {
        self.leases
            .get(resource)
            .is_some_and(|row| row.holder.is_some() && row.expires > Instant::now())
    }

    fn holds(&self, resource: &Resource, by: InstanceId) -> bool {
        self.is_held(resource) && self.leases[resource].holder == Some(by)
    }
}

fn config() -> Config {
    Config {
        id: ConfigId::generate(),
        connection_id: ConnectionId::generate(),
        spec: ConfigSpec::new("shop", "source", Vec::new()),
        version: 1,
        last_job: None,
        next_runs: Vec::new(),
        zone: None,
        created_at: Utc::now(),
        updated_at: Utc::now(),
    }
}

impl Ledger for FakeLedger {
    fn claim<'a>(
        &'a self,
        resource: &'a Resource,
        holder: InstanceId,
    ) -> BoxFuture<'a, Result<Option<Claim>, StoreError>> {
        self.answer(move |state| {
            if state.is_held(resource) {
                return Ok(None);
            }
            let old = state.leases.remove(resource);
            let fence = old.as_ref().map_or(1, |row| row.fence + 1);
            let row = Row {
                holder: Some(holder),
                fence,
                expires: Instant::now() + super::TTL,
            };
            state.leases.insert(resource.clone(), row);
            let previous = old.and_then(|row| row.holder).map(|holder| PreviousHolder {
                holder,
                connections: Vec::new(),
                server_started: String::new(),
            });
            let lease = Lease {
                resource: resource.clone(),
                holder,
                fence,
            };
            Ok(Some((lease, previous)))
        })
    }

    fn renew<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        self.answer(move |state| {
            state.renewals += 1;
            let mut renewed = Vec::new();
            for lease in leases {
                let ours = state
                    .leases
                    .get_mut(&lease.resource)
                    .filter(|row| row.holder == Some(lease.holder) && row.fence == lease.fence);
                renewed.push(ours.is_some());
                if let Some(row) = ours {
                    row.expires = Instant::now() + super::TTL;
                }
            }
            Ok(renewed)
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(move |state| {
            let row = state.leases.get_mut(&lease.resource);
            if let Some(row) = row.filter(|row| row.fence == lease.fence) {
                row.holder = None;
            }
            Ok(())
        })
    }

    fn register_instance<'a>(
        &'a self,
        instance: &'a Instance,
    ) -> BoxFuture<'a, Result<Instance, StoreError>> {
        self.answer(move |state| {
            let mut stored = instance.clone();
            if let Some(name) = state.names.pop() {
                stored.name = name;
            }
            Ok(stored)
        })
    }

    fn heartbeat<'a>(
        &'a self,
        id: InstanceId,
        labels: &'a [String],
        _: &'a [JobId],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(move |state| {
            if std::mem::take(&mut state.forgotten) {
                return Err(StoreError::not_found("instance", id));
            }
            state.labels = labels.to_vec();
            Ok(())
        })
    }

    fn forget_instances(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.answer(|_| Ok(()))
    }

    fn stop_instance(&self, id: InstanceId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.answer(move |state| {
            state.stopped.push(id);
            Ok(())
        })
    }

    fn list_instances(&self) -> BoxFuture<'_, Result<Vec<Instance>, StoreError>> {
        self.answer(|state| Ok(state.instances.clone()))
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<Job>, StoreError>> {
        self.answer(move |state| Ok(state.stored(id)))
    }

    fn pending_jobs<'a>(
        &'a self,
        labels: &'a [String],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Job>, StoreError>> {
        self.answer(move |state| {
            let mut jobs: Vec<Job> = state.jobs.values().cloned().collect();
            jobs.retain(|job| job.state == JobState::Pending && state.fit(labels));
            jobs.sort_by_key(|job| (-job.priority, job.id));
            jobs.truncate(limit as usize);
            Ok(jobs)
        })
    }

    fn orphaned_jobs<'a>(
        &'a self,
        labels: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Job>, StoreError>> {
        self.answer(move |state| {
            let mut jobs: Vec<Job> = state.jobs.values().cloned().collect();
            jobs.retain(|job| {
                job.state == JobState::Running
                    && !state.is_held(&Resource::Job(job.id))
                    && state.fit(labels)
            });
            Ok(jobs)
        })
    }

    fn set_job_state<'a>(
        &'a self,
        id: JobId,
        from: JobState,
        to: JobState,
        by: InstanceId,
        error: Option<&'a ErrorInfo>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.answer(move |state| {
            assert!(from.may_become(to), "{from:?} to {to:?}");
            let running = from == JobState::Running || to == JobState::Running;
            if running && !state.holds(&Resource::Job(id), by) {
                return Ok(false);
            }
            let Some(job) = state.jobs.get_mut(&id).filter(|job| job.state == from) else {
                return Ok(false);
            };
            let wish = state.wishes.entry(id).or_default();
            if to == JobState::Paused && *wish == JobWish::Stop {
                return Ok(false);
            }
            if matches!(to, JobState::Paused) || (from, to) == (JobState::Paused, JobState::Pending)
            {
                *wish = JobWish::None;
            }
            job.state = to;
            job.error = error.cloned();
            if to == JobState::Running {
                job.started_at.get_or_insert_with(Utc::now);
            }
            if to.is_final() {
                job.finished_at = Some(Utc::now());
            }
            Ok(true)
        })
    }

    fn save_job_summary<'a>(
        &'a self,
        job: &'a Job,
        _by: InstanceId,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(move |state| {
            let stored = state.jobs.get_mut(&job.id).unwrap();
            assert!(!stored.state.is_final(), "a summary after the end");
            stored.progress = job.progress.clone();
            stored.counts = job.counts;
            stored.kept = job.kept;
            stored.tables_completed = job.tables_completed;
            stored.tables_failed = job.tables_failed;
            Ok(())
        })
    }

    fn save_table_run<'a>(
        &'a self,
        job: JobId,
        run: &'a TableRun,
        _by: InstanceId,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(move |state| {
            state.runs.push((job, run.clone()));
            Ok(())
        })
    }

    fn job_wish(&self, id: JobId) -> BoxFuture<'_, Result<JobWish, StoreError>> {
        self.answer(move |state| Ok(state.wishes.get(&id).copied().unwrap_or_default()))
    }

    fn job_orders(&self, id: JobId) -> BoxFuture<'_, Result<(JobWish, JobLimits), StoreError>> {
        self.answer(move |state| {
            let wish = state.wishes.get(&id).copied().unwrap_or_default();
            Ok((wish, state.limits.get(&id).cloned().unwrap_or_default()))
        })
    }

    fn set_job_wish(&self, id: JobId, wish: JobWish) -> BoxFuture<'_, Result<(), StoreError>> {
        self.answer(move |state| {
            state.wishes.insert(id, wish);
            Ok(())
        })
    }

    fn job_request(&self, id: JobId) -> BoxFuture<'_, Result<JobRequest, StoreError>> {
        self.answer(move |state| {
            Ok(JobRequest {
                kind: state.jobs[&id].kind,
                limits: state.limits.get(&id).cloned().unwrap_or_default(),
                ..JobRequest::default()
            })
        })
    }

    fn delete_old_audit(&self, _: Duration) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.answer(|_| Ok(0))
    }

    fn delete_old_jobs(&self, _: Duration) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.answer(|_| Ok(0))
    }

    fn schedules(&self) -> BoxFuture<'_, Result<Schedules, StoreError>> {
        self.answer(|_| {
            Ok(Schedules {
                now: Utc::now(),
                configs: Vec::new(),
                rows: Vec::new(),
            })
        })
    }

    fn put_schedule<'a>(
        &'a self,
        _: Option<&'a ScheduleRow>,
        _: &'a ScheduleRow,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.answer(|_| Ok(true))
    }

    fn drop_schedule(&self, _: ConfigId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.answer(|_| Ok(()))
    }

    fn start_due<'a>(
        &'a self,
        _: &'a ScheduleRow,
        _: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Started, StoreError>> {
        self.answer(|_| Ok(Started::NotDue))
    }

    fn config(&self, _: ConfigId) -> BoxFuture<'_, Result<Option<Config>, StoreError>> {
        self.answer(|state| Ok(state.config.clone()))
    }

    fn connection(
        &self,
        id: ConnectionId,
    ) -> BoxFuture<'_, Result<Option<Connection>, StoreError>> {
        self.answer(move |_| {
            Ok(Some(Connection {
                id,
                spec: ConnectionSpec::new("source", "me", "shop"),
                has_password: false,
                version: 1,
                health: Health::default(),
                created_at: Utc::now(),
                updated_at: Utc::now(),
            }))
        })
    }

    fn connection_password(
        &self,
        _: ConnectionId,
    ) -> BoxFuture<'_, Result<Option<Secret>, StoreError>> {
        self.answer(|_| Ok(None))
    }

    fn append_logs<'a>(&'a self, lines: &'a [LogEntry]) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(move |state| {
            let messages = lines.iter().map(|line| line.message.clone());
            state.logs.extend(messages);
            Ok(())
        })
    }

    fn save_differences<'a>(
        &'a self,
        _: JobId,
        _: &'a [Difference],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.answer(|_| Ok(()))
    }
}
