//! How a job that this engine has claimed is begun, worked on and told of, in a task of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::watch;

use super::board::Board;
use super::core::{ActiveJob, Core, Outcome, refusal, without_tables};
use super::leases::HeldLease;
use super::live::Live;
use super::notes::{Notes, persist};
use super::run;
use super::runner::Order;
use super::shared::Shared;
use super::slots::Slot;
use super::spans;
use super::stop::Stop;
use crate::model::command::{LEASE_LOST, Refusal};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobState, JobWish};
use crate::model::log::Level;
use crate::store::StoreError;

impl Core {
    /// Works on a claimed job in a task of its own; `None` when the engine takes no jobs (any more).
    pub fn spawn(
        self: &Arc<Self>,
        id: JobId,
        lease: HeldLease,
        slot: Slot,
    ) -> Option<watch::Receiver<Outcome>> {
        let (sender, outcome) = watch::channel(None);
        let stop = Arc::new(Stop::default());
        {
            let mut active = self.active();
            if active.closing.is_some() || active.parked {
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
            span: spans::of_job(&job),
            board: Board::new(job),
        });
        self.tell_start(&shared).await;
        let ending = run::run(&shared, order, lease).await;
        let ended = run::end(&shared, ending, lease).await;
        spans::end_job(&shared.span, ended.as_ref());
        match ended {
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
        let limits = self.limits();
        Ok(Order {
            job: job.id,
            config: config.ok_or_else(|| gone("config", &job.config))?,
            connection: connection.ok_or_else(|| gone("connection", &job.connection))?,
            password: ledger.connection_password(job.connection_id).await?,
            request: ledger.job_request(job.id).await?,
            batch_size: limits.batch_size,
            timezone: limits.timezone,
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

    /// Why a job could not be ended here.
    async fn why_lost(&self, id: JobId) -> Refusal {
        let answer = tokio::time::timeout(Duration::from_secs(3), self.ledger.job(id)).await;
        match answer {
            Ok(Ok(_)) => Refusal::Conflict {
                code: LEASE_LOST,
                message: format!("the lease of job {id} was lost: whoever holds it goes on"),
            },
            Ok(Err(error)) if !error.is_unavailable() => Refusal::Internal(error.to_string()),
            Ok(Err(error)) => refusal(&error),
            Err(_) => Refusal::DatabaseUnavailable("it does not answer".to_owned()),
        }
    }
}

enum Begun {
    Running(Box<Job>),
    Ended(Box<Job>),
}
