//! Short words in the footer, and the list of those that were said.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::overlay::Sheet;
use super::state::State;
use super::text::{Line, Tone, clean};

/// Words that are kept to be read again.
const KEPT: usize = 200;
/// So long a word about a failure stays, whatever else is said.
const HELD: Duration = Duration::from_secs(3);

/// A short word in the footer.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The text.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// When it goes away, by the steady clock.
    pub until: Duration,
}

/// A word that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// When.
    pub at: DateTime<Utc>,
    /// The text.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

impl State {
    /// Says a short word in the footer.
    pub fn say(&mut self, text: impl AsRef<str>, tone: Tone) {
        let now = self.clock.steady;
        let text = clean(text.as_ref());
        keep(&mut self.said, &text, tone, self.clock.wall);
        let seconds = if tone == Tone::Bad { 12 } else { 5 };
        let until = now + Duration::from_secs(seconds);
        let held = self.notice.as_ref().is_some_and(|notice| {
            notice.tone == Tone::Bad && tone != Tone::Bad && now + LEFT < notice.until
        });
        if !held {
            self.notice = Some(Notice { text, tone, until });
        }
        self.dirty = true;
    }
}

/// What is left of a failure's time once it may be replaced.
const LEFT: Duration = Duration::from_secs(12 - HELD.as_secs());

fn keep(said: &mut VecDeque<Said>, text: &str, tone: Tone, at: DateTime<Utc>) {
    // The same again is the same word, later.
    if said.back().is_some_and(|last| last.text == text) {
        said.pop_back();
    }
    said.push_back(Said {
        at,
        text: text.to_owned(),
        tone,
    });
    if said.len() > KEPT {
        said.pop_front();
    }
}

/// Everything that was said, the newest first.
#[must_use]
pub fn sheet(state: &State) -> Sheet {
    let mut lines: Vec<Line> = (state.said.iter().rev())
        .map(|said| {
            let mark = match said.tone {
                Tone::Bad | Tone::Warn => "! ",
                _ => "  ",
            };
            Line::of(said.at.format("%H:%M:%S ").to_string(), Tone::Dim)
                .and(mark, said.tone)
                .and(&said.text, said.tone)
                .hanging(11)
        })
        .collect();
    if lines.is_empty() {
        lines.push(Line::of("Nothing was said yet.", Tone::Dim));
    }
    Sheet::text("Messages", lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::app::state::Setup;

    #[test]
    fn a_failure_is_not_talked_over_at_once_and_nothing_said_is_lost() {
        let mut state = State::new(Setup::default());
        state.say("crm-full: failed", Tone::Bad);
        state.say("users: completed", Tone::Good);
        assert_eq!(state.notice.as_ref().unwrap().text, "crm-full: failed");
        state.clock.steady += HELD + Duration::from_millis(1);
        state.say("users: completed", Tone::Good);
        assert_eq!(state.notice.as_ref().unwrap().text, "users: completed");
        let texts: Vec<String> = sheet(&state).lines.iter().map(Line::text).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("users") && texts[1].contains("! crm-full"));
        for n in 0..300 {
            state.say(format!("{n}"), Tone::Plain);
        }
        assert_eq!(state.said.len(), KEPT);
    }
}
