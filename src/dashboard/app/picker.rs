//! A list to choose from: fuzzy filter, marks, sizes. One row, or many.
//!
//! Owns what is marked, filtered, ordered and scrolled; thousands of rows are shown from a list of
//! places that is made when filter or order change, never per frame. Must not know: what becomes of
//! the choice, which is its [`PickPurpose`], carried out in `update`.

use std::cmp::Reverse;

use super::action::Action;
use super::form::line_edit::LineEdit;
use super::form::side::Wait;
use super::fuzzy;
use super::key::Key;
pub use super::purpose::PickPurpose;
use crate::model::pattern;
use crate::model::report::SourceTable;

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PickRow {
    /// Its name; unique.
    pub name: String,
    /// Rows, as estimated.
    pub rows: Option<u64>,
    /// Size, as estimated.
    pub bytes: Option<u64>,
    /// Kind or engine.
    pub kind: String,
    /// The key, or what else is worth knowing.
    pub note: String,
    /// Why it needs a second look.
    pub warning: Option<String>,
}

impl From<&SourceTable> for PickRow {
    fn from(table: &SourceTable) -> Self {
        let keyless = table.primary_key.is_empty();
        Self {
            name: table.name.clone(),
            rows: Some(table.rows_estimate),
            bytes: Some(table.data_bytes),
            kind: table.engine.clone().unwrap_or_else(|| "-".to_owned()),
            note: if keyless {
                String::new()
            } else {
                table.primary_key.join(", ")
            },
            warning: keyless.then(|| "no key".to_owned()),
        }
    }
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As they came, usually by name; best match first while a filter is typed.
    #[default]
    Name,
    /// Largest first.
    Size,
    /// Most rows first.
    Rows,
}

impl Order {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Rows => "rows",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Name => Self::Size,
            Self::Size => Self::Rows,
            Self::Rows => Self::Name,
        }
    }
}

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// The filter.
    Filter,
    /// A pattern whose rows are marked.
    Pattern,
}

/// The list.
#[derive(Debug, Clone)]
pub struct Picker {
    /// What becomes of the choice.
    pub purpose: PickPurpose,
    /// Its heading.
    pub title: String,
    /// Whether many can be marked, or one is opened.
    pub many: bool,
    /// What is waited for before there are rows.
    pub wait: Option<Wait>,
    /// Why there are no rows.
    pub failed: Option<String>,
    /// What is being typed, if anything is.
    pub typing: Option<Typing>,
    /// The filter.
    pub filter: LineEdit,
    /// The pattern.
    pub pattern: LineEdit,
    rows: Vec<PickRow>,
    marked: Vec<bool>,
    order: Order,
    /// Places of the rows that are shown, in their order.
    shown: Vec<usize>,
    at: usize,
    offset: usize,
}

impl Picker {
    /// A list without rows yet.
    #[must_use]
    pub fn new(purpose: PickPurpose, title: impl Into<String>, many: bool) -> Self {
        Self {
            purpose,
            title: title.into(),
            many,
            wait: None,
            failed: None,
            typing: None,
            filter: LineEdit::default(),
            pattern: LineEdit::default(),
            rows: Vec::new(),
            marked: Vec::new(),
            order: Order::Name,
            shown: Vec::new(),
            at: 0,
            offset: 0,
        }
    }

    /// Takes the rows; what was marked stays marked.
    pub fn set(&mut self, rows: Vec<PickRow>) {
        let marked: std::collections::HashSet<String> = self.marked_names().into_iter().collect();
        self.marked = rows.iter().map(|r| marked.contains(&r.name)).collect();
        self.rows = rows;
        self.wait = None;
        self.failed = None;
        self.arrange();
    }

    /// Marks the rows of these names.
    pub fn mark_named<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names: std::collections::HashSet<&str> = names.into_iter().collect();
        for (row, marked) in self.rows.iter().zip(&mut self.marked) {
            *marked |= names.contains(row.name.as_str());
        }
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[PickRow] {
        &self.rows
    }

    /// The shown rows from `from` on, at most `count`, each with whether it is marked.
    pub fn window(&self, from: usize, count: usize) -> impl Iterator<Item = (&PickRow, bool)> {
        self.shown
            .iter()
            .skip(from)
            .take(count)
            .map(|place| (&self.rows[*place], self.marked[*place]))
    }

