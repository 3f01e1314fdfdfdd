//! Plain text tables: columns by blanks, aligned by display width.

use unicode_width::UnicodeWidthStr;

/// Which side a column leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table that is printed whole.
#[derive(Debug, Clone)]
pub struct Table {
    head: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads; one that begins with `>` leans right.
    #[must_use]
    pub fn new(head: &[&'static str]) -> Self {
        let head = head
            .iter()
            .map(|name| {
                name.strip_prefix('>')
                    .map_or((*name, Align::Left), |name| (name, Align::Right))
            })
            .collect();
        Self {
            head,
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the head are dropped, missing ones are empty.
    pub fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        let mut cells: Vec<String> = cells
            .into_iter()
            .take(self.head.len())
            .map(|cell| cell.replace(char::is_control, "?"))
            .collect();
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines of the table; nothing without rows.
    #[must_use]
    pub fn render(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let widths: Vec<usize> = self
            .head
            .iter()
            .enumerate()
            .map(|(i, (name, _))| {
                self.rows
                    .iter()
                    .map(|row| row[i].width())
                    .max()
                    .unwrap_or(0)
                    .max(name.width())
            })
            .collect();
        let head: Vec<String> = self
            .head
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let mut out = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[i].saturating_sub(cell.width()));
                match self.head[i].1 {
                    Align::Left => line.extend([cell.as_str(), &pad]),
                    Align::Right => line.extend([pad.as_str(), cell]),
                }
                line.push_str("  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// `name  value` lines with the values aligned; empty values are left out.
#[must_use]
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name.width())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        for (i, line) in value.lines().enumerate() {
            let name = if i == 0 { name } else { "" };
            out.push_str(name);
            out.push_str(&" ".repeat(width.saturating_sub(name.width()) + 2));
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_display_width_and_no_line_ends_in_blanks() {
        let mut table = Table::new(&["NAME", ">ROWS", "NOTE"]);
        table.row(["\u{6f22}\u{5b57}".into(), "7".into(), String::new()]);
        table.row(["a".into(), "1234567".into(), "x".into()]);
        assert_eq!(
            table.render(),
            "NAME     ROWS  NOTE\n\u{6f22}\u{5b57}        7\na     1234567  x\n"
        );
    }

    #[test]
    fn a_cell_can_not_break_a_line() {
        let mut table = Table::new(&["NAME"]);
        table.row(["a\nb".into()]);
        assert_eq!(table.render().lines().count(), 2);
    }

    #[test]
    fn fields_leave_out_what_is_empty() {
        let text = fields(&[
            ("host", "db1".into()),
            ("socket", String::new()),
            ("port", "1\n2".into()),
        ]);
        assert_eq!(text, "host  db1\nport  1\n      2\n");
    }
}
