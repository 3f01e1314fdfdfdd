//! The tab of logs.

use crate::dashboard::app::action::Action;
use crate::dashboard::app::geometry;
use crate::dashboard::app::log_view::{Source, title};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// Paints it.
pub fn render(state: &State, canvas: &mut Canvas<'_>) {
    let pane = geometry::body(state);
    let log = state.log();
    let again = state.setup.keymap.shown(Action::Last);
    let again = again.map(|key| key.to_string());
    let (left, right) = title(log, &state.log_source, again.as_deref());
    let mut left = Line::of(left, Tone::Strong);
    if !log.filter().is_empty() {
        left = left.and(format!(" · filter {:?}", log.filter()), Tone::Warn);
    }
    if !log.searched_for().is_empty() {
        let text = format!(" · search {:?}", log.searched_for());
        left = left.and(text, Tone::Accent);
    }
    let look = log.look();
    if look.wrap {
        left = left.and(" · wrapped", Tone::Dim);
    }
    if look.left > 0 {
        left = left.and(format!(" · from column {}", look.left + 1), Tone::Warn);
    }
    let right = Line::of(right, if log.follows() { Tone::Dim } else { Tone::Warn });
    canvas.frame(pane, &left, &right, true);
    let inner = pane.inner();
    let rows = log.rows(usize::from(inner.width), usize::from(inner.height));
    if rows.is_empty() {
        let words = match (&state.log_source, log.is_empty()) {
            (_, false) => "No line fits level and filter; + shows finer levels.",
            (Source::Process, true) => "Nothing written yet. l on a job shows that job's log.",
            (Source::Job { .. }, true) => "This job has written nothing yet.",
        };
        let line = Line::of(words, Tone::Dim);
        canvas.put_line(
            inner.x + 2,
            inner.y + 1,
            inner.width.saturating_sub(2),
            &line,
        );
    }
    for (i, row) in rows.iter().enumerate() {
        let y = inner.y + i as u16;
        canvas.put_line(inner.x, y, inner.width, &row.line);
        if row.marked {
            let style = canvas.theme.tone(Tone::Accent);
            canvas.put(pane.x, y, 1, "▌", style);
        }
    }
}
