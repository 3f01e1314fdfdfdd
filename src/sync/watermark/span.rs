//! What a run by watermark reads, in order of watermark and key, and the ranges it is cut into.

use crate::model::error::ErrorCode;
use crate::mysql::Ident;
use crate::store::marks::Window;
use crate::store::ranges::{RangeRow, RangeState};
use crate::sync::error::SyncError;
use crate::sync::key::{KeyRange, KeySpec, KeyTuple};
use crate::sync::table::{ByWatermark, PlannedTable};

/// Either rows with a watermark, in its order and then the key's, or rows without one, in the
/// key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Rows without a watermark.
    pub nulls: bool,
    /// Which of them.
    pub range: KeyRange,
}

const NULLS: &str = "null:";
const VALUES: &str = "mark:";

impl Span {
    /// Reads a stored range.
    ///
    /// # Errors
    /// When it is none of a run by watermark.
    pub fn of_row(row: &RangeRow) -> Result<Self, SyncError> {
        let corrupt = || SyncError::stop(ErrorCode::Internal, "a stored range can't be read");
        let read = |text: Option<&str>| -> Result<(bool, Option<KeyTuple>), SyncError> {
            let text = text.ok_or_else(corrupt)?;
            let (nulls, key) = match (text.strip_prefix(NULLS), text.strip_prefix(VALUES)) {
                (Some(key), _) => (true, key),
                (_, Some(key)) => (false, key),
                _ => return Err(corrupt()),
            };
            let key = (!key.is_empty())
                .then(|| KeyTuple::from_text(key))
                .transpose()?;
            Ok((nulls, key))
        };
        let (nulls, lower) = read(row.lower.as_deref())?;
        let (_, upper) = read(row.upper.as_deref())?;
        Ok(Self {
            nulls,
            range: KeyRange {
                lower,
                upper,
                bucket: None,
            },
        })
    }

    /// As stored.
    #[must_use]
    pub fn to_row(&self, range_no: u32) -> RangeRow {
        RangeRow {
            range_no,
            lower: Some(self.bound_text(self.range.lower.as_ref())),
            upper: Some(self.bound_text(self.range.upper.as_ref())),
            position: None,
            seq: 0,
            state: RangeState::Planned,
            compared_in: None,
            rows: 0,
        }
    }

    fn bound_text(&self, key: Option<&KeyTuple>) -> String {
        let prefix = if self.nulls { NULLS } else { VALUES };
        format!("{prefix}{}", key.map(KeyTuple::to_text).unwrap_or_default())
    }

    /// `FROM` and `WHERE` of its rows on the source.
    #[must_use]
    pub fn rows_sql(&self, plan: &PlannedTable, by: &ByWatermark, window: &Window) -> String {
        let walk = walk(plan, by, self.nulls);
        let mark = &by.column.name;
        let mut terms = vec![walk.range_sql(&self.range)];
        if self.nulls {
            terms.push(format!("{mark} IS NULL"));
        } else {
            terms.extend(
                window
                    .lower
                    .iter()
                    .map(|lower| format!("{mark} >= {lower}")),
            );
            terms.extend(
                window
                    .upper
                    .iter()
                    .map(|upper| format!("{mark} <= {upper}")),
            );
        }
        terms.extend(plan.where_sql.iter().map(|filter| format!("({filter})")));
        let index = by
            .index
            .as_ref()
            .map(|name| format!(" FORCE INDEX ({})", Ident::new(name)))
            .unwrap_or_default();
        format!("FROM {}{index} WHERE {}", plan.source, terms.join(" AND "))
    }
}

/// What rows are walked by: the watermark, then the key; the key alone where there is none.
#[must_use]
pub fn walk(plan: &PlannedTable, by: &ByWatermark, nulls: bool) -> KeySpec {
    let key = plan.key.iter().flat_map(|key| key.columns.clone());
    let columns = if nulls {
        key.collect()
    } else {
        let rest = key.filter(|column| column.name != by.column.name);
        std::iter::once(by.column.clone()).chain(rest).collect()
    };
    KeySpec {
        columns,
        index: String::new(),
        masked: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back() {
        let key = |n: u8| KeyTuple(vec![vec![n], b"x".to_vec()]);
        for nulls in [false, true] {
            for (lower, upper) in [(None, None), (Some(key(1)), Some(key(9)))] {
                let span = Span {
                    nulls,
                    range: KeyRange {
                        lower,
                        upper,
                        bucket: None,
                    },
                };
                assert_eq!(Span::of_row(&span.to_row(3)).unwrap(), span);
            }
        }
    }

    #[test]
    fn a_range_of_another_kind_is_refused() {
        let row = RangeRow {
            lower: Some("ab,cd".to_owned()),
            ..Span {
                nulls: false,
                range: KeyRange::default(),
            }
            .to_row(0)
        };
        assert!(Span::of_row(&row).is_err());
    }
}
