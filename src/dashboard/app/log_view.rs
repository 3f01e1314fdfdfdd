//! The log as it is read: followed, or held still on one line while new ones come.
//!
//! What is being read is anchored by a line's own number, never by its place: lines that come, and
//! lines that fall out of the ring, don't move it.

use std::collections::VecDeque;

use super::format;
use super::text::{Line, Tone, fit};
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

/// A line with its number in this view.
#[derive(Debug, Clone)]
struct Numbered {
    /// Grows from line to line; older lines that are loaded later get lower ones.
    number: i64,
    entry: LogEntry,
}

/// Lines kept and how they are looked at.
#[derive(Debug, Clone)]
pub struct LogView {
    lines: VecDeque<Numbered>,
    next: i64,
    /// Most lines kept while followed; twice as many while held, so that what is read stays.
    capacity: usize,
    /// The lowest line on the screen; `None` follows the newest.
    held: Option<i64>,
    filter: String,
    threshold: Level,
    wrap: bool,
}

impl LogView {
    /// An empty view that keeps about `capacity` lines.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            next: 0,
            capacity: capacity.max(10),
            held: None,
            filter: String::new(),
            threshold: Level::Info,
            wrap: false,
        }
    }

    /// Adds newer lines.
    pub fn append(&mut self, entries: Vec<LogEntry>) {
        for entry in entries {
            self.lines.push_back(Numbered {
                number: self.next,
                entry,
            });
            self.next += 1;
        }
        let most = match self.held {
            Some(_) => self.capacity.saturating_mul(2),
            None => self.capacity,
        };
        while self.lines.len() > most {
            self.lines.pop_front();
        }
    }

    /// Adds older lines, oldest first, above the first.
    pub fn prepend(&mut self, entries: Vec<LogEntry>) {
        let mut number = self.lines.front().map_or(self.next, |line| line.number);
        for entry in entries.into_iter().rev() {
            number -= 1;
            self.lines.push_front(Numbered { number, entry });
        }
    }

    /// Whether older lines may still be added.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lines.len() < self.capacity.saturating_mul(2)
    }

    /// Forgets every line and follows; filter, level and wrap stay.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.next = 0;
        self.held = None;
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

    /// Whether new lines are shown as they come.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.held.is_none()
    }

    /// Whether long lines are wrapped.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// Wraps long lines, or cuts them.
    pub fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
    }

    /// The level that is shown, and what matters more.
    #[must_use]
    pub fn threshold(&self) -> Level {
        self.threshold
    }

    /// Shows one level more, or one fewer.
    pub fn change_threshold(&mut self, more: bool) {
        const ORDER: [Level; 5] = [
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ];
        let at = self.threshold as usize;
        let to = if more {
            (at + 1).min(4)
        } else {
            at.saturating_sub(1)
        };
        self.threshold = ORDER[to];
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows only lines that contain `text`.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
    }

    /// Lines below the held one that pass level and filter.
    #[must_use]
    pub fn newer(&self) -> usize {
        let Some(held) = self.held else { return 0 };
        self.passing().filter(|line| line.number > held).count()
    }

    fn passing(&self) -> impl DoubleEndedIterator<Item = &Numbered> {
        let wanted = self.filter.to_lowercase();
        self.lines.iter().filter(move |line| {
            line.entry.level.passes(self.threshold)
                && (wanted.is_empty() || plain(&line.entry).to_lowercase().contains(&wanted))
        })
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.held = None;
        while self.lines.len() > self.capacity {
            self.lines.pop_front();
        }
    }

    /// Holds what is shown.
    pub fn hold(&mut self) {
        if self.held.is_none() {
            let last = self.passing().next_back().map(|line| line.number);
            self.held = last;
        }
    }

    /// Moves by `by` lines; up holds the view, reaching the newest line downwards follows again.
    /// Returns whether the first line is on the screen and more was asked for.
    pub fn step(&mut self, by: isize, width: usize, height: usize) -> bool {
        if by < 0 && self.first_is_visible(width, height) {
            return true;
        }
        let places: Vec<i64> = self.passing().map(|line| line.number).collect();
        let Some(last) = places.len().checked_sub(1) else {
            return by < 0;
        };
        let at = match self.held {
            None => last,
            Some(held) => places.partition_point(|n| *n <= held).saturating_sub(1),
        };
        let to = at.saturating_add_signed(by);
        if to >= last && by > 0 {
            self.follow();
            return false;
        }
        self.held = Some(places[to.min(last)]);
        // A page up near the top would leave rows empty below the first lines.
        while self.rows(width, height).len() < height {
            let now = places.partition_point(|n| Some(*n) <= self.held);
            match places.get(now) {
                Some(next) => self.held = Some(*next),
                None => break,
            }
        }
        false
    }

    /// Shows the first line kept.
    pub fn to_first(&mut self, width: usize, height: usize) {
        let first = self.passing().next().map(|line| line.number);
        if let Some(first) = first {
            self.held = Some(first);
            self.step(-1, width, height);
            let places: Vec<i64> = self.passing().map(|line| line.number).collect();
            while self.rows(width, height).len() < height {
                let now = places.partition_point(|n| Some(*n) <= self.held);
                match places.get(now) {
                    Some(next) => self.held = Some(*next),
                    None => break,
                }
            }
        }
    }

    fn first_is_visible(&self, width: usize, height: usize) -> bool {
        let shown = match self.held {
            None => self.passing().count(),
            Some(held) => self.passing().filter(|line| line.number <= held).count(),
        };
        if shown > height {
            return false;
        }
        let mut rows = 0;
        for line in self.passing().take(shown) {
            rows += self.laid_out(&line.entry, width).len();
        }
        rows <= height
    }

    /// The rows on a screen of `width` by `height`, the lowest one last.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize) -> Vec<Line> {
        let mut rows: VecDeque<Line> = VecDeque::new();
        for line in self.passing().rev() {
            if self.held.is_some_and(|held| line.number > held) {
                continue;
            }
            for row in self.laid_out(&line.entry, width).into_iter().rev() {
                if rows.len() == height {
                    return rows.into();
                }
                rows.push_front(row);
            }
            if rows.len() == height {
                break;
            }
        }
        rows.into()
    }

    fn laid_out(&self, entry: &LogEntry, width: usize) -> Vec<Line> {
        let line = line(entry);
        if self.wrap {
            line.wrap(width)
        } else {
            vec![line]
        }
    }
}

