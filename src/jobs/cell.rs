//! One table of a running job: its state, its counters, and what they show.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;

use super::gauge::{Forecast, Gauge, majority};
use super::notes::{Note, Notes, OfTable};
use crate::model::error::ErrorInfo;
use crate::model::event::What;
use crate::model::ids::TableRunId;
use crate::model::progress::Counts;
use crate::model::table_run::{Phase, TableRun, TableState, Timing, Verified};
use crate::sync::{TableMeter, TableTask};

/// One table of a running job.
pub struct Cell {
    /// What is to be done.
    pub task: TableTask,
    /// What the work counts.
    pub meter: Arc<TableMeter>,
    state: Mutex<State>,
}

struct State {
    run: TableRun,
    /// What earlier runs of the same job did.
    before: Counts,
    time_before: Timing,
    gauge: Gauge,
    /// Told as started by this run.
    started: bool,
}

impl Cell {
    /// The table of `task`; goes on from what an earlier run of the same job stored.
    #[must_use]
    pub fn new(task: TableTask, stored: Option<TableRun>) -> Self {
        let mut run =
            stored.unwrap_or_else(|| TableRun::new(&task.source_table, &task.target_table));
        if !is_final(run.state) || run.state == TableState::Cancelled {
            run.state = TableState::Pending;
            run.phase = Phase::Plan;
            run.error = None;
            run.finished_at = None;
        }
        run.sync_mode = task.plan.sync_mode;
        run.strategy.clone_from(&task.plan.strategy);
        run.full_strategy.clone_from(&task.plan.full_strategy);
        run.writer.clone_from(&task.plan.writer);
        let meter = Arc::new(TableMeter::default());
        TableMeter::set(&meter.rows_total, task.plan.rows_estimate);
        TableMeter::set(&meter.chunks_total, task.plan.chunks);
        Self {
            meter,
            state: Mutex::new(State {
                before: run.counts,
                time_before: run.timing,
                run,
                gauge: Gauge::default(),
                started: false,
            }),
            task,
        }
    }

    /// Id of the table run.
    #[must_use]
    pub fn id(&self) -> TableRunId {
        self.lock().run.id
    }

    /// A number that changes while its work moves.
    #[must_use]
    pub fn activity(&self) -> f64 {
        let meter = &self.meter;
        let time = meter.timing();
        let counted = [&meter.rows_done, &meter.bytes_done, &meter.chunks_done];
        let counted: u64 = counted.into_iter().map(TableMeter::get).sum();
        #[expect(clippy::cast_precision_loss, reason = "only changes count")]
        let counted = counted as f64;
        counted + time.source + time.target + time.client + time.lock + time.ddl
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        is_final(self.lock().run.state)
    }

    /// As it is now.
    #[must_use]
    pub fn snapshot(&self) -> TableRun {
        let mut state = self.lock();
        self.refresh(&mut state);
        state.run.clone()
    }

    /// Brings rates and times left up to date; gives the run when it is being worked on.
    pub fn sample(&self, elapsed: Duration) -> Option<TableRun> {
        let mut state = self.lock();
        if state.run.state != TableState::Running {
            return None;
        }
        self.refresh(&mut state);
        let State { run, gauge, .. } = &mut *state;
        let expected = self.task.expected.map(|by| Forecast {
            all: by.seconds,
            after_rows: by.after_rows,
        });
        gauge.sample(&mut run.progress, &run.timing, elapsed, expected);
        Some(run.clone())
    }

    /// Notes the present state without telling anybody.
    pub fn save(&self, notes: &Notes) {
        self.change(notes, None, |_| {});
    }

    /// A try begins.
    pub fn begin_attempt(&self) {
        self.lock().run.attempt += 1;
    }

    /// The work does something.
    pub fn enter(&self, notes: &Notes, phase: Phase) {
        let mut state = self.lock();
        if is_final(state.run.state) {
            return;
        }
        let resumed = state.run.state != TableState::Running;
        if !resumed && state.run.phase == phase {
            return;
        }
        state.run.state = TableState::Running;
        state.run.phase = phase;
        state.run.error = None;
        state.run.started_at.get_or_insert_with(Utc::now);
        let what: OfTable = if std::mem::replace(&mut state.started, true) {
            What::TablePhaseChanged
        } else {
            What::TableStarted
        };
        self.note(&mut state, notes, Some(what));
    }

    /// It will be tried again.
    pub fn retrying(&self, notes: &Notes, error: &ErrorInfo) {
        self.change(notes, None, |run| {
            run.state = TableState::Retrying;
            run.error = Some(error.clone());
        });
    }

    /// One more try was needed.
    pub fn count_retry(&self) {
        self.lock().before.retries += 1;
    }

