//! One job from its claim to its end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::cell::{Cell, sum};
use super::core::{Core, without_tables};
use super::gauge::majority;
use super::leases::HeldLease;
use super::notes::{Delivery, Note, persist};
use super::outcome::{Cut, Ending, ending, timeout_error};
use super::reporter;
use super::runner::{Order, Prepared, Work};
use super::shared::Shared;
use super::table::{self, TableEnd};
use crate::model::config::Consistency;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobKind, JobState};
use crate::model::log::Level;
use crate::model::table_run::{TableRun, Timing};
use crate::mysql::ErrorClass;
use crate::store::StoreError;
use crate::sync::{SyncError, TableTask};

/// From the end by force to giving the workers up.
const HARD: Duration = Duration::from_secs(5);
/// A batch in hand that does not move for so long is not waited for.
const STUCK: Duration = Duration::from_secs(5);
/// Between two looks at what a job has done.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For the end of snapshots and sessions.
const FINISH: Duration = Duration::from_secs(20);

/// Runs a job that is in state `running` under `lease`; gives how it is to end.
pub async fn run(shared: &Arc<Shared>, order: Order, lease: &HeldLease) -> Ending {
    let done = CancellationToken::new();
    let give_up = CancellationToken::new();
    let work = async {
        let end = work(shared, order, &give_up).await;
        shared.notes.close();
        done.cancel();
        end
    };
    let delivery = Delivery {
        job: shared.id,
        config: &shared.config.spec.name,
        by: shared.core.instance,
        ledger: &*shared.core.ledger,
        hub: &shared.core.hub,
    };
    let (end, (), (), ()) = tokio::join!(
        work,
        guard(shared, lease, &give_up, &done),
        reporter::report(shared, done.clone()),
        shared.notes.deliver(&delivery, lease.lost()),
    );
    end
}

/// Ends the job when its lease is lost, its time is up, or a wish to stop is not obeyed.
async fn guard(
    shared: &Shared,
    lease: &HeldLease,
    give_up: &CancellationToken,
    done: &CancellationToken,
) {
    let limit = shared
        .config
        .spec
        .options
        .job_timeout
        .unwrap_or(shared.core.limits().job_timeout);
    let stop = &shared.stop;
    let lost = async {
        lease.lost().cancelled().await;
        stop.ask(Cut::Lost);
        stop.at_once();
    };
    let force = async {
        tokio::select! {
            () = stop.signal.soft.cancelled() => {}
            () = time_is_up(shared, limit) => stop.ask(Cut::TimedOut),
        }
        tokio::select! {
            () = stop.signal.hard.cancelled() => {}
            () = out_of_patience(shared) => {
                shared.log(None, Level::Warn, "the batch in hand did not end in time; it is rolled back");
                stop.at_once();
            }
        }
        tokio::time::sleep(HARD).await;
        give_up.cancel();
        std::future::pending::<()>().await;
    };
    let both = async {
        tokio::join!(lost, force);
    };
    tokio::select! {
        () = done.cancelled() => {}
        () = both => {}
    }
}

/// Returns when the job has run for as long as it may; what it ran before a pause counts.
async fn time_is_up(shared: &Shared, limit: Duration) {
    loop {
        let ran = shared.board.tick();
        if !limit.is_zero() && ran >= limit {
            return;
        }
        let left = limit.checked_sub(ran).filter(|left| !left.is_zero());
        tokio::time::sleep(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)).await;
    }
}

/// Returns when the batch in hand has had its time, or does not move any more.
async fn out_of_patience(shared: &Shared) {
    let limit = shared.core.limits().stop_timeout;
    let asked = Instant::now();
    let mut moved = (asked, shared.board.activity());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let activity = shared.board.activity();
        if activity != moved.1 {
            moved = (Instant::now(), activity);
        }
        let late = !limit.is_zero() && asked.elapsed() >= limit;
        if late || moved.0.elapsed() >= STUCK {
            return;
        }
    }
}

