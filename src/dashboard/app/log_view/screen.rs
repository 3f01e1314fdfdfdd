//! What of a log is on the screen: rows, the lines that they are of, the words of the frame.

use super::{LogView, Source};
use crate::dashboard::app::format;
use crate::dashboard::app::text::Line;
use crate::model::log::{Level, LogEntry};

/// A row of the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What stands there.
    pub line: Line,
    /// Whether it belongs to the line that the search is at, or that was opened.
    pub marked: bool,
}

impl LogView {
    /// The rows on a screen of `width` by `height`, the lowest one last.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize) -> Vec<Row> {
        let Some((at, below)) = self.bottom() else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        let mut skip = below;
        let mut place = Some(at);
        while let Some(at) = place
            && rows.len() < height
        {
            let marked = self.found == Some(self.lines.number(at));
            let of_it = self.look.rows(self.lines.entry(at), width);
            let on_screen = of_it.into_iter().rev().skip(skip);
            rows.extend(on_screen.map(|line| Row { line, marked }));
            skip = 0;
            place = self.lines.above(at);
        }
        rows.truncate(height);
        rows.reverse();
        rows
    }

    /// The lines on the screen in full, the lowest one last.
    #[must_use]
    pub fn entries(&self, width: usize, height: usize) -> Vec<&LogEntry> {
        let on_screen = self.on_screen(width, height);
        on_screen.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The same with their numbers.
    pub(super) fn on_screen(&self, width: usize, height: usize) -> Vec<(i64, &LogEntry)> {
        let Some((at, below)) = self.bottom() else {
            return Vec::new();
        };
        let mut left = height + below;
        let mut lines = Vec::new();
        let mut place = Some(at);
        while let Some(at) = place
            && left > 0
        {
            left = left.saturating_sub(self.height_of(at, width));
            lines.push((self.lines.number(at), self.lines.entry(at)));
            place = self.lines.above(at);
        }
        lines.reverse();
        lines
    }

    /// The marked line, if it is on the screen.
    #[must_use]
    pub fn marked(&self, (width, height): (usize, usize)) -> Option<&LogEntry> {
        let found = self.found?;
        let mut lines = self.on_screen(width, height).into_iter();
        lines.find_map(|(number, entry)| (number == found).then_some(entry))
    }

    /// Stored id of a line in the middle of a held screen.
    #[must_use]
    pub fn held_id(&self, (width, height): (usize, usize)) -> Option<u64> {
        self.hold?;
        let entries = self.entries(width, height);
        entries.get(entries.len() / 2).map(|entry| entry.id)
    }
}

/// The title of the pane: whose log, which lines; and whether it is followed, `again` being the key
/// that follows it.
#[must_use]
pub fn title(view: &LogView, source: &Source, again: Option<&str>) -> (String, String) {
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
    let how = if view.follows() {
        "following".to_owned()
    } else {
        let newer = match view.newer() {
            _ if !view.is_at_end() => ", newer below".to_owned(),
            0 => String::new(),
            n => format!(", {} newer below", format::count(n as u64)),
        };
        let again = again.map_or(String::new(), |key| format!(" · {key} follow"));
        format!("paused{newer}{again}")
    };
    (format!("Logs · {whose} · {level}"), how)
}