    /// It ended well.
    pub fn complete(&self, notes: &Notes, verified: Verified) {
        self.end(notes, Some(What::TableFinished), |run| {
            run.state = TableState::Completed;
            run.phase = Phase::Done;
            run.error = None;
            run.verified = verified;
            run.progress.percent = 100.0;
            run.progress.rows_total = run.progress.rows_done;
            run.progress.chunks_total = run.progress.chunks_done;
        });
    }

    /// It ended badly.
    pub fn fail(&self, notes: &Notes, error: ErrorInfo) {
        self.end(notes, Some(What::TableFailed), |run| {
            run.state = TableState::Failed;
            run.error = Some(error);
        });
    }

    /// It was stopped with its job.
    pub fn cancel(&self, notes: &Notes) {
        self.end(notes, None, |run| run.state = TableState::Cancelled);
    }

    /// It goes back to the queue with its job.
    pub fn hand_back(&self, notes: &Notes) {
        self.end(notes, None, |run| {
            run.state = TableState::Pending;
            run.finished_at = None;
        });
    }

    /// The stored run of a table that the job has no work for any more: skipped, unless it ended.
    pub fn leave_out(notes: &Notes, run: &mut TableRun) {
        if is_final(run.state) {
            return;
        }
        run.state = TableState::Skipped;
        run.finished_at = Some(Utc::now());
        notes.push(Note::Table {
            run: Box::new(run.clone()),
            what: Some(What::TableSkipped),
        });
    }

    /// How the work goes about it.
    pub fn set_strategy(&self, full_strategy: &str, writer: &str) {
        let mut state = self.lock();
        state.run.full_strategy = Some(full_strategy.to_owned());
        state.run.writer = Some(writer.to_owned());
    }

    fn end(&self, notes: &Notes, what: Option<OfTable>, f: impl FnOnce(&mut TableRun)) {
        self.change(notes, what, |run| {
            run.finished_at = Some(Utc::now());
            average(run);
            f(run);
        });
    }

    fn change(&self, notes: &Notes, what: Option<OfTable>, f: impl FnOnce(&mut TableRun)) {
        let mut state = self.lock();
        self.refresh(&mut state);
        f(&mut state.run);
        self.note(&mut state, notes, what);
    }

    /// Under the lock, so that notes are in the order of what happened.
    fn note(&self, state: &mut State, notes: &Notes, what: Option<OfTable>) {
        self.refresh(state);
        notes.push(Note::Table {
            run: Box::new(state.run.clone()),
            what,
        });
    }

    /// Takes the counters over, while they may still move.
    fn refresh(&self, state: &mut State) {
        let run = &mut state.run;
        if is_final(run.state) {
            return;
        }
        let meter = &self.meter;
        let progress = &mut run.progress;
        progress.rows_done = TableMeter::get(&meter.rows_done);
        progress.rows_total = TableMeter::get(&meter.rows_total);
        progress.bytes_done = TableMeter::get(&meter.bytes_done);
        progress.chunks_done = TableMeter::get(&meter.chunks_done);
        progress.chunks_total = TableMeter::get(&meter.chunks_total);
        progress.workers = meter.workers.load(std::sync::atomic::Ordering::Relaxed);
        progress.checkpoint_age_seconds = meter
            .checkpoint_age()
            .map(|age| (age.as_secs_f64() * 10.0).round() / 10.0);
        progress.throttled = meter.throttled();
        run.counts = state.before;
        run.counts.add(&meter.counts());
        run.timing = sum(&state.time_before, &meter.timing());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a table run's state does not change any more within its job.
fn is_final(state: TableState) -> bool {
    matches!(
        state,
        TableState::Completed | TableState::Failed | TableState::Skipped | TableState::Cancelled
    )
}

/// What an ended table shows: rates over its whole time, and nothing of the moment.
fn average(run: &mut TableRun) {
    let seconds = run
        .started_at
        .zip(run.finished_at)
        .and_then(|(from, to)| (to - from).to_std().ok())
        .map_or(0.0, |time| time.as_secs_f64());
    let progress = &mut run.progress;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = |total: u64| {
        if seconds > 0.0 {
            (total as f64 / seconds).round()
        } else {
            0.0
        }
    };
    progress.rows_per_second = rate(progress.rows_done);
    progress.bytes_per_second = rate(progress.bytes_done);
    progress.eta_seconds = None;
    progress.workers = 0;
    progress.throttled = None;
    progress.checkpoint_age_seconds = None;
    progress.bottleneck = majority(&run.timing).map(str::to_owned);
}

/// Adds up worker time.
#[must_use]
pub fn sum(a: &Timing, b: &Timing) -> Timing {
    Timing {
        source: a.source + b.source,
        network: a.network + b.network,
        target: a.target + b.target,
        client: a.client + b.client,
        lock: a.lock + b.lock,
        throttle: a.throttle + b.throttle,
        ddl: a.ddl + b.ddl,
    }
}
