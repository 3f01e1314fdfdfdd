//! Which key does what where: the table's defaults, overridden by the settings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::action::{ACTIONS, Action, Context};
use super::key::Key;

/// Keys of every action.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    keys: HashMap<Action, Vec<Key>>,
}

/// The places where a key is looked up together; within one, a key means one thing.
pub const PLACES: &[&[Context]] = &[
    &[
        Context::Connections,
        Context::List,
        Context::Find,
        Context::Move,
        Context::Global,
        Context::Always,
    ],
    &[
        Context::Configs,
        Context::List,
        Context::Find,
        Context::Move,
        Context::Global,
        Context::Always,
    ],
    &[
        Context::Jobs,
        Context::List,
        Context::Job,
        Context::Find,
        Context::Move,
        Context::Global,
        Context::Always,
    ],
    &[
        Context::Detail,
        Context::List,
        Context::Job,
        Context::Find,
        Context::Move,
        Context::Global,
        Context::Always,
    ],
    &[
        Context::Logs,
        Context::Move,
        Context::Global,
        Context::Always,
    ],
    &[Context::Sheet, Context::Move, Context::Always],
    &[
        Context::Plan,
        Context::Sheet,
        Context::Move,
        Context::Always,
    ],
    &[Context::Dialog, Context::Always],
    EDITOR,
    REVIEW,
    TYPING,
    FORM,
    SIDE,
    PICKER,
    RULES,
    NIGHT,
    DIFFERENCES,
];

/// Where the text of a config is edited; plain letters never get this far.
pub const EDITOR: &[Context] = &[Context::Editor, Context::Always];
/// The rules of a config that is made or changed.
pub const RULES: &[Context] = &[
    Context::Rules,
    Context::Picker,
    Context::Move,
    Context::Always,
];
/// What is shown before something is stored.
pub const REVIEW: &[Context] = &[
    Context::Review,
    Context::Sheet,
    Context::Move,
    Context::Always,
];

/// Where a line of text is typed; plain letters never get this far.
pub const TYPING: &[Context] = &[Context::Typing, Context::Always];
/// The fields of a form; printable keys never get this far.
pub const FORM: &[Context] = &[Context::FormSend, Context::Form, Context::Always];
/// The report beside a form.
pub const SIDE: &[Context] = &[
    Context::FormSend,
    Context::Side,
    Context::Move,
    Context::Always,
];
/// A list to choose from.
pub const PICKER: &[Context] = &[Context::Picker, Context::Move, Context::Always];

/// The page after a bad night.
pub const NIGHT: &[Context] = &[Context::Night, Context::Move, Context::Always];

/// What a job found to differ.
pub const DIFFERENCES: &[Context] = &[Context::Differences, Context::Move, Context::Always];

impl Default for Keymap {
    fn default() -> Self {
        let keys = ACTIONS
            .iter()
            .map(|row| {
                let keys = row.keys.iter().filter_map(|key| key.parse().ok());
                (row.action, keys.collect())
            })
            .collect();
        Self { keys }
    }
}

impl Keymap {
    /// The defaults with `overrides` (`dashboard.keys`: action to keys; an empty list unbinds).
    ///
    /// # Errors
    /// Every mistake: an unknown action, a text that is no key, a key that would mean two things in
    /// one place.
    pub fn with(overrides: &BTreeMap<String, Vec<String>>) -> Result<Self, KeyMistakes> {
        let mut map = Self::default();
        let mut mistakes = Vec::new();
        let mut wrong = |action: &str, message: String| {
            mistakes.push(KeyMistake {
                action: action.to_owned(),
                message,
            });
        };
        for (id, texts) in overrides {
            let Some(row) = ACTIONS.iter().find(|row| row.id == id) else {
                wrong(id, "there is no such action".to_owned());
                continue;
            };
            let mut keys = Vec::new();
            for text in texts {
                match text.parse::<Key>() {
                    Ok(key) => keys.push(key),
                    Err(error) => wrong(id, error.to_string()),
                }
            }
            map.keys.insert(row.action, keys);
        }
        for (one, other, key) in map.clashes() {
            // The one that was set is the one to be changed.
            let (set, other) = if overrides.contains_key(other) {
                (other, one)
            } else {
                (one, other)
            };
            wrong(
                set,
                format!("{key} means {other} in the same place already"),
            );
        }
        if mistakes.is_empty() {
            return Ok(map);
        }
        Err(KeyMistakes(mistakes))
    }

    /// Pairs of actions that one key means in one place.
    fn clashes(&self) -> BTreeSet<(&'static str, &'static str, String)> {
        let mut found = BTreeSet::new();
        for place in PLACES {
            let mut taken: HashMap<Key, &'static str> = HashMap::new();
            for row in ACTIONS.iter().filter(|row| place.contains(&row.context)) {
                for key in self.keys(row.action) {
                    if let Some(other) = taken.insert(*key, row.id) {
                        found.insert((other, row.id, key.to_string()));
                    }
                }
            }
        }
        found
    }

