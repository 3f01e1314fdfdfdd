//! One running job as it is seen: the job, its tables, and the sums over them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::cell::{Cell, sum};
use super::gauge::{Forecast, Gauge};
use super::notes::Notes;
use crate::model::job::Job;
use crate::model::progress::{Counts, Progress};
use crate::model::table_run::{TableRun, TableState, Timing};

/// One running job as it is seen.
pub struct Board(Mutex<State>);

struct State {
    job: Job,
    cells: Vec<Arc<Cell>>,
    /// Table runs of earlier runs of the job that this one has no work for.
    others: Vec<TableRun>,
    /// Tries of the preparation.
    retries: u64,
    /// Warnings about the job as a whole.
    warnings: u64,
    gauge: Gauge,
    /// Up to when running time was counted.
    counted: Instant,
    /// Seconds that the job will take, by the last runs of its tables.
    expected: Option<f64>,
}

impl Board {
    /// A job whose tables are not known yet.
    #[must_use]
    pub fn new(job: Job) -> Self {
        Self(Mutex::new(State {
            others: job.tables.clone(),
            job,
            cells: Vec::new(),
            retries: 0,
            warnings: 0,
            gauge: Gauge::default(),
            counted: Instant::now(),
            expected: None,
        }))
    }

    /// Its tables are known, and how many workers it has for them.
    pub fn set_tables(&self, cells: Vec<Arc<Cell>>, others: Vec<TableRun>, workers: u32) {
        let mut state = self.lock();
        state.expected = expected(&cells, workers);
        state.cells = cells;
        state.others = others;
    }

    /// Changes the job itself.
    pub fn update(&self, f: impl FnOnce(&mut Job)) {
        f(&mut self.lock().job);
    }

    /// Counts the time since the last call as running time, unless the job is throttled; gives how
    /// long it has run, earlier runs included.
    pub fn tick(&self) -> Duration {
        let mut state = self.lock();
        let now = Instant::now();
        let passed = now.saturating_duration_since(state.counted);
        state.counted = now;
        let throttled = state
            .cells
            .iter()
            .any(|cell| cell.snapshot().progress.throttled.is_some());
        if !throttled {
            state.job.kept.ran += passed;
        }
        state.job.kept.ran
    }

    /// A number that changes while work moves: rows read, written, compared.
    #[must_use]
    pub fn activity(&self) -> f64 {
        let state = self.lock();
        state.cells.iter().map(|cell| cell.activity()).sum()
    }

    /// The preparation failed and is tried again; gives how often it failed.
    pub fn count_retry(&self) -> u32 {
        let mut state = self.lock();
        state.retries += 1;
        u32::try_from(state.retries).unwrap_or(u32::MAX)
    }

    /// Something is to be known of the job as a whole.
    pub fn count_warning(&self) {
        self.lock().warnings += 1;
    }

    /// Brings the numbers of every table and of the job up to date; gives the tables that are
    /// being worked on.
    pub fn sample(&self, elapsed: Duration) -> Vec<TableRun> {
        let mut state = self.lock();
        let moving = state
            .cells
            .iter()
            .filter_map(|cell| cell.sample(elapsed))
            .collect();
        let tables = tables(&state);
        let timing = tables
            .iter()
            .fold(Timing::default(), |all, table| sum(&all, &table.timing));
        let mut progress = total(&tables);
        // What comes after the rows of one table goes on beside the rows of others.
        let expected = state.expected.map(|all| Forecast {
            all,
            after_rows: 0.0,
        });
        state
            .gauge
            .sample(&mut progress, &timing, elapsed, expected);
        state.job.progress = progress;
        moving
    }

    /// Notes the numbers of the tables that are being worked on.
    pub fn save_moving(&self, notes: &Notes) {
        for cell in &self.lock().cells {
            if cell.snapshot().state == TableState::Running {
                cell.save(notes);
            }
        }
    }

