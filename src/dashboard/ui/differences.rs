//! What a job found to differ.

use super::canvas::Canvas;
use crate::dashboard::app::differences::Differences;
use crate::dashboard::app::format::count;
use crate::dashboard::app::geometry;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Paints it over the whole body.
pub fn render(state: &State, window: &Differences, canvas: &mut Canvas<'_>) {
    let area = geometry::body(state);
    canvas.clear_area(area);
    let title = Line::of(&window.config, Tone::Strong)
        .and(" · ", Tone::Dim)
        .and(window.title(), Tone::Plain);
    let differing = window.rows_differing();
    let differ = match differing {
        0 => Line::empty(),
        1 => Line::of("1 row differs", Tone::Bad),
        n => Line::of(format!("{} rows differ", count(n)), Tone::Bad),
    };
    canvas.frame(area, &title, &differ, true);
    let inner = area.padded();
    let (width, height) = geometry::differences(state);
    let rows = window.rows(width, height);
    for (y, row) in (inner.y..).zip(&rows) {
        canvas.put_line(inner.x, y, inner.width, row);
    }
    let y = inner.y + inner.height.saturating_sub(1);
    canvas.put_line(inner.x, y, inner.width, &foot(window, width, height));
}

/// Where one is, and what is not to be seen here.
fn foot(window: &Differences, width: usize, height: usize) -> Line {
    if let Some(problem) = &window.problem {
        return Line::of(format!("! could not be read: {problem}"), Tone::Bad);
    }
    let (kept, _) = window.kept();
    if kept == 0 && window.reading.is_some() {
        return Line::of("reading …", Tone::Dim);
    }
    if window.is_empty() {
        let words = "Which rows differ is not kept; for the statements they are compared again.";
        return Line::of(words, Tone::Plain);
    }
    let shown = window.fitting(width, height);
    if !window.ends_here(shown) {
        return Line::of("more below", Tone::Dim);
    }
    match window.all_kept() {
        Some(all) if (all as u64) < window.rows_differing() => Line::of(
            format!(
                "the end: {} of them are kept, as SQL there are all",
                count(all as u64)
            ),
            Tone::Dim,
        ),
        _ => Line::of("the end", Tone::Dim),
    }
}
