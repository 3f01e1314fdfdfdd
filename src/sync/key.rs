//! Keys: which columns identify a row, values of them, and the conditions that cut a table by them.
//!
//! The server orders and compares keys, never this program: values here are bytes that are
//! carried, and equal only when they are the same bytes.

use std::collections::BTreeMap;

use crate::model::error::{ErrorCode, ShownKey, ShownValue};
use crate::mysql::column::Column;
use crate::mysql::kind::{Kind, members};
use crate::mysql::literal;
use crate::mysql::stream::RawRow;
use crate::mysql::value::{key_literal_sql, key_read_sql};

use super::error::SyncError;

/// The values of a row's key columns, as the source sends them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyTuple(pub Vec<Vec<u8>>);

impl KeyTuple {
    /// The key in the columns of a row that begin at `from`.
    ///
    /// # Errors
    /// When a key column is NULL, which a NOT NULL key can't be.
    pub fn of_row(row: &RawRow, positions: &[usize]) -> Result<Self, SyncError> {
        positions
            .iter()
            .map(|at| {
                row.get(*at).map(<[u8]>::to_vec).ok_or_else(|| {
                    SyncError::stop(ErrorCode::NoKey, "a column of the key is NULL in a row")
                })
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    /// As stored in a checkpoint.
    #[must_use]
    pub fn to_text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| literal::hex(part)).collect();
        parts.join(",")
    }

    /// The reverse of [`Self::to_text`].
    ///
    /// # Errors
    /// When the text is not one of ours.
    pub fn from_text(text: &str) -> Result<Self, SyncError> {
        text.split(',')
            .map(|part| {
                literal::unhex(part).ok_or_else(|| {
                    SyncError::stop(ErrorCode::Internal, "a stored key can't be read")
                })
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }
}

/// `(lower, upper]` in key order; `None` is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// The key before its first.
    pub lower: Option<KeyTuple>,
    /// Its last key.
    pub upper: Option<KeyTuple>,
    /// Only the keys whose hash falls here: for keys that can't be walked in one order.
    pub bucket: Option<Bucket>,
}

/// One of several parts of a table, by a hash of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Which.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

impl Bucket {
    /// The condition that a key's `parts`, as they are matched on both sides, fall here.
    #[must_use]
    pub fn condition_sql(self, parts: &[String]) -> String {
        let parts: Vec<String> = parts
            .iter()
            .map(|p| format!("CAST({p} AS BINARY)"))
            .collect();
        format!(
            "CAST(CONV(LEFT(SHA2(CONCAT_WS(',', {}), 256), 8), 16, 10) AS UNSIGNED) % {} = {}",
            parts.join(", "),
            self.of,
            self.number
        )
    }
}

/// The columns that identify a row, on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The key's name on the source, for walking it.
    pub index: String,
    /// Columns that are masked.
    pub masked: Vec<MaskedPart>,
}

/// A masked column of a key. Such a key is never walked: positions are stored, and the order of
/// what the mask gives is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedPart {
    /// Which column.
    pub at: usize,
    /// Gives the masked value, on the source; the target has it as it is.
    pub sql: Option<String>,
}

