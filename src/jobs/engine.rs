//! The engine as others see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::core::{Core, Limits, Outcome, Setup, refusal, without_tables};
use super::events::EventStream;
use super::leases::HeldLease;
use super::ledger::Ledger;
use super::options::{EngineOptions, QueueMode, StopHow, Tuning};
use super::outcome::Cut;
use super::runner::{Runner, SyncRunner};
use super::slots::Slot;
use super::{housekeeping, queue, scheduler};
use crate::model::command::{CONFIG_BUSY, LEASE_LOST, READ_ONLY, Refusal};
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobState};
use crate::model::status::{Instance, InstanceState};
use crate::store::StoreError;
use crate::store::leases::Resource;

/// Wait before the control database is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Takes jobs from the queue, runs them, and tells what happens.
pub struct Engine {
    core: Arc<Core>,
    started: AtomicBool,
}

impl Engine {
    /// An engine that does nothing yet.
    #[must_use]
    pub fn new(options: EngineOptions) -> Arc<Self> {
        let now = Utc::now();
        let setup = Setup {
            description: Instance {
                name: options.instance_name,
                id: options.instance,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                roles: options.roles,
                labels: options.labels,
                address: options.address,
                state: InstanceState::Alive,
                started_at: now,
                seen_at: now,
                jobs: Vec::new(),
            },
            limits: Limits {
                retry_attempts: options.retry_attempts,
                retry_delay: options.retry_delay,
                job_timeout: options.job_timeout,
                stop_timeout: options.stop_timeout,
                cleanup_age: options.cleanup_age,
                batch_size: options.batch_size,
                timezone: options.timezone,
                waits_for_source: options.waits_for_source,
            },
            max_concurrency: options.max_concurrency,
            lease_ttl: options.lease_ttl,
            hub: options.events,
            schedules: options.schedules,
        };
        let runner = SyncRunner {
            store: options.store.clone(),
            endpoints: options.endpoints,
            instance: options.instance,
            lease_ttl: options.lease_ttl,
            throttles: options.throttles,
        };
        Self::over(setup, Arc::new(options.store), Arc::new(runner))
    }

    /// An engine over any control database and any work.
    pub(super) fn over(
        setup: Setup,
        ledger: Arc<dyn Ledger>,
        runner: Arc<dyn Runner>,
    ) -> Arc<Self> {
        Arc::new(Self {
            core: Arc::new(Core::new(setup, ledger, runner)),
            started: AtomicBool::new(false),
        })
    }

    /// Begins to keep leases and the instance's sign of life, and to take jobs as `mode` says. Only
    /// the first call counts. Must be called within a runtime.
    pub fn start(&self, mode: QueueMode) {
        if self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        let core = &self.core;
        let (keeper, ended) = (core.keeper.clone(), core.ended.clone());
        core.helpers.spawn(async move { keeper.keep(ended).await });
        let (journal, ended) = (core.journal.clone(), core.ended.clone());
        core.helpers.spawn(async move { journal.keep(ended).await });
        core.helpers
            .spawn(housekeeping::heartbeat(Arc::clone(core)));
        core.helpers.spawn(housekeeping::clean(Arc::clone(core)));
        if core.schedules.is_some() {
            core.helpers.spawn(scheduler::schedule(Arc::clone(core)));
        }
        if mode != QueueMode::OnlyAsked {
            core.helpers.spawn(queue::take(Arc::clone(core), mode));
        }
    }

