//! A question that is answered by typing a word: for what loses rows of a target or stored
//! objects. Enter alone changes nothing.

use std::time::Duration;

use super::overlay::Answer;
use super::text::{Line, Tone, clean};

/// A question that wants a word.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Its heading: `Delete this connection?`
    pub title: String,
    /// What would be lost, by name and number; what stays.
    pub lines: Vec<Line>,
    /// The word to type: the name of what is lost.
    pub word: String,
    /// What is done: `delete it`.
    pub deed: String,
    /// What the typed word does.
    pub answer: Answer,
    /// What was typed.
    pub typed: String,
    /// When it was opened; keys typed ahead are not taken for an answer.
    pub opened_at: Duration,
}

impl Confirm {
    /// A question about `word`; [`super::update::ask_word`] lays it over the screen.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        lines: Vec<Line>,
        word: impl Into<String>,
        deed: impl Into<String>,
        answer: Answer,
    ) -> Self {
        Self {
            title: title.into(),
            lines,
            word: word.into(),
            deed: deed.into(),
            answer,
            typed: String::new(),
            opened_at: Duration::ZERO,
        }
    }

    /// Whether the word is there.
    #[must_use]
    pub fn holds(&self) -> bool {
        // What is pasted is made harmless on the way in, so it is held against the word as shown.
        let word = clean(&self.word);
        !word.trim().is_empty() && self.typed.trim() == word.trim()
    }

    /// Everything above the choices.
    #[must_use]
    pub fn text(&self) -> Vec<Line> {
        let mut lines = self.lines.clone();
        lines.push(Line::empty());
        lines.push(
            Line::of("Type ", Tone::Plain)
                .and(&self.word, Tone::Strong)
                .and(format!(" to {}:", self.deed), Tone::Plain),
        );
        let mark = if self.holds() {
            Tone::Bad
        } else {
            Tone::Accent
        };
        lines.push(
            Line::of("> ", Tone::Dim)
                .and(&self.typed, Tone::Plain)
                .and("▌", mark),
        );
        lines
    }
}
