//! The page after a bad night.

use super::canvas::Canvas;
use crate::dashboard::app::Action;
use crate::dashboard::app::format::plural;
use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::night::NightPage;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Paints it over the whole body.
pub fn render(state: &State, page: &NightPage, canvas: &mut Canvas<'_>) {
    let areas = page.areas(state);
    let now = state.clock.wall;
    canvas.clear_area(areas.frame);
    let title = Line::of(format!("! {}", page.title(now)), Tone::Bad);
    let right = Line::of(page.counts(), Tone::Dim);
    canvas.frame(areas.frame, &title, &right, true);
    let list = page.list(usize::from(areas.list.height), now);
    for (y, line) in (areas.list.y..).zip(&list) {
        canvas.put_line(areas.list.x, y, areas.list.width, line);
    }
    let (rows, height) = page.text_rows(state);
    let most = rows.len().saturating_sub(height);
    let from = page.scrolled(most);
    let text = areas.text;
    for (y, row) in (text.y..).zip(rows.iter().skip(from).take(height)) {
        canvas.put_line(text.x, y, text.width, row);
    }
    keys(state, page, canvas, areas.keys, most - from);
}

/// What can be done: the keys of the footer again, where the eye is.
fn keys(state: &State, page: &NightPage, canvas: &mut Canvas<'_>, area: Area, below: usize) {
    let mut line = Line::empty();
    let mut hint = |action: Action, words: String| {
        let Some(key) = state
            .setup
            .keymap
            .shown(action)
            .filter(|_| state.offers(action))
        else {
            return;
        };
        let gap = if line.pieces.is_empty() { "" } else { "  " };
        let now = std::mem::take(&mut line);
        line = now
            .and(format!("{gap}[ "), Tone::Dim)
            .and(key.to_string(), Tone::Accent)
            .and(format!(" {words}"), Tone::Plain)
            .and(" ]", Tone::Dim);
    };
    if let Some(failed) = page.job() {
        let words = match failed.left() {
            0 => "retry".to_owned(),
            n => format!("retry {}", plural(n, "table", "tables")),
        };
        hint(Action::NightRetry, words);
    }
    hint(Action::NightCopy, "copy".to_owned());
    hint(Action::NightLog, "log".to_owned());
    hint(Action::NightLater, "later".to_owned());
    let width = line.width() as u16;
    let room = area.width.saturating_sub(2);
    if below > 0 {
        let down = state.setup.keymap.shown(Action::PageDown);
        let key = down.map_or(String::new(), |key| format!("{key}: "));
        let more = Line::of(
            format!("{key}{} below", plural(below, "line", "lines")),
            Tone::Dim,
        );
        canvas.put_line(area.x + 1, area.y, room.saturating_sub(width + 2), &more);
    }
    let x = area.x + 1 + room.saturating_sub(width);
    canvas.put_line(x, area.y, width.min(room), &line);
}
