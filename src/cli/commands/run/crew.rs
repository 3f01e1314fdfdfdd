//! The jobs of one command while they run here.
//!
//! A first signal ends them after the batch in hand, a second one at once, a third one does not wait
//! for that either.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::others::Told;
use crate::cli::commands::Context;
use crate::cli::exit::Signal;
use crate::cli::failure::Failure;
use crate::cli::progress::Board;
use crate::jobs::{Engine, StopHow};
use crate::model::command::{CONFIG_BUSY, Refusal};
use crate::model::config::Config;
use crate::model::event::Event;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobFilter, JobKind, JobState};

/// How often a job that another process runs is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a job may end between being found and being taken up.
const TRIES: u32 = 3;

/// A job on its way.
struct Slot {
    id: JobId,
    /// Ends the wait for a job that does not run here.
    abandon: CancellationToken,
}

/// The jobs of one command.
pub struct Crew<'a> {
    context: &'a Context<'a>,
    engine: &'a Engine,
    asked: Asked,
    slots: RefCell<Vec<Slot>>,
    board: RefCell<Board>,
    stopped: Cell<Option<Signal>>,
    /// Whoever read the events is gone.
    unread: Cell<bool>,
    told: Told,
}

/// A job to be run, and whether this command made it.
struct Claimable {
    job: Job,
    ours: bool,
}

/// How one try to run a config's job ended.
enum Outcome {
    /// With this to tell, if anything.
    Told(Option<Box<Job>>),
    /// The job that was to be taken up was ended by whoever had it.
    EndedMeanwhile,
}

impl Outcome {
    fn told(job: Option<Job>) -> Self {
        Self::Told(job.map(Box::new))
    }
}

impl<'a> Crew<'a> {
    /// A crew without a job yet.
    pub fn new(context: &'a Context<'a>, engine: &'a Engine, asked: Asked, board: Board) -> Self {
        Self {
            context,
            engine,
            asked,
            slots: RefCell::new(Vec::new()),
            board: RefCell::new(board),
            stopped: Cell::new(None),
            unread: Cell::new(false),
            told: Told::default(),
        }
    }

    /// The first signal that came.
    pub fn stopped(&self) -> Option<Signal> {
        self.stopped.get()
    }

    /// Whether events go to stdout.
    pub fn tells_events(&self) -> bool {
        self.asked.events
    }

    /// Shows what happened here.
    pub fn event(&self, event: &Event) {
        self.show(&self.told.here(event));
    }

    fn show(&self, event: &Event) {
        self.board.borrow_mut().event(event);
        if self.asked.events
            && !self.unread.get()
            && let Ok(line) = serde_json::to_string(event)
        {
            // Nobody reads them any more: the jobs go on.
            let told = crate::cli::output::raw(&format!("{line}\n"));
            self.unread.set(told.is_err());
        }
    }

    /// Takes the screen back before results are written.
    pub fn clear(&self) {
        self.board.borrow_mut().clear();
    }

    /// Passes a signal on to the jobs.
    pub fn signal(&self, signal: Signal, count: u32) {
        let first = self.stopped.get().unwrap_or(signal);
        self.stopped.set(Some(first));
        let how = match first {
            Signal::Interrupt => StopHow::Cancel,
            Signal::Terminate | Signal::Hangup => StopHow::Release,
        };
        self.note(match count {
            1 => "stops after the batch in hand; once more to stop at once",
            2 => "stops at once",
            _ => "does not wait any longer",
        });
        for slot in self.slots.borrow().iter() {
            if !self.engine.stop_job(slot.id, how) {
                slot.abandon.cancel();
            }
        }
    }

    /// Runs one config's job to its end; `None` when there is nothing to tell of.
    pub async fn one(&self, config: &Config) -> Result<Option<Job>, Failure> {
        if self.stopped.get().is_some() {
            return Ok(None);
        }
        self.refuse_elsewhere(config)?;
        for _ in 0..TRIES {
            match self.try_one(config).await? {
                Outcome::Told(job) => return Ok(job.map(|job| *job)),
                Outcome::EndedMeanwhile => {}
            }
        }
        Err(Failure::refused(
            CONFIG_BUSY,
            format!(
                "{}: others begin and end jobs of it all the time",
                config.spec.name
            ),
        ))
    }

