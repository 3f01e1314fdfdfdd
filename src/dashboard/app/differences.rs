//! Differences that a job found, read page by page: a bounded window that moves over them.

use std::collections::VecDeque;

use super::text::{Line, Tone};
use crate::model::error::{ShownValue, shown_key};
use crate::model::ids::{ConfigId, JobId};
use crate::model::job::Job;
use crate::model::log::{Difference, DifferenceKind};

/// Differences of one answer.
pub const PAGE: usize = 250;
/// Most that are kept.
const MOST: usize = 4 * PAGE;
/// Columns of one difference that are shown.
const COLUMNS: usize = 12;

/// Which differences are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferencePart {
    /// The first ones.
    First,
    /// Those behind this number.
    After(u64),
    /// Those ahead of this number.
    Before(u64),
}

/// A question for differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceQuery {
    /// Whose.
    pub job: JobId,
    /// Of this target table only.
    pub table: Option<String>,
    /// Which part.
    pub part: DifferencePart,
}

/// What is to be written as statements, into which file is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptDraft {
    /// The config.
    pub config: ConfigId,
    /// Its name.
    pub name: String,
    /// Target tables.
    pub tables: Vec<String>,
}

/// The window.
#[derive(Debug, Clone)]
pub struct Differences {
    /// Whose differences.
    pub job: JobId,
    /// Its config.
    pub config_id: ConfigId,
    /// Name of its config.
    pub config: String,
    /// Target tables with differences, and how many rows differ, as far as it is known.
    pub tables: Vec<(String, u64)>,
    /// Place of the table whose differences are shown; `None` shows those of all.
    pub table: Option<usize>,
    found: VecDeque<(u64, Difference)>,
    /// Place of the first one on the screen.
    top: usize,
    at_start: bool,
    at_end: bool,
    /// What is being read.
    pub reading: Option<DifferencePart>,
    /// Why nothing could be read.
    pub problem: Option<String>,
}

impl Differences {
    /// An empty window on what a job found; `table` is shown alone where it is one with differences.
    #[must_use]
    pub fn new(job: &Job, table: Option<&str>) -> Self {
        let tables: Vec<(String, u64)> = job
            .tables
            .iter()
            .filter(|run| run.verified.differences > 0)
            .map(|run| (run.target_table.clone(), run.verified.differences))
            .collect();
        let table = tables
            .iter()
            .position(|(name, _)| Some(name.as_str()) == table);
        Self {
            job: job.id,
            config_id: job.config_id,
            config: job.config.clone(),
            table: table.filter(|_| tables.len() > 1),
            tables,
            found: VecDeque::new(),
            top: 0,
            at_start: true,
            at_end: false,
            reading: Some(DifferencePart::First),
            problem: None,
        }
    }

    /// Name of the table that is shown alone.
    #[must_use]
    pub fn shown_table(&self) -> Option<&str> {
        Some(self.tables.get(self.table?)?.0.as_str())
    }

    /// What is shown, in words.
    #[must_use]
    pub fn title(&self) -> &str {
        match (self.shown_table(), self.tables.as_slice()) {
            (Some(table), _) => table,
            (None, [(only, _)]) => only,
            (None, _) => "all tables",
        }
    }

    /// Rows that differ in what is shown.
    #[must_use]
    pub fn rows_differing(&self) -> u64 {
        match self.table.and_then(|at| self.tables.get(at)) {
            Some((_, rows)) => *rows,
            None => self.tables.iter().map(|(_, rows)| rows).sum(),
        }
    }

    /// Shows the next table alone; behind the last one all of them. `false` where there is one only.
    pub fn next_table(&mut self) -> bool {
        if self.tables.len() < 2 {
            return false;
        }
        let next = self.table.map_or(0, |at| at + 1);
        self.table = (next < self.tables.len()).then_some(next);
        self.found.clear();
        (self.top, self.at_start, self.at_end) = (0, true, false);
        self.reading = Some(DifferencePart::First);
        self.problem = None;
        true
    }

    /// The question for a part of them.
    #[must_use]
    pub fn query(&self, part: DifferencePart) -> DifferenceQuery {
        DifferenceQuery {
            job: self.job,
            table: self.shown_table().map(str::to_owned),
            part,
        }
    }

    /// Why a part could not be read.
    pub fn refuse(&mut self, part: DifferencePart, why: String) {
        if self.reading == Some(part) {
            self.reading = None;
            self.problem = Some(why);
        }
    }

    /// Takes a page.
    pub fn take(&mut self, part: DifferencePart, page: Vec<(u64, Difference)>) {
        if self.reading != Some(part) {
            return;
        }
        (self.reading, self.problem) = (None, None);
        let full = page.len() >= PAGE;
        match part {
            DifferencePart::First => {
                self.found = page.into();
                self.at_end = !full;
            }
            DifferencePart::After(_) => {
                self.found.extend(page);
                self.at_end = !full;
                let over = self.found.len().saturating_sub(MOST).min(self.top);
                self.found.drain(..over);
                self.top -= over;
                self.at_start &= over == 0;
            }
            DifferencePart::Before(_) => {
                self.at_start = !full;
                self.top += page.len();
                for one in page.into_iter().rev() {
                    self.found.push_front(one);
                }
                if self.found.len() > MOST {
                    self.found.truncate(MOST.max(self.top + 1));
                    self.at_end = false;
                }
            }
        }
    }

