//! Text with a meaning: lines of pieces, each with a tone that a theme turns into a style.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text means; never told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Ordinary.
    #[default]
    Plain,
    /// Beside the point.
    Dim,
    /// To be seen first.
    Strong,
    /// A key, or where the focus is.
    Accent,
    /// All is well.
    Good,
    /// To be looked at.
    Warn,
    /// Something failed.
    Bad,
    /// What was searched for.
    Found,
}

/// A piece of text in one tone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    /// The text, without control characters.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

/// One line of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// From left to right.
    pub pieces: Vec<Piece>,
    /// Columns that the second and further rows are indented by when the line is wrapped.
    pub hang: usize,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A line of one piece.
    #[must_use]
    pub fn of(text: impl AsRef<str>, tone: Tone) -> Self {
        Self::empty().and(text, tone)
    }

    /// A plain line.
    #[must_use]
    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::of(text, Tone::Plain)
    }

    /// The same with one more piece.
    #[must_use]
    pub fn and(mut self, text: impl AsRef<str>, tone: Tone) -> Self {
        self.pieces.push(Piece {
            text: clean(text.as_ref()),
            tone,
        });
        self
    }

    /// The same, indented by `columns` where it is wrapped.
    #[must_use]
    pub fn hanging(mut self, columns: usize) -> Self {
        self.hang = columns;
        self
    }

    /// Columns that it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|p| p.text.width()).sum()
    }

    /// Its text alone.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|p| p.text.as_str()).collect()
    }

    /// How many rows [`Self::wrap`] gives.
    #[must_use]
    pub fn height(&self, width: usize) -> usize {
        // No character takes more columns than bytes, and bytes are there to be counted.
        let bytes: usize = self.pieces.iter().map(|piece| piece.text.len()).sum();
        if width == 0 || bytes <= width || self.width() <= width {
            return 1;
        }
        self.wrap(width).len()
    }

    /// The rows it takes at `width` columns: broken at blanks where there are any, at least one row.
    #[must_use]
    pub fn wrap(&self, width: usize) -> Vec<Self> {
        if width == 0 || self.width() <= width {
            return vec![self.clone()];
        }
        let hang = if self.hang * 2 < width { self.hang } else { 0 };
        let cells: Vec<(char, Tone)> = self
            .pieces
            .iter()
            .flat_map(|p| p.text.chars().map(|c| (c, p.tone)))
            .collect();
        let mut rows = Vec::new();
        let mut at = 0;
        while at < cells.len() {
            let indent = if rows.is_empty() { 0 } else { hang };
            let end = row_end(&cells, at, width - indent);
            rows.push(row_of(&cells[at..end], indent));
            at = end;
            while at < cells.len() && cells[at].0 == ' ' {
                at += 1;
            }
        }
        rows
    }
}

/// Where the row that begins at `at` ends: behind the last word that fits, else where it is full.
fn row_end(cells: &[(char, Tone)], at: usize, width: usize) -> usize {
    let mut used = 0;
    let mut word_end = None;
    for (i, (c, _)) in cells.iter().enumerate().skip(at) {
        used += c.width().unwrap_or(0);
        if used > width {
            // A character wider than the row still takes a row, or this would never end.
            return word_end.unwrap_or(i.max(at + 1));
        }
        let blank_follows = cells.get(i + 1).is_none_or(|(next, _)| *next == ' ');
        if blank_follows && *c != ' ' {
            word_end = Some(i + 1);
        }
    }
    cells.len()
}

fn row_of(cells: &[(char, Tone)], indent: usize) -> Line {
    let mut line = Line::empty();
    if indent > 0 {
        line.pieces.push(Piece {
            text: " ".repeat(indent),
            tone: Tone::Plain,
        });
    }
    for (c, tone) in cells {
        match line.pieces.last_mut() {
            Some(last) if last.tone == *tone => last.text.push(*c),
            _ => line.pieces.push(Piece {
                text: c.to_string(),
                tone: *tone,
            }),
        }
    }
    line
}

/// `text` with control characters made blanks and characters without a place of their own made
/// visible: names and messages come from servers, an escape sequence in one must not reach the
/// terminal, and a mark that turns the direction of writing round would move everything after it.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter_map(harmless).collect()
}

fn harmless(c: char) -> Option<char> {
    match c {
        c if c.is_control() => Some(' '),
        // Line and paragraph separators.
        '\u{2028}' | '\u{2029}' => Some(' '),
        // Marks of direction, invisible characters, tags.
        '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        // Terminals don't agree on how wide these make the character before.
        '\u{fe00}'..='\u{fe0f}' => None,
        c => Some(c),
    }
}

/// `text` cut to `width` columns, with `…` (or `~` in ASCII) where something is missing.
#[must_use]
pub fn fit(text: &str, width: usize, ellipsis: char) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    if width > 0 {
        out.push(ellipsis);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_breaks_at_blanks_and_loses_no_word() {
        let line = Line::plain("alpha beta")
            .and(" gamma delta", Tone::Bad)
            .hanging(2);
        let rows = line.wrap(12);
        let texts: Vec<String> = rows.iter().map(Line::text).collect();
        assert_eq!(texts, ["alpha beta", "  gamma", "  delta"]);
        assert_eq!(rows[1].pieces[1].tone, Tone::Bad);
    }

    #[test]
    fn a_word_longer_than_the_row_is_cut_and_wide_characters_never_overflow() {
        assert_eq!(Line::plain("abcdefgh").wrap(3).len(), 3);
        for row in Line::plain("日本語のテキスト").wrap(5) {
            assert!(row.width() <= 5);
        }
        assert_eq!(Line::plain("日本").wrap(1).len(), 2);
    }

    #[test]
    fn fitted_text_is_never_wider_than_asked() {
        for width in 0..8 {
            for text in ["", "abc", "日本語", "abcdefghijk"] {
                assert!(fit(text, width, '…').width() <= width, "{text} {width}");
            }
        }
        assert_eq!(fit("abcdef", 4, '~'), "abc~");
    }

    #[test]
    fn escape_sequences_of_a_server_are_made_harmless() {
        assert_eq!(clean("a\u{1b}[31mb\nc"), "a [31mb c");
        assert_eq!(clean("a\u{9b}2Jb"), "a 2Jb", "the 8-bit form");
    }

    #[test]
    fn marks_that_turn_the_direction_or_hide_are_made_visible() {
        assert_eq!(clean("a\u{202e}b\u{200b}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(clean("שלום é ❤\u{fe0f}"), "שלום é ❤");
    }
}
