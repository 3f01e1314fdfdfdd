//! What the parts of the engine share, and how one claimed job goes through them.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::events::EventHub;
use super::journal::Journal;
use super::leases::{HeldLease, LeaseKeeper};
use super::ledger::Ledger;
use super::live::Live;
use super::notes::{Notes, persist};
use super::outcome::Cut;
use super::run::{self, Shared};
use super::runner::{Order, Runner};
use super::stop::Stop;
use crate::model::command::Refusal;
use crate::model::cron::Zone;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::event::What;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{Job, JobState, JobWish};
use crate::model::log::Level;
use crate::model::status::Instance;
use crate::store::StoreError;

/// The engine's limits, from the settings.
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
    /// Limits.
    pub limits: Limits,
    /// This process.
    pub instance: InstanceId,
    /// This process as it is entered in the control database.
    pub description: Instance,
    /// Its name there, once entered.
    pub registered: OnceCell<String>,
    /// Where events go.
    pub hub: EventHub,
    /// Keeps leases.
    pub keeper: LeaseKeeper,
    /// Keeps logs.
    pub journal: Journal,
    /// One for each job at once.
    pub slots: Arc<Semaphore>,
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
    /// The time zone of schedules, where this process starts what is due.
    pub schedules: Option<Zone>,
}

/// Code of the refusal that a job gets whose lease was lost.
pub const LOST: &str = "lease_lost";

/// How a run of a job ended: `None` while it goes on.
pub type Outcome = Option<Result<Job, Refusal>>;

/// Jobs that are worked on here.
#[derive(Default)]
pub struct Active {
    jobs: HashMap<JobId, ActiveJob>,
    /// Jobs that this process put into the queue, and that have not ended as far as it knows.
    created: HashSet<JobId>,
    /// Jobs whose source this process has reached.
    reached: HashSet<JobId>,
    /// How the engine is being shut down.
    closing: Option<Cut>,
}