    /// Moves by `by` differences on a screen of `size`; gives what is to be read for it.
    pub fn step(&mut self, by: isize, size: (usize, usize)) -> Option<DifferencePart> {
        let last = self.last_top(size);
        self.top = self.top.saturating_add_signed(by).min(last);
        self.wanted()
    }

    /// The furthest that it is gone: the last ones fill the screen, once they are there.
    fn last_top(&self, (width, height): (usize, usize)) -> usize {
        let last = self.found.len().saturating_sub(1);
        if !self.at_end {
            return last;
        }
        let mut used = 0;
        let fits = |(_, difference): &&(u64, Difference)| {
            used += rows(difference, width);
            used <= height
        };
        let fitting = self.found.iter().rev().take_while(fits).count().max(1);
        self.found.len().saturating_sub(fitting)
    }

    /// To the first one that is kept.
    pub fn to_first(&mut self) -> Option<DifferencePart> {
        if !self.at_start && self.reading.is_none() {
            self.reading = Some(DifferencePart::First);
            (self.top, self.at_start) = (0, true);
            return self.reading;
        }
        self.top = 0;
        None
    }

    fn wanted(&mut self) -> Option<DifferencePart> {
        if self.reading.is_some() {
            return None;
        }
        let part = if !self.at_end && self.top + PAGE / 2 >= self.found.len() {
            DifferencePart::After(self.found.back()?.0)
        } else if !self.at_start && self.top < PAGE / 2 {
            DifferencePart::Before(self.found.front()?.0)
        } else {
            return None;
        };
        self.reading = Some(part);
        Some(part)
    }

    /// Whether the last one that is kept is among those of a screen that begins at the first.
    #[must_use]
    pub fn ends_here(&self, shown: usize) -> bool {
        self.at_end && self.top + shown >= self.found.len()
    }

    /// How many fit on a screen of `width` by `height`, at least one.
    #[must_use]
    pub fn fitting(&self, width: usize, height: usize) -> usize {
        let mut used = 0;
        let fits = |(_, difference): &&(u64, Difference)| {
            used += rows(difference, width);
            used <= height
        };
        self.found
            .iter()
            .skip(self.top)
            .take_while(fits)
            .count()
            .max(1)
    }

    /// Differences that are kept, and the place of the first one on the screen.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.found.len(), self.top)
    }

    /// How many there are in all, where all of them are kept here.
    #[must_use]
    pub fn all_kept(&self) -> Option<usize> {
        (self.at_start && self.at_end).then_some(self.found.len())
    }

    /// Whether there is none, for certain.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.reading.is_none() && self.problem.is_none()
    }

    /// The rows on a screen of `width` by `height`.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize) -> Vec<Line> {
        let mut rows = Vec::new();
        for (_, difference) in self.found.iter().skip(self.top) {
            if rows.len() >= height {
                break;
            }
            for line in lines(difference) {
                rows.extend(line.wrap(width));
            }
        }
        rows.truncate(height);
        rows
    }
}

fn rows(difference: &Difference, width: usize) -> usize {
    lines(difference).iter().map(|l| l.wrap(width).len()).sum()
}

fn lines(difference: &Difference) -> Vec<Line> {
    let (word, said) = match difference.kind {
        DifferenceKind::Missing => ("missing", "only the source has it"),
        DifferenceKind::Extra => ("extra  ", "only the local table has it"),
        DifferenceKind::Changed => ("changed", "values differ"),
    };
    let mut head = Line::of(format!("{word} "), Tone::Warn)
        .and(&difference.table, Tone::Strong)
        .and(format!("  {}", shown_key(&difference.key)), Tone::Plain)
        .and(format!("  {said}"), Tone::Dim);
    if !difference.stable {
        head = head.and("  (seen once)", Tone::Dim);
    }
    let mut lines = vec![head.hanging(8)];
    for column in difference.columns.iter().take(COLUMNS) {
        lines.push(
            Line::of(format!("        {}  source ", column.name), Tone::Dim)
                .and(shown(column.source.as_ref()), Tone::Plain)
                .and("  local ", Tone::Dim)
                .and(shown(column.target.as_ref()), Tone::Plain)
                .hanging(12),
        );
    }
    if difference.columns.len() > COLUMNS {
        let more = difference.columns.len() - COLUMNS;
        lines.push(Line::of(
            format!("        and {more} columns more"),
            Tone::Dim,
        ));
    }
    lines
}

fn shown(value: Option<&ShownValue>) -> String {
    value.map_or("NULL".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
