//! What lies beside a form: a report that is awaited, then read; a preview.

use std::time::Duration;

use crate::dashboard::app::request::Ticket;
use crate::dashboard::app::text::{Line, Tone};

/// A pane beside a form, over it where there is no room.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its heading.
    pub title: String,
    /// Its tone: failures stand out.
    pub tone: Tone,
    /// What it says.
    pub lines: Vec<Line>,
    /// Rows scrolled away.
    pub scroll: usize,
    /// Whether keys go to it.
    pub focused: bool,
    /// What `y` copies.
    pub copies: Option<String>,
    /// What is waited for; it can be given up.
    pub wait: Option<Wait>,
    /// Whether it only says what could be there; then nobody goes to it.
    pub hint: bool,
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Its words.
    pub words: String,
    /// Since when, by the steady clock.
    pub since: Duration,
    /// What tells its answer from an older one.
    pub ticket: Ticket,
}

impl Wait {
    /// The words with the seconds so far.
    #[must_use]
    pub fn shown(&self, now: Duration) -> Line {
        let seconds = now.saturating_sub(self.since).as_secs();
        let so_far = if seconds > 0 {
            format!(" {seconds} s")
        } else {
            String::new()
        };
        Line::of(format!("… {}{so_far}", self.words), Tone::Accent)
    }
}

impl Side {
    /// A pane that waits, with the keys.
    #[must_use]
    pub fn waiting(title: impl Into<String>, wait: Wait) -> Self {
        Self {
            title: title.into(),
            tone: Tone::Plain,
            lines: Vec::new(),
            scroll: 0,
            focused: true,
            copies: None,
            wait: Some(wait),
            hint: false,
        }
    }

    /// A pane to look at, without the keys.
    #[must_use]
    pub fn text(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self {
            title: title.into(),
            tone: Tone::Plain,
            lines,
            scroll: 0,
            focused: false,
            copies: None,
            wait: None,
            hint: false,
        }
    }

    /// The same, only saying what could be there.
    #[must_use]
    pub fn hint(mut self) -> Self {
        self.hint = true;
        self
    }

    /// Its rows at `width` columns.
    #[must_use]
    pub fn rows(&self, width: usize) -> Vec<Line> {
        self.lines.iter().flat_map(|l| l.wrap(width)).collect()
    }
}
