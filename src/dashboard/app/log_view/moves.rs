//! Moving over a log: by rows of the screen, held or followed.

use super::blocks::Place;
use super::{Edge, Hold, LogView};

impl LogView {
    /// Whether new lines are shown as they come.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.hold.is_none()
    }

    /// Lines of the scope below the held one.
    #[must_use]
    pub fn newer(&self) -> usize {
        self.hold
            .map_or(0, |hold| self.lines.shown_below(hold.line))
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.hold = None;
        self.trim();
    }

    /// Holds what is shown.
    pub fn hold(&mut self) {
        if self.hold.is_none()
            && let Some(last) = self.lines.last()
        {
            self.hold_at((last, 0));
        }
    }

    fn hold_at(&mut self, (at, below): (Place, usize)) {
        let line = self.lines.number(at);
        self.hold = Some(Hold { line, below });
    }

    pub(super) fn height_of(&self, at: Place, width: usize) -> usize {
        if !self.look.wrap {
            return 1;
        }
        self.look.rows(self.lines.entry(at), width).len()
    }

    /// The lowest line on the screen, and its rows below the screen.
    pub(super) fn bottom(&self) -> Option<(Place, usize)> {
        let Some(hold) = self.hold else {
            return Some((self.lines.last()?, 0));
        };
        let at = self.lines.up_to(hold.line)?;
        let same = self.lines.number(at) == hold.line;
        Some((at, if same { hold.below } else { 0 }))
    }

    /// Moves by `by` rows; up holds the view, beyond the newest line follows again.
    pub fn step(&mut self, by: isize, (width, height): (usize, usize)) -> Edge {
        let Some((mut at, mut below)) = self.bottom() else {
            return if by < 0 { Edge::Top } else { Edge::Bottom };
        };
        if by < 0 && self.rows_to(at, below, width, height) <= height {
            return Edge::Top;
        }
        for _ in 0..by.unsigned_abs() {
            if by < 0 {
                if below + 1 < self.height_of(at, width) {
                    below += 1;
                } else if let Some(above) = self.lines.above(at) {
                    (at, below) = (above, 0);
                } else {
                    break;
                }
            } else if !self.down(&mut at, &mut below, width) {
                if self.at_end {
                    self.follow();
                    return Edge::Inside;
                }
                self.hold_at((at, below));
                return Edge::Bottom;
            }
        }
        if by > 0 && self.at_end && below == 0 && self.lines.below(at).is_none() {
            self.follow();
            return Edge::Inside;
        }
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
        Edge::Inside
    }

    /// One row down; `false` at the last.
    fn down(&self, at: &mut Place, below: &mut usize, width: usize) -> bool {
        if *below > 0 {
            *below -= 1;
        } else if let Some(next) = self.lines.below(*at) {
            *at = next;
            *below = self.height_of(next, width).saturating_sub(1);
        } else {
            return false;
        }
        true
    }

    /// Rows from the first down to this one, or more than `enough`.
    fn rows_to(&self, at: Place, below: usize, width: usize, enough: usize) -> usize {
        let mut rows = 0;
        let mut place = Some(at);
        while let Some(at) = place
            && rows <= enough + below
        {
            rows += self.height_of(at, width);
            place = self.lines.above(at);
        }
        rows.saturating_sub(below)
    }

    /// Moves down until no row of the screen stays empty below the first lines.
    fn fill(&self, at: &mut Place, below: &mut usize, width: usize, height: usize) {
        let mut rows = self.rows_to(*at, *below, width, height);
        while rows < height && self.down(at, below, width) {
            rows += 1;
        }
    }

    /// Shows the first line kept.
    pub fn to_first(&mut self, (width, height): (usize, usize)) {
        let Some(first) = self.lines.first() else {
            return;
        };
        let (mut at, mut below) = (first, self.height_of(first, width).saturating_sub(1));
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
    }

    /// Holds the view so that the line `number` is in its middle.
    pub(super) fn centre(&mut self, number: i64, (width, height): (usize, usize)) {
        let Some(mut at) = self.lines.place_of(number) else {
            return;
        };
        let mut below = 0;
        for _ in 0..height / 2 {
            if !self.down(&mut at, &mut below, width) {
                break;
            }
        }
        self.fill(&mut at, &mut below, width, height);
        self.hold_at((at, below));
    }
}
