//! The rows that a form takes, so that painting and measuring agree.

use super::{Field, Form};
use crate::dashboard::app::text::{Line, Tone};

/// Columns of the fields' names.
pub const LABEL: usize = 15;
/// Rows under the fields: a rule, and two of help.
pub const FOOT: u16 = 3;
/// Fewest rows of a field with several lines.
pub const LEAST_LINES: u16 = 3;

/// One row, or the rows of a field with several lines.
#[derive(Debug, Clone, PartialEq)]
pub enum FormRow {
    /// Text above the fields.
    Intro(Line),
    /// A heading.
    Heading(String),
    /// The field at this place.
    Field(usize),
    /// The lines of the field at this place; they take what is left.
    Lines(usize),
    /// What is wrong with the field at this place.
    Error(usize, Line),
}

impl Form {
    /// Its rows at `width` columns.
    #[must_use]
    pub fn rows(&self, width: usize) -> Vec<FormRow> {
        let mut rows: Vec<FormRow> = self
            .intro
            .iter()
            .flat_map(|line| line.wrap(width))
            .map(FormRow::Intro)
            .collect();
        for (place, field) in self.fields.iter().enumerate() {
            if !self.is_visible(place) {
                continue;
            }
            if let Some(heading) = &field.heading {
                rows.push(FormRow::Heading(heading.clone()));
            }
            rows.push(if field.has_lines() {
                FormRow::Lines(place)
            } else {
                FormRow::Field(place)
            });
            if let Some(error) = &field.error {
                let indent = if field.has_lines() { 0 } else { LABEL + 2 };
                let room = width.saturating_sub(indent);
                let line = Line::of(format!("! {error}"), Tone::Bad).hanging(2);
                rows.extend(
                    line.wrap(room)
                        .into_iter()
                        .map(|l| FormRow::Error(place, l)),
                );
            }
        }
        rows
    }

    /// Whether a field takes all the rows there are.
    #[must_use]
    pub fn fills(&self) -> bool {
        (0..self.fields.len()).any(|place| self.is_visible(place) && self.fields[place].has_lines())
    }

    /// The first of `rows` on a screen of `height` rows: the field with the focus is on it, with
    /// what is wrong with it.
    #[must_use]
    pub fn first_row(&self, rows: &[FormRow], height: usize) -> usize {
        if rows.len() <= height || self.fills() {
            return 0;
        }
        let of_focus = |row: &FormRow| match row {
            FormRow::Field(place) | FormRow::Error(place, _) => *place == self.focus(),
            _ => false,
        };
        let last = rows.iter().rposition(of_focus).unwrap_or(0);
        // Some of what follows is in view too.
        (last + 1 + height / 3)
            .min(rows.len())
            .saturating_sub(height)
    }

    /// What the foot says of the field with the focus.
    #[must_use]
    pub fn foot(&self, now: std::time::Duration) -> Line {
        match (&self.busy, &self.problem) {
            (Some(wait), _) => wait.shown(now),
            (None, Some(problem)) => Line::of(format!("! {problem}"), Tone::Bad).hanging(2),
            (None, None) => {
                let help = self
                    .focused()
                    .map_or("", |field: &Field| field.help.as_str());
                Line::of(help, Tone::Dim)
            }
        }
    }
}
