//! The list that a tab is made of: frame, trouble, rows, and where there are none, what to do.

use super::{empty, trouble};
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
        self.frame(canvas, list.filter(), shown.len(), list.all().len());
        if shown.is_empty() {
            empty::render(state, canvas, self.pane.inner(), !list.filter().is_empty());
            return false;
        }
        let area = trouble(state, canvas, self.rows);
        let rows: Vec<Vec<Cell>> = shown.into_iter().map(row).collect();
        let selected = Some(list.place());
        table::render(canvas, area, self.columns, &rows, list.offset(), selected);
        true
    }

    /// The frame with the filter and the number of rows.
    fn frame(&self, canvas: &mut Canvas<'_>, filter: &str, shown: usize, all: usize) {
        let title = Line::of(self.title, Tone::Strong);
        let right = if filter.is_empty() {
            Line::of(all.to_string(), Tone::Dim)
        } else {
            Line::of(format!("filter {filter:?}: "), Tone::Warn)
                .and(format!("{shown} of {all}"), Tone::Plain)
        };
        canvas.frame(self.pane, &title, &right, self.focused);
    }
}