async fn work(shared: &Arc<Shared>, order: Order, give_up: &CancellationToken) -> Ending {
    let prepared = match prepare(shared, order, give_up).await {
        Ok(prepared) => prepared,
        Err(TableEnd::Failed(error)) if shared.stop.cut() != Some(Cut::Lost) => {
            shared.log(None, Level::Error, &error.to_string());
            return Ending::State(JobState::Failed, Some(*error));
        }
        Err(_) => return ending(shared.stop.cut(), &[]),
    };
    let cells = enter_tables(shared, prepared.tasks).await;
    let meters = cells.iter().map(|cell| Arc::clone(&cell.meter));
    let _counted = shared.core.hub.tally().watch(&shared.board.job(), meters);
    for warning in prepared.warnings {
        warn(shared, "server", warning, None);
    }
    warn_of_earlier_tables(shared, &cells);
    work_on_tables(shared, &prepared.work, &cells, give_up).await;
    let finish = AssertUnwindSafe(prepared.work.finish()).catch_unwind();
    let finished = tokio::select! {
        result = tokio::time::timeout(FINISH, finish) => matches!(result, Ok(Ok(()))),
        () = give_up.cancelled() => false,
    };
    if !finished {
        shared.log(
            None,
            Level::Warn,
            "sessions of the job did not end in order",
        );
    }
    shared.notes.settled().await;
    ending(shared.stop.cut(), &shared.board.job().tables)
}

/// Connects and plans, again after failures that may pass.
async fn prepare(
    shared: &Shared,
    order: Order,
    give_up: &CancellationToken,
) -> Result<Prepared, TableEnd> {
    let core = &shared.core;
    let limits = core.limits();
    let mut backoff = Backoff::new(limits.retry_attempts, limits.retry_delay);
    loop {
        let prepare = core.runner.prepare(
            order.clone(),
            shared.stop.signal.clone(),
            shared.live.watch(),
        );
        // It only reads: nothing is lost when it is dropped half way.
        let result = tokio::select! {
            biased;
            () = shared.stop.signal.soft.cancelled() => return Err(TableEnd::Stopped),
            () = give_up.cancelled() => return Err(TableEnd::Stopped),
            result = AssertUnwindSafe(prepare).catch_unwind() => result,
        };
        let failure = match result {
            Ok(Ok(prepared)) => {
                core.source_reached(shared.id);
                return Ok(prepared);
            }
            Ok(Err(SyncError::Failed(failure))) => *failure,
            Ok(Err(SyncError::Stopped)) => return Err(TableEnd::Stopped),
            Err(_panic) => return Err(panic_error().into()),
        };
        let unreached = failure.info.code == ErrorCode::Unreachable
            && !failure.answered
            && !core.waits_for_source(shared.id);
        if failure.class == ErrorClass::Stop || unreached {
            return Err(failure.info.into());
        }
        if shared.stop.is_asked() {
            return Err(TableEnd::Stopped);
        }
        let Some(wait) = backoff.failed(false, rand::random()) else {
            return Err(failure.info.into());
        };
        shared.retry(None, &failure.info, wait);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stop.signal.soft.cancelled() => return Err(TableEnd::Stopped),
        }
    }
}

/// Stores the table runs before any of them is worked on; those of an earlier run of the same job
/// keep their ids.
async fn enter_tables(shared: &Shared, tasks: Vec<TableTask>) -> Vec<Arc<Cell>> {
    let mut stored: HashMap<String, TableRun> = shared
        .board
        .job()
        .tables
        .into_iter()
        .map(|run| (run.target_table.clone(), run))
        .collect();
    let cells: Vec<Arc<Cell>> = tasks
        .into_iter()
        .map(|task| {
            let run = stored.remove(&task.target_table);
            Arc::new(Cell::new(task, run))
        })
        .collect();
    let mut others: Vec<TableRun> = stored.into_values().collect();
    others.sort_by_key(|run| run.id);
    for run in &mut others {
        Cell::leave_out(&shared.notes, run);
    }
    let workers = shared.config.spec.options.max_concurrency;
    shared.board.set_tables(cells.clone(), others, workers);
    for cell in &cells {
        cell.save(&shared.notes);
    }
    shared.notes.settled().await;
    cells
}

