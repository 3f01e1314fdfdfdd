//! What the parts of the engine share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::events::EventHub;
use super::journal::Journal;
use super::leases::LeaseKeeper;
use super::ledger::Ledger;
use super::notes::persist;
use super::outcome::Cut;
use super::pulse::Pulse;
use super::runner::Runner;
use super::slots::Slots;
use super::standing::Standing;
use super::stop::Stop;
use crate::model::command::Refusal;
use crate::model::cron::Zone;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{Job, JobState, JobWish};
use crate::model::status::Instance;
use crate::store::StoreError;

/// The engine's limits, from the settings; they may change while it runs.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Tries after the first failure.
    pub retry_attempts: u32,
    /// First wait.
    pub retry_delay: Duration,
    /// Running time of a job whose config says nothing; zero is no limit.
    pub job_timeout: Duration,
    /// From a wish to stop to the end by force.
    pub stop_timeout: Duration,
    /// Age at which ended jobs are removed.
    pub cleanup_age: Duration,
    /// Rows of a batch where the config says nothing.
    pub batch_size: u32,
    /// Zone of `detect_deletes` as a cron expression.
    pub timezone: Zone,
    /// Whether a job waits for a source that was never reached.
    pub waits_for_source: bool,
}

/// What an engine is made of, beside what it works over.
pub struct Setup {
    /// This process as it is entered in the control database.
    pub description: Instance,
    /// Limits.
    pub limits: Limits,
    /// Jobs at once.
    pub max_concurrency: usize,
    /// How long a lease lasts.
    pub lease_ttl: Duration,
    /// Where events go.
    pub hub: EventHub,
    /// The time zone of schedules, where this process starts what is due.
    pub schedules: Option<Zone>,
}

/// What the parts of the engine share.
pub struct Core {
    /// The control database.
    pub ledger: Arc<dyn Ledger>,
    /// Reaches `sync`.
    pub runner: Arc<dyn Runner>,
    limits: RwLock<Limits>,
    /// This process.
    pub instance: InstanceId,
    /// This process as it is first entered in the control database.
    description: Instance,
    /// What others see of it.
    pub standing: Standing,
    registered: OnceCell<()>,
    /// Where events go.
    pub hub: EventHub,
    /// Keeps leases.
    pub keeper: LeaseKeeper,
    /// Keeps logs.
    pub journal: Journal,
    /// One for each job at once.
    pub slots: Arc<Slots>,
    /// Jobs that are worked on here.
    pub active: Mutex<Active>,
    /// Their tasks.
    pub jobs: TaskTracker,
    /// Tasks that serve them, and end after them.
    pub helpers: TaskTracker,
    /// No more jobs are taken.
    pub stopping: CancellationToken,
    /// Every job has ended.
    pub ended: CancellationToken,
    /// The queue is looked at at once.
    pub wake: Notify,
    /// A sign of life is given at once.
    pub beat_now: Notify,
    /// The time zone of schedules, where this process starts what is due.
    pub schedules: Option<Zone>,
    /// When the loops last came round.
    pub pulse: Pulse,
}

/// How a run of a job ended: `None` while it goes on.
pub type Outcome = Option<Result<Job, Refusal>>;

/// Jobs that are worked on here.
#[derive(Default)]
pub struct Active {
    /// By their ids.
    pub jobs: HashMap<JobId, ActiveJob>,
    /// Jobs that this process put into the queue, and that have not ended as far as it knows.
    pub created: HashSet<JobId>,
    /// Jobs whose source this process has reached.
    pub reached: HashSet<JobId>,
    /// How the engine is being shut down.
    pub closing: Option<Cut>,
    /// Whether no jobs are taken for a while.
    pub parked: bool,
}

/// A job that is worked on here.
pub struct ActiveJob {
    /// The wish to end it.
    pub stop: Arc<Stop>,
    /// How it ended.
    pub outcome: watch::Receiver<Outcome>,
}

impl Core {
    /// The parts, at rest.
    #[must_use]
    pub fn new(setup: Setup, ledger: Arc<dyn Ledger>, runner: Arc<dyn Runner>) -> Self {
        let instance = setup.description.id;
        let name = setup.description.name.clone();
        Self {
            keeper: LeaseKeeper::new(Arc::clone(&ledger), instance, setup.lease_ttl),
            journal: Journal::new(Arc::clone(&ledger), setup.hub.clone(), name),
            ledger,
            runner,
            limits: RwLock::new(setup.limits),
            instance,
            standing: Standing::new(&setup.description),
            description: setup.description,
            registered: OnceCell::new(),
            hub: setup.hub,
            slots: Slots::new(setup.max_concurrency),
            active: Mutex::default(),
            jobs: TaskTracker::new(),
            helpers: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ended: CancellationToken::new(),
            wake: Notify::new(),
            beat_now: Notify::new(),
            schedules: setup.schedules,
            pulse: Pulse::default(),
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        limits.clone()
    }

    /// Puts other limits in force, for what begins from here on.
    pub fn set_limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.limits.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Enters this process in the control database, once.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn register(&self) -> Result<(), StoreError> {
        self.registered
            .get_or_try_init(|| self.enter())
            .await
            .map(|_| ())
    }

    /// Whether the engine's own tasks go on: none of them has died or hangs.
    #[must_use]
    pub fn is_beating(&self) -> bool {
        self.pulse.gives_signs_within(self.keeper.ttl() * 4)
    }

    /// The zone of schedules that name none.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.limits().timezone
    }

