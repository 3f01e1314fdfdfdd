//! A table whose columns drop from the least wanted when there is no room for all.

use super::gauge;
use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::text::{Piece, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// Blank columns between two.
const GAP: u16 = 2;
/// Columns of the mark of the selected row.
const MARK: u16 = 2;

/// One column.
pub struct Column {
    /// Its heading, with the unit.
    pub title: &'static str,
    /// Its least width.
    pub width: u16,
    /// Whether it takes what is left over.
    pub grows: bool,
    /// Whether it stands at the right, as numbers do.
    pub right: bool,
    /// The lowest is dropped first.
    pub keep: u8,
}

impl Column {
    /// A column of words.
    pub const fn words(title: &'static str, width: u16, keep: u8) -> Self {
        Self {
            title,
            width,
            grows: false,
            right: false,
            keep,
        }
    }

    /// A column of numbers.
    pub const fn numbers(title: &'static str, width: u16, keep: u8) -> Self {
        Self {
            right: true,
            ..Self::words(title, width, keep)
        }
    }

    /// The same, taking what is left over.
    pub const fn growing(self) -> Self {
        Self {
            grows: true,
            ..self
        }
    }
}

/// What stands in one cell.
pub enum Cell {
    /// Text.
    Text(Piece),
    /// A gauge of so many percent.
    Gauge(f64),
}

impl Cell {
    /// Text in a tone.
    pub fn of(text: impl AsRef<str>, tone: Tone) -> Self {
        Self::Text(Piece {
            text: crate::dashboard::app::text::clean(text.as_ref()),
            tone,
        })
    }

    /// Plain text.
    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::of(text, Tone::Plain)
    }
}

/// The heading that rows are sorted by, and whether downwards.
pub type Sorted = Option<(&'static str, bool)>;

/// Paints a heading and the rows from `offset` on; `selected` is a place among all rows.
pub fn render(
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &[Column],
    rows: &[Vec<Cell>],
    offset: usize,
    selected: Option<usize>,
) {
    let shown = rows.get(offset..).unwrap_or_default();
    let selected = selected.and_then(|place| place.checked_sub(offset));
    render_part(canvas, area, columns, shown, selected, None);
}

/// Rows of an area under its heading.
pub fn rows_of(area: Area) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// Paints a heading, marked where the rows are sorted by it, and these rows; `selected` is a place
/// among them.
pub fn render_part(
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &[Column],
    rows: &[Vec<Cell>],
    selected: Option<usize>,
    sorted: Sorted,
) {
    let places = places(columns, area.width.saturating_sub(MARK + 1));
    headings(canvas, area, columns, &places, sorted);
    for (i, row) in rows.iter().take(rows_of(area)).enumerate() {
        let y = area.y + 1 + i as u16;
        for ((column, place), cell) in columns.iter().zip(&places).zip(row) {
            if let Some((x, width)) = *place {
                put_cell(canvas, area.x + MARK + x, y, width, column, cell);
            }
        }
        if selected == Some(i) {
            let accent = canvas.theme.accent;
            canvas.put(area.x, y, 1, "▌", accent);
            let (row_style, name_style) = (canvas.theme.selected_row, canvas.theme.selected);
            canvas.restyle(area.x, y, area.width, row_style);
            if let Some(Some((x, width))) = places.first() {
                canvas.restyle(area.x + MARK + x, y, *width, name_style);
            }
        }
    }
}

/// The headings; the mark of the order stands in the gap behind its own.
fn headings(
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &[Column],
    places: &[Option<(u16, u16)>],
    sorted: Sorted,
) {
    let (dim, strong) = (canvas.theme.dim, canvas.theme.strong);
    for (column, place) in columns.iter().zip(places) {
        let Some((x, width)) = *place else { continue };
        let x = area.x + MARK + x;
        let mark = match sorted {
            Some((title, true)) if title == column.title => "▼",
            Some((title, false)) if title == column.title => "▲",
            _ => "",
        };
        let style = if mark.is_empty() { dim } else { strong };
        let end = if column.right {
            canvas.put_right(x, area.y, width, column.title, style);
            x + width
        } else {
            x + canvas.put(x, area.y, width, column.title, style)
        };
        canvas.put(end, area.y, 1, mark, style);
    }
}

/// Whether the heading `title` is on the screen at `width` columns.
pub fn shows(columns: &[Column], width: u16, title: &str) -> bool {
    places(columns, width.saturating_sub(MARK + 1))
        .iter()
        .zip(columns)
        .any(|(place, column)| place.is_some() && column.title == title)
}

fn put_cell(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, column: &Column, cell: &Cell) {
    match cell {
        Cell::Gauge(percent) => gauge::render(canvas, x, y, width, *percent),
        Cell::Text(piece) => {
            let style = canvas.theme.tone(piece.tone);
            if column.right {
                canvas.put_right(x, y, width, &piece.text, style);
            } else {
                canvas.put(x, y, width, &piece.text, style);
            }
        }
    }
}

/// Where each column begins and how wide it is; `None` for those that are dropped.
fn places(columns: &[Column], width: u16) -> Vec<Option<(u16, u16)>> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let needed = |kept: &[bool]| -> u16 {
        let widths: u16 = columns
            .iter()
            .zip(kept)
            .filter(|(_, kept)| **kept)
            .map(|(column, _)| column.width)
            .sum();
        let count = kept.iter().filter(|kept| **kept).count() as u16;
        widths + GAP * count.saturating_sub(1)
    };
    while needed(&kept) > width {
        let least = (0..columns.len())
            .filter(|i| kept[*i])
            .min_by_key(|i| columns[*i].keep);
        match least {
            Some(least) if kept.iter().filter(|k| **k).count() > 1 => kept[least] = false,
            _ => break,
        }
    }
    let growing = (0..columns.len())
        .filter(|i| kept[*i] && columns[*i].grows)
        .count() as u16;
    let mut spare = width.saturating_sub(needed(&kept));
    let share = spare.checked_div(growing).unwrap_or(0);
    let mut x = 0;
    columns
        .iter()
        .zip(&kept)
        .map(|(column, kept)| {
            if !kept {
                return None;
            }
            let mut own = column.width.min(width);
            if column.grows {
                // What does not divide goes to the first.
                let extra = share + if growing > 0 { spare % growing } else { 0 };
                spare -= spare % growing.max(1);
                own += extra;
            }
            let place = (x, own);
            x += own + GAP;
            Some(place)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::words("NAME", 10, 9).growing(),
        Column::words("STATE", 8, 8),
        Column::numbers("ROWS", 6, 5),
        Column::numbers("AGE", 4, 1),
    ];

    #[test]
    fn columns_drop_from_the_least_wanted_and_the_rest_fills_the_width() {
        let all = places(&COLUMNS, 40);
        assert_eq!(
            all,
            [Some((0, 16)), Some((18, 8)), Some((28, 6)), Some((36, 4))]
        );
        let some = places(&COLUMNS, 30);
        assert_eq!(some, [Some((0, 12)), Some((14, 8)), Some((24, 6)), None]);
        let one = places(&COLUMNS, 4);
        assert_eq!(one, [Some((0, 4)), None, None, None]);
        assert_eq!(places(&COLUMNS, 0)[0], Some((0, 0)));
    }
}
