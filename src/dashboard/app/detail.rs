//! One job, looked at closely: its tables, which one is selected, how fast it was lately.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::job::Job;
use crate::model::progress::{Counts, Progress};
use crate::model::table_run::TableRun;

/// Samples kept for the sparkline, one a second.
pub const SAMPLES: usize = 120;

/// A job with its tables.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The job; `tables` is filled once it has been read.
    pub job: Job,
    /// Whether its tables have been read.
    pub loaded: bool,
    /// Place of the selected table.
    pub selected: usize,
    /// First table on the screen.
    pub offset: usize,
    /// Rows a second of the job, oldest first.
    pub rates: VecDeque<f64>,
    /// Bytes a second of the job, oldest first.
    pub byte_rates: VecDeque<f64>,
    sampled_at: Duration,
}

impl Detail {
    /// A job of the list, its tables not read yet.
    #[must_use]
    pub fn new(job: Job) -> Self {
        Self {
            loaded: !job.tables.is_empty(),
            job,
            selected: 0,
            offset: 0,
            rates: VecDeque::new(),
            byte_rates: VecDeque::new(),
            sampled_at: Duration::ZERO,
        }
    }

    /// Takes the job as it was read; says whether anything changed.
    pub fn set(&mut self, job: Job) -> bool {
        if self.loaded && self.job == job {
            return false;
        }
        let name = self.selected_table().map(|run| run.target_table.clone());
        self.loaded = true;
        self.job = job;
        let last = self.job.tables.len().saturating_sub(1);
        // Events name tables in the order of their beginning, what is stored in the job's.
        self.selected = self
            .job
            .tables
            .iter()
            .position(|run| Some(&run.target_table) == name.as_ref())
            .unwrap_or(self.selected.min(last));
        true
    }

    /// Takes one table as an event tells it.
    pub fn put_table(&mut self, run: TableRun) {
        let tables = &mut self.job.tables;
        match tables
            .iter_mut()
            .find(|known| known.target_table == run.target_table)
        {
            Some(known) => *known = run,
            None => tables.push(run),
        }
    }

    /// Takes new numbers of the job, or of one table.
    pub fn put_progress(&mut self, table: Option<&str>, progress: Progress, counts: Counts) {
        match table {
            None => {
                self.job.progress = progress;
                self.job.counts = counts;
            }
            Some(name) => {
                if let Some(run) = self
                    .job
                    .tables
                    .iter_mut()
                    .find(|run| run.target_table == name)
                {
                    run.progress = progress;
                    run.counts = counts;
                }
            }
        }
    }

    /// Adds a sample of the rates, at most one a second.
    pub fn sample(&mut self, now: Duration) {
        if now < self.sampled_at + Duration::from_millis(900) && !self.rates.is_empty() {
            return;
        }
        self.sampled_at = now;
        let progress = &self.job.progress;
        for (samples, newest) in [
            (&mut self.rates, progress.rows_per_second),
            (&mut self.byte_rates, progress.bytes_per_second),
        ] {
            samples.push_back(newest);
            if samples.len() > SAMPLES {
                samples.pop_front();
            }
        }
    }

    /// The selected table.
    #[must_use]
    pub fn selected_table(&self) -> Option<&TableRun> {
        self.job.tables.get(self.selected)
    }

    /// Moves the selection by `by` tables.
    pub fn step(&mut self, by: isize) {
        let last = self.job.tables.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// Scrolls so that the selected table is among the `rows` on the screen.
    pub fn keep_visible(&mut self, rows: usize) {
        if self.selected < self.offset {
            self.offset = self.selected;
        } else if rows > 0 && self.selected >= self.offset + rows {
            self.offset = self.selected + 1 - rows;
        }
        let most = self.job.tables.len().saturating_sub(rows.max(1));
        self.offset = self.offset.min(most);
    }
}
