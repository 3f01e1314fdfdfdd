//! The log as it is read: followed, or held still on one line while new ones come.
//!
//! What is being read is anchored by a line's own number, never by its place: lines that come,
//! lines that fall out, and older ones that are read in above don't move it. A bounded window of
//! lines is kept; what is stored is read page by page as the window moves over it.

mod line;
mod search;

use std::collections::VecDeque;

pub use line::{Look, plain};
pub use search::Search;

use super::format;
use super::text::Line;
use crate::model::ids::JobId;
use crate::model::log::{Level, LogEntry};

/// Whose lines are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// What this process writes, as it comes.
    Process,
    /// What is stored about one job.
    Job {
        /// Which.
        id: JobId,
        /// Name of its config.
        config: String,
    },
}

/// Which lines of a log are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// This level and what matters more.
    pub level: Level,
    /// Of this target table only.
    pub table: Option<String>,
    /// With this text only; empty for all.
    pub text: String,
    /// Of these connections and configs only, by the fields of the lines; empty for all.
    pub names: Vec<String>,
}

/// Where a movement came to an end of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It did not.
    Inside,
    /// Above the first line.
    Top,
    /// Below the last line.
    Bottom,
}

/// A line with its number in this view.
#[derive(Debug, Clone)]
struct Kept {
    /// Grows from line to line; older lines that are read in later get lower ones.
    number: i64,
    entry: LogEntry,
    /// What is searched, made once.
    searched: String,
}

/// The lowest row on the screen of a held view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hold {
    /// Number of its line.
    line: i64,
    /// Rows of the same line that are below the screen.
    below: usize,
}

/// Lines kept and how they are looked at.
#[derive(Debug, Clone)]
pub struct LogView {
    lines: VecDeque<Kept>,
    /// Numbers of the lines that are in the scope, in order.
    shown: VecDeque<i64>,
    next: i64,
    /// Most lines kept while followed; twice as many while held.
    capacity: usize,
    /// Whether what falls out can be read again.
    stored: bool,
    /// Whether the newest line that there is, is kept.
    at_end: bool,
    /// Whether the first line that there is, is kept.
    at_start: bool,
    hold: Option<Hold>,
    scope: Scope,
    look: Look,
    /// Number of the line that the search is at.
    found: Option<i64>,
}

/// Lines around what is held that are never given up for newer ones.
const MARGIN: usize = 500;

