//! The palette: what was typed, and what fits it.

use super::begin;
use crate::dashboard::app::geometry;
use crate::dashboard::app::palette::{Entry, Palette};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// Columns of the names and of the keys.
const NAME: u16 = 20;
const KEYS: u16 = 12;

/// Paints it.
pub fn render(state: &State, palette: &Palette, canvas: &mut Canvas<'_>) {
    let area = geometry::palette(state);
    let title = Line::of(": ", Tone::Accent)
        .and(&palette.typed, Tone::Plain)
        .and("▌", Tone::Accent);
    let fitting = palette.fitting().len();
    let right = Line::of(fitting.to_string(), Tone::Dim);
    let inner = begin(canvas, area, &title, &right);
    if fitting == 0 {
        let line = Line::of("Nothing that can be done here fits.", Tone::Dim);
        canvas.put_line(inner.x, inner.y, inner.width, &line);
    }
    let height = usize::from(inner.height);
    let from = (palette.marked + 1).saturating_sub(height);
    for (i, entry) in palette.fitting().enumerate().skip(from).take(height) {
        let y = inner.y + (i - from) as u16;
        row(canvas, (inner.x, y, inner.width), entry);
        if i == palette.marked {
            let (accent, selected) = (canvas.theme.accent, canvas.theme.selected);
            let row_style = canvas.theme.selected_row;
            canvas.put(inner.x - 1, y, 1, "▌", accent);
            canvas.restyle(inner.x, y, inner.width, row_style);
            canvas.restyle(inner.x, y, NAME.min(inner.width), selected);
        }
    }
}

fn row(canvas: &mut Canvas<'_>, (x, y, width): (u16, u16, u16), entry: &Entry) {
    let theme = canvas.theme;
    let keys = if width > NAME + KEYS + 20 { KEYS } else { 0 };
    canvas.put(x, y, NAME.min(width), &entry.name, theme.text);
    let used = (NAME + 1).min(width);
    let room = width.saturating_sub(used + keys + 1);
    canvas.put(x + used, y, room, entry.help, theme.dim);
    if keys > 0 {
        canvas.put_right(x + width - keys, y, keys, &entry.keys, theme.accent);
    }
}
