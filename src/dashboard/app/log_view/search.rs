//! Searching in what is kept of a log.

use super::LogView;

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
        if self.look.search.is_empty() {
            return Search::Idle;
        }
        let Some((bottom, _)) = self.bottom() else {
            return if self.stored {
                Search::Beyond
            } else {
                Search::Nowhere
            };
        };
        let at = self.found.and_then(|n| self.shown.binary_search(&n).ok());
        let found = match (forward, at) {
            (true, Some(at)) => self.first_with(at + 1..self.shown.len(), false),
            (true, None) => self.first_with(bottom..self.shown.len(), false),
            (false, Some(at)) => self.first_with(0..at, true),
            (false, None) => self.first_with(0..bottom + 1, true),
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

    fn first_with(&self, places: std::ops::Range<usize>, from_end: bool) -> Option<i64> {
        let has = |number: &i64| {
            self.kept_line(*number)
                .is_some_and(|kept| kept.searched.contains(&self.look.search))
        };
        let mut places = self.shown.range(places);
        let number = if from_end {
            places.rfind(|number| has(number))
        } else {
            places.find(|number| has(number))
        };
        number.copied()
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
        let above_bottom = self
            .bottom()
            .is_some_and(|(at, _)| self.shown[at] >= number);
        let below_top = self
            .first_on_screen(width, height)
            .is_some_and(|first| first <= number);
        let on_screen = above_bottom && below_top;
        if !on_screen {
            self.centre(number, (width, height));
        }
    }

    fn first_on_screen(&self, width: usize, height: usize) -> Option<i64> {
        let (at, below) = self.bottom()?;
        let mut left = height + below;
        let mut first = None;
        for number in self.shown.iter().take(at + 1).rev() {
            let rows = self.height_of(*number, width);
            if left < rows {
                break;
            }
            left -= rows;
            first = Some(*number);
        }
        first
    }
}