/// A job that was taken up again has a later snapshot than the tables it completed before.
fn warn_of_earlier_tables(shared: &Shared, cells: &[Arc<Cell>]) {
    let (done, left): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cell.is_final());
    let asked = shared.config.spec.options.consistency == Consistency::Snapshot;
    if !asked || shared.kind != JobKind::Sync || done.is_empty() || left.is_empty() {
        return;
    }
    let message =
        "tables that were completed before the job was interrupted are of an earlier point in time";
    let hint = "run again for one point in time";
    warn(
        shared,
        "not_one_point_in_time",
        message.to_owned(),
        Some(hint),
    );
}

/// Something to know of the job as a whole.
fn warn(shared: &Shared, code: &str, message: String, hint: Option<&str>) {
    let line = match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.clone(),
    };
    shared.log(None, Level::Warn, &line);
    shared.board.count_warning();
    shared.notes.push(Note::Told {
        table: None,
        what: What::Warning {
            code: code.to_owned(),
            message,
            hint: hint.map(str::to_owned),
        },
    });
}

/// Works on all tables at the same time: how many move rows is decided by the work itself.
async fn work_on_tables(
    shared: &Arc<Shared>,
    work: &Arc<dyn Work>,
    cells: &[Arc<Cell>],
    give_up: &CancellationToken,
) {
    let mut running = JoinSet::new();
    let mut cell_of = HashMap::new();
    for cell in cells {
        if cell.is_final() {
            work.gave_up(&cell.task);
            continue;
        }
        let task = table::work(Arc::clone(shared), Arc::clone(work), Arc::clone(cell));
        let handle = running.spawn(task);
        cell_of.insert(handle.id(), Arc::clone(cell));
    }
    loop {
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            () = give_up.cancelled(), if !running.is_empty() => {
                running.abort_all();
                running.join_next_with_id().await
            }
        };
        let (id, end) = match joined {
            None => return,
            Some(Ok((id, end))) => (id, end),
            Some(Err(error)) if error.is_cancelled() => (error.id(), TableEnd::Stopped),
            Some(Err(error)) => (error.id(), panic_error().into()),
        };
        if let Some(cell) = cell_of.remove(&id) {
            close(shared, &**work, &cell, end);
        }
    }
}

fn close(shared: &Shared, work: &dyn Work, cell: &Cell, end: TableEnd) {
    let table = Some(cell.task.target_table.as_str());
    let fail = |error: ErrorInfo| {
        let error = error.table(cell.task.target_table.clone());
        shared.log(table, Level::Error, &error.to_string());
        cell.fail(&shared.notes, error);
    };
    match end {
        TableEnd::Completed(verified) => {
            cell.complete(&shared.notes, verified);
            shared.log(table, Level::Info, "completed");
            return;
        }
        TableEnd::Failed(error) => fail(*error),
        TableEnd::Stopped => match shared.stop.cut() {
            Some(Cut::Cancelled) => cell.cancel(&shared.notes),
            Some(Cut::TimedOut) => fail(timeout_error()),
            Some(Cut::Released | Cut::Paused | Cut::Lost) | None => cell.hand_back(&shared.notes),
        },
    }
    work.gave_up(&cell.task);
}

fn panic_error() -> ErrorInfo {
    ErrorInfo::new(
        ErrorCode::Panic,
        "a worker failed because of a fault in this program; its log says where",
    )
    .hint("please report it with that part of the log")
}

/// Writes the end of a job and tells it; gives the job as it ended. `None`: the lease was lost
/// meanwhile, and nothing was written.
pub async fn end(shared: &Shared, end: Ending, lease: &HeldLease) -> Option<Job> {
    let core = &shared.core;
    let ended = tokio::select! {
        ended = write_end(shared, end) => ended,
        () = lease.lost().cancelled() => None,
    };
    core.journal.flush().await;
    let name = &shared.config.spec.name;
    let what = match &ended {
        Some(job) if job.state.is_final() => What::JobFinished(Box::new(job.clone())),
        Some(job) if job.state == JobState::Paused => {
            What::JobPaused(Box::new(without_tables(job)))
        }
        _ => {
            let mut job = shared.board.job();
            job.state = JobState::Pending;
            job.tables.clear();
            What::JobReleased(Box::new(job))
        }
    };
    core.hub.send(shared.id, name, None, what);
    core.hub.set_inactive(shared.id);
    core.hub.settle().await;
    ended
}

