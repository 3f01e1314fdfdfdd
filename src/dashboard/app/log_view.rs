//! The log as it is read: followed, or held still on one line while new ones come.
//!
//! What is being read is anchored by a line's own number, never by its place: lines that come,
//! lines that fall out, and older ones that are read in above don't move it. A bounded window of
//! lines is kept; what is stored is read page by page as the window moves over it.

mod blocks;
mod line;
mod moves;
mod scope;
mod screen;
mod search;

pub use blocks::Taken;
pub use line::{Look, plain};
pub use scope::Scope;
pub use screen::{Row, title};
pub use search::Search;

use blocks::Blocks;

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
    lines: Blocks,
    /// About how many lines are kept while followed; twice as many while held.
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
    /// Number of the line that the search is at, or that was opened: it is marked.
    found: Option<i64>,
}

/// Lines around what is held that are never given up for newer ones.
const MARGIN: usize = 500;

impl LogView {
    /// An empty view that keeps about `capacity` lines of this process.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(10);
        let scope = Scope {
            level: Level::Info,
            ..Scope::default()
        };
        Self {
            lines: Blocks::new(capacity, &scope),
            capacity,
            stored: false,
            at_end: true,
            at_start: false,
            hold: None,
            scope,
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

    /// Keeps about `capacity` lines from here on.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(10);
        self.trim();
    }

    /// Adds newer lines.
    pub fn append(&mut self, entries: Vec<LogEntry>) {
        for entry in entries {
            self.lines.push(entry);
        }
        self.trim();
    }

    /// Adds older lines, oldest first, above the first.
    pub fn prepend(&mut self, entries: Vec<LogEntry>) {
        self.lines.prepend(entries);
        self.trim();
    }

    /// Gives lines up that are far from what is read, so that memory stays bounded.
    fn trim(&mut self) {
        let Some(hold) = self.hold else {
            self.drop_front(self.capacity);
            return;
        };
        let most = self.capacity.saturating_mul(2);
        let over = self.lines.len().saturating_sub(most);
        if over == 0 {
            return;
        }
        let at = self.lines.ahead_of(hold.line);
        let margin = MARGIN.min(self.capacity / 2);
        if self.stored && at < self.lines.len() / 2 {
            self.at_end &= !self.lines.drop_back(most);
        } else if self.stored || at > over + margin {
            self.drop_front(most);
        } else {
            // More at once than has to be, so that it is seldom done.
            let count = over + self.capacity / 8;
            self.lines
                .drop_behind(hold.line + margin as i64, count, gap);
        }
    }

    fn drop_front(&mut self, most: usize) {
        self.at_start &= !self.lines.drop_front(most);
    }

    /// Forgets every line and follows; scope and look stay.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.hold = None;
        self.found = None;
        self.at_end = true;
        self.at_start = false;
    }

    /// Shows other lines instead, held so that the line with the stored id `id`, or
    /// the one before it, is in the middle and marked.
    pub fn replace_around(&mut self, entries: Vec<LogEntry>, id: u64, size: (usize, usize)) {
        self.clear();
        self.at_end = false;
        for entry in entries {
            self.lines.push(entry);
        }
        if let Some(number) = self.lines.number_of_id(id) {
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
        self.lines.oldest().map(|line| line.id)
    }

    /// Stored id of the newest line.
    #[must_use]
    pub fn newest_id(&self) -> Option<u64> {
        self.lines.newest().map(|line| line.id)
    }

    /// Whether no line is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.len() == 0
    }

    /// Lines that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.lines.len()
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
        let narrower = scope.is_within(&self.scope);
        self.lines.arrange(&scope, narrower);
        self.scope = scope;
        true
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.scope.text
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

    /// The lines that are kept, `all` of them or those of the scope, to be written elsewhere.
    #[must_use]
    pub fn taken(&self, all: bool) -> Taken {
        self.lines.taken(all)
    }
}

/// Field of a line that stands for others: how many.
const GAP: &str = "lines_not_kept";

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

#[cfg(test)]
mod tests;
