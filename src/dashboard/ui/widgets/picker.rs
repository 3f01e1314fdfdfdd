//! Lists to choose from.

use super::form::cursor;
use super::table::{self, Cell, Column};
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::picker::{Order, PickPurpose, PickRow, Picker, Typing};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

const COLUMNS: [Column; 5] = [
    Column::words("TABLE", 20, 9).growing(),
    Column::numbers("ABOUT ROWS", 10, 7),
    Column::numbers("SIZE", 9, 8),
    Column::words("ENGINE", 8, 2),
    Column::words("KEY", 16, 5).growing(),
];

/// Its columns: what a row is about decides their headings, and whether there are sizes.
fn columns(picker: &Picker) -> Vec<Column> {
    let (kind, note, sized) = picker.purpose.headings();
    let [name, rows, size, how, says] = COLUMNS;
    let name = match picker.purpose {
        PickPurpose::ConfigConnection => Column {
            title: "CONNECTION",
            ..name
        },
        PickPurpose::Rules => Column {
            title: "RULE",
            ..name
        },
        _ => name,
    };
    let width = if kind == "HOW" { 14 } else { how.width };
    let how = Column {
        title: kind,
        width,
        ..how
    };
    let says = Column {
        title: note,
        ..says
    };
    if sized {
        vec![name, rows, size, how, says]
    } else {
        vec![name, how, says]
    }
}

/// Paints it.
pub fn render(state: &State, picker: &Picker, canvas: &mut Canvas<'_>) {
    let area = geometry::picker(state);
    canvas.clear_area(area);
    let title = Line::of(&picker.title, Tone::Strong);
    canvas.frame(area, &title, &sums(picker), true);
    let (rows, foot) = geometry::picker_parts(state);
    if let Some(words) = instead(state, picker) {
        for (i, line) in words
            .wrap(usize::from(rows.width.saturating_sub(4)))
            .iter()
            .enumerate()
        {
            canvas.put_line(
                rows.x + 2,
                rows.y + 1 + i as u16,
                rows.width.saturating_sub(4),
                line,
            );
        }
    } else {
        let count = usize::from(rows.height.saturating_sub(1));
        let offset = picker.offset(count);
        let cells: Vec<Vec<Cell>> = picker
            .window(offset, count)
            .map(|(row, marked)| cells(picker, row, marked))
            .collect();
        let selected = Some(picker.at() - offset);
        table::render(canvas, rows, &columns(picker), &cells, 0, selected);
    }
    foot_line(picker, canvas, foot);
}

/// What is shown in place of rows.
fn instead(state: &State, picker: &Picker) -> Option<Line> {
    if let Some(wait) = &picker.wait {
        return Some(
            wait.shown(state.clock.steady)
                .and("   esc gives it up", Tone::Dim),
        );
    }
    if let Some(failed) = &picker.failed {
        return Some(Line::of(format!("! {failed}"), Tone::Bad).hanging(2));
    }
    (picker.shown() == 0)
        .then(|| Line::of("Nothing fits the filter; esc shows all again.", Tone::Dim))
}

fn cells(picker: &Picker, row: &PickRow, marked: bool) -> Vec<Cell> {
    let name = match (picker.many, marked) {
        (false, _) => row.name.clone(),
        (true, true) => format!("[x] {}", row.name),
        (true, false) => format!("[ ] {}", row.name),
    };
    let tone = if marked { Tone::Strong } else { Tone::Plain };
    let note = match &row.warning {
        Some(warning) => Cell::of(format!("! {warning}"), Tone::Warn),
        None => Cell::of(&row.note, Tone::Dim),
    };
    let mut cells = vec![Cell::of(name, tone)];
    if picker.purpose.headings().2 {
        cells.push(Cell::plain(row.rows.map_or("-".to_owned(), format::about)));
        cells.push(Cell::plain(row.bytes.map_or("-".to_owned(), format::bytes)));
    }
    cells.push(Cell::of(&row.kind, Tone::Dim));
    cells.push(note);
    cells
}

/// How many there are, how many are marked, how much that is.
fn sums(picker: &Picker) -> Line {
    let all = picker.rows().len();
    let mut line = Line::of(format!("{all}"), Tone::Dim);
    if picker.shown() < all {
        line = Line::of(format!("{} of {all}", picker.shown()), Tone::Dim);
    }
    if picker.many {
        let (count, rows, bytes) = picker.sums();
        line = line
            .and(", ", Tone::Dim)
            .and(format!("{count} chosen"), Tone::Strong);
        if count > 0 {
            let text = format!(
                ", about {} rows, {}",
                format::about(rows),
                format::bytes(bytes)
            );
            line = line.and(text, Tone::Plain);
        }
    }
    match picker.order() {
        Order::Name => line,
        order => line.and(format!(" · by {}", order.word()), Tone::Dim),
    }
}

/// The filter or the pattern.
fn foot_line(
    picker: &Picker,
    canvas: &mut Canvas<'_>,
    area: crate::dashboard::app::geometry::Area,
) {
    let (word, edit, hint) = match picker.typing {
        Some(Typing::Filter) => (
            "filter: ",
            &picker.filter,
            "enter keeps it, tab marks, esc shows all",
        ),
        Some(Typing::Pattern) => (
            "pattern: ",
            &picker.pattern,
            "enter marks what fits: * any, ? one",
        ),
        None if picker.filter.text().is_empty() => return,
        None => {
            let line = Line::of("filter: ", Tone::Dim).and(picker.filter.text(), Tone::Warn);
            canvas.put_line(area.x + 1, area.y, area.width.saturating_sub(1), &line);
            return;
        }
    };
    let x = area.x + 1;
    let used = canvas.put(x, area.y, area.width, word, canvas.theme.accent);
    let room = area.width.saturating_sub(used + 45).max(10);
    let (text, column) = edit.view(usize::from(room));
    canvas.put(x + used, area.y, room, &text, canvas.theme.text);
    cursor(canvas, x + used + column as u16, area.y);
    let at = x + used + room + 2;
    let left = (area.x + area.width).saturating_sub(at);
    canvas.put(at, area.y, left, hint, canvas.theme.dim);
}
