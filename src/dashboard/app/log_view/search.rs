//! Searching in what is kept of a log.

use super::LogView;
use super::scope::finder;

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The line is on the screen.
    Found,
    /// No line that is kept has it in this direction; lines that are stored may.
    Beyond,
    /// No line has it in this direction.
    Nowhere,
    /// Nothing is searched for.
    Idle,
}

impl LogView {
    /// What is searched for, in lower case.
    #[must_use]
    pub fn searched_for(&self) -> &str {
        &self.look.search
    }

    /// Marks `text` wherever it stands; nothing moves.
    pub fn set_search(&mut self, text: &str) {
        self.look.search = text.to_lowercase();
        self.found = None;
    }

    /// Goes to the next line with what is searched for: downwards with `forward`, else upwards.
    /// The first search looks upwards from the lowest line on the screen.
    pub fn search(&mut self, forward: bool, size: (usize, usize)) -> Search {
        let Some(text) = finder(&self.look.search) else {
            return Search::Idle;
        };
        let Some((bottom, _)) = self.bottom() else {
            return if self.stored {
                Search::Beyond
            } else {
                Search::Nowhere
            };
        };
        let bottom = self.lines.number(bottom);
        let at = self
            .found
            .filter(|number| self.lines.place_of(*number).is_some());
        let found = if forward {
            self.lines.next_with(&text, at.unwrap_or(bottom - 1))
        } else {
            self.lines.previous_with(&text, at.unwrap_or(bottom + 1))
        };
        match found {
            Some(number) => {
                self.found = Some(number);
                self.show(number, size);
                Search::Found
            }
            None if self.stored && !(if forward { self.at_end } else { self.at_start }) => {
                Search::Beyond
            }
            None => Search::Nowhere,
        }
    }

    /// Stored id of the line that the search is at, else of the end in that direction.
    #[must_use]
    pub fn search_from(&self, forward: bool) -> Option<u64> {
        if forward {
            self.newest_id()
        } else {
            self.oldest_id()
        }
    }

    /// Holds the view; it moves only if the line is not on the screen.
    fn show(&mut self, number: i64, (width, height): (usize, usize)) {
        self.hold();
        let on_screen = self.whole_on_screen(width, height);
        if !on_screen.is_some_and(|(first, last)| (first..=last).contains(&number)) {
            self.centre(number, (width, height));
        }
    }

    /// Numbers of the first and the last line that are on the screen with all their rows.
    fn whole_on_screen(&self, width: usize, height: usize) -> Option<(i64, i64)> {
        let (at, below) = self.bottom()?;
        let last = self.lines.number(at);
        let mut left = height + below;
        let mut first = None;
        let mut place = Some(at);
        while let Some(at) = place {
            let rows = self.height_of(at, width);
            if left < rows {
                break;
            }
            left -= rows;
            first = Some(self.lines.number(at));
            place = self.lines.above(at);
        }
        Some((first?, last))
    }
}
