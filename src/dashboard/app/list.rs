//! A list with a selection that stays on its row while the rows around it change.

use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::ids::{ConfigId, ConnectionId, JobId};
use crate::model::job::Job;

/// Something that can stand in a list.
pub trait Listed {
    /// What tells it from the others.
    type Id: Copy + PartialEq;
    /// Its id.
    fn id(&self) -> Self::Id;
    /// What a filter searches.
    fn searched(&self) -> String;
}

impl Listed for Connection {
    type Id = ConnectionId;
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
    fn id(&self) -> ConfigId {
        self.id
    }
    fn searched(&self) -> String {
        format!("{} {}", self.spec.name, self.spec.connection)
    }
}

impl Listed for Job {
    type Id = JobId;
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

/// Rows, what is selected, what is filtered, how far it is scrolled.
#[derive(Debug, Clone)]
pub struct List<T: Listed> {
    items: Vec<T>,
    loaded: bool,
    selected: Option<T::Id>,
    offset: usize,
    filter: String,
}

impl<T: Listed> Default for List<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            loaded: false,
            selected: None,
            offset: 0,
            filter: String::new(),
        }
    }
}

impl<T: Listed + PartialEq> List<T> {
    /// Takes new rows; says whether anything changed.
    pub fn set(&mut self, items: Vec<T>) -> bool {
        if self.loaded && self.items == items {
            return false;
        }
        let place = self.place();
        self.items = items;
        self.loaded = true;
        self.settle(place);
        true
    }

    /// Changes one row in place, or puts a new one first.
    pub fn put(&mut self, item: T) {
        let place = self.place();
        match self.items.iter_mut().find(|known| known.id() == item.id()) {
            Some(known) => *known = item,
            None => self.items.insert(0, item),
        }
        self.loaded = true;
        self.settle(place);
    }

    /// A row to change; its id must stay.
    pub fn get_mut(&mut self, id: T::Id) -> Option<&mut T> {
        self.items.iter_mut().find(|item| item.id() == id)
    }

    /// A row.
    #[must_use]
    pub fn get(&self, id: T::Id) -> Option<&T> {
        self.items.iter().find(|item| item.id() == id)
    }

    /// Whether rows have ever been read.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// All rows, whatever the filter.
    #[must_use]
    pub fn all(&self) -> &[T] {
        &self.items
    }

    /// The rows that pass the filter.
    #[must_use]
    pub fn shown(&self) -> Vec<&T> {
        let wanted = self.filter.to_lowercase();
        self.items
            .iter()
            .filter(|item| wanted.is_empty() || item.searched().to_lowercase().contains(&wanted))
            .collect()
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Filters by `text`.
    pub fn set_filter(&mut self, text: &str) {
        let place = self.place();
        text.clone_into(&mut self.filter);
        self.settle(place);
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&T> {
        let id = self.selected?;
        self.shown().into_iter().find(|item| item.id() == id)
    }

    /// Selects a row by id.
    pub fn select(&mut self, id: T::Id) {
        self.selected = Some(id);
    }

    /// Place of the selected row among the shown.
    #[must_use]
    pub fn place(&self) -> usize {
        let id = self.selected;
        self.shown()
            .iter()
            .position(|item| Some(item.id()) == id)
            .unwrap_or(0)
    }

    /// First row on the screen.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Moves the selection by `by` rows, held at both ends.
    pub fn step(&mut self, by: isize) {
        self.select_place(self.place().saturating_add_signed(by));
    }

    /// Selects the shown row at `place`, the last one at most.
    pub fn select_place(&mut self, place: usize) {
        let shown = self.shown();
        let id = shown.get(place).or(shown.last()).map(|item| item.id());
        self.selected = id;
    }

    /// Scrolls so that the selected row is among the `rows` on the screen, and no further than needed.
    pub fn keep_visible(&mut self, rows: usize) {
        let place = self.place();
        let count = self.shown().len();
        if place < self.offset {
            self.offset = place;
        } else if rows > 0 && place >= self.offset + rows {
            self.offset = place + 1 - rows;
        }
        self.offset = self.offset.min(count.saturating_sub(rows.max(1)));
    }

    /// After a change of rows: the same row if it is still shown, else the one in its place.
    fn settle(&mut self, place: usize) {
        if self.selected().is_none() {
            self.select_place(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Word(u32, &'static str);
    impl Listed for Word {
        type Id = u32;
        fn id(&self) -> u32 {
            self.0
        }
        fn searched(&self) -> String {
            self.1.to_owned()
        }
    }

    fn list() -> List<Word> {
        let mut list = List::default();
        list.set(vec![Word(1, "Alpha"), Word(2, "beta"), Word(3, "gamma")]);
        list
    }

    #[test]
    fn the_selection_stays_on_its_row_when_rows_come_and_go() {
        let mut list = list();
        list.step(1);
        list.put(Word(9, "new"));
        assert_eq!(list.selected().unwrap().0, 2);
        list.set(vec![Word(9, "new"), Word(3, "gamma"), Word(1, "Alpha")]);
        assert_eq!(list.selected().unwrap().0, 1, "the row in its place");
        list.set(vec![]);
        assert!(list.selected().is_none());
    }

    #[test]
    fn the_same_rows_again_are_no_change() {
        let mut list = list();
        assert!(!list.set(list.all().to_vec()));
        assert!(list.set(vec![]));
    }

    #[test]
    fn a_filter_hides_rows_and_selects_among_the_rest() {
        let mut list = list();
        list.step(2);
        list.set_filter("ALPH");
        assert_eq!(list.shown().len(), 1);
        assert_eq!(list.selected().unwrap().0, 1);
        list.set_filter("nothing");
        assert!(list.selected().is_none());
        list.set_filter("");
        assert_eq!(list.shown().len(), 3);
        assert!(list.selected().is_some());
    }

    #[test]
    fn scrolling_follows_the_selection_and_stops_at_the_ends() {
        let mut list = list();
        list.step(50);
        list.keep_visible(2);
        assert_eq!((list.place(), list.offset()), (2, 1));
        list.step(-50);
        list.keep_visible(2);
        assert_eq!((list.place(), list.offset()), (0, 0));
        list.keep_visible(0);
    }
}