    /// Enters this process in the control database, once; gives its name there.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn enter(&self) -> Result<String, StoreError> {
        self.core.register().await?;
        Ok(self.core.name())
    }

    /// Puts other limits in force without a restart: jobs at once from the next job on, the local
    /// server's throttle at once, the rest for what begins from here on.
    pub fn tune(&self, tuning: Tuning) {
        let core = &self.core;
        core.set_limits(|limits| {
            limits.retry_attempts = tuning.retry_attempts;
            limits.retry_delay = tuning.retry_delay;
            limits.job_timeout = tuning.job_timeout;
            limits.stop_timeout = tuning.stop_timeout;
            limits.cleanup_age = tuning.cleanup_age;
            limits.batch_size = tuning.batch_size;
            limits.timezone = tuning.timezone;
        });
        core.slots.resize(tuning.max_concurrency);
        core.runner.throttle_local(tuning.throttle);
        core.wake.notify_one();
    }

    /// Whether the loops that take jobs and give signs of life came round within `limit`. A control
    /// database that is away is no reason for them not to.
    #[must_use]
    pub fn is_alive(&self, limit: Duration) -> bool {
        !self.started.load(Ordering::Acquire)
            || self.core.ended.is_cancelled()
            || self.core.pulse.is_within(limit)
    }

    /// Takes other labels, which decide which jobs may be run here; those that run go on.
    pub fn set_labels(&self, labels: &[String]) {
        if self.core.standing.set_labels(labels) {
            self.core.beat_now.notify_one();
            self.core.wake.notify_one();
        }
    }

    /// Whether jobs of configs that ask for these labels may be run here.
    #[must_use]
    pub fn carries(&self, wanted: &[String]) -> bool {
        self.core.standing.carries(wanted)
    }

    /// Tells watchers that a job goes on after a pause, and the queue to look at once.
    pub fn job_resumed(&self, job: &Job) {
        let what = What::JobResumed(Box::new(without_tables(job)));
        self.core.hub.send(job.id, &job.config, None, what);
        self.core.wake.notify_one();
    }

    /// Tells watchers of a job that was put in the queue, and the queue to look at once.
    pub fn job_created(&self, job: &Job) {
        let what = What::JobCreated(Box::new(without_tables(job)));
        self.core.hub.send(job.id, &job.config, None, what);
        self.core.created_here(job.id);
        self.core.wake.notify_one();
    }

    /// Claims a job, runs it here and waits for its end; waits for a free place before. A job that
    /// another process works on is waited for as long as a lease lasts: its process may be dead.
    /// One that was created by this process and taken by another is waited for until it ends.
    /// Where the control database goes away under a running job, or takes no writes, the job is taken
    /// up again when it does, after waits like those before any other retry. Starts the engine, if nobody did.
    ///
    /// # Errors
    /// When there is no such job, another living process holds it, or the control database is gone.
    pub async fn run_job(&self, id: JobId) -> Result<Job, Refusal> {
        self.start(QueueMode::OnlyAsked);
        let core = &self.core;
        core.register().await.map_err(|error| refusal(&error))?;
        let limits = core.limits();
        let mut backoff = Backoff::new(limits.retry_attempts, limits.retry_delay);
        let mut began = false;
        loop {
            let ended = self.run_once(id, &mut began).await;
            if let Ok(job) = &ended
                && job.state == JobState::Paused
            {
                match self.is_resumed(id).await? {
                    Some(job) => return Ok(job),
                    None => {
                        // A service may take it now: then its end is waited for.
                        core.created_here(id);
                        continue;
                    }
                }
            }
            if !began {
                return ended;
            }
            // From here on its end is waited for, whoever works on it.
            core.created_here(id);
            match &ended {
                Err(Refusal::Conflict {
                    code: LEASE_LOST,
                    message,
                }) => {
                    // Perhaps nobody took it over: then it is ours again once the lease is free.
                    tracing::warn!(target: "db_taxi::jobs", job = %id, "{message}");
                    if backoff.failed(false, rand::random()).is_none() {
                        return ended;
                    }
                }
                Err(Refusal::Conflict {
                    code: READ_ONLY, ..
                }) => {
                    tracing::warn!(
                        target: "db_taxi::jobs",
                        job = %id,
                        "the control database takes no writes; the job goes on when it does"
                    );
                    let Some(wait) = backoff.failed(false, rand::random()) else {
                        return ended;
                    };
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = core.stopping.cancelled() => return ended,
                    }
                }
                Err(Refusal::DatabaseUnavailable(_)) => {
                    tracing::warn!(
                        target: "db_taxi::jobs",
                        job = %id,
                        "the control database went away; the job goes on when it is back"
                    );
                    while !self.is_back(&mut backoff).await? {}
                }
                Ok(_) | Err(_) => return ended,
            }
        }
    }

    /// Waits until a paused job may go on; the job, when it need not be waited for any longer.
    async fn is_resumed(&self, id: JobId) -> Result<Option<Job>, Refusal> {
        let core = &self.core;
        let limits = core.limits();
        let mut backoff = Backoff::new(limits.retry_attempts, limits.retry_delay);
        loop {
            match core.ledger.job(id).await {
                Ok(Some(job)) if job.state == JobState::Paused => {
                    if core.stopping.is_cancelled() {
                        return Ok(Some(job));
                    }
                }
                Ok(Some(job)) if job.state.is_final() => return Ok(Some(job)),
                Ok(Some(_)) => return Ok(None),
                Ok(None) => return self.read(id).await.map(Some),
                Err(error) if error.is_unavailable() => while !self.is_back(&mut backoff).await? {},
                Err(error) => return Err(refusal(&error)),
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = core.stopping.cancelled() => {}
            }
        }
    }

    /// Waits once for the control database.
    async fn is_back(&self, backoff: &mut Backoff) -> Result<bool, Refusal> {
        let core = &self.core;
        let gone = || Refusal::DatabaseUnavailable("it did not come back in time".to_owned());
        let wait = backoff.failed(false, rand::random()).ok_or_else(gone)?;
        let until = Instant::now() + wait;
        while Instant::now() < until {
            tokio::select! {
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = core.stopping.cancelled() => return Err(gone()),
            }
            if core.ledger.list_instances().await.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn run_once(&self, id: JobId, began: &mut bool) -> Result<Job, Refusal> {
        let core = &self.core;
        if let Some(outcome) = core.outcome_of(id) {
            *began = true;
            return wait(outcome).await;
        }
        let claimed = tokio::select! {
            claimed = self.claim(id) => claimed?,
            () = core.stopping.cancelled() => return self.interrupted(id).await,
        };
        match claimed {
            Claimed::Ended(job) => Ok(*job),
            Claimed::Elsewhere(outcome) => wait(outcome).await,
            Claimed::Here(lease, slot) => match core.spawn(id, lease, slot) {
                Some(outcome) => {
                    *began = true;
                    wait(outcome).await
                }
                None => self.interrupted(id).await,
            },
        }
    }

    /// Every event from here on.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.core.hub.subscribe()
    }

    /// The jobs that are being worked on here, with their tables, as of the last second.
    #[must_use]
    pub fn active_jobs(&self) -> Vec<Job> {
        self.core.hub.active()
    }

    /// Whether a job is being worked on here.
    #[must_use]
    pub fn runs_here(&self, job: JobId) -> bool {
        self.core.runs_here(job)
    }

    /// Name of this process as it is entered in the control database.
    #[must_use]
    pub fn instance_name(&self) -> String {
        self.core.name()
    }

    /// How many leases this process holds, and how many it lost since it began.
    #[must_use]
    pub fn leases(&self) -> (u64, u64) {
        self.core.keeper.counts()
    }

    /// Whether the engine goes on: `false` when it has given no sign of life for far too long.
    #[must_use]
    pub fn is_beating(&self) -> bool {
        self.core.is_beating()
    }

    /// Stops a job that runs here: after its batch; asked again, at once. `false`: it is not here.
    pub fn stop_job(&self, id: JobId, how: StopHow) -> bool {
        self.core.stop_job(id, how.into())
    }

    /// Takes no more jobs, stops those that run after their batch, and at once after `timeout`.
    /// Called again while it waits, it stops them at once.
    pub async fn shutdown(&self, how: StopHow, timeout: Duration) {
        let core = &self.core;
        let first = core.close(how.into());
        core.jobs.close();
        if !first {
            core.stop_all_at_once();
        } else if tokio::time::timeout(timeout, core.jobs.wait())
            .await
            .is_err()
        {
            tracing::warn!(target: "db_taxi::jobs", "jobs did not end in time and are stopped at once");
            core.stop_all_at_once();
        }
        core.jobs.wait().await;
        core.ended.cancel();
        core.helpers.close();
        core.helpers.wait().await;
    }

    /// Takes no jobs for a while and hands those back that run: after their batch, and at once after
    /// `timeout`. For a process that is about to be stopped, which would keep locks and leases while
    /// it can do nothing. `false`: a job has not ended after as long again.
    pub async fn park(&self, timeout: Duration) -> bool {
        let core = &self.core;
        let ends = core.park();
        let all = async || {
            for mut end in ends.clone() {
                // An end that is never told is one, too.
                let _told = end.wait_for(Option::is_some).await.is_ok();
            }
        };
        if tokio::time::timeout(timeout, all()).await.is_ok() {
            return true;
        }
        tracing::warn!(target: "db_taxi::jobs", "jobs did not end in time and are stopped at once");
        core.stop_all_at_once();
        tokio::time::timeout(timeout, all()).await.is_ok()
    }

    /// Takes jobs again after [`Self::park`].
    pub fn unpark(&self) {
        self.core.unpark();
    }

    async fn claim(&self, id: JobId) -> Result<Claimed, Refusal> {
        let core = &self.core;
        let slot = core
            .slots
            .wait()
            .await
            .ok_or_else(|| Refusal::Internal("the engine is closed".to_owned()))?;
        let since = Instant::now();
        loop {
            if let Some(outcome) = core.outcome_of(id) {
                return Ok(Claimed::Elsewhere(outcome));
            }
            let claimed = core.keeper.claim(&Resource::Job(id)).await;
            if let Some(lease) = claimed.map_err(|error| refusal(&error))? {
                return Ok(Claimed::Here(lease, slot));
            }
            let job = self.read(id).await?;
            if job.state.is_final() || job.state == JobState::Paused {
                return Ok(Claimed::Ended(Box::new(job)));
            }
            if since.elapsed() > core.keeper.ttl() && !core.was_created_here(id) {
                let by = job.instance.as_deref().unwrap_or("another instance");
                return Err(Refusal::Conflict {
                    code: CONFIG_BUSY,
                    message: format!("job {id} of config {:?} is run by {by}", job.config),
                });
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// The end of a job that was not begun because the engine is being shut down.
    async fn interrupted(&self, id: JobId) -> Result<Job, Refusal> {
        let core = &self.core;
        if core.closing() == Some(Cut::Cancelled) {
            let (from, to) = (JobState::Pending, JobState::Cancelled);
            core.ledger
                .set_job_state(id, from, to, core.instance, None)
                .await
                .map_err(|error| refusal(&error))?;
        }
        self.read(id).await
    }

    async fn read(&self, id: JobId) -> Result<Job, Refusal> {
        let job = self.core.ledger.job(id).await;
        job.map_err(|error| refusal(&error))?
            .ok_or_else(|| Refusal::NotFound {
                kind: "job",
                name: id.to_string(),
            })
    }
}

enum Claimed {
    /// To be run.
    Here(HeldLease, Slot),
    /// The queue of this process took it meanwhile.
    Elsewhere(watch::Receiver<Outcome>),
    /// There is nothing left to do.
    Ended(Box<Job>),
}

async fn wait(mut outcome: watch::Receiver<Outcome>) -> Result<Job, Refusal> {
    let ended = outcome.wait_for(Option::is_some).await;
    match ended.map(|outcome| outcome.clone()) {
        Ok(Some(result)) => result,
        Ok(None) | Err(_) => Err(Refusal::Internal(
            "the job's task ended without a word".to_owned(),
        )),
    }
}
