//! One line of text as it is typed, with a cursor.

use unicode_width::UnicodeWidthChar;

use crate::dashboard::app::key::{Code, Key};
use crate::dashboard::app::text::clean;

/// Longest line that is kept, in characters; more is cut off.
const LONGEST: usize = 4096;

/// A line and the place where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineEdit {
    text: String,
    /// Characters before the cursor.
    at: usize,
}

impl LineEdit {
    /// A line with the cursor at its end.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let at = text.chars().count();
        Self { text, at }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces everything; the cursor goes to the end.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Takes a key; says whether it had a meaning here.
    pub fn key(&mut self, key: Key) -> bool {
        match (key.code, key.ctrl) {
            (Code::Char(c), false) => self.insert(c),
            (Code::Backspace, _) | (Code::Char('h'), true) => self.remove_before(1),
            (Code::Delete, _) => self.remove_after(),
            (Code::Left, false) => self.at = self.at.saturating_sub(1),
            (Code::Right, false) => self.at = (self.at + 1).min(self.length()),
            (Code::Left, true) => self.at = self.word_before(),
            (Code::Right, true) => self.at = self.word_after(),
            (Code::Home, _) | (Code::Char('a'), true) => self.at = 0,
            (Code::End, _) | (Code::Char('e'), true) => self.at = self.length(),
            (Code::Char('u'), true) => self.remove_before(self.at),
            (Code::Char('k'), true) => self.text.truncate(self.byte(self.at)),
            (Code::Char('w'), true) => self.remove_before(self.at - self.word_before()),
            _ => return false,
        }
        true
    }

    /// Takes pasted text: line breaks at its ends are cut, other control characters become blanks.
    pub fn paste(&mut self, text: &str) {
        for c in clean(text.trim_matches(['\r', '\n'])).chars() {
            self.insert(c);
        }
    }

    /// The part that is shown in `width` columns, and the column of the cursor in it.
    #[must_use]
    pub fn view(&self, width: usize) -> (String, usize) {
        let clean = clean(&self.text);
        let widths: Vec<usize> = clean.chars().map(|c| c.width().unwrap_or(0)).collect();
        // The cursor stands on a column of its own behind the last character.
        let room = width.saturating_sub(1);
        let mut first = 0;
        let mut column: usize = widths[..self.at.min(widths.len())].iter().sum();
        while column > room && first < self.at {
            column -= widths[first];
            first += 1;
        }
        let mut used = 0;
        let shown = clean
            .chars()
            .zip(&widths)
            .skip(first)
            .take_while(|(_, width_of)| {
                used += **width_of;
                used <= width
            })
            .map(|(c, _)| c)
            .collect();
        (shown, column)
    }

    fn length(&self) -> usize {
        self.text.chars().count()
    }

    fn byte(&self, at: usize) -> usize {
        self.text
            .char_indices()
            .nth(at)
            .map_or(self.text.len(), |(byte, _)| byte)
    }

    fn insert(&mut self, c: char) {
        if c.is_control() || self.text.len() >= LONGEST {
            return;
        }
        self.text.insert(self.byte(self.at), c);
        self.at += 1;
    }

    fn remove_before(&mut self, count: usize) {
        let from = self.at.saturating_sub(count);
        let (begin, end) = (self.byte(from), self.byte(self.at));
        self.text.replace_range(begin..end, "");
        self.at = from;
    }

    fn remove_after(&mut self) {
        if self.at < self.length() {
            self.text.remove(self.byte(self.at));
        }
    }

    fn word_before(&self) -> usize {
        let before: Vec<char> = self.text.chars().take(self.at).collect();
        let blanks = before.iter().rev().take_while(|c| **c == ' ').count();
        let rest = before.len() - blanks;
        rest - before[..rest]
            .iter()
            .rev()
            .take_while(|c| **c != ' ')
            .count()
    }

    fn word_after(&self) -> usize {
        let after: Vec<char> = self.text.chars().skip(self.at).collect();
        let blanks = after.iter().take_while(|c| **c == ' ').count();
        let word = after[blanks..].iter().take_while(|c| **c != ' ').count();
        self.at + blanks + word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(start: &str, keys: &str) -> LineEdit {
        let mut line = LineEdit::new(start);
        for key in keys.split_whitespace() {
            assert!(line.key(key.parse().unwrap()), "{key}");
        }
        line
    }

    #[test]
    fn keys_edit_where_the_cursor_is() {
        for (start, keys, wanted) in [
            ("", "a b c", "abc"),
            ("ac", "left b", "abc"),
            ("abc", "home delete", "bc"),
            ("日本語", "left backspace", "日語"),
            ("one two", "ctrl-w x", "one x"),
            ("one two", "ctrl-left ctrl-k", "one "),
            ("one two", "ctrl-left ctrl-u", "two"),
            ("", "backspace delete ctrl-w ctrl-u ctrl-k left", ""),
            ("ab", "home right right right c", "abc"),
            ("a b", "home ctrl-right x", "ax b"),
        ] {
            assert_eq!(typed(start, keys).text(), wanted, "{start:?} {keys}");
        }
        assert!(!LineEdit::new("a").key(Key::plain(Code::Enter)));
        assert!(!LineEdit::new("a").key(Key::plain(Code::Up)));
    }

    #[test]
    fn what_is_pasted_stays_one_line() {
        let mut line = LineEdit::new("");
        line.paste("host\u{1b}[2J\nname\r\n");
        assert_eq!(line.text(), "host [2J name");
        line.paste(&"x".repeat(10_000));
        assert!(line.text().len() <= LONGEST);
    }

    #[test]
    fn the_cursor_is_always_in_view() {
        for text in ["", "short", "a long line of text", "日本語のとても長い行"] {
            let mut line = LineEdit::new(text);
            for _ in 0..=text.chars().count() {
                for width in 1..12 {
                    let (shown, column) = line.view(width);
                    assert!(column < width, "{text} {width}");
                    let wide: usize = shown.chars().map(|c| c.width().unwrap_or(0)).sum();
                    assert!(wide <= width, "{text} {width}");
                }
                line.key(Key::plain(Code::Left));
            }
        }
    }
}
