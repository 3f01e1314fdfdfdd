//! The page after a bad night: what failed, why, what to do, what is safe.
//!
//! Owns the rows of its list, which one is selected, and what was asked to be tried again. Its words
//! are in [`words`]. Must not know: how it was found out, when it is put up (`update`).

pub mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::action::Action;
use super::format;
use super::geometry::{self, Area};
use super::state::State;
use super::text::{Line, Tone};
use crate::model::error::ErrorInfo;
use crate::model::ids::JobId;
use crate::model::night::{BadNight, FailedJob};
use crate::model::table_run::TableRun;

/// From when on it is looked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LookBack {
    /// Since somebody last looked, as it is remembered; a day where nothing is.
    Visit,
    /// Since this time, when the last key was pressed here.
    Since(DateTime<Utc>),
    /// A week: what is still not made good.
    Lately,
}

/// When somebody was there, and whether what failed meanwhile was looked for.
#[derive(Debug, Clone)]
pub struct Visit {
    /// When a key was last pressed, by both clocks.
    pub key_at: Option<(Duration, DateTime<Utc>)>,
    /// What is still to be looked for.
    pub wanted: Option<LookBack>,
    /// When the visit was last remembered.
    pub saved_at: Option<Duration>,
    /// Whether it was said that visits can't be remembered.
    pub complained: bool,
    /// The page that was left for a log or a job; the way back leads to it.
    pub left: Option<NightPage>,
}

impl Default for Visit {
    fn default() -> Self {
        Self {
            key_at: None,
            wanted: Some(LookBack::Visit),
            saved_at: None,
            complained: false,
            left: None,
        }
    }
}

/// One row of the list: a job, or one of its tables where several failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    job: usize,
    /// Place among the job's tables.
    table: Option<usize>,
}

/// The page.
#[derive(Debug, Clone)]
pub struct NightPage {
    /// What ended badly.
    pub night: BadNight,
    /// When it was put up, unless somebody came back to it; keys typed ahead retry nothing.
    pub opened_at: Option<Duration>,
    rows: Vec<Row>,
    selected: usize,
    /// Rows of the text that are scrolled away.
    scroll: usize,
    /// Jobs that were asked to be tried again.
    asked: BTreeSet<JobId>,
}

/// Where its parts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NightAreas {
    /// The frame.
    pub frame: Area,
    /// The list.
    pub list: Area,
    /// What is told of the selected row.
    pub text: Area,
    /// What can be done.
    pub keys: Area,
}

impl NightPage {
    /// A page about a night in which something failed.
    #[must_use]
    pub fn new(night: BadNight, opened_at: Duration) -> Self {
        let mut rows = Vec::new();
        for (job, failed) in night.jobs.iter().enumerate() {
            rows.push(Row { job, table: None });
            if failed.failed().nth(1).is_some() {
                let tables = failed.job.tables.iter().enumerate();
                let bad = tables.filter(|(_, run)| words::failed(run));
                rows.extend(bad.map(|(table, _)| Row {
                    job,
                    table: Some(table),
                }));
            }
        }
        Self {
            night,
            opened_at: Some(opened_at),
            rows,
            selected: 0,
            scroll: 0,
            asked: BTreeSet::new(),
        }
    }

    /// The job that is told of.
    #[must_use]
    pub fn job(&self) -> Option<&FailedJob> {
        self.night.jobs.get(self.rows.get(self.selected)?.job)
    }

    /// The table that is told of alone; `None` where the whole job is.
    #[must_use]
    pub fn table(&self) -> Option<&TableRun> {
        let row = self.rows.get(self.selected)?;
        self.night.jobs.get(row.job)?.job.tables.get(row.table?)
    }

    /// The table whose errors the log is opened at.
    #[must_use]
    pub fn log_table(&self) -> Option<&TableRun> {
        self.table().or_else(|| self.job()?.failed().next())
    }

