//! The palette: every action that applies here, found by typing. Made from the action table and
//! the key map, so that it never tells of something that doesn't work.

use super::action::{ACTIONS, Action, Context};
use super::fuzzy;
use super::state::State;

/// One action in the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name in words.
    pub name: String,
    /// A sentence about it.
    pub help: &'static str,
    /// Its keys, or nothing where it has none.
    pub keys: String,
}

/// The palette as it is typed in.
#[derive(Debug, Clone)]
pub struct Palette {
    /// What was typed.
    pub typed: String,
    entries: Vec<Entry>,
    /// Places of the entries that fit, the best first.
    fitting: Vec<usize>,
    /// The marked one, a place among the fitting.
    pub marked: usize,
}

impl Palette {
    /// What applies in the place that is shown.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let place = state.place_below();
        let mut entries: Vec<Entry> = Vec::new();
        for context in place {
            let rows = ACTIONS.iter().filter(|row| row.context == *context);
            // A hand is quicker than a name for moving; and the palette is open already.
            let rows = rows
                .filter(|row| row.context != Context::Move && row.action != Action::Palette)
                .filter(|row| state.offers(row.action));
            entries.extend(rows.map(|row| Entry {
                action: row.action,
                name: row.id.replace('_', " "),
                help: row.help,
                keys: keys(state, row.action),
            }));
        }
        let mut palette = Self {
            typed: String::new(),
            entries,
            fitting: Vec::new(),
            marked: 0,
        };
        palette.find();
        palette
    }

    /// Finds anew what fits the text.
    pub fn find(&mut self) {
        let mut scored: Vec<(i64, usize)> = (self.entries.iter().enumerate())
            .filter_map(|(at, entry)| Some((fit(&self.typed, entry)?, at)))
            .collect();
        scored.sort_by_key(|(score, at)| (-score, *at));
        self.fitting = scored.into_iter().map(|(_, at)| at).collect();
        self.marked = 0;
    }

    /// What fits, the best first.
    pub fn fitting(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.fitting.iter().map(|at| &self.entries[*at])
    }

    /// The marked entry.
    #[must_use]
    pub fn chosen(&self) -> Option<&Entry> {
        self.fitting.get(self.marked).map(|at| &self.entries[*at])
    }

    /// Marks the next entry, or the one before, held at both ends.
    pub fn step(&mut self, by: isize) {
        let last = self.fitting.len().saturating_sub(1);
        self.marked = self.marked.saturating_add_signed(by).min(last);
    }
}

/// A name that fits beats a sentence that does.
fn fit(typed: &str, entry: &Entry) -> Option<i64> {
    const NAME: i64 = 1000;
    match fuzzy::score(typed, &entry.name) {
        Some(score) => Some(score + NAME),
        // Loose letters fit nearly every sentence; whole ones tell something.
        None => {
            let help = entry.help.to_lowercase();
            let mut words = typed.split_whitespace();
            words
                .all(|word| help.contains(&word.to_lowercase()))
                .then_some(0)
        }
    }
}

/// The keys of an action as they are shown.
#[must_use]
pub fn keys(state: &State, action: Action) -> String {
    let keys: Vec<String> = (state.setup.keymap.keys(action).iter())
        .map(ToString::to_string)
        .collect();
    keys.join(" ")
}