    /// Refuses a config that asks for labels which this machine's settings do not have.
    fn refuse_elsewhere(&self, config: &Config) -> Result<(), Failure> {
        let wanted = &config.spec.labels;
        if self.engine.carries(wanted) {
            return Ok(());
        }
        let name = &config.spec.name;
        Err(Failure::refused(
            "labels_missing",
            format!(
                "{name} runs only on instances with the labels {}, which this one does not carry",
                wanted.join(", ")
            ),
        )
        .hint(format!(
            "queue it for a service that does with `db-taxi jobs start {name}`, or add them to \
             instance.labels here"
        )))
    }

    async fn try_one(&self, config: &Config) -> Result<Outcome, Failure> {
        let name = &config.spec.name;
        let Claimable { job, ours } = match self.claimable(config).await {
            Ok(claimable) => claimable,
            Err(failure) if failure.code == CONFIG_BUSY && self.asked.skip_if_running => {
                return Ok(self.skipped(name, &failure.message));
            }
            Err(failure) => return Err(failure),
        };
        let jobs = &self.context.services.jobs;
        match self.here(job.id).await {
            // Whoever held it ended it a moment ago.
            Some(Ok(job)) if !ours && job.state.is_final() && !self.was_here(&job) => {
                if self.asked.skip_if_running {
                    return Ok(self.skipped(name, "it was being run until a moment ago"));
                }
                Ok(Outcome::EndedMeanwhile)
            }
            // With its tables, as the control database has them.
            Some(Ok(job)) => {
                let job = jobs.get(&job.id.to_string()).await.unwrap_or(job);
                if !self.was_here(&job) {
                    for event in self.told.ended_elsewhere(&job) {
                        self.show(&event);
                    }
                }
                Ok(Outcome::told(Some(job)))
            }
            Some(Err(Refusal::Conflict {
                code: CONFIG_BUSY,
                message,
            })) if self.asked.skip_if_running => Ok(self.skipped(name, &message)),
            Some(Err(
                refusal @ Refusal::Conflict {
                    code: CONFIG_BUSY, ..
                },
            )) => Err(Failure::from(refusal).hint(format!(
                "wait for its end, or stop it with `db-taxi jobs stop {}`",
                job.id
            ))),
            Some(Err(refusal @ Refusal::Conflict { .. })) => {
                // Ended by somebody else between two looks.
                match jobs.get(&job.id.to_string()).await {
                    Ok(job) if job.state.is_final() => Ok(Outcome::told(Some(job))),
                    Ok(_) | Err(_) => Err(refusal.into()),
                }
            }
            Some(Err(refusal)) => Err(refusal.into()),
            None => {
                // It never ran here. What was queued a moment ago must not run elsewhere later.
                if ours && self.stopped.get() == Some(Signal::Interrupt) {
                    jobs.stop(job.id).await?;
                }
                Ok(Outcome::told(None))
            }
        }
    }

    fn was_here(&self, job: &Job) -> bool {
        job.instance.as_ref() == Some(&self.engine.instance_name())
    }

    fn skipped(&self, config: &str, why: &str) -> Outcome {
        self.note(&format!("{config}: skipped: {why}"));
        Outcome::told(None)
    }

    /// Runs a job here; `None` when a signal came before it began.
    async fn here(&self, id: JobId) -> Option<Result<Job, Refusal>> {
        let work = async {
            tokio::select! {
                biased;
                done = self.engine.run_job(id) => done,
                never = self.look_on(id) => match never {},
            }
        };
        self.or_abandoned(id, work).await
    }

    /// Awaits `work` on a job unless a signal comes while the job does not run here.
    async fn or_abandoned<T>(&self, id: JobId, work: impl Future<Output = T>) -> Option<T> {
        if self.stopped.get().is_some() {
            return None;
        }
        let abandon = CancellationToken::new();
        self.slots.borrow_mut().push(Slot {
            id,
            abandon: abandon.clone(),
        });
        let done = tokio::select! {
            biased;
            () = abandon.cancelled() => None,
            done = work => Some(done),
        };
        self.slots.borrow_mut().retain(|slot| slot.id != id);
        done
    }

