//! Sheets, questions and the palette over the screen.

mod palette;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::widgets;
use crate::dashboard::app::confirm::Confirm;
use crate::dashboard::app::geometry::{self, Area};
use crate::dashboard::app::overlay::{Dialog, Overlay, Sheet};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Paints one overlay.
pub fn render(state: &State, overlay: &Overlay, canvas: &mut Canvas<'_>) {
    match overlay {
        Overlay::Sheet(sheet) => render_sheet(state, sheet, canvas),
        Overlay::Dialog(dialog) => render_dialog(state, dialog, canvas),
        Overlay::Editor(editor) => super::editor::render(state, editor, canvas),
        Overlay::Confirm(confirm) => render_confirm(state, confirm, canvas),
        Overlay::Palette(palette) => palette::render(state, palette, canvas),
        Overlay::Form(form) => widgets::form::render(state, form, canvas),
        Overlay::Picker(picker) => widgets::picker::render(state, picker, canvas),
        Overlay::Differences(window) => super::differences::render(state, window, canvas),
        Overlay::Night(page) => super::night::render(state, page, canvas),
    }
}

fn begin(canvas: &mut Canvas<'_>, area: Area, title: &Line, right: &Line) -> Area {
    canvas.clear(Rect::new(area.x, area.y, area.width, area.height));
    canvas.frame(area, title, right, true);
    let inner = area.inner();
    Area {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    }
}

fn render_sheet(state: &State, sheet: &Sheet, canvas: &mut Canvas<'_>) {
    let area = geometry::sheet(state, sheet);
    let tone = match sheet.tone {
        Tone::Plain => Tone::Strong,
        tone => tone,
    };
    let mark = if sheet.tone == Tone::Bad { "! " } else { "" };
    let mut title = Line::of(format!("{mark}{}", sheet.title), tone);
    if sheet.typing {
        title = title
            .and(" · find: ", Tone::Dim)
            .and(&sheet.search, Tone::Plain)
            .and("▌", Tone::Accent);
    } else if !sheet.search.is_empty() {
        title = title.and(format!(" · lines with {:?}", sheet.search), Tone::Warn);
    }
    let (height, total) = geometry::sheet_rows(state, sheet);
    let scroll = sheet.scroll.min(total.saturating_sub(height));
    let right = if total > height {
        let last = (scroll + height).min(total);
        Line::of(format!("{}-{last} of {total}", scroll + 1), Tone::Dim)
    } else {
        Line::empty()
    };
    let inner = begin(canvas, area, &title, &right);
    let rows = sheet.rows(usize::from(inner.width), scroll, height);
    if rows.is_empty() && !sheet.search.is_empty() {
        let line = Line::of("No line has this text; esc shows all again.", Tone::Dim);
        canvas.put_line(inner.x, inner.y, inner.width, &line);
    }
    for (i, row) in rows.iter().enumerate() {
        canvas.put_line(inner.x, inner.y + i as u16, inner.width, row);
    }
}

fn render_confirm(state: &State, confirm: &Confirm, canvas: &mut Canvas<'_>) {
    let area = geometry::confirm(state, confirm);
    let title = Line::of(format!("! {}", confirm.title), Tone::Bad);
    let inner = begin(canvas, area, &title, &Line::empty());
    let rows: Vec<Line> = confirm
        .text()
        .iter()
        .flat_map(|line| line.wrap(usize::from(inner.width)))
        .collect();
    // What is typed must be seen, whatever else there is no room for.
    let height = usize::from(inner.height);
    let above = rows.len().min(height.saturating_sub(2));
    let below = rows.len().saturating_sub(2).max(above);
    let kept = rows[..above].iter().chain(&rows[below..]);
    for (y, row) in (inner.y..inner.y + inner.height).zip(kept) {
        canvas.put_line(inner.x, y, inner.width, row);
    }
}

fn render_dialog(state: &State, dialog: &Dialog, canvas: &mut Canvas<'_>) {
    let area = geometry::dialog(state, dialog);
    let title = Line::of(&dialog.title, Tone::Strong);
    let inner = begin(canvas, area, &title, &Line::empty());
    let bottom = inner.y + inner.height;
    let rows = dialog
        .lines
        .iter()
        .flat_map(|line| line.wrap(usize::from(inner.width)));
    for (y, row) in (inner.y..).zip(rows) {
        // The last row belongs to the choices.
        if y + 1 >= bottom {
            break;
        }
        canvas.put_line(inner.x, y, inner.width, &row);
    }
    let mut x = inner.x;
    for (i, choice) in dialog.choices.iter().enumerate() {
        let marked = i == dialog.marked;
        let (text, style) = if marked {
            (format!("[ {} ]", choice.label), canvas.theme.tab_active)
        } else {
            (format!("  {}  ", choice.label), canvas.theme.text)
        };
        let room = (inner.x + inner.width).saturating_sub(x);
        x += canvas.put(x, bottom.saturating_sub(1), room, &text, style) + 2;
    }
}