    /// Keys of an action; empty when unbound.
    #[must_use]
    pub fn keys(&self, action: Action) -> &[Key] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The key that is shown for an action.
    #[must_use]
    pub fn shown(&self, action: Action) -> Option<Key> {
        self.keys(action).first().copied()
    }

    /// What `key` does in `place`.
    #[must_use]
    pub fn action(&self, place: &[Context], key: Key) -> Option<Action> {
        ACTIONS
            .iter()
            .filter(|row| place.contains(&row.context))
            .find(|row| self.keys(row.action).contains(&key))
            .map(|row| row.action)
    }
}

/// Something wrong with the keys of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMistake {
    /// The action as it was typed.
    pub action: String,
    /// What is wrong.
    pub message: String,
}

/// Everything that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMistakes(pub Vec<KeyMistake>);

impl fmt::Display for KeyMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, KeyMistake { action, message }) in self.0.iter().enumerate() {
            let gap = if i > 0 { "; " } else { "" };
            write!(f, "{gap}dashboard.keys.{action}: {message}")?;
        }
        Ok(())
    }
}

/// An action as it is listed for the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRow {
    /// Its name.
    pub id: &'static str,
    /// Its keys.
    pub keys: Vec<String>,
    /// Where they apply.
    pub place: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Every action with its keys, `overrides` taken in.
///
/// # Errors
/// As [`Keymap::with`].
pub fn actions(overrides: &BTreeMap<String, Vec<String>>) -> Result<Vec<ActionRow>, KeyMistakes> {
    let map = Keymap::with(overrides)?;
    let rows = ACTIONS.iter().map(|row| ActionRow {
        id: row.id,
        keys: map
            .keys(row.action)
            .iter()
            .map(ToString::to_string)
            .collect(),
        place: row.context.title(),
        help: row.help,
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_bound_and_no_key_means_two_things_in_one_place() {
        let map = Keymap::default();
        for row in ACTIONS {
            assert_eq!(map.keys(row.action).len(), row.keys.len(), "{}", row.id);
            assert!(!row.keys.is_empty(), "{} has no key", row.id);
        }
        assert_eq!(map.clashes(), BTreeSet::new());
    }

    #[test]
    fn no_default_needs_a_chord_that_multiplexers_or_links_swallow() {
        let banned = ["ctrl-a", "ctrl-b", "ctrl-enter", "ctrl-q"];
        for row in ACTIONS {
            for key in row.keys {
                assert!(!banned.contains(key), "{} uses {key}", row.id);
            }
            // A link with XON/XOFF swallows it; everywhere else it is what people save with.
            assert!(
                row.keys != ["ctrl-s"],
                "{} has no key beside ctrl-s",
                row.id
            );
        }
    }

    #[test]
    fn every_context_belongs_to_a_place() {
        for row in ACTIONS {
            assert!(
                PLACES.iter().any(|place| place.contains(&row.context)),
                "{} can't be reached",
                row.id
            );
        }
    }

    #[test]
    fn settings_rebind_actions_and_mistakes_are_told() {
        let one = |id: &str, key: &str| BTreeMap::from([(id.to_owned(), vec![key.to_owned()])]);
        let map = Keymap::with(&one("stop_job", "X")).unwrap();
        let jobs = PLACES[2];
        assert_eq!(map.action(jobs, Key::char('X')), Some(Action::StopJob));
        assert_eq!(map.action(jobs, Key::char('x')), None);
        for (id, key, said) in [
            ("explode", "x", "explode: there is no such action"),
            ("stop_job", "hyper-x", "not a key"),
            ("stop_job", "q", "stop_job: q means quit"),
            ("quit", "x", "quit: x means stop_job"),
        ] {
            let e = Keymap::with(&one(id, key)).unwrap_err().to_string();
            assert!(e.contains(said), "{e}");
            assert_eq!(e.matches("dashboard.keys").count(), 1, "told once: {e}");
        }
    }

    #[test]
    fn every_mistake_is_told() {
        let overrides = BTreeMap::from([
            ("explode".to_owned(), vec!["x".to_owned()]),
            (
                "wrap".to_owned(),
                vec!["hyper-x".to_owned(), "q".to_owned()],
            ),
        ]);
        let mistakes = Keymap::with(&overrides).unwrap_err();
        let actions: Vec<&str> = mistakes.0.iter().map(|m| m.action.as_str()).collect();
        assert_eq!(actions, ["explode", "wrap", "wrap"]);
    }
}
