//! The rows of a sheet, worked out when its text, its width or what is searched for changes: the plan
//! of ten thousand tables is scrolled as fast as a short report.

use crate::dashboard::app::text::Line;

/// Which rows the lines of a sheet take.
#[derive(Debug, Clone, Default)]
pub struct Laid {
    width: usize,
    search: String,
    /// Rows of each line.
    heights: Vec<u32>,
    all: usize,
    /// The lines that are shown, each with the number of rows ahead of it.
    shown: Vec<(usize, usize)>,
    count: usize,
}

impl Laid {
    /// Whether this is how `lines` lie at `width` columns with `search`.
    #[must_use]
    pub fn holds(&self, lines: &[Line], width: usize, search: &str) -> bool {
        self.has_heights(lines, width) && self.search == search
    }

    fn has_heights(&self, lines: &[Line], width: usize) -> bool {
        self.width == width && self.heights.len() == lines.len()
    }

    /// Works out how `lines` lie, as far as that is not known. The text of a sheet never changes
    /// without a new sheet.
    pub fn lay(&mut self, lines: &[Line], width: usize, search: &str) {
        if self.holds(lines, width, search) {
            return;
        }
        let wanted = search.to_lowercase();
        let fits = |line: &Line| wanted.is_empty() || line.text().to_lowercase().contains(&wanted);
        let narrower = self.has_heights(lines, width)
            && !self.search.is_empty()
            && wanted.contains(&self.search.to_lowercase());
        if !self.has_heights(lines, width) {
            self.width = width;
            self.heights = lines
                .iter()
                .map(|line| u32::try_from(line.height(width)).unwrap_or(u32::MAX))
                .collect();
            self.all = self.heights.iter().map(|rows| *rows as usize).sum();
        }
        let places: Vec<usize> = if narrower {
            let was = std::mem::take(&mut self.shown);
            was.into_iter().map(|(at, _)| at).collect()
        } else {
            (0..lines.len()).collect()
        };
        search.clone_into(&mut self.search);
        self.count = 0;
        self.shown.clear();
        for at in places {
            if lines.get(at).is_some_and(fits) {
                self.shown.push((at, self.count));
                self.count += self.heights.get(at).map_or(0, |rows| *rows as usize);
            }
        }
    }

    /// Rows of all lines.
    #[must_use]
    pub fn all(&self) -> usize {
        self.all
    }

    /// Rows of the lines that are shown.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// `count` rows of `lines` behind the first `from`.
    #[must_use]
    pub fn rows(&self, lines: &[Line], from: usize, count: usize) -> Vec<Line> {
        let first = self.shown.partition_point(|(_, ahead)| *ahead <= from);
        let first = first.saturating_sub(1);
        let skip = self
            .shown
            .get(first)
            .map_or(0, |(_, ahead)| from.saturating_sub(*ahead));
        let on_screen = self.shown.iter().skip(first);
        on_screen
            .filter_map(|(at, _)| lines.get(*at))
            .flat_map(|line| line.wrap(self.width))
            .skip(skip)
            .take(count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::app::overlay::Sheet;

    fn rows(sheet: &Sheet, width: usize) -> Vec<String> {
        let rows = sheet.rows(width, 0, usize::MAX);
        rows.iter().map(Line::text).collect()
    }

    #[test]
    fn what_is_laid_out_before_is_what_is_laid_out_at_once() {
        let text = [
            "alpha beta gamma",
            "delta",
            "epsilon zeta eta theta",
            "",
            "Beta",
        ];
        let lines: Vec<Line> = text.iter().map(Line::plain).collect();
        let fresh = Sheet::text("x", lines);
        let mut kept = fresh.clone();
        for width in [80, 10, 10, 5] {
            for search in ["", "e", "et", "eta", "beta", "no such", "b", ""] {
                search.clone_into(&mut kept.search);
                let mut fresh = fresh.clone();
                search.clone_into(&mut fresh.search);
                kept.lay(width);
                assert_eq!(kept.all_rows(width), fresh.all_rows(width));
                assert_eq!(kept.row_count(width), fresh.row_count(width), "{search}");
                let all = rows(&fresh, width);
                assert_eq!(rows(&kept, width), all);
                assert_eq!(all.len(), fresh.row_count(width));
                for from in 0..all.len() {
                    let some = kept.rows(width, from, 2);
                    let some: Vec<String> = some.iter().map(Line::text).collect();
                    assert_eq!(some, all[from..(from + 2).min(all.len())], "{width} {from}");
                }
            }
        }
    }
}