struct ActiveJob {
    stop: Arc<Stop>,
    outcome: watch::Receiver<Outcome>,
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
            limits: setup.limits,
            instance,
            description: setup.description,
            registered: OnceCell::new(),
            hub: setup.hub,
            slots: Arc::new(Semaphore::new(setup.max_concurrency.max(1))),
            active: Mutex::default(),
            jobs: TaskTracker::new(),
            helpers: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ended: CancellationToken::new(),
            wake: Notify::new(),
            schedules: setup.schedules,
        }
    }

    /// Enters this process in the control database, once.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn register(&self) -> Result<(), StoreError> {
        self.registered
            .get_or_try_init(|| async {
                let stored = self.ledger.register_instance(&self.description).await?;
                self.journal.set_instance(&stored.name);
                Ok::<_, StoreError>(stored.name)
            })
            .await
            .map(|_| ())
    }

    /// Name of this process.
    #[must_use]
    pub fn name(&self) -> String {
        let entered = self.registered.get();
        entered.unwrap_or(&self.description.name).clone()
    }

    /// Jobs that are worked on here.
    #[must_use]
    pub fn active_ids(&self) -> Vec<JobId> {
        self.active().jobs.keys().copied().collect()
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
        self.limits.waits_for_source || self.active().reached.contains(&id)
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

    /// Stops every job at once.
    pub fn stop_all_at_once(&self) {
        for job in self.active().jobs.values() {
            job.stop.at_once();
        }
    }

    /// Works on a claimed job in a task of its own; `None` when the engine is being shut down.
    pub fn spawn(
        self: &Arc<Self>,
        id: JobId,
        lease: HeldLease,
        slot: OwnedSemaphorePermit,
    ) -> Option<watch::Receiver<Outcome>> {
        let (sender, outcome) = watch::channel(None);
        let stop = Arc::new(Stop::default());
        {
            let mut active = self.active();
            if active.closing.is_some() {
                self.helpers.spawn(lease.release());
                return None;
            }
            let job = ActiveJob {
                stop: Arc::clone(&stop),
                outcome: outcome.clone(),
            };
            active.jobs.insert(id, job);
        }
        let core = Arc::clone(self);
        self.jobs.spawn(async move {
            let work = core.work(id, &lease, stop);
            let result = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(result) => result,
                Err(_panic) => core.panicked(id).await,
            };
            lease.release().await;
            {
                let mut active = core.active();
                active.jobs.remove(&id);
                active.created.remove(&id);
                if matches!(&result, Ok(job) if job.state.is_final()) {
                    active.reached.remove(&id);
                }
            }
            core.hub.set_inactive(id);
            sender.send_replace(Some(result));
            drop(slot);
            core.wake.notify_one();
        });
        Some(outcome)
    }

    async fn work(
        self: &Arc<Self>,
        id: JobId,
        lease: &HeldLease,
        stop: Arc<Stop>,
    ) -> Result<Job, Refusal> {
        let job = match self.begin(id).await? {
            Begun::Running(job) => *job,
            Begun::Ended(job) => return Ok(*job),
        };
        let order = match self.order(&job).await {
            Ok(order) => order,
            Err(error) if error.is_unavailable() => return Err(refusal(&error)),
            Err(error) => return self.fail(job, error.info()).await,
        };
        let live = Live::new(order.request.limits.clone());
        let shared = Arc::new(Shared {
            live,
            core: Arc::clone(self),
            id,
            kind: job.kind,
            config: order.config.clone(),
            target_database: order.connection.spec.target_database().to_owned(),
            stop,
            notes: Notes::default(),
            board: Board::new(job),
        });
        self.tell_start(&shared).await;
        let ending = run::run(&shared, order, lease).await;
        match run::end(&shared, ending, lease).await {
            Some(job) => Ok(job),
            None => Err(self.why_lost(id).await),
        }
    }

    /// Makes a claimed job a running one of this instance.
    async fn begin(&self, id: JobId) -> Result<Begun, Refusal> {
        let ledger = &*self.ledger;
        let read = async || {
            let job = ledger.job(id).await.map_err(|error| refusal(&error))?;
            job.ok_or_else(|| Refusal::NotFound {
                kind: "job",
                name: id.to_string(),
            })
        };
        let mut job = read().await?;
        if job.state == JobState::Running {
            if ledger.job_wish(id).await.map_err(|e| refusal(&e))? == JobWish::Pause {
                return self.pause_dead(job).await;
            }
            // Its instance died: it goes back to the queue and is taken from there.
            self.set_state(id, JobState::Running, JobState::Pending)
                .await?;
            job.state = JobState::Pending;
        }
        if job.state == JobState::Pending {
            match ledger.job_wish(id).await.map_err(|e| refusal(&e))? {
                JobWish::Stop => {
                    self.set_state(id, JobState::Pending, JobState::Cancelled)
                        .await?;
                    return Ok(Begun::Ended(Box::new(read().await?)));
                }
                JobWish::Release => {
                    let cleared = ledger.set_job_wish(id, JobWish::None).await;
                    cleared.map_err(|error| refusal(&error))?;
                }
                // Obeyed as soon as it runs: a job that waits can't be held.
                JobWish::Pause | JobWish::None => {}
            }
            self.set_state(id, JobState::Pending, JobState::Running)
                .await?;
            return Ok(Begun::Running(Box::new(read().await?)));
        }
        if job.state.is_final() {
            return Ok(Begun::Ended(Box::new(job)));
        }
        Err(Refusal::Conflict {
            code: "invalid_state",
            message: format!("job {id} is {}", job.state.as_str()),
        })
    }

    /// Holds a job that somebody wanted held while its instance died.
    async fn pause_dead(&self, mut job: Job) -> Result<Begun, Refusal> {
        job.kept.paused = true;
        let saved = self.ledger.save_job_summary(&job, self.instance).await;
        saved.map_err(|error| refusal(&error))?;
        self.set_state(job.id, JobState::Running, JobState::Paused)
            .await?;
        job.state = JobState::Paused;
        let what = What::JobPaused(Box::new(without_tables(&job)));
        self.hub.send(job.id, &job.config, None, what);
        Ok(Begun::Ended(Box::new(job)))
    }

    async fn set_state(&self, id: JobId, from: JobState, to: JobState) -> Result<(), Refusal> {
        let moved = self
            .ledger
            .set_job_state(id, from, to, self.instance, None)
            .await
            .map_err(|error| refusal(&error))?;
        if moved {
            return Ok(());
        }
        Err(Refusal::Conflict {
            code: "invalid_state",
            message: format!("job {id} is not {} any more", from.as_str()),
        })
    }

    /// Reads what a job is to do.
    async fn order(&self, job: &Job) -> Result<Order, StoreError> {
        let ledger = &*self.ledger;
        let gone = |kind, name: &str| StoreError::NotFound {
            kind,
            name: name.to_owned(),
        };
        let config = ledger.config(job.config_id).await?;
        let connection = ledger.connection(job.connection_id).await?;
        Ok(Order {
            job: job.id,
            config: config.ok_or_else(|| gone("config", &job.config))?,
            connection: connection.ok_or_else(|| gone("connection", &job.connection))?,
            password: ledger.connection_password(job.connection_id).await?,
            request: ledger.job_request(job.id).await?,
        })
    }

    async fn tell_start(&self, shared: &Shared) {
        let job = shared.board.job();
        // Numbers of an earlier run of the job may have been given by another process: above them
        // by far, since no job tells a thousand events a second.
        let since = (Utc::now() - job.created_at).num_milliseconds();
        let resumed = !job.tables.is_empty();
        if resumed {
            self.hub
                .number_from(job.id, u64::try_from(since).unwrap_or(0));
        }
        self.hub.set_active(job.clone());
        let line = if resumed {
            format!("taken up again by {}", self.name())
        } else {
            format!("started by {}", self.name())
        };
        shared.log(None, Level::Info, &line);
        let told = Box::new(without_tables(&job));
        let what = if job.kept.paused {
            What::JobResumed(told)
        } else {
            What::JobStarted(told)
        };
        shared.board.update(|job| job.kept.paused = false);
        self.hub.send(shared.id, &job.config, None, what);
        self.hub.settle().await;
    }

    /// Ends a running job that can't be worked on.
    async fn fail(&self, mut job: Job, error: ErrorInfo) -> Result<Job, Refusal> {
        let moved = persist(|| {
            self.ledger.set_job_state(
                job.id,
                JobState::Running,
                JobState::Failed,
                self.instance,
                Some(&error),
            )
        });
        let bounded = tokio::time::timeout(self.keeper.ttl(), moved).await;
        if !matches!(bounded, Ok(Ok(true))) {
            return Err(self.why_lost(job.id).await);
        }
        job.state = JobState::Failed;
        job.finished_at = Some(Utc::now());
        job.error = Some(error);
        let what = What::JobFinished(Box::new(job.clone()));
        self.hub.send(job.id, &job.config, None, what);
        self.hub.settle().await;
        Ok(job)
    }

    async fn panicked(&self, id: JobId) -> Result<Job, Refusal> {
        let error = ErrorInfo::new(
            ErrorCode::Panic,
            "the job failed because of a fault in this program; its log says where",
        );
        match self.ledger.job(id).await {
            Ok(Some(job)) => self.fail(job, error).await,
            _ => Err(Refusal::Internal(error.message)),
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

    /// Why a job could not be ended here.
    async fn why_lost(&self, id: JobId) -> Refusal {
        let answer = tokio::time::timeout(Duration::from_secs(3), self.ledger.job(id)).await;
        match answer {
            Ok(Ok(_)) => Refusal::Conflict {
                code: LOST,
                message: format!("the lease of job {id} was lost: whoever holds it goes on"),
            },
            Ok(Err(error)) if !error.is_unavailable() => Refusal::Internal(error.to_string()),
            Ok(Err(error)) => refusal(&error),
            Err(_) => Refusal::DatabaseUnavailable("it does not answer".to_owned()),
        }
    }

    fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Begun {
    Running(Box<Job>),
    Ended(Box<Job>),
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
