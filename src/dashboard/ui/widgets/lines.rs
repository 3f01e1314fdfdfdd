//! A field with several lines: numbers, the line with the cursor, what is wrong with a line.

use unicode_width::UnicodeWidthChar;

use super::form::cursor;
use crate::dashboard::app::form::{Field, Input};
use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::text::{Tone, clean};
use crate::dashboard::ui::canvas::Canvas;

/// Columns of the line numbers and the mark behind them.
const NUMBERS: u16 = 6;

/// Paints it.
pub fn render(canvas: &mut Canvas<'_>, area: Area, field: &Field, focused: bool) {
    let Input::Lines(lines) = &field.input else {
        return;
    };
    let (at, column) = lines.cursor();
    let height = usize::from(area.height);
    let count = lines.lines().len();
    // The cursor stays in the middle where the text is longer than the screen.
    let first = at
        .saturating_sub(height / 2)
        .min(count.saturating_sub(height));
    let width = area.width.saturating_sub(NUMBERS);
    let before: String = lines
        .lines()
        .get(at)
        .map_or(String::new(), |line| line.chars().take(column).collect());
    let left = scrolled(&before, usize::from(width));
    for (i, line) in lines.lines().iter().enumerate().skip(first).take(height) {
        let y = area.y + (i - first) as u16;
        let wrong = lines.marks.iter().any(|(marked, _)| *marked == i);
        let (mark, tone) = if wrong {
            ("!", Tone::Bad)
        } else {
            (" ", Tone::Dim)
        };
        let style = canvas.theme.tone(tone);
        canvas.put(area.x, y, NUMBERS, &format!("{:>4}{mark}", i + 1), style);
        let shown = behind(&clean(line), left);
        let style = canvas
            .theme
            .tone(if wrong { Tone::Bad } else { Tone::Plain });
        canvas.put(area.x + NUMBERS, y, width, &shown, style);
        if focused && i == at {
            let column: usize = widths(&before).saturating_sub(left);
            cursor(canvas, area.x + NUMBERS + column as u16, y);
        }
    }
}

fn widths(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(1)).sum()
}

/// Columns that are scrolled away so that the cursor behind `before` is in view.
fn scrolled(before: &str, width: usize) -> usize {
    let column = widths(before);
    if column < width {
        0
    } else {
        column + 1 - width + width / 4
    }
}

/// `text` without its first `columns` columns.
fn behind(text: &str, columns: usize) -> String {
    let mut used = 0;
    let cut = text.chars().take_while(|c| {
        let fits = used < columns;
        used += if fits { c.width().unwrap_or(1) } else { 0 };
        fits
    });
    let count = cut.count();
    text.chars().skip(count).collect()
}
