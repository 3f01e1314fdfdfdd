//! How one entry of a log looks: its columns, cut or wrapped, what was searched for marked.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::dashboard::app::text::{Line, Piece, Tone, clean, fit};
use crate::model::log::{Level, LogEntry};

/// Columns of the table's name.
const TABLE_WIDTH: usize = 14;
/// Columns of the level with its blank.
const LEVEL_WIDTH: usize = 6;

/// How lines are looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// Long lines are wrapped, not cut.
    pub wrap: bool,
    /// The time is left out.
    pub without_times: bool,
    /// Columns of the message that are scrolled away to the left.
    pub left: usize,
    /// What is searched for, in lower case; empty for nothing.
    pub search: String,
}

impl Look {
    /// The rows that an entry takes at `width` columns, never none.
    #[must_use]
    pub fn rows(&self, entry: &LogEntry, width: usize) -> Vec<Line> {
        let (head, message) = (self.head(entry), self.message(entry));
        let hang = head.width();
        if self.wrap {
            let mut line = head;
            line.pieces.extend(message.pieces);
            return line.hanging(hang).wrap(width);
        }
        let mut line = head;
        line.pieces.extend(cut_left(message, self.left).pieces);
        vec![line]
    }

    fn head(&self, entry: &LogEntry) -> Line {
        let tone = tone(entry.level);
        let table = fit(
            &clean(entry.table.as_deref().unwrap_or("")),
            TABLE_WIDTH,
            '~',
        );
        let pad = TABLE_WIDTH.saturating_sub(table.width());
        let line = if self.without_times {
            Line::empty()
        } else {
            Line::of(entry.time.format("%H:%M:%S%.3f ").to_string(), Tone::Dim)
        };
        let line = line.and(
            format!("{:<width$}", entry.level.as_str(), width = LEVEL_WIDTH),
            tone,
        );
        let name = self.marked(&table, Tone::Strong);
        let mut line = line;
        line.pieces.extend(name);
        line.and(format!("{} ", " ".repeat(pad)), Tone::Plain)
    }

    fn message(&self, entry: &LogEntry) -> Line {
        let tone = match tone(entry.level) {
            Tone::Dim => Tone::Dim,
            _ => Tone::Plain,
        };
        let mut line = Line::empty();
        line.pieces
            .extend(self.marked(&clean(&entry.message), tone));
        for (name, value) in &entry.fields {
            let text = clean(&format!("  {name}={}", shown(value)));
            line.pieces.extend(self.marked(&text, Tone::Dim));
        }
        line
    }

    /// `text` with what is searched for in another tone.
    fn marked(&self, text: &str, tone: Tone) -> Vec<Piece> {
        let piece = |text: &str, tone| Piece {
            text: text.to_owned(),
            tone,
        };
        if self.search.is_empty() {
            return vec![piece(text, tone)];
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((from, to)) = find(rest, &self.search) {
            pieces.push(piece(&rest[..from], tone));
            pieces.push(piece(&rest[from..to], Tone::Found));
            rest = &rest[to..];
        }
        pieces.push(piece(rest, tone));
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }
}

/// Where `wanted` (lower case) stands in `text`, whatever its case.
fn find(text: &str, wanted: &str) -> Option<(usize, usize)> {
    // Lowering may change the length of a text, so places are counted in the text itself.
    text.char_indices().find_map(|(from, _)| {
        let mut wanted = wanted.chars();
        let mut next = wanted.next();
        for (at, c) in text[from..].char_indices() {
            for lower in c.to_lowercase() {
                match next {
                    Some(w) if w == lower => next = wanted.next(),
                    None => return Some((from, from + at)),
                    Some(_) => return None,
                }
            }
            if next.is_none() {
                return Some((from, from + at + c.len_utf8()));
            }
        }
        None
    })
}

/// A line without its first `columns`.
fn cut_left(line: Line, columns: usize) -> Line {
    if columns == 0 {
        return line;
    }
    let mut left = columns;
    let mut kept = Line::empty();
    for mut piece in line.pieces {
        let width = piece.text.width();
        if left >= width {
            left -= width;
            continue;
        }
        let mut cut = 0;
        for c in piece.text.chars() {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(c.width().unwrap_or(0));
            cut += c.len_utf8();
        }
        piece.text.drain(..cut);
        kept.pieces.push(piece);
    }
    kept
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Error => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Info => Tone::Plain,
        Level::Debug | Level::Trace => Tone::Dim,
    }
}

fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What filters and searches look at, in lower case.
#[must_use]
pub fn searched(entry: &LogEntry) -> String {
    let mut text = format!("{} {}", entry.table.as_deref().unwrap_or(""), entry.message);
    for (name, value) in &entry.fields {
        text.push_str(&format!("  {name}={}", shown(value)));
    }
    clean(&text).to_lowercase()
}

/// An entry as a line of a file.
#[must_use]
pub fn plain(entry: &LogEntry) -> String {
    let mut line = format!(
        "{} {:<5} ",
        entry
            .time
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        entry.level.as_str()
    );
    if let Some(table) = &entry.table {
        line.push_str(&format!("{table}: "));
    }
    line.push_str(&entry.message);
    for (name, value) in &entry.fields {
        line.push_str(&format!("  {name}={}", shown(value)));
    }
    clean(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn entry(message: &str) -> LogEntry {
        LogEntry {
            id: 1,
            time: DateTime::<Utc>::UNIX_EPOCH,
            level: Level::Info,
            job_id: None,
            table: Some("orders".to_owned()),
            instance: "a".to_owned(),
            message: message.to_owned(),
            fields: serde_json::Map::new(),
        }
    }

    fn found(text: &str, search: &str) -> Vec<String> {
        let look = Look {
            search: search.to_owned(),
            ..Look::default()
        };
        let rows = look.rows(&entry(text), 200);
        let pieces = rows.into_iter().flat_map(|row| row.pieces);
        pieces
            .filter(|piece| piece.tone == Tone::Found)
            .map(|piece| piece.text)
            .collect()
    }

    #[test]
    fn what_is_searched_for_is_marked_whatever_its_case_and_wherever_it_stands() {
        assert_eq!(
            found("Deadlock: a DEADLOCK", "deadlock"),
            ["Deadlock", "DEADLOCK"]
        );
        assert_eq!(found("on it", "orders"), ["orders"], "the table's name too");
        assert_eq!(found("STRASSE İx ßy", "i̇x"), ["İx"]);
        assert!(found("nothing", "xyz").is_empty());
        assert_eq!(found("aaa", "aa"), ["aa"]);
    }

    #[test]
    fn scrolling_sideways_moves_the_message_alone() {
        let look = Look {
            left: 3,
            ..Look::default()
        };
        let text = look.rows(&entry("日本語 abc"), 80)[0].text();
        assert!(text.starts_with("00:00:00.000 info  orders"), "{text}");
        assert!(text.ends_with("語 abc"), "{text}");
        let look = Look {
            left: 1000,
            without_times: true,
            ..Look::default()
        };
        assert_eq!(
            look.rows(&entry("abc"), 80)[0].text().trim_end(),
            "info  orders"
        );
    }

    #[test]
    fn control_characters_never_get_into_a_row_or_a_file() {
        let bad = entry("a\u{1b}[2Jb\nc");
        assert!(!plain(&bad).contains(['\u{1b}', '\n']));
        for row in Look::default().rows(&bad, 80) {
            assert!(!row.text().contains(['\u{1b}', '\n']));
        }
    }
}
