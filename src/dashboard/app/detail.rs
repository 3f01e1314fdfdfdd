//! One job, looked at closely: its tables, which one is selected, how fast it was lately.

use std::collections::VecDeque;
use std::time::Duration;

use super::list::{ENDED_TABLES, Sort, SortColumn, TABLES};
use crate::model::job::Job;
use crate::model::progress::{Counts, Progress};
use crate::model::table_run::{TableRun, TableState};

/// Samples kept for the sparkline, one a second.
pub const SAMPLES: usize = 120;

/// A job with its tables.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The job; `tables` is filled once it has been read.
    pub job: Job,
    /// Whether its tables have been read.
    pub loaded: bool,
    filter: String,
    sort: Sort,
    /// Places of the shown tables, in the order of the screen.
    shown: Vec<usize>,
    /// Place of the selected table among the shown.
    place: usize,
    /// Whether somebody chose the selected one.
    chosen: bool,
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
        let mut detail = Self {
            loaded: !job.tables.is_empty(),
            shown: (0..job.tables.len()).collect(),
            job,
            filter: String::new(),
            sort: Sort::default(),
            place: 0,
            chosen: false,
            offset: 0,
            rates: VecDeque::new(),
            byte_rates: VecDeque::new(),
            sampled_at: Duration::ZERO,
        };
        detail.find_trouble();
        detail
    }

    /// Takes the job as it was read; says whether anything changed.
    pub fn set(&mut self, job: Job) -> bool {
        if self.loaded && self.job == job {
            return false;
        }
        let name = self.selected_table().map(|run| run.target_table.clone());
        let columns = self.columns();
        self.loaded = true;
        self.job = job;
        // A job that ended shows other columns.
        if let Some((title, reversed)) = self.sort.shown(columns) {
            let named = |column: &SortColumn<TableRun>| column.title == title;
            self.sort = Sort {
                column: self.columns().iter().position(named),
                reversed,
            };
        }
        self.arrange(name);
        self.find_trouble();
        true
    }

    /// The columns that its tables can be sorted by.
    #[must_use]
    pub fn columns(&self) -> &'static [SortColumn<TableRun>] {
        if self.job.state.is_final() {
            ENDED_TABLES
        } else {
            TABLES
        }
    }

    /// The tables that pass the filter, in the order of the screen.
    pub fn shown(&self) -> impl ExactSizeIterator<Item = &TableRun> {
        let tables = &self.job.tables;
        self.shown.iter().map(|at| &tables[*at])
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows only tables with this text in a name or their state.
    pub fn set_filter(&mut self, text: &str) {
        let name = self.selected_table().map(|run| run.target_table.clone());
        text.clone_into(&mut self.filter);
        self.arrange(name);
    }

    /// The heading that tables are sorted by, and whether downwards; `None` as the job has them.
    #[must_use]
    pub fn sorted(&self) -> Option<(&'static str, bool)> {
        self.sort.shown(self.columns())
    }

    /// Sorts by the next column, or the one before.
    pub fn sort_next(&mut self, forward: bool) {
        self.sort.step(self.columns().len(), forward);
        self.sort_anew();
    }

    /// Turns the order round.
    pub fn sort_reverse(&mut self) {
        self.sort.reversed = !self.sort.reversed;
        self.sort_anew();
    }

    /// A selection that was never moved stays at the top; any other stays on its table.
    fn sort_anew(&mut self) {
        let name = self.selected_table().map(|run| run.target_table.clone());
        self.arrange(name.filter(|_| self.place > 0));
    }

    /// Works out what is shown; the table `name` stays selected, if it is still shown.
    fn arrange(&mut self, name: Option<String>) {
        let wanted = self.filter.to_lowercase();
        let fits = |run: &TableRun| {
            wanted.is_empty()
                || [&run.source_table, &run.target_table]
                    .iter()
                    .any(|name| name.to_lowercase().contains(&wanted))
                || run.state.as_str().contains(&wanted)
        };
        let tables = &self.job.tables;
        let passing = (0..tables.len()).filter(|at| fits(&tables[*at])).collect();
        self.shown = self.sort.order(self.columns(), tables, passing, |_| None);
        // Events name tables in the order of their beginning, what is stored in the job's.
        let named = |at: &usize| Some(&tables[*at].target_table) == name.as_ref();
        let last = self.shown.len().saturating_sub(1);
        let place = self.shown.iter().position(named);
        self.place = place.unwrap_or(self.place.min(last));
    }

    /// Selects the first table that failed, unless somebody chose one: it is what they came for.
    fn find_trouble(&mut self) {
        let failed = |run: &TableRun| run.state == TableState::Failed;
        let place = self.shown().position(failed);
        if let (Some(place), false) = (place, self.chosen) {
            self.place = place;
        }
    }

    /// Takes one table as an event tells it.
    pub fn put_table(&mut self, run: TableRun) {
        let tables = &mut self.job.tables;
        match tables
            .iter_mut()
            .find(|known| known.target_table == run.target_table)
        {
            Some(known) => *known = run,
            None => {
                tables.push(run);
                let name = self.selected_table().map(|run| run.target_table.clone());
                self.arrange(name);
            }
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
        self.job.tables.get(*self.shown.get(self.place)?)
    }

    /// Place of the selected table among the shown.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }

    /// Moves the selection by `by` tables.
    pub fn step(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(1);
        self.place = self.place.saturating_add_signed(by).min(last);
        self.chosen = true;
    }

    /// Scrolls so that the selected table is among the `rows` on the screen.
    pub fn keep_visible(&mut self, rows: usize) {
        if self.place < self.offset {
            self.offset = self.place;
        } else if rows > 0 && self.place >= self.offset + rows {
            self.offset = self.place + 1 - rows;
        }
        let most = self.shown.len().saturating_sub(rows.max(1));
        self.offset = self.offset.min(most);
    }
}