impl LogView {
    /// An empty view that keeps about `capacity` lines of this process.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            shown: VecDeque::new(),
            next: 0,
            capacity: capacity.max(10),
            stored: false,
            at_end: true,
            at_start: false,
            hold: None,
            scope: Scope {
                level: Level::Info,
                ..Scope::default()
            },
            look: Look::default(),
            found: None,
        }
    }

    /// The same over lines that are stored.
    #[must_use]
    pub fn stored(mut self) -> Self {
        self.stored = true;
        self
    }

    /// Adds newer lines.
    pub fn append(&mut self, entries: Vec<LogEntry>) {
        for entry in entries {
            self.push(entry);
        }
        self.trim();
    }

    fn push(&mut self, entry: LogEntry) {
        let kept = Kept {
            number: self.next,
            searched: line::searched(&entry),
            entry,
        };
        self.next += 1;
        if self.passes(&kept) {
            self.shown.push_back(kept.number);
        }
        self.lines.push_back(kept);
    }

    /// Adds older lines, oldest first, above the first.
    pub fn prepend(&mut self, entries: Vec<LogEntry>) {
        let mut number = self.lines.front().map_or(self.next, |line| line.number);
        for entry in entries.into_iter().rev() {
            number -= 1;
            let kept = Kept {
                number,
                searched: line::searched(&entry),
                entry,
            };
            if self.passes(&kept) {
                self.shown.push_front(number);
            }
            self.lines.push_front(kept);
        }
        self.trim();
    }

    /// Gives lines up that are far from what is read, so that memory stays bounded.
    fn trim(&mut self) {
        let Some(hold) = self.hold else {
            self.drop_front(self.lines.len().saturating_sub(self.capacity));
            return;
        };
        let most = self.capacity.saturating_mul(2);
        let over = self.lines.len().saturating_sub(most);
        if over == 0 {
            return;
        }
        let at = self.lines.partition_point(|l| l.number < hold.line);
        let margin = MARGIN.min(self.capacity / 2);
        if self.stored && at < self.lines.len() / 2 {
            self.at_end = false;
            self.drop_back(over);
        } else if self.stored || at > over + margin {
            self.drop_front(over);
        } else {
            self.drop_between(at + margin, over);
        }
    }

    fn drop_front(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.lines.drain(..count);
        self.at_start = false;
        let first = self.lines.front().map_or(self.next, |line| line.number);
        while self.shown.front().is_some_and(|number| *number < first) {
            self.shown.pop_front();
        }
    }

    fn drop_back(&mut self, count: usize) {
        self.lines.truncate(self.lines.len() - count);
        let last = self.lines.back().map_or(-1, |line| line.number);
        while self.shown.back().is_some_and(|number| *number > last) {
            self.shown.pop_back();
        }
    }

    /// Lines that came behind what is held, oldest first; a line in their place says so.
    fn drop_between(&mut self, from: usize, over: usize) {
        // More at once than has to be, since what follows moves up.
        let count = (over + self.capacity / 8).min(self.lines.len().saturating_sub(from + 1));
        if count == 0 {
            return;
        }
        let gone: Vec<Kept> = self.lines.drain(from..from + count).collect();
        let Some(last) = gone.last() else { return };
        let before: u64 = gone.iter().map(|kept| gap_of(&kept.entry)).sum();
        let entry = gap(&last.entry, before);
        self.lines.insert(
            from,
            Kept {
                number: last.number,
                searched: line::searched(&entry),
                entry,
            },
        );
        self.rearrange();
    }

    /// Forgets every line and follows; scope and look stay.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.shown.clear();
        self.next = 0;
        self.hold = None;
        self.found = None;
        self.at_end = true;
        self.at_start = false;
    }

    /// Shows other lines instead, held so that the line with the stored id `id`, or
    /// the one before it, is in the middle.
    pub fn replace_around(&mut self, entries: Vec<LogEntry>, id: u64, size: (usize, usize)) {
        self.clear();
        self.at_end = false;
        for entry in entries {
            self.push(entry);
        }
        let at = self.lines.partition_point(|line| line.entry.id <= id);
        let found = self.lines.get(at.saturating_sub(1));
        if let Some(number) = found.map(|line| line.number) {
            self.found = Some(number);
            self.centre(number, size);
        }
    }

    /// Whether the first line that there is, is kept.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.at_start
    }

    /// Nothing older is stored.
    pub fn set_at_start(&mut self) {
        self.at_start = true;
    }

    /// Whether the newest line that there is, is kept.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Whether the newest stored line was read.
    pub fn set_at_end(&mut self, at_end: bool) {
        self.at_end = at_end;
    }

    /// Stored id of the oldest line.
    #[must_use]
    pub fn oldest_id(&self) -> Option<u64> {
        self.lines.front().map(|line| line.entry.id)
    }

    /// Stored id of the newest line.
    #[must_use]
    pub fn newest_id(&self) -> Option<u64> {
        self.lines.back().map(|line| line.entry.id)
    }

    /// Whether no line is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.lines.len()
    }

    /// Whether new lines are shown as they come.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.hold.is_none()
    }

    /// How lines are looked at.
    #[must_use]
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// Wraps long lines, or cuts them.
    pub fn toggle_wrap(&mut self) {
        self.look.wrap = !self.look.wrap;
        self.look.left = 0;
        if let Some(hold) = &mut self.hold {
            hold.below = 0;
        }
    }

    /// Shows times, or leaves them out.
    pub fn toggle_times(&mut self) {
        self.look.without_times = !self.look.without_times;
    }

    /// Scrolls the messages sideways by `by` columns; wrapped lines have no sides.
    pub fn scroll_sideways(&mut self, by: isize) {
        if !self.look.wrap {
            self.look.left = self.look.left.saturating_add_signed(by).min(100_000);
        }
    }

    /// Which lines are shown.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Shows other lines of those that are kept; says whether anything changed.
    pub fn set_scope(&mut self, scope: Scope) -> bool {
        if self.scope == scope {
            return false;
        }
        self.scope = scope;
        self.rearrange();
        true
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.scope.text
    }

    /// The level that is shown, and what matters more.
    #[must_use]
    pub fn threshold(&self) -> Level {
        self.scope.level
    }

    /// One level more, or one fewer.
    #[must_use]
    pub fn threshold_by(&self, more: bool) -> Level {
        const ORDER: [Level; 5] = [
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ];
        let at = self.scope.level as usize;
        ORDER[if more {
            (at + 1).min(4)
        } else {
            at.saturating_sub(1)
        }]
    }

    fn rearrange(&mut self) {
        let shown = self.lines.iter().filter(|kept| self.passes(kept));
        self.shown = shown.map(|kept| kept.number).collect();
    }

    fn passes(&self, kept: &Kept) -> bool {
        let scope = &self.scope;
        let entry = &kept.entry;
        let text = scope.text.to_lowercase();
        entry.level.passes(scope.level)
            && (scope.table.is_none() || entry.table == scope.table)
            && (text.is_empty() || kept.searched.contains(&text))
            && (scope.names.is_empty() || names(entry).any(|name| scope.names.contains(&name)))
    }

    /// Lines of the scope below the held one.
    #[must_use]
    pub fn newer(&self) -> usize {
        let Some(hold) = self.hold else { return 0 };
        self.shown.len() - self.shown.partition_point(|number| *number <= hold.line)
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.hold = None;
        self.trim();
    }

    /// Holds what is shown.
    pub fn hold(&mut self) {
        if self.hold.is_none() {
            self.hold = self.shown.back().map(|line| Hold {
                line: *line,
                below: 0,
            });
        }
    }

    fn kept_line(&self, number: i64) -> Option<&Kept> {
        let at = self.lines.partition_point(|line| line.number < number);
        self.lines.get(at).filter(|line| line.number == number)
    }

    fn height_of(&self, number: i64, width: usize) -> usize {
        if !self.look.wrap {
            return 1;
        }
        self.kept_line(number)
            .map_or(1, |kept| self.look.rows(&kept.entry, width).len())
    }

    /// Place among the shown of the lowest line on the screen, and its rows below the screen.
    fn bottom(&self) -> Option<(usize, usize)> {
        let last = self.shown.len().checked_sub(1)?;
        Some(match self.hold {
            None => (last, 0),
            Some(hold) => {
                let after = self.shown.partition_point(|number| *number <= hold.line);
                let at = after.saturating_sub(1);
                let same = self.shown[at] == hold.line;
                (at, if same { hold.below } else { 0 })
            }
        })
    }

    fn hold_at(&mut self, (at, below): (usize, usize)) {
        self.hold = self.shown.get(at).map(|line| Hold { line: *line, below });
    }

    /// Moves by `by` rows; up holds the view, beyond the newest line follows again.
    pub fn step(&mut self, by: isize, (width, height): (usize, usize)) -> Edge {
        let Some((mut at, mut below)) = self.bottom() else {
            return if by < 0 { Edge::Top } else { Edge::Bottom };
        };
        if by < 0 && self.rows_to(at, below, width, height) <= height {
            return Edge::Top;
        }
        for _ in 0..by.unsigned_abs() {
            if by < 0 {
                if below + 1 < self.height_of(self.shown[at], width) {
                    below += 1;
                } else if at > 0 {
                    (at, below) = (at - 1, 0);
                } else {
                    break;
                }
            } else if !self.down(&mut at, &mut below, width) {
                if self.at_end {
                    self.follow();
                    return Edge::Inside;
                }
                self.hold_at((at, below));
                return Edge::Bottom;
            }
        }
        if by > 0 && self.at_end && at + 1 == self.shown.len() && below == 0 {
            self.follow();
            return Edge::Inside;
        }
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
        Edge::Inside
    }

    /// One row down; `false` at the last.
    fn down(&self, at: &mut usize, below: &mut usize, width: usize) -> bool {
        if *below > 0 {
            *below -= 1;
        } else if *at + 1 < self.shown.len() {
            *at += 1;
            *below = self.height_of(self.shown[*at], width).saturating_sub(1);
        } else {
            return false;
        }
        true
    }

    /// Rows from the first down to this one, or more than `enough`.
    fn rows_to(&self, at: usize, below: usize, width: usize, enough: usize) -> usize {
        if at > enough {
            return enough + 1;
        }
        let all: usize = self
            .shown
            .iter()
            .take(at + 1)
            .map(|number| self.height_of(*number, width))
            .sum();
        all.saturating_sub(below)
    }

    /// Moves down until no row of the screen stays empty below the first lines.
    fn fill(&self, at: &mut usize, below: &mut usize, width: usize, height: usize) {
        let mut rows = self.rows_to(*at, *below, width, height);
        while rows < height && self.down(at, below, width) {
            rows += 1;
        }
    }

    /// Shows the first line kept.
    pub fn to_first(&mut self, (width, height): (usize, usize)) {
        let Some(first) = self.shown.front() else {
            return;
        };
        let (mut at, mut below) = (0, self.height_of(*first, width).saturating_sub(1));
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
    }

    /// Holds the view so that the line `number` is in its middle.
    fn centre(&mut self, number: i64, (width, height): (usize, usize)) {
        let Ok(mut at) = self.shown.binary_search(&number) else {
            return;
        };
        let mut below = 0;
        for _ in 0..height / 2 {
            if !self.down(&mut at, &mut below, width) {
                break;
            }
        }
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
    }

    /// The rows on a screen of `width` by `height`, the lowest one last.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize) -> Vec<Line> {
        let mut rows: VecDeque<Line> = VecDeque::new();
        let Some((at, below)) = self.bottom() else {
            return Vec::new();
        };
        let mut skip = below;
        for number in self.shown.iter().take(at + 1).rev() {
            let Some(kept) = self.kept_line(*number) else {
                continue;
            };
            for row in self.look.rows(&kept.entry, width).into_iter().rev() {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() < height {
                    rows.push_front(row);
                }
            }
            if rows.len() >= height {
                break;
            }
        }
        rows.into()
    }

    /// The lines on the screen in full, the lowest one last.
    #[must_use]
    pub fn entries(&self, width: usize, height: usize) -> Vec<&LogEntry> {
        let Some((at, below)) = self.bottom() else {
            return Vec::new();
        };
        let mut left = height + below;
        let mut entries = Vec::new();
        for number in self.shown.iter().take(at + 1).rev() {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(self.height_of(*number, width));
            entries.extend(self.kept_line(*number).map(|kept| &kept.entry));
        }
        entries.reverse();
        entries
    }

    /// Stored id of a line in the middle of a held screen.
    #[must_use]
    pub fn held_id(&self, (width, height): (usize, usize)) -> Option<u64> {
        self.hold?;
        let entries = self.entries(width, height);
        entries.get(entries.len() / 2).map(|entry| entry.id)
    }

    /// Every line of the scope that is kept.
    pub fn in_scope(&self) -> impl Iterator<Item = &LogEntry> {
        let kept = self.shown.iter().filter_map(|n| self.kept_line(*n));
        kept.map(|kept| &kept.entry)
    }
}