impl KeySpec {
    /// Names of its columns, quoted, with commas.
    #[must_use]
    pub fn list_sql(&self) -> String {
        self.columns
            .iter()
            .map(|c| c.name.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Its columns as they are read to be found again by [`Self::any_of_sql`], with commas.
    #[must_use]
    pub fn read_sql(&self) -> String {
        let reads: Vec<String> = (0..self.columns.len())
            .map(|at| match self.mask_sql(at) {
                Some(sql) => sql.to_owned(),
                None => key_read_sql(&self.columns[at]),
            })
            .collect();
        reads.join(", ")
    }

    /// What gives a masked column's value.
    fn mask_sql(&self, at: usize) -> Option<&str> {
        let part = self.masked.iter().find(|part| part.at == at)?;
        part.sql.as_deref()
    }

    /// What a value of a column is compared with.
    fn term(&self, at: usize) -> String {
        match self.mask_sql(at) {
            Some(sql) => sql.to_owned(),
            None => self.columns[at].name.to_string(),
        }
    }

    /// Whether it can be walked in order with exact bounds.
    #[must_use]
    pub fn is_chunkable(&self) -> bool {
        self.masked.is_empty() && self.columns.iter().all(|c| Kind::of(c).is_chunkable())
    }

    /// The condition that a key is in `range`; `TRUE` where both ends are open.
    #[must_use]
    pub fn range_sql(&self, range: &KeyRange) -> String {
        let mut parts = Vec::new();
        if let Some(lower) = &range.lower {
            parts.push(self.beyond_sql(lower, ">", false));
        }
        if let Some(upper) = &range.upper {
            parts.push(self.beyond_sql(upper, "<", true));
        }
        if parts.is_empty() {
            "TRUE".to_owned()
        } else {
            parts.join(" AND ")
        }
    }

    /// `(a = x AND b > y) OR (a > x)`: row constructors are not used, since servers don't find
    /// the index range of one.
    fn beyond_sql(&self, bound: &KeyTuple, operator: &str, or_equal: bool) -> String {
        let literals: Vec<String> = self
            .columns
            .iter()
            .zip(&bound.0)
            .map(|(column, value)| key_literal_sql(column, value))
            .collect();
        let last = self.columns.len().saturating_sub(1);
        let mut arms = Vec::new();
        for depth in (0..self.columns.len()).rev() {
            let mut terms: Vec<String> = (0..depth)
                .map(|at| format!("{} = {}", self.columns[at].name, literals[at]))
                .collect();
            let operator = if or_equal && depth == last {
                format!("{operator}=")
            } else {
                operator.to_owned()
            };
            terms.push(format!(
                "{} {operator} {}",
                self.columns[depth].name, literals[depth]
            ));
            arms.push(terms.join(" AND "));
        }
        if arms.len() == 1 {
            arms.remove(0)
        } else {
            format!("(({}))", arms.join(") OR ("))
        }
    }

    /// The condition that a key is one of `keys`.
    #[must_use]
    pub fn any_of_sql(&self, keys: &[&KeyTuple]) -> String {
        if let [column] = self.columns.as_slice() {
            let values: Vec<String> = keys
                .iter()
                .map(|key| key_literal_sql(column, &key.0[0]))
                .collect();
            return format!("{} IN ({})", self.term(0), values.join(", "));
        }
        let arms: Vec<String> = keys
            .iter()
            .map(|key| {
                let terms: Vec<String> = self
                    .columns
                    .iter()
                    .zip(&key.0)
                    .enumerate()
                    .map(|(at, (column, value))| {
                        format!("{} = {}", self.term(at), key_literal_sql(column, value))
                    })
                    .collect();
                format!("({})", terms.join(" AND "))
            })
            .collect();
        format!("({})", arms.join(" OR "))
    }

    /// A key as it is shown.
    #[must_use]
    pub fn shown(&self, key: &KeyTuple) -> ShownKey {
        self.columns
            .iter()
            .zip(&key.0)
            .enumerate()
            .map(|(at, (column, value))| {
                // What the target holds may be from before the column was masked.
                if self.masked.iter().any(|part| part.at == at) && !is_hash(value) {
                    let hidden = ShownValue::Text("(masked)".to_owned());
                    return (column.name.raw().to_owned(), Some(hidden));
                }
                let member = match Kind::of(column) {
                    Kind::Enum => member(column, value),
                    _ => None,
                };
                let value = member.map_or_else(|| ShownValue::of_bytes(value), ShownValue::Text);
                (column.name.raw().to_owned(), Some(value))
            })
            .collect::<BTreeMap<_, _>>()
    }
}

/// Whether it looks like what `hash` gives.
fn is_hash(value: &[u8]) -> bool {
    (16..=64).contains(&value.len())
        && value
            .iter()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
}

/// The member of an ENUM by its number.
fn member(column: &Column, number: &[u8]) -> Option<String> {
    let number: usize = std::str::from_utf8(number).ok()?.parse().ok()?;
    members(&column.column_type)
        .into_iter()
        .nth(number.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::Ident;

    fn column(name: &str, data_type: &str, charset: Option<&str>) -> Column {
        Column {
            name: Ident::new(name),
            data_type: data_type.to_owned(),
            column_type: data_type.to_owned(),
            nullable: false,
            charset: charset.map(str::to_owned),
            collation: None,
            generated: false,
            has_default: false,
            auto_increment: false,
            on_update_now: false,
            max_length: None,
            precision: None,
            scale: None,
            fraction: None,
        }
    }

    #[test]
    fn keys_read_back_whatever_their_bytes() {
        for parts in [
            vec![b"0xab".to_vec()],
            vec![vec![], vec![0, 255, b',']],
            vec![b"-1".to_vec()],
        ] {
            let key = KeyTuple(parts);
            assert_eq!(KeyTuple::from_text(&key.to_text()).unwrap(), key);
        }
        assert!(KeyTuple::from_text("zz").is_err());
    }

    #[test]
    fn conditions_are_or_chains_of_literals() {
        let key = KeySpec {
            columns: vec![
                column("a", "int", None),
                column("b", "varchar", Some("latin1")),
            ],
            index: "PRIMARY".to_owned(),
            masked: Vec::new(),
        };
        let bound = |a: &str, b: &str| Some(KeyTuple(vec![a.into(), b.into()]));
        assert_eq!(
            key.range_sql(&KeyRange {
                lower: bound("-5", "x"),
                upper: bound("7", ""),
                bucket: None,
            }),
            "((`a` = -5 AND `b` > _latin1 X'78') OR (`a` > -5)) AND \
             ((`a` = 7 AND `b` <= _latin1 X'') OR (`a` < 7))"
        );
        assert_eq!(key.range_sql(&KeyRange::default()), "TRUE");
    }
}