    /// Moves to another row.
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
        self.scroll = 0;
    }

    /// Scrolls what is told by `by` rows.
    pub fn scroll_by(&mut self, by: isize, most: usize) {
        self.scroll = self.scroll.min(most).saturating_add_signed(by).min(most);
    }

    /// Rows of the text that are scrolled away, where it has `most` more than fit.
    #[must_use]
    pub fn scrolled(&self, most: usize) -> usize {
        self.scroll.min(most)
    }

    /// Whether a job can be tried again from here: it was not yet, and nobody else did.
    #[must_use]
    pub fn can_retry(&self, failed: &FailedJob) -> bool {
        !failed.again && !self.asked.contains(&failed.job.id)
    }

    /// The jobs that can still be tried again.
    pub fn untried(&self) -> impl Iterator<Item = &FailedJob> {
        self.night.jobs.iter().filter(|job| self.can_retry(job))
    }

    /// A job is tried again, and the next one that is not is selected.
    pub fn ask(&mut self, id: JobId) {
        self.asked.insert(id);
        let waits = |row: &Row| self.can_retry(&self.night.jobs[row.job]);
        let mut later = (self.selected..self.rows.len()).chain(0..self.selected);
        if let Some(next) = later.find(|at| self.rows.get(*at).is_some_and(waits)) {
            self.selected = next;
            self.scroll = 0;
        }
    }

    /// A retry of `config` was refused: it can be asked for again.
    pub fn refused(&mut self, config: &str) {
        let of_it = |failed: &&FailedJob| failed.job.config == config;
        for failed in self.night.jobs.iter().filter(of_it) {
            self.asked.remove(&failed.job.id);
        }
    }

    /// Whether an action has something to act on.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        match action {
            Action::NightRetry => self.job().is_some_and(|failed| self.can_retry(failed)),
            Action::NightRetryAll => self.untried().nth(1).is_some(),
            Action::NightCopy => self.errors().any(|error| error.hint.is_some()),
            _ => true,
        }
    }

    /// Whether there is nothing left to try again.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.untried().next().is_none()
    }

    /// The rows of the list on a screen of `height` rows; the selected one is among them.
    #[must_use]
    pub fn list(&self, height: usize, now: DateTime<Utc>) -> Vec<Line> {
        let from = (self.selected + 1).saturating_sub(height);
        let shown = self.rows.iter().enumerate().skip(from).take(height);
        shown
            .map(|(at, row)| {
                let failed = &self.night.jobs[row.job];
                let mark = if at == self.selected { "▌ " } else { "  " };
                let line = Line::of(mark, Tone::Accent);
                match row.table.and_then(|table| failed.job.tables.get(table)) {
                    Some(run) => words::table_row(line, run),
                    None => {
                        let tried = !self.can_retry(failed);
                        words::job_row(line, failed, tried, now)
                    }
                }
            })
            .collect()
    }

    /// What is told of the selected row.
    #[must_use]
    pub fn text(&self, now: DateTime<Utc>) -> Vec<Line> {
        match (self.job(), self.table()) {
            (Some(failed), Some(run)) => words::of_table(failed, run, now),
            (Some(failed), None) => words::of_job(failed, now),
            (None, _) => Vec::new(),
        }
    }

    /// The errors that are told of.
    fn errors(&self) -> impl Iterator<Item = &ErrorInfo> {
        let alone = self.table();
        let whole = self.job().filter(|_| alone.is_none());
        let of_table = alone
            .into_iter()
            .chain(whole.into_iter().flat_map(FailedJob::failed));
        let of_job = whole.and_then(|failed| failed.job.error.as_ref());
        of_table.filter_map(|run| run.error.as_ref()).chain(of_job)
    }

    /// What is copied of it: its statements, else its remedies.
    #[must_use]
    pub fn remedies(&self) -> Vec<String> {
        words::remedies(self.errors())
    }

    /// `! Since yesterday 18:02`.
    #[must_use]
    pub fn title(&self, now: DateTime<Utc>) -> String {
        words::since(&self.night, now)
    }

    /// `2 jobs, 3 tables`.
    #[must_use]
    pub fn counts(&self) -> String {
        let jobs = self.night.jobs.len();
        let tables: usize = self.night.jobs.iter().map(|job| job.failed().count()).sum();
        let jobs = format::plural(jobs, "job", "jobs");
        match tables {
            0 => jobs,
            n => format!("{jobs}, {}", format::plural(n, "table", "tables")),
        }
    }

    /// Where its parts stand: the list takes a third at most.
    #[must_use]
    pub fn areas(&self, state: &State) -> NightAreas {
        let frame = geometry::body(state);
        let inner = frame.inner();
        let (upper, keys) = inner.split(inner.height.saturating_sub(1));
        let wanted = self.rows.len().min(usize::from((upper.height / 3).max(1)));
        let (list, below) = upper.split(wanted as u16);
        let (_, text) = below.split(1);
        NightAreas {
            frame,
            list,
            text: Area {
                x: text.x + 2,
                width: text.width.saturating_sub(4),
                height: text.height.saturating_sub(1),
                ..text
            },
            keys,
        }
    }

    /// The rows of the text, and how many of them fit.
    #[must_use]
    pub fn text_rows(&self, state: &State) -> (Vec<Line>, usize) {
        let area = self.areas(state).text;
        let text = self.text(state.clock.wall);
        let rows = text
            .iter()
            .flat_map(|line| line.wrap(usize::from(area.width)))
            .collect();
        (rows, usize::from(area.height))
    }
}