/// Columns before the message: time, level, table.
const TABLE_WIDTH: usize = 14;

/// A log entry as one line.
#[must_use]
pub fn line(entry: &LogEntry) -> Line {
    let tone = match entry.level {
        Level::Error => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Info => Tone::Plain,
        Level::Debug | Level::Trace => Tone::Dim,
    };
    let table = fit(entry.table.as_deref().unwrap_or(""), TABLE_WIDTH, '~');
    let pad = TABLE_WIDTH.saturating_sub(unicode_width::UnicodeWidthStr::width(table.as_str()));
    let mut line = Line::of(entry.time.format("%H:%M:%S%.3f ").to_string(), Tone::Dim)
        .and(format!("{:<5} ", entry.level.as_str()), tone)
        .and(format!("{table}{} ", " ".repeat(pad)), Tone::Strong)
        .and(
            &entry.message,
            if tone == Tone::Dim {
                Tone::Dim
            } else {
                Tone::Plain
            },
        );
    for (name, value) in &entry.fields {
        let shown = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        line = line.and(format!("  {name}={shown}"), Tone::Dim);
    }
    line.hanging(13 + 6 + TABLE_WIDTH + 1)
}

fn plain(entry: &LogEntry) -> String {
    line(entry).text()
}

/// The title of the pane: whose log, which level, whether it is followed.
#[must_use]
pub fn title(view: &LogView, source: &Source) -> (String, String) {
    let whose = match source {
        Source::Process => "this process".to_owned(),
        Source::Job { config, .. } => config.clone(),
    };
    let mut left = format!("Logs · {whose} · {}+", view.threshold.as_str());
    if view.threshold == Level::Error {
        left = format!("Logs · {whose} · error");
    }
    let right = if view.follows() {
        "following".to_owned()
    } else {
        match view.newer() {
            0 => "held".to_owned(),
            n => format!("held, {} newer below · G follows", format::count(n as u64)),
        }
    };
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn entry(n: u64, level: Level) -> LogEntry {
        LogEntry {
            id: n,
            time: DateTime::<Utc>::UNIX_EPOCH,
            level,
            job_id: None,
            table: Some("orders".to_owned()),
            instance: "a".to_owned(),
            message: format!("line {n}."),
            fields: serde_json::Map::new(),
        }
    }

    fn filled(n: u64, capacity: usize) -> LogView {
        let mut view = LogView::new(capacity);
        view.append((0..n).map(|i| entry(i, Level::Info)).collect());
        view
    }

    fn shown(view: &LogView, height: usize) -> Vec<u64> {
        view.rows(80, height)
            .iter()
            .map(|row| {
                let text = row.text();
                let at = text.find("line ").unwrap() + 5;
                text[at..text.len() - 1].parse().unwrap()
            })
            .collect()
    }

    #[test]
    fn following_shows_the_newest_lines() {
        let mut view = filled(50, 100);
        assert_eq!(shown(&view, 3), [47, 48, 49]);
        view.append(vec![entry(50, Level::Info)]);
        assert_eq!(shown(&view, 3), [48, 49, 50]);
    }

    #[test]
    fn what_is_read_does_not_move_when_lines_come_and_the_ring_wraps() {
        let mut view = filled(100, 100);
        view.step(-20, 80, 5);
        let before = shown(&view, 5);
        assert_eq!(before, [75, 76, 77, 78, 79]);
        for i in 100..170 {
            view.append(vec![entry(i, Level::Info)]);
            assert_eq!(shown(&view, 5), before);
        }
        assert_eq!(view.newer(), 90);
        view.follow();
        assert_eq!(shown(&view, 5), [165, 166, 167, 168, 169]);
        assert_eq!(view.oldest_id(), Some(70), "the ring is back at its size");
    }

    #[test]
    fn scrolling_stops_at_the_first_line_and_follows_again_at_the_last() {
        let mut view = filled(10, 100);
        for _ in 0..30 {
            view.step(-1, 80, 4);
        }
        assert_eq!(shown(&view, 4), [0, 1, 2, 3]);
        assert!(view.step(-1, 80, 4), "asks for older lines");
        view.step(1, 80, 4);
        assert_eq!(shown(&view, 4), [1, 2, 3, 4], "one step back is one line");
        view.step(100, 80, 4);
        assert!(view.follows());
        view.step(-100, 80, 4);
        assert_eq!(shown(&view, 4), [0, 1, 2, 3], "no empty rows below");
        view.to_first(80, 4);
        assert_eq!(shown(&view, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn older_lines_come_in_above_without_moving_what_is_read() {
        let mut view = LogView::new(100);
        view.append((10..20).map(|i| entry(i, Level::Info)).collect());
        view.to_first(80, 3);
        assert_eq!(shown(&view, 3), [10, 11, 12]);
        view.prepend((0..10).map(|i| entry(i, Level::Info)).collect());
        assert_eq!(shown(&view, 3), [10, 11, 12]);
        view.step(-1, 80, 3);
        assert_eq!(shown(&view, 3), [9, 10, 11]);
    }

    #[test]
    fn level_and_filter_hide_lines_and_holding_survives_them() {
        let mut view = LogView::new(100);
        for i in 0..20 {
            let level = if i % 5 == 0 { Level::Warn } else { Level::Info };
            view.append(vec![entry(i, level)]);
        }
        view.change_threshold(false);
        assert_eq!(shown(&view, 10), [0, 5, 10, 15]);
        view.change_threshold(true);
        view.set_filter("LINE 1");
        assert_eq!(shown(&view, 3), [17, 18, 19]);
        view.hold();
        view.append(vec![entry(100, Level::Info)]);
        assert_eq!(shown(&view, 3), [17, 18, 19]);
        view.set_filter("no such text");
        assert!(view.rows(80, 3).is_empty());
        view.step(-1, 80, 3);
        view.step(1, 80, 3);
    }

    #[test]
    fn wrapped_lines_are_scrolled_by_rows_that_fit() {
        let mut view = filled(30, 100);
        view.toggle_wrap();
        for row in view.rows(50, 7) {
            assert!(row.width() <= 50);
        }
        assert_eq!(view.rows(1, 7).len(), 7);
        for _ in 0..100 {
            view.step(-1, 50, 7);
        }
        assert!(view.rows(50, 7)[0].text().contains("line 0"));
    }
}