/// Names of connection and config in the fields of a line.
fn names(entry: &LogEntry) -> impl Iterator<Item = String> {
    ["connection", "config"]
        .into_iter()
        .filter_map(|field| Some(entry.fields.get(field)?.as_str()?.to_owned()))
}

const GAP: &str = "lines_not_kept";

/// How many lines an entry stands for.
fn gap_of(entry: &LogEntry) -> u64 {
    let gap = entry.fields.get(GAP).and_then(serde_json::Value::as_u64);
    gap.unwrap_or(1)
}

/// The line in the place of `count` lines, the last of which was `last`.
fn gap(last: &LogEntry, count: u64) -> LogEntry {
    LogEntry {
        level: Level::Error,
        table: None,
        message: "lines were not kept while an older one was held; the log file has them"
            .to_owned(),
        fields: serde_json::Map::from_iter([(GAP.to_owned(), count.into())]),
        ..last.clone()
    }
}

/// The title of the pane: whose log, which lines, whether it is followed.
#[must_use]
pub fn title(view: &LogView, source: &Source) -> (String, String) {
    let scope = view.scope();
    let whose = match source {
        Source::Process => match scope.names.first() {
            Some(name) => format!("this process, {name}"),
            None => "this process".to_owned(),
        },
        Source::Job { config, .. } => match &scope.table {
            Some(table) => format!("{config}, {table}"),
            None => config.clone(),
        },
    };
    let level = match scope.level {
        Level::Error => "error".to_owned(),
        level => format!("{}+", level.as_str()),
    };
    let right = if view.follows() {
        "following".to_owned()
    } else {
        match view.newer() {
            _ if !view.is_at_end() => "held, newer below · G follows".to_owned(),
            0 => "held · G follows".to_owned(),
            n => format!("held, {} newer below · G follows", format::count(n as u64)),
        }
    };
    (format!("Logs · {whose} · {level}"), right)
}

#[cfg(test)]
mod tests;