async fn write_end(shared: &Shared, end: Ending) -> Option<Job> {
    let (mut state, error) = match end {
        Ending::State(state, error) => (state, error),
        Ending::Abandoned => {
            let line = "the job's lease was lost: whoever holds it goes on";
            shared.log(None, Level::Warn, line);
            return None;
        }
    };
    let core = &shared.core;
    if matches!(state, JobState::Pending | JobState::Paused) {
        state = core.obey_at_the_end(shared.id, state).await;
    }
    shared.board.tick();
    let mut moved = store_end(shared, state, error.as_ref()).await;
    if state == JobState::Paused && matches!(moved, Ok((_, false))) {
        // Somebody wished to stop it a moment ago: then it is not held.
        state = core.obey_at_the_end(shared.id, state).await;
        moved = store_end(shared, state, error.as_ref()).await;
    }
    match moved {
        Ok((job, true)) => {
            let (level, line) = told_end(&job);
            shared.log(None, level, &line);
            return Some(job);
        }
        // The answer to a first try that did succeed was lost.
        Ok((job, false)) if stored_state(core, job.id).await == Some(state) => return Some(job),
        Ok((_, false)) => shared.log(None, Level::Warn, "the job is not ours any more"),
        Err(error) => {
            let line = format!("the end of the job was not stored: {error}");
            shared.log(None, Level::Error, &line);
        }
    }
    None
}

/// Stores how a job ends; gives it as it ends, and whether its state could be changed.
async fn store_end(
    shared: &Shared,
    state: JobState,
    error: Option<&ErrorInfo>,
) -> Result<(Job, bool), StoreError> {
    let core = &shared.core;
    shared.board.update(|job| {
        job.state = state;
        job.error = error.cloned();
        job.finished_at = state.is_final().then(Utc::now);
        job.kept.paused = state == JobState::Paused;
    });
    let mut job = shared.board.job();
    ended_numbers(&mut job);
    persist(|| core.ledger.save_job_summary(&job, core.instance)).await?;
    let moved = persist(|| {
        core.ledger
            .set_job_state(job.id, JobState::Running, state, core.instance, error)
    })
    .await?;
    Ok((job, moved))
}

async fn stored_state(core: &Core, id: JobId) -> Option<JobState> {
    let job = persist(|| core.ledger.job(id)).await;
    job.ok().flatten().map(|job| job.state)
}

/// What an ended job shows: rates over its whole time, and nothing of the moment.
fn ended_numbers(job: &mut Job) {
    let seconds = job
        .started_at
        .zip(job.finished_at)
        .and_then(|(from, to)| (to - from).to_std().ok())
        .map_or(0.0, |time| time.as_secs_f64());
    if job.state == JobState::Completed {
        job.progress.percent = 100.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    if seconds > 0.0 {
        job.progress.rows_per_second = (job.progress.rows_done as f64 / seconds).round();
        job.progress.bytes_per_second = (job.progress.bytes_done as f64 / seconds).round();
    }
    let timing = job
        .tables
        .iter()
        .fold(Timing::default(), |all, table| sum(&all, &table.timing));
    job.progress.bottleneck = majority(&timing).map(str::to_owned);
    job.progress.eta_seconds = None;
    job.progress.workers = 0;
    job.progress.checkpoint_age_seconds = None;
}

fn told_end(job: &Job) -> (Level, String) {
    let tables = format!(
        "{} of {} tables completed, {} rows",
        job.tables_completed, job.tables_total, job.progress.rows_done
    );
    match job.state {
        JobState::Completed => (Level::Info, format!("completed: {tables}")),
        JobState::CompletedWithErrors => (
            Level::Warn,
            format!(
                "completed with errors: {tables}, {} failed",
                job.tables_failed
            ),
        ),
        JobState::Failed => {
            let why = job.error.as_ref().map(ToString::to_string);
            (Level::Error, format!("failed: {}", why.unwrap_or(tables)))
        }
        JobState::Cancelled => (Level::Info, format!("cancelled: {tables}")),
        JobState::Paused => (Level::Info, format!("paused: {tables}")),
        JobState::Pending | JobState::Running => {
            (Level::Info, format!("back in the queue: {tables}"))
        }
    }
}
