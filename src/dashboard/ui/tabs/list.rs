//! The list that a tab is made of: frame, trouble, rows, and where there are none, what to do.

use super::{empty, trouble};
use crate::dashboard::app::action::Action;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::list::{List, Listed};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::widgets::table::{self, Cell, Column};

/// One tab's list.
pub struct ListPane<'a> {
    /// Its frame.
    pub pane: Area,
    /// Where its rows go.
    pub rows: Area,
    /// Heading of the frame.
    pub title: &'a str,
    /// Headings of the rows.
    pub columns: &'a [Column],
    /// Whether keys go to it.
    pub focused: bool,
    /// What it covers, where that is not everything: `newest`.
    pub covers: Option<&'static str>,
}

impl ListPane<'_> {
    /// Paints the list, each item as `row` shows it; `false` when there was nothing to show.
    pub fn render<T: Listed + PartialEq>(
        &self,
        state: &State,
        canvas: &mut Canvas<'_>,
        list: &List<T>,
        row: impl Fn(&T) -> Vec<Cell>,
    ) -> bool {
        let shown = list.shown();
        self.frame(state, canvas, list);
        if shown.len() == 0 {
            empty::render(state, canvas, self.pane.inner(), !list.filter().is_empty());
            return false;
        }
        let area = trouble(state, canvas, self.rows);
        let from = list.offset();
        let rows: Vec<Vec<Cell>> = shown
            .skip(from)
            .take(table::rows_of(area))
            .map(row)
            .collect();
        let selected = list.place().checked_sub(from);
        table::render_part(canvas, area, self.columns, &rows, selected, list.sorted());
        true
    }

    /// The frame with the filter, the order where no heading shows it, and the number of rows.
    fn frame<T: Listed + PartialEq>(&self, state: &State, canvas: &mut Canvas<'_>, list: &List<T>) {
        let title = Line::of(self.title, Tone::Strong);
        let (filter, shown, all) = (list.filter(), list.shown().len(), list.all().len());
        let mut right = if filter.is_empty() {
            Line::empty()
        } else {
            let the = if self.covers.is_some() { "the " } else { "" };
            Line::of(format!("filter {filter:?}: {shown} of {the}"), Tone::Warn)
        };
        let covers = self
            .covers
            .map_or(String::new(), |covers| format!(" {covers}"));
        right = right.and(format!("{}{covers}", format::count(all as u64)), Tone::Dim);
        let order = match list.sorted() {
            Some(("", _)) => Some("order turned round".to_owned()),
            Some((title, down)) if !table::shows(self.columns, self.rows.width, title) => {
                let way = if down { " downwards" } else { "" };
                Some(format!("sorted by {title}{way}"))
            }
            _ => None,
        };
        let hint = order.or_else(|| self.hint(state, all));
        if let Some(hint) = hint {
            right
                .pieces
                .splice(0..0, Line::of(format!("{hint} · "), Tone::Dim).pieces);
        }
        canvas.frame(self.pane, &title, &right, self.focused);
    }

    /// The keys of every list, where there is room for them and something to use them on.
    fn hint(&self, state: &State, all: usize) -> Option<String> {
        if !self.focused || all < 2 || self.pane.width < 100 {
            return None;
        }
        let shown = |action| state.setup.keymap.shown(action);
        let filter = shown(Action::Filter)?;
        let (less, more) = (shown(Action::SortPrevious)?, shown(Action::SortNext)?);
        Some(format!("{filter} filter  {less} {more} sort"))
    }
}
