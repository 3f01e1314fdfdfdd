//! Cells to write on: text that stays in its columns, lines of pieces, boxes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::text::{Line, fit};

/// The buffer of a frame and the theme it is painted with.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub theme: &'a Theme,
}

impl<'a> Canvas<'a> {
    /// A canvas over `buffer`.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Blanks an area.
    pub fn clear(&mut self, area: Rect) {
        for y in area.top()..area.bottom() {
            // Half of a wide character would hide what is written beside it.
            if let Some(before) = area.left().checked_sub(1)
                && let Some(cell) = self.buffer.cell_mut((before, y))
                && cell.symbol().width() > 1
            {
                cell.set_symbol(" ");
            }
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(self.theme.text);
                }
            }
        }
    }

    /// Blanks an area of the screen.
    pub fn clear_area(&mut self, area: Area) {
        self.clear(Rect::new(area.x, area.y, area.width, area.height));
    }

    /// Writes `text` in at most `width` columns, cut with `…`; returns the columns used.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() || width == 0 {
            return 0;
        }
        let room = width.min(area.right() - x);
        let fitted = fit(text, usize::from(room), '…');
        // Not only added to what lies below: text over a coloured border has its own colour.
        let style = Style::reset().patch(self.theme.text).patch(style);
        let (end, _) = self
            .buffer
            .set_stringn(x, y, &fitted, usize::from(room), style);
        end - x
    }

    /// Writes `text` so that it ends at the last of `width` columns; returns where it begins.
    pub fn put_right(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let used = (text.width() as u16).min(width);
        self.put(x + width - used, y, used, text, style);
        x + width - used
    }

    /// Writes the pieces of a line; returns the columns used.
    pub fn put_line(&mut self, x: u16, y: u16, width: u16, line: &Line) -> u16 {
        let mut used = 0;
        for piece in &line.pieces {
            if used >= width {
                break;
            }
            let style = self.theme.tone(piece.tone);
            used += self.put(x + used, y, width - used, &piece.text, style);
        }
        used
    }

    /// Adds a style to what is written already.
    pub fn restyle(&mut self, x: u16, y: u16, width: u16, style: Style) {
        self.buffer.set_style(
            Rect::new(x, y, width, 1).intersection(self.buffer.area),
            style,
        );
    }

    /// A box with titles in its upper border, left and right.
    pub fn frame(&mut self, area: Area, title: &Line, right: &Line, focused: bool) {
        if area.width < 2 || area.height < 2 {
            return;
        }
        let style = if focused {
            self.theme.focus
        } else {
            self.theme.border
        };
        let (x, y) = (area.x, area.y);
        let (last_x, last_y) = (x + area.width - 1, y + area.height - 1);
        self.rule(area, 0, '┌', '┐', style);
        for row in y + 1..last_y {
            self.put(x, row, 1, "│", style);
            self.put(last_x, row, 1, "│", style);
        }
        self.rule(area, area.height - 1, '└', '┘', style);
        let room = area.width.saturating_sub(4);
        let right_width = (right.width() as u16).min(room);
        let left_room = room.saturating_sub(right_width + u16::from(right_width > 0) * 3);
        if title.width() > 0 && left_room > 2 {
            let used = self.put_line(x + 2, y, left_room, title);
            self.put(x + 1, y, 1, " ", style);
            self.put(x + 2 + used, y, 1, " ", style);
        }
        if right_width > 0 {
            let at = last_x - 1 - right_width;
            self.put(at - 1, y, 1, " ", style);
            self.put_line(at, y, right_width, right);
            self.put(at + right_width, y, 1, " ", style);
        }
    }

    /// A line across a box at its row `row`.
    pub fn rule(&mut self, area: Area, row: u16, left: char, right: char, style: Style) {
        let inner = usize::from(area.width.saturating_sub(2));
        let text = format!("{left}{}{right}", "─".repeat(inner));
        self.put(area.x, area.y + row, area.width, &text, style);
    }
}
