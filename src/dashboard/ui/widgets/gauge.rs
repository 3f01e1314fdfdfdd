//! A gauge in eighths of a cell.

use crate::dashboard::ui::canvas::Canvas;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Columns of the number behind the bar.
const NUMBER: u16 = 6;

/// Paints `percent` as a bar and a number in `width` columns; the number alone where a bar would
/// say nothing.
pub fn render(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, percent: f64) {
    let percent = if percent.is_finite() {
        percent.clamp(0.0, 100.0)
    } else {
        0.0
    };
    // Rounded down: 100 % is said only when it is.
    let number = format!("{:.0} %", percent.floor());
    let bar = width.saturating_sub(NUMBER);
    if bar >= 4 {
        let (full, rest) = bar_text(percent, bar);
        let theme = canvas.theme;
        let used = canvas.put(x, y, bar, &full, theme.gauge);
        canvas.put(x + used, y, bar - used, &rest, theme.gauge_rest);
    }
    let style = canvas.theme.text;
    canvas.put_right(x, y, width, &number, style);
}

/// The filled and the empty part of a bar.
pub fn bar_text(percent: f64, columns: u16) -> (String, String) {
    let eighths = (percent / 100.0 * f64::from(columns) * 8.0).floor() as usize;
    let (whole, part) = (eighths / 8, EIGHTHS[eighths % 8]);
    let filled = whole + usize::from(!part.is_empty());
    let full = format!("{}{part}", "█".repeat(whole));
    (
        full,
        "░".repeat(usize::from(columns).saturating_sub(filled)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_always_has_its_columns_and_fills_from_the_left() {
        for percent in 0..=100 {
            let (full, rest) = bar_text(f64::from(percent), 12);
            assert_eq!(full.chars().count() + rest.chars().count(), 12, "{percent}");
        }
        assert_eq!(bar_text(50.0, 4), ("██".to_owned(), "░░".to_owned()));
        assert_eq!(bar_text(55.0, 4), ("██▏".to_owned(), "░".to_owned()));
        assert_eq!(bar_text(100.0, 4), ("████".to_owned(), String::new()));
    }
}
