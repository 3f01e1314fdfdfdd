//! Which lines of a log are shown: what a person asks for, and the same in a form that is quickly
//! held against a line.

use std::collections::HashMap;

use memchr::memmem::Finder;

use crate::model::log::{Level, LogEntry};

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

impl Scope {
    /// Whether every line that this one shows is shown by `other` too.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.level.passes(other.level)
            && (other.table.is_none() || self.table == other.table)
            && (other.names.is_empty() || self.names == other.names)
            && self
                .text
                .to_lowercase()
                .contains(&other.text.to_lowercase())
    }
}

/// Names that occur, by a number each; 0 stands for no name.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(HashMap<String, u32>);

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(known) = self.0.get(name) {
            return *known;
        }
        let number = self.0.len() as u32 + 1;
        self.0.insert(name.to_owned(), number);
        number
    }

    /// What a scope asks about a line, but for its text.
    pub fn facts(&mut self, entry: &LogEntry) -> Facts {
        let mut of_field = |field: &str| {
            let name = entry.fields.get(field).and_then(serde_json::Value::as_str);
            name.map_or(0, |name| self.number(name))
        };
        let names = [of_field("connection"), of_field("config")];
        Facts {
            level: entry.level,
            table: entry.table.as_deref().map_or(0, |name| self.number(name)),
            names,
        }
    }
}

/// What a scope asks about a line, but for its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    level: Level,
    table: u32,
    /// Of its connection and its config.
    names: [u32; 2],
}

/// A scope, to be held against lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    level: Level,
    table: Option<u32>,
    names: Vec<u32>,
    text: Option<Finder<'static>>,
}

impl Wanted {
    /// `scope` by the numbers of `names`.
    pub fn new(scope: &Scope, names: &mut Names) -> Self {
        Self {
            level: scope.level,
            table: scope.table.as_deref().map(|name| names.number(name)),
            names: scope.names.iter().map(|name| names.number(name)).collect(),
            text: finder(&scope.text),
        }
    }

    /// Whether a line fits, but for its text.
    pub fn fits(&self, facts: &Facts) -> bool {
        facts.level.passes(self.level)
            && self.table.is_none_or(|table| facts.table == table)
            && (self.names.is_empty() || facts.names.iter().any(|name| self.names.contains(name)))
    }

    /// The text that lines must have.
    pub fn text(&self) -> Option<&Finder<'static>> {
        self.text.as_ref()
    }
}

/// Looks for a text, whatever its case, in what is searched of lines; `None` for no text.
pub(super) fn finder(text: &str) -> Option<Finder<'static>> {
    let wanted = text.to_lowercase();
    (!wanted.is_empty()).then(|| Finder::new(wanted.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scope_lies_within_another_when_it_asks_for_more() {
        let base = Scope {
            level: Level::Info,
            text: "Range".to_owned(),
            ..Scope::default()
        };
        let with = |change: fn(&mut Scope)| {
            let mut scope = base.clone();
            change(&mut scope);
            scope
        };
        for narrower in [
            with(|s| s.text = "the range 7".to_owned()),
            with(|s| s.level = Level::Error),
            with(|s| s.table = Some("orders".to_owned())),
            with(|s| s.names = vec!["shop".to_owned()]),
        ] {
            assert!(narrower.is_within(&base), "{narrower:?}");
            assert!(!base.is_within(&narrower), "{narrower:?}");
        }
        assert!(!with(|s| s.text = "rang".to_owned()).is_within(&base));
    }
}