    /// Enters this process, or enters it again: one that gave no sign of life for long may have lost
    /// its name to another, or have been forgotten.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn enter(&self) -> Result<(), StoreError> {
        let own = Instance {
            labels: self.standing.labels(),
            ..self.description.clone()
        };
        let stored = self.ledger.register_instance(&own).await?;
        self.journal.set_instance(&stored.name);
        if let Some(was) = self.standing.entered_as(&stored.name) {
            tracing::warn!(
                target: "db_taxi::jobs",
                "this instance gave no sign of life for so long that another took its name {was}; it is {} from here on",
                stored.name
            );
        }
        Ok(())
    }

    /// Name of this process.
    #[must_use]
    pub fn name(&self) -> String {
        self.standing.name()
    }

    /// Jobs that are worked on here.
    #[must_use]
    pub fn active_ids(&self) -> Vec<JobId> {
        self.active().jobs.keys().copied().collect()
    }

    /// Whether a job is worked on here.
    #[must_use]
    pub fn runs_here(&self, id: JobId) -> bool {
        self.active().jobs.contains_key(&id)
    }

    /// This process put a job into the queue.
    pub fn created_here(&self, id: JobId) {
        self.active().created.insert(id);
    }

    /// Whether this process put a job into the queue.
    #[must_use]
    pub fn was_created_here(&self, id: JobId) -> bool {
        self.active().created.contains(&id)
    }

    /// The source of a job was reached: from here on it is worth waiting for.
    pub fn source_reached(&self, id: JobId) {
        self.active().reached.insert(id);
    }

    /// Whether a source that does not answer is waited for.
    #[must_use]
    pub fn waits_for_source(&self, id: JobId) -> bool {
        self.limits().waits_for_source || self.active().reached.contains(&id)
    }

    /// The outcome of a job that is worked on here.
    #[must_use]
    pub fn outcome_of(&self, id: JobId) -> Option<watch::Receiver<Outcome>> {
        self.active().jobs.get(&id).map(|job| job.outcome.clone())
    }

    /// How the engine is being shut down.
    #[must_use]
    pub fn closing(&self) -> Option<Cut> {
        self.active().closing
    }

    /// Stops a job after its batch; one that is stopping already, at once. `false`: not here.
    pub fn stop_job(&self, id: JobId, cut: Cut) -> bool {
        let active = self.active();
        let Some(job) = active.jobs.get(&id) else {
            return false;
        };
        if job.stop.is_asked() && cut != Cut::Paused {
            job.stop.at_once();
        }
        job.stop.ask(cut);
        true
    }

    /// Takes no more jobs and stops those that run after their batch. `false`: asked before.
    pub fn close(&self, cut: Cut) -> bool {
        let mut active = self.active();
        let first = active.closing.is_none();
        active.closing.get_or_insert(cut);
        self.stopping.cancel();
        for job in active.jobs.values() {
            job.stop.ask(cut);
        }
        first
    }

    /// Takes no jobs for a while and hands those back that run, after their batch; their ends.
    pub fn park(&self) -> Vec<watch::Receiver<Outcome>> {
        let mut active = self.active();
        active.parked = true;
        active
            .jobs
            .values()
            .map(|job| {
                job.stop.ask(Cut::Released);
                job.outcome.clone()
            })
            .collect()
    }

    /// Takes jobs again.
    pub fn unpark(&self) {
        self.active().parked = false;
        self.wake.notify_one();
    }

    /// Whether no jobs are taken for a while.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.active().parked
    }

    /// Stops every job at once.
    pub fn stop_all_at_once(&self) {
        for job in self.active().jobs.values() {
            job.stop.at_once();
        }
    }

    /// To which state a job goes that is to be held or handed back: what a person wishes comes first.
    pub async fn obey_at_the_end(&self, id: JobId, state: JobState) -> JobState {
        match persist(|| self.ledger.job_wish(id)).await {
            Ok(JobWish::Stop) => return JobState::Cancelled,
            Ok(JobWish::Pause) => return JobState::Paused,
            Ok(JobWish::Release) => {
                let cleared = persist(|| self.ledger.set_job_wish(id, JobWish::None)).await;
                if let Err(error) = cleared {
                    tracing::warn!(target: "db_taxi::jobs", job = %id, "a wish stays: {error}");
                }
            }
            Ok(JobWish::None) | Err(_) => {}
        }
        state
    }

    pub(super) fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job as lists and events show it.
#[must_use]
pub fn without_tables(job: &Job) -> Job {
    Job {
        tables: Vec::new(),
        ..job.clone()
    }
}

/// The refusal that an error of the control database asks for.
#[must_use]
pub fn refusal(error: &StoreError) -> Refusal {
    error.refusal()
}