    /// How many rows are shown.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The row with the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&PickRow> {
        self.shown.get(self.at).map(|place| &self.rows[*place])
    }

    /// Place of the cursor among the shown rows.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The first row on a screen of `rows` rows: the cursor is always on it.
    #[must_use]
    pub fn offset(&self, rows: usize) -> usize {
        let rows = rows.max(1);
        let mut offset = self.offset.min(self.shown.len().saturating_sub(rows));
        if self.at < offset {
            offset = self.at;
        } else if self.at >= offset + rows {
            offset = self.at + 1 - rows;
        }
        offset
    }

    /// Remembers how far a screen of `rows` rows is scrolled.
    pub fn keep_visible(&mut self, rows: usize) {
        self.offset = self.offset(rows);
    }

    /// What rows are ordered by.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Number, rows and bytes of what is marked.
    #[must_use]
    pub fn sums(&self) -> (usize, u64, u64) {
        let marked = self.rows.iter().zip(&self.marked).filter(|(_, m)| **m);
        marked.fold((0, 0, 0), |(count, rows, bytes), (row, _)| {
            (
                count + 1,
                rows + row.rows.unwrap_or(0),
                bytes + row.bytes.unwrap_or(0),
            )
        })
    }

    /// The names that are marked, in the rows' own order.
    #[must_use]
    pub fn marked_names(&self) -> Vec<String> {
        let marked = self.rows.iter().zip(&self.marked).filter(|(_, m)| **m);
        marked.map(|(row, _)| row.name.clone()).collect()
    }

    /// Whether every row there is is marked.
    #[must_use]
    pub fn all_marked(&self) -> bool {
        !self.marked.is_empty() && self.marked.iter().all(|m| *m)
    }

    /// Moves the cursor by `by` rows, held at both ends.
    pub fn step(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Marks the row with the cursor, or takes its mark away, and goes on to the next.
    pub fn mark(&mut self) {
        if let (true, Some(place)) = (self.many, self.shown.get(self.at)) {
            self.marked[*place] = !self.marked[*place];
            self.step(1);
        }
    }

    /// Marks every shown row; when they all are, takes their marks away.
    pub fn mark_shown(&mut self) {
        let all = self.shown.iter().all(|place| self.marked[*place]);
        for place in &self.shown {
            self.marked[*place] = self.many && !all;
        }
    }

    /// Takes every mark away, also of rows that are not shown.
    pub fn mark_none(&mut self) {
        self.marked.fill(false);
    }

    /// Marks the rows that a pattern (`*`, `?`) fits; says how many it fits.
    pub fn mark_pattern(&mut self) -> usize {
        let wanted = self.pattern.text();
        let mut fits = 0;
        for (row, marked) in self.rows.iter().zip(&mut self.marked) {
            if pattern::matches(wanted, &row.name) {
                *marked = self.many;
                fits += 1;
            }
        }
        fits
    }

    /// Orders by the next thing.
    pub fn next_order(&mut self) {
        self.order = self.order.next();
        self.at = 0;
        self.arrange();
    }

    /// A key while something is typed; says whether it had a meaning for the text.
    pub fn typed(&mut self, key: Key) -> bool {
        match self.typing {
            Some(Typing::Filter) => {
                let taken = self.filter.key(key);
                if taken {
                    self.at = 0;
                    self.arrange();
                }
                taken
            }
            Some(Typing::Pattern) => self.pattern.key(key),
            None => false,
        }
    }

    /// Pasted text while something is typed.
    pub fn paste(&mut self, text: &str) {
        match self.typing {
            Some(Typing::Filter) => {
                self.filter.paste(text);
                self.at = 0;
                self.arrange();
            }
            Some(Typing::Pattern) => self.pattern.paste(text),
            None => {}
        }
    }

    /// Shows every row again.
    pub fn clear_filter(&mut self) {
        self.filter = LineEdit::default();
        self.at = 0;
        self.arrange();
    }

    /// Whether an action has something to act on.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        match action {
            Action::PickMark | Action::PickAll | Action::PickNone | Action::PickPattern => {
                self.many && !self.rows.is_empty()
            }
            Action::PickInfo => {
                self.many && self.current().is_some() && self.purpose.connection().is_some()
            }
            Action::PickOrder
                if !self.purpose.headings().2 || self.purpose == PickPurpose::Rules =>
            {
                false
            }
            Action::PickDone | Action::PickFilter | Action::PickOrder => !self.rows.is_empty(),
            _ => true,
        }
    }

    /// Makes the list of what is shown.
    fn arrange(&mut self) {
        let query = self.filter.text();
        let rows = &self.rows;
        let mut found: Vec<(i64, usize)> = rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| Some((fuzzy::score(query, &row.name)?, place)))
            .collect();
        match self.order {
            Order::Name => found.sort_by_key(|(score, place)| (Reverse(*score), *place)),
            Order::Size => found.sort_by_key(|(_, place)| (Reverse(rows[*place].bytes), *place)),
            Order::Rows => found.sort_by_key(|(_, place)| (Reverse(rows[*place].rows), *place)),
        }
        self.shown = found.into_iter().map(|(_, place)| place).collect();
        self.at = self.at.min(self.shown.len().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker(many: bool) -> Picker {
        let mut picker = Picker::new(PickPurpose::Test, "Tables", many);
        let row = |(name, rows, bytes): (&str, u64, u64)| PickRow {
            name: name.to_owned(),
            rows: Some(rows),
            bytes: Some(bytes),
            ..PickRow::default()
        };
        let rows = [
            ("customers", 50, 9),
            ("order_items", 3000, 790),
            ("orders", 1000, 412),
            ("tmp_a", 1, 1),
            ("tmp_b", 2, 1),
        ];
        picker.set(rows.map(row).to_vec());
        picker
    }

    fn filter(picker: &mut Picker, text: &str) {
        picker.typing = Some(Typing::Filter);
        for c in text.chars() {
            picker.typed(Key::char(c));
        }
    }

    #[test]
    fn marks_outlive_the_filter_and_are_summed() {
        let mut picker = picker(true);
        filter(&mut picker, "ord");
        assert_eq!(picker.shown(), 2);
        picker.mark_shown();
        picker.clear_filter();
        picker.mark();
        assert_eq!(
            picker.marked_names(),
            ["customers", "order_items", "orders"]
        );
        assert_eq!(picker.sums(), (3, 4050, 1211));
        filter(&mut picker, "ord");
        picker.mark_shown();
        assert_eq!(
            picker.marked_names(),
            ["customers"],
            "all shown: taken away"
        );
        picker.mark_none();
        assert_eq!(picker.sums().0, 0);
    }

    #[test]
    fn a_pattern_marks_what_it_fits_whatever_the_filter() {
        let mut picker = picker(true);
        picker.pattern.paste("tmp_*");
        assert_eq!(picker.mark_pattern(), 2);
        assert_eq!(picker.marked_names(), ["tmp_a", "tmp_b"]);
        assert!(!picker.all_marked());
    }

    #[test]
    fn rows_are_ordered_by_size_and_by_number() {
        let mut picker = picker(false);
        picker.next_order();
        assert_eq!(picker.order(), Order::Size);
        assert_eq!(picker.current().unwrap().name, "order_items");
        picker.mark();
        assert_eq!(
            picker.sums().0,
            0,
            "nothing to mark in a list of one choice"
        );
        picker.next_order();
        picker.next_order();
        assert_eq!(picker.current().unwrap().name, "customers");
    }

    #[test]
    fn rows_that_come_again_keep_their_marks_and_the_cursor_stays_on_the_screen() {
        let mut picker = picker(true);
        picker.step(50);
        picker.mark();
        let rows = picker.rows()[2..].to_vec();
        picker.set(rows);
        assert_eq!(picker.marked_names(), ["tmp_b"]);
        assert!(picker.at() < 3);
        for rows in 0..5 {
            picker.keep_visible(rows);
            let offset = picker.offset(rows);
            assert!(picker.at() >= offset && picker.at() < offset + rows.max(1));
        }
        picker.set(Vec::new());
        assert!(picker.current().is_none());
        picker.step(1);
        picker.mark();
    }

    #[test]
    fn ten_thousand_rows_answer_each_key() {
        let mut picker = Picker::new(PickPurpose::Test, "Tables", true);
        let rows = (0..10_000).map(|n| PickRow {
            name: format!("table_{n:05}"),
            ..PickRow::default()
        });
        picker.set(rows.collect());
        filter(&mut picker, "t 99");
        assert!(picker.shown() > 100 && picker.shown() < 10_000);
    }
}