    /// The job as it is now, with its tables.
    #[must_use]
    pub fn job(&self) -> Job {
        let state = self.lock();
        let tables = tables(&state);
        let mut job = state.job.clone();
        let sampled = std::mem::take(&mut job.progress);
        job.progress = Progress {
            percent: percent(&tables, sampled.percent),
            rows_per_second: sampled.rows_per_second,
            bytes_per_second: sampled.bytes_per_second,
            eta_seconds: sampled.eta_seconds,
            bottleneck: sampled.bottleneck,
            ..total(&tables)
        };
        job.counts = Counts {
            retries: state.retries,
            warnings: state.warnings,
            ..Counts::default()
        };
        for table in &tables {
            job.counts.add(&table.counts);
        }
        let count = |wanted| {
            let n = tables.iter().filter(|t| t.state == wanted).count();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        job.tables_total = u32::try_from(tables.len()).unwrap_or(u32::MAX);
        job.tables_completed = count(TableState::Completed);
        job.tables_failed = count(TableState::Failed);
        job.tables = tables;
        job
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tables(state: &State) -> Vec<TableRun> {
    let mut tables: Vec<TableRun> = state.cells.iter().map(|cell| cell.snapshot()).collect();
    tables.extend(state.others.iter().cloned());
    tables
}

/// How long the tables that are to be done take together: as long as the longest, and as their
/// work takes all workers. `None` when one of them has no history.
fn expected(cells: &[Arc<Cell>], workers: u32) -> Option<f64> {
    let (mut longest, mut work) = (0.0_f64, 0.0);
    for cell in cells.iter().filter(|cell| !cell.is_final()) {
        let by = cell.task.expected?;
        longest = longest.max(by.seconds);
        work += by.work_seconds;
    }
    let together = longest.max(work / f64::from(workers.max(1)));
    (together > 0.0).then_some(together)
}

/// The counts of all tables together.
fn total(tables: &[TableRun]) -> Progress {
    let mut all = Progress::default();
    for Progress {
        rows_done,
        rows_total,
        bytes_done,
        chunks_done,
        chunks_total,
        workers,
        checkpoint_age_seconds,
        throttled,
        ..
    } in tables.iter().map(|table| &table.progress)
    {
        all.rows_done += rows_done;
        // An estimate that turned out too low must not eat up the rows of other tables.
        all.rows_total += rows_total.max(rows_done);
        all.bytes_done += bytes_done;
        all.chunks_done += chunks_done;
        all.chunks_total += chunks_total;
        all.workers += workers;
        all.throttled = all.throttled.or_else(|| throttled.clone());
        // The work at risk is that of the table whose checkpoint is oldest.
        all.checkpoint_age_seconds = match (all.checkpoint_age_seconds, *checkpoint_age_seconds) {
            (Some(a), Some(b)) => Some(f64::max(a, b)),
            (a, b) => a.or(b),
        };
    }
    all
}

/// Percent by rows; by tables where there are no rows to speak of.
fn percent(tables: &[TableRun], by_rows: f64) -> f64 {
    let rows: u64 = tables.iter().map(|table| table.progress.rows_total).sum();
    if rows > 0 || tables.is_empty() {
        return by_rows;
    }
    let done = tables
        .iter()
        .filter(|table| table.state == TableState::Completed)
        .count();
    super::rates::percent_unfinished(done as u64, tables.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rows_done: u64, rows_total: u64) -> TableRun {
        let mut run = TableRun::new("s", "t");
        run.progress.rows_done = rows_done;
        run.progress.rows_total = rows_total;
        run
    }

    #[test]
    fn an_estimate_that_was_too_low_does_not_hide_other_tables() {
        let progress = total(&[run(500, 100), run(0, 500)]);
        assert_eq!((progress.rows_done, progress.rows_total), (500, 1000));
    }

    #[test]
    fn empty_tables_count_as_tables() {
        let mut done = run(0, 0);
        done.state = TableState::Completed;
        assert!((percent(&[done, run(0, 0)], 0.0) - 50.0).abs() < 1e-9);
    }
}
