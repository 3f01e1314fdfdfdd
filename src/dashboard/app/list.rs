//! A list with a selection that stays on its row while the rows around it change.
//!
//! What is shown (filtered, sorted) is worked out when rows, filter or order change, never for a
//! frame or a step: with 10,000 rows a key must still be answered at once.

mod columns;
mod sort;

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::ids::{ConfigId, ConnectionId, JobId};
use crate::model::job::Job;

pub use columns::{ENDED_TABLES, TABLES};
pub use sort::{Sort, SortColumn, SortKey};

/// Something that can stand in a list.
pub trait Listed: Sized + 'static {
    /// What tells it from the others.
    type Id: Copy + Eq + Hash;
    /// The columns it can be sorted by, headed as on the screen.
    const COLUMNS: &'static [SortColumn<Self>];
    /// Its id.
    fn id(&self) -> Self::Id;
    /// What a filter searches.
    fn searched(&self) -> String;
}

impl Listed for Connection {
    type Id = ConnectionId;
    const COLUMNS: &'static [SortColumn<Self>] = columns::CONNECTIONS;
    fn id(&self) -> ConnectionId {
        self.id
    }
    fn searched(&self) -> String {
        let spec = &self.spec;
        format!(
            "{} {} {} {}",
            spec.name,
            spec.host,
            spec.database,
            spec.target_database()
        )
    }
}

impl Listed for Config {
    type Id = ConfigId;
    const COLUMNS: &'static [SortColumn<Self>] = columns::CONFIGS;
    fn id(&self) -> ConfigId {
        self.id
    }
    fn searched(&self) -> String {
        format!("{} {}", self.spec.name, self.spec.connection)
    }
}

impl Listed for Job {
    type Id = JobId;
    const COLUMNS: &'static [SortColumn<Self>] = columns::JOBS;
    fn id(&self) -> JobId {
        self.id
    }
    fn searched(&self) -> String {
        format!(
            "{} {} {}",
            self.config,
            self.connection,
            self.state.as_str()
        )
    }
}

/// Rows, what is selected, what is filtered, in which order, how far it is scrolled.
#[derive(Debug, Clone)]
pub struct List<T: Listed> {
    items: Vec<T>,
    /// Place of each id among the items.
    known: HashMap<T::Id, usize>,
    loaded: bool,
    filter: String,
    sort: Sort,
    /// What rows are sorted by in columns that are not theirs.
    beside: HashMap<T::Id, SortKey>,
    /// Places of the shown items, in the order of the screen.
    shown: Vec<usize>,
    selected: Option<T::Id>,
    /// Place of the selected row among the shown.
    place: usize,
    offset: usize,
}

impl<T: Listed> Default for List<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            known: HashMap::new(),
            loaded: false,
            filter: String::new(),
            sort: Sort::default(),
            beside: HashMap::new(),
            shown: Vec::new(),
            selected: None,
            place: 0,
            offset: 0,
        }
    }
}

impl<T: Listed + PartialEq> List<T> {
    /// Takes new rows; says whether anything changed.
    pub fn set(&mut self, items: Vec<T>) -> bool {
        if self.loaded && self.items == items {
            return false;
        }
        self.items = items;
        self.loaded = true;
        self.number();
        self.arrange();
        true
    }

    /// Changes one row in place, or puts a new one first.
    pub fn put(&mut self, item: T) {
        match self.known.get(&item.id()) {
            Some(at) => self.items[*at] = item,
            None => {
                self.items.insert(0, item);
                self.number();
            }
        }
        self.loaded = true;
        self.arrange();
    }

    /// Takes what rows are sorted by in columns whose key is [`SortKey::Beside`].
    pub fn set_beside(&mut self, beside: HashMap<T::Id, SortKey>) {
        self.beside = beside;
        self.arrange();
    }

    /// A row to change; its id must stay. It keeps its place until rows are read again, so that
    /// rows whose numbers move don't jump about.
    pub fn get_mut(&mut self, id: T::Id) -> Option<&mut T> {
        self.items.get_mut(*self.known.get(&id)?)
    }

    /// A row.
    #[must_use]
    pub fn get(&self, id: T::Id) -> Option<&T> {
        self.items.get(*self.known.get(&id)?)
    }

    /// Whether rows have ever been read.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// All rows, whatever the filter, in the order in which they were read.
    #[must_use]
    pub fn all(&self) -> &[T] {
        &self.items
    }

    /// The rows that pass the filter, in the order of the screen.
    pub fn shown(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator {
        self.shown.iter().map(|at| &self.items[*at])
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Filters by `text`.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
        self.arrange();
    }

    /// The heading that it is sorted by, and whether downwards; `None` as it was read.
    #[must_use]
    pub fn sorted(&self) -> Option<(&'static str, bool)> {
        self.sort.shown(T::COLUMNS)
    }

    /// Sorts by the next column, or the one before; behind the last comes the order in which the
    /// rows were read.
    pub fn sort_next(&mut self, forward: bool) {
        self.sort.step(T::COLUMNS.len(), forward);
        self.sort_anew();
    }

    /// Turns the order round.
    pub fn sort_reverse(&mut self) {
        self.sort.reversed = !self.sort.reversed;
        self.sort_anew();
    }

    /// In a new order a selection that was never moved stays at the top, where the most or the
    /// least is; any other stays on its row.
    fn sort_anew(&mut self) {
        let at_top = self.place == 0;
        self.arrange();
        if at_top {
            self.select_place(0);
        }
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&T> {
        let item = &self.items[*self.shown.get(self.place)?];
        (Some(item.id()) == self.selected).then_some(item)
    }

    /// Selects a row by id.
    pub fn select(&mut self, id: T::Id) {
        self.selected = Some(id);
        self.place = self.place_of(id).unwrap_or(0);
    }

    /// Place of the selected row among the shown.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }

    /// First row on the screen.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Moves the selection by `by` rows, held at both ends.
    pub fn step(&mut self, by: isize) {
        self.select_place(self.place.saturating_add_signed(by));
    }

    /// Selects the shown row at `place`, the last one at most.
    pub fn select_place(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(self.place).map(|at| self.items[*at].id());
    }

    /// Scrolls so that the selected row is among the `rows` on the screen, and no further than needed.
    pub fn keep_visible(&mut self, rows: usize) {
        if self.place < self.offset {
            self.offset = self.place;
        } else if rows > 0 && self.place >= self.offset + rows {
            self.offset = self.place + 1 - rows;
        }
        self.offset = self
            .offset
            .min(self.shown.len().saturating_sub(rows.max(1)));
    }

    fn place_of(&self, id: T::Id) -> Option<usize> {
        let at = *self.known.get(&id)?;
        self.shown.iter().position(|shown| *shown == at)
    }

    fn number(&mut self) {
        self.known = (self.items.iter().enumerate())
            .map(|(at, item)| (item.id(), at))
            .collect();
    }

    /// Works out what is shown. The selection stays on its row if that is still shown, else it
    /// goes to the one in its place.
    fn arrange(&mut self) {
        let wanted = self.filter.to_lowercase();
        let passing = (self.items.iter().enumerate())
            .filter(|(_, item)| {
                wanted.is_empty() || item.searched().to_lowercase().contains(&wanted)
            })
            .map(|(at, _)| at)
            .collect();
        let beside = |item: &T| self.beside.get(&item.id()).cloned();
        self.shown = self.sort.order(T::COLUMNS, &self.items, passing, beside);
        match self.selected.and_then(|id| self.place_of(id)) {
            Some(place) => self.place = place,
            None => self.select_place(self.place),
        }
    }
}

#[cfg(test)]
mod tests;
