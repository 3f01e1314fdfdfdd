//! Which key does what where: the table's defaults, overridden by the settings.

use std::collections::{BTreeMap, HashMap};

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
    /// A sentence for an unknown action, a text that is no key, and a key that would mean two
    /// things in one place.
    pub fn with(overrides: &BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let mut map = Self::default();
        for (id, keys) in overrides {
            let row = ACTIONS.iter().find(|row| row.id == id).ok_or_else(|| {
                format!(
                    "dashboard.keys: there is no action {id:?}; `db-taxi config keys` lists them"
                )
            })?;
            let keys = keys
                .iter()
                .map(|key| key.parse::<Key>())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| format!("dashboard.keys.{id}: {e}"))?;
            map.keys.insert(row.action, keys);
        }
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), String> {
        for place in PLACES {
            let mut taken: HashMap<Key, &'static str> = HashMap::new();
            for row in ACTIONS.iter().filter(|row| place.contains(&row.context)) {
                for key in self.keys(row.action) {
                    if let Some(other) = taken.insert(*key, row.id) {
                        return Err(format!(
                            "dashboard.keys: {key} means both {other} and {} in the same place",
                            row.id
                        ));
                    }
                }
            }
        }
        Ok(())
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
pub fn actions(overrides: &BTreeMap<String, Vec<String>>) -> Result<Vec<ActionRow>, String> {
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
        assert_eq!(map.check(), Ok(()));
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
            ("explode", "x", "no action"),
            ("stop_job", "hyper-x", "not a key"),
            ("stop_job", "q", "both"),
        ] {
            let e = Keymap::with(&one(id, key)).unwrap_err();
            assert!(e.contains(said), "{e}");
        }
    }
}