    /// Shows a job while another process works on it.
    async fn look_on(&self, id: JobId) -> Infallible {
        let mut ticks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ours = self.engine.instance_name();
        let mut noted = false;
        loop {
            ticks.tick().await;
            if self.engine.runs_here(id) {
                continue;
            }
            // Whoever runs it bears with an absent control database, and so does who looks on.
            let Ok(job) = self.context.services.jobs.get(&id.to_string()).await else {
                continue;
            };
            let by = job.instance.as_ref().filter(|by| **by != ours);
            let (Some(by), JobState::Running) = (by, job.state) else {
                continue;
            };
            if !noted {
                noted = true;
                self.note(&format!(
                    "{}: {by} works on the job {id}; waiting for its end",
                    job.config
                ));
            }
            for event in self.told.elsewhere(&job) {
                self.show(&event);
            }
        }
    }

    /// A new job, or the config's unfinished one, which is taken up if nobody living holds it.
    async fn claimable(&self, config: &Config) -> Result<Claimable, Failure> {
        let jobs = &self.context.services.jobs;
        let id = config.id.to_string();
        let mut last = None;
        // A job that ends between the two questions makes room for a new one.
        for _ in 0..3 {
            match jobs.start(&id, self.asked.request.clone()).await {
                Ok(job) => return Ok(Claimable { job, ours: true }),
                Err(
                    refusal @ Refusal::Conflict {
                        code: CONFIG_BUSY, ..
                    },
                ) => last = Some(refusal),
                Err(refusal) => return Err(refusal.into()),
            }
            let filter = JobFilter {
                config_id: Some(config.id),
                ..JobFilter::default()
            };
            let found = jobs.list(&filter).await?;
            let Some(active) = found.into_iter().find(|job| !job.state.is_final()) else {
                continue;
            };
            if active.state == JobState::Paused {
                let message = format!("{}: the job {} is paused", active.config, active.id);
                return Err(Failure::refused(CONFIG_BUSY, message).hint(format!(
                    "let it go on with `db-taxi jobs resume {id}`, or end it with `db-taxi jobs stop {id}`",
                    id = active.id
                )));
            }
            let asked = &self.asked.request;
            // An undo belongs to one job: that of another is not what is asked for.
            let same = active.kind == asked.kind
                && (active.kind != JobKind::Undo
                    || jobs.undo_of(active.id).await? == asked.undo_of);
            if same {
                if active.state == JobState::Pending {
                    self.note_taken_up(&active);
                }
                return Ok(Claimable {
                    job: active,
                    ours: false,
                });
            }
            self.make_way(&active).await?;
        }
        Err(last.map_or_else(
            || Failure::refused(CONFIG_BUSY, format!("{}: busy", config.spec.name)),
            Failure::from,
        ))
    }

    /// A job of another kind is in the way. A comparison that waits is dropped for a sync, one whose
    /// process died is finished; a sync is never begun by who asks for a comparison.
    async fn make_way(&self, active: &Job) -> Result<(), Failure> {
        let id = active.id;
        let jobs = &self.context.services.jobs;
        let made = match (active.kind, active.state) {
            (JobKind::Verify, JobState::Pending) => jobs.stop(id).await.map(|_| true),
            (JobKind::Verify | JobKind::Undo, _) => match self.here(id).await {
                Some(Ok(_)) => Ok(true),
                Some(Err(Refusal::Conflict { .. })) | None => Ok(false),
                Some(Err(refusal)) => Err(refusal),
            },
            (JobKind::Sync | JobKind::Repair, _) => Ok(false),
        }?;
        if made {
            return Ok(());
        }
        Err(Failure::refused(
            CONFIG_BUSY,
            format!(
                "{}: the {} job {id} is {}",
                active.config,
                active.kind.as_str(),
                active.state.as_str()
            ),
        )
        .hint(format!(
            "wait for its end, or stop it with `db-taxi jobs stop {id}`; a sync that was \
             interrupted is finished by `db-taxi run`"
        )))
    }

    fn note_taken_up(&self, job: &Job) {
        let request = &self.asked.request;
        self.note(&format!("{}: takes up the job {}", job.config, job.id));
        let more = (request.full && !job.full) || (request.fresh && !job.fresh);
        if more || !request.tables.is_empty() {
            self.note(&format!(
                "{}: --full, --fresh and --table don't change a job that was begun; run again when \
                 it has ended",
                job.config
            ));
        }
    }

    fn note(&self, text: &str) {
        self.board.borrow().note(text);
    }
}
