//! What a tab says while it has no rows.

use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::sheets;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// Paints the reason, and what to do about it.
pub fn render(state: &State, canvas: &mut Canvas<'_>, area: Area, filtered: bool) {
    let lines = lines(state, filtered);
    let width = area.width.saturating_sub(4);
    let rows = lines.iter().flat_map(|line| line.wrap(usize::from(width)));
    for (y, row) in (area.y + 1..).zip(rows) {
        if y >= area.y + area.height {
            return;
        }
        canvas.put_line(area.x + 2, y, width, &row);
    }
}

fn lines(state: &State, filtered: bool) -> Vec<Line> {
    if state.database_down() && !state.tab_is_loaded() {
        return sheets::database_down(state);
    }
    if !state.tab_is_loaded() {
        let words = if state.database_unknown() {
            "connecting to the control database …"
        } else {
            "reading …"
        };
        return vec![Line::of(words, Tone::Dim)];
    }
    if filtered {
        return vec![Line::of(
            "Nothing fits the filter; esc shows all again.",
            Tone::Dim,
        )];
    }
    let nothing_at_all = state.connections.is_loaded() && state.connections.all().is_empty();
    match state.tab {
        _ if nothing_at_all => sheets::welcome(state),
        Tab::Connections => sheets::welcome(state),
        Tab::Configs => vec![
            Line::of("No sync configs yet.", Tone::Strong),
            Line::empty(),
            Line::plain("Say which tables to copy, in a shell:"),
            Line::of(
                format!(
                    "  db-taxi configs add NAME --connection {} --tables '*'",
                    state
                        .connections
                        .all()
                        .first()
                        .map_or("CONNECTION", |c| c.spec.name.as_str())
                ),
                Tone::Accent,
            ),
        ],
        Tab::Jobs | Tab::Logs => vec![
            Line::of("No jobs yet.", Tone::Strong),
            Line::empty(),
            Line::plain("A job is one run of a sync config: ")
                .and("2", Tone::Accent)
                .and(" shows the configs, ", Tone::Plain)
                .and("p", Tone::Accent)
                .and(" what a run would do, ", Tone::Plain)
                .and("s", Tone::Accent)
                .and(" starts it.", Tone::Plain),
        ],
    }
}
