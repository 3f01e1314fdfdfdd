//! The order of a list: by a column or as it was read, either way round. Pure.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

/// A column that rows can be sorted by.
pub struct SortColumn<T> {
    /// Its heading on the screen; tells it from the others.
    pub title: &'static str,
    /// What a row is sorted by.
    pub key: fn(&T) -> SortKey,
}

/// What one row is sorted by in one column.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// Words, whatever their case.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing to say; stands last, whichever way round.
    Nothing,
    /// What the list knows of the row beside it; without that, nothing.
    Beside,
}

impl SortKey {
    /// Words.
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().to_lowercase())
    }

    /// A number that may be missing.
    #[must_use]
    pub fn number(number: Option<f64>) -> Self {
        match number {
            Some(number) if !number.is_nan() => Self::Number(number),
            _ => Self::Nothing,
        }
    }

    /// A count.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::Number(count as f64)
    }

    /// A time that may be missing.
    #[must_use]
    pub fn time(time: Option<DateTime<Utc>>) -> Self {
        Self::number(time.map(|time| time.timestamp_millis() as f64))
    }

    fn compare(&self, other: &Self, reversed: bool) -> Ordering {
        let ordered = match (self, other) {
            (Self::Nothing | Self::Beside, Self::Nothing | Self::Beside) => return Ordering::Equal,
            (Self::Nothing | Self::Beside, _) => return Ordering::Greater,
            (_, Self::Nothing | Self::Beside) => return Ordering::Less,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if reversed { ordered.reverse() } else { ordered }
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// Place of the column; `None` as it was read.
    pub column: Option<usize>,
    /// Whether the other way round.
    pub reversed: bool,
}

impl Sort {
    /// To the next of `columns` columns, or the one before, round about over the order as read.
    pub fn step(&mut self, columns: usize, forward: bool) {
        let at = self.column.map_or(0, |column| column + 1);
        let to = (at + if forward { 1 } else { columns }) % (columns + 1);
        self.column = to.checked_sub(1);
        self.reversed = false;
    }

    /// Heading and direction; an empty heading is the order as read, turned round.
    #[must_use]
    pub fn shown<T>(&self, columns: &[SortColumn<T>]) -> Option<(&'static str, bool)> {
        match self.column.and_then(|column| columns.get(column)) {
            Some(column) => Some((column.title, self.reversed)),
            None => self.reversed.then_some(("", true)),
        }
    }

    /// The places `passing` of `items` in this order; rows that are equal stay as they were.
    #[must_use]
    pub fn order<T>(
        &self,
        columns: &[SortColumn<T>],
        items: &[T],
        mut passing: Vec<usize>,
        beside: impl Fn(&T) -> Option<SortKey>,
    ) -> Vec<usize> {
        let Some(column) = self.column.and_then(|column| columns.get(column)) else {
            if self.reversed {
                passing.reverse();
            }
            return passing;
        };
        let mut keyed: Vec<(SortKey, usize)> = passing
            .into_iter()
            .map(|at| match (column.key)(&items[at]) {
                SortKey::Beside => (beside(&items[at]).unwrap_or(SortKey::Nothing), at),
                key => (key, at),
            })
            .collect();
        keyed.sort_by(|(a, _), (b, _)| a.compare(b, self.reversed));
        keyed.into_iter().map(|(_, at)| at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_nothing_to_say_stands_last_both_ways() {
        let columns = [SortColumn {
            title: "N",
            key: |n: &Option<i32>| SortKey::number(n.map(f64::from)),
        }];
        let items = [Some(2), None, Some(9), Some(1)];
        let order = |reversed| {
            let sort = Sort {
                column: Some(0),
                reversed,
            };
            let order = sort.order(&columns, &items, (0..4).collect(), |_| None);
            order.into_iter().map(|at| items[at]).collect::<Vec<_>>()
        };
        assert_eq!(order(false), [Some(1), Some(2), Some(9), None]);
        assert_eq!(order(true), [Some(9), Some(2), Some(1), None]);
    }

    #[test]
    fn stepping_goes_over_every_column_and_the_order_as_read() {
        let mut sort = Sort::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            sort.step(3, true);
            seen.push(sort.column);
        }
        assert_eq!(seen, [Some(0), Some(1), Some(2), None]);
        sort.step(3, false);
        assert_eq!(sort.column, Some(2));
    }
}
