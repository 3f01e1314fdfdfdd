//! How a column's values are read, written, compared and named: one place for all kinds.
//!
//! Values travel as the bytes that the target column stores or parses, in the target column's
//! charset, so a load reads them with `CHARACTER SET binary` and nothing is converted on the way.

use super::column::Column;
use super::ident::Ident;
use super::kind::Kind;
use super::literal;

/// Stands for ENUM index 0, the value of an invalid assignment, which no text names.
pub const ENUM_ZERO: &[u8] = &[0xFF, 0x00, 0xFF];

/// A source column and the target column it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    /// On the source.
    pub source: Column,
    /// On the target.
    pub target: Column,
    /// Gives the value on the source where the column is masked; `source` is then what the mask
    /// gives, with the name of the column that it masks.
    pub masked: Option<String>,
}

impl ColumnPair {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(&self.source)
    }

    fn converts(&self) -> bool {
        self.source.charset.is_some()
            && self.target.charset.is_some()
            && self.source.charset != self.target.charset
    }

    /// Whether the read value is the column as it stands.
    #[must_use]
    pub fn is_read_plain(&self) -> bool {
        self.masked.is_none()
            && !self.converts()
            && !matches!(self.kind(), Kind::Float | Kind::Enum)
    }

    /// The expression that reads the value on the source.
    #[must_use]
    pub fn read_sql(&self) -> String {
        let name = &self.source.name;
        if let Some(sql) = &self.masked {
            return sql.clone();
        }
        match self.kind() {
            // The default text of a FLOAT is rounded; as a DOUBLE it is exact.
            Kind::Float => format!("({name} * 1e0)"),
            Kind::Enum => format!(
                "IF({name} + 0 = 0, {}, {})",
                literal::bytes(ENUM_ZERO),
                binary(&self.converted(name))
            ),
            _ if self.converts() => self.converted(name),
            _ => name.to_string(),
        }
    }

    /// The expression that reads the value back from the target, equal in form to
    /// [`Self::read_sql`].
    #[must_use]
    pub fn read_back_sql(&self) -> String {
        let name = &self.target.name;
        match self.kind() {
            Kind::Float => format!("({name} * 1e0)"),
            Kind::Enum => format!(
                "IF({name} + 0 = 0, {}, {})",
                literal::bytes(ENUM_ZERO),
                binary(&name.to_string())
            ),
            _ => name.to_string(),
        }
    }

    /// The text in the target's charset, as bytes. A character that this charset lacks would
    /// become a question mark, which nobody could tell from one that was there: such a text stays
    /// in its own bytes, which the target refuses or the comparison finds.
    fn converted(&self, name: &Ident) -> String {
        match &self.target.charset {
            Some(charset) if self.converts() => {
                let text = format!("CONVERT({name} USING {charset})");
                let marks = |text: &str| {
                    format!("CHAR_LENGTH({text}) - CHAR_LENGTH(REPLACE({text}, '?', ''))")
                };
                format!(
                    "IF({} = {}, {}, {})",
                    marks(&text),
                    marks(&name.to_string()),
                    binary(&text),
                    binary(&name.to_string())
                )
            }
            _ => name.to_string(),
        }
    }

    /// The expression by which a key column's value is matched with the other side's: equal values
    /// give equal bytes on both, and [`key_literal_sql`] of the target's column writes them.
    #[must_use]
    pub fn key_sql(&self, side: Side) -> String {
        let column = match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        };
        if let (Some(sql), Side::Source) = (&self.masked, side) {
            return sql.clone();
        }
        let own = key_read_sql(column);
        match (self.kind(), side) {
            (Kind::Decimal, _) => self.padded(&own, side, self.source.scale, self.target.scale),
            (Kind::Temporal, _) => {
                self.padded(&own, side, self.source.fraction, self.target.fraction)
            }
            (Kind::Text, Side::Source) => self.converted(&column.name),
            _ => own,
        }
    }

    /// How `LOAD DATA` names the column, and the assignment it needs behind the list.
    #[must_use]
    pub fn load_sql(&self, index: usize) -> (String, Option<String>) {
        let name = &self.target.name;
        let through = |charset: &str| {
            (
                format!("@v{index}"),
                Some(format!("{name} = CONVERT(@v{index} USING {charset})")),
            )
        };
        match self.kind() {
            // Bytes without a charset are refused by JSON, and taken for the inner form by these.
            Kind::Json => through("utf8mb4"),
            Kind::Special => through("ascii"),
            _ => (name.to_string(), None),
        }
    }

    /// The read value as a literal for the target column.
    #[must_use]
    pub fn literal_sql(&self, value: Option<&[u8]>) -> String {
        let Some(value) = value else {
            return "NULL".to_owned();
        };
        match self.kind() {
            Kind::Integer | Kind::Decimal if is_number(value) => {
                String::from_utf8_lossy(value).into_owned()
            }
            Kind::Float if is_number(value) => {
                let text = String::from_utf8_lossy(value);
                // Written with an exponent it is read as a DOUBLE, not as a DECIMAL.
                if text.contains(['e', 'E']) {
                    text.into_owned()
                } else {
                    format!("{text}e0")
                }
            }
            Kind::Enum if value == ENUM_ZERO => "0".to_owned(),
            Kind::Json => literal::in_charset("utf8mb4", value),
            Kind::Special | Kind::Temporal | Kind::Integer | Kind::Decimal | Kind::Float => {
                literal::in_charset("ascii", value)
            }
            // Text too: its bytes are in the column's charset already, and naming that charset
            // draws a warning for each literal where a server finds it old-fashioned.
            Kind::Text
            | Kind::Enum
            | Kind::Set
            | Kind::Bit
            | Kind::Binary
            | Kind::Geometry
            | Kind::Vector
            | Kind::Unknown => literal::bytes(value),
        }
    }

    /// The read value as a literal that is compared with the target column, in its own order.
    #[must_use]
    pub fn condition_sql(&self, value: &[u8]) -> String {
        match self.kind() {
            Kind::Text | Kind::Set => match &self.target.charset {
                Some(charset) => literal::in_charset(charset, value),
                None => literal::bytes(value),
            },
            Kind::Enum if value != ENUM_ZERO => {
                literal::in_charset(self.target.charset.as_deref().unwrap_or("binary"), value)
            }
            Kind::Bit => {
                let number = value
                    .iter()
                    .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
                number.to_string()
            }
            _ => self.literal_sql(Some(value)),
        }
    }

    /// One canonical text of the value, on the source or on the target; equal values give equal
    /// bytes on both. NULL stays NULL.
    fn canonical_sql(&self, side: Side) -> Canonical {
        let column = match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        };
        let masked = self.masked.as_ref().filter(|_| side == Side::Source);
        let name = masked.cloned().unwrap_or_else(|| column.name.to_string());
        match self.kind() {
            // A mask gives the member's name, of which the source knows no number.
            Kind::Enum if self.masked.is_some() => Canonical::Text(name),
            Kind::Decimal if masked.is_some() => Canonical::Plain(name),
            Kind::Integer => Canonical::Plain(format!("{name} + 0")),
            Kind::Float => Canonical::Plain(format!("{name} * 1e0")),
            Kind::Bit | Kind::Enum | Kind::Set => Canonical::Plain(format!("{name} + 0")),
            Kind::Decimal => Canonical::Plain(self.padded(
                &bare(column),
                side,
                self.source.scale,
                self.target.scale,
            )),
            Kind::Temporal => Canonical::Plain(self.padded(
                &name,
                side,
                self.source.fraction,
                self.target.fraction,
            )),
            Kind::Special => Canonical::Plain(name),
            Kind::Json => Canonical::Large(format!("CAST({name} AS CHAR)")),
            Kind::Geometry => Canonical::Large(name),
            Kind::Text | Kind::Binary | Kind::Vector | Kind::Unknown => {
                let text = match side {
                    Side::Source if masked.is_none() => self.converted(&column.name),
                    Side::Source | Side::Target => name,
                };
                if Kind::may_be_large(&self.source) {
                    Canonical::Large(text)
                } else {
                    Canonical::Text(text)
                }
            }
        }
    }

    /// The source's digits behind the point, filled up to the target's: by text, since a cast
    /// would refuse dates that exist.
    fn padded(&self, name: &str, side: Side, source: Option<u64>, target: Option<u64>) -> String {
        let (s, t) = (source.unwrap_or(0), target.unwrap_or(0));
        if side == Side::Target || s >= t {
            return name.to_owned();
        }
        let zeros = "0".repeat(usize::try_from(t - s).unwrap_or(0));
        if s == 0 {
            format!("CONCAT({name}, '.{zeros}')")
        } else {
            format!("CONCAT({name}, '{zeros}')")
        }
    }
}

/// Which server an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The source.
    Source,
    /// The target.
    Target,
}

enum Canonical {
    /// Text without separators in it.
    Plain(String),
    /// Any bytes: needs its length before it.
    Text(String),
    /// Any bytes, maybe megabytes: hashed by itself, so that no text exceeds the packet.
    Large(String),
}

/// The text whose hash stands for a row: separator-safe and NULL-safe.
fn row_text_sql(pairs: &[ColumnPair], side: Side) -> String {
    let mut parts = Vec::new();
    let nulls: Vec<String> = pairs
        .iter()
        .filter(|p| p.source.nullable || p.target.nullable)
        .map(|p| {
            let column = if side == Side::Source {
                &p.source
            } else {
                &p.target
            };
            match (&p.masked, side) {
                (Some(sql), Side::Source) => format!("ISNULL({sql})"),
                _ => format!("ISNULL({})", column.name),
            }
        })
        .collect();
    if !nulls.is_empty() {
        parts.push(format!("CONCAT({})", nulls.join(", ")));
    }
    for pair in pairs {
        match pair.canonical_sql(side) {
            Canonical::Plain(sql) => parts.push(sql),
            Canonical::Text(sql) => {
                parts.push(format!("LENGTH({sql})"));
                parts.push(binary(&sql));
            }
            Canonical::Large(sql) => {
                parts.push(format!("LENGTH({sql})"));
                parts.push(format!("SHA2({sql}, 256)"));
            }
        }
    }
    if parts.is_empty() {
        return "''".to_owned();
    }
    format!("CONCAT_WS(',', {})", parts.join(", "))
}

/// The hash of a row: 64 hex digits of SHA-256.
#[must_use]
pub fn row_hash_sql(pairs: &[ColumnPair], side: Side) -> String {
    format!("SHA2({}, 256)", row_text_sql(pairs, side))
}

/// Which of `count` buckets a row belongs to, by its key: the same on both servers.
#[must_use]
pub fn bucket_sql(key: &[ColumnPair], side: Side, count: u32) -> String {
    format!("CRC32({}) % {count}", row_text_sql(key, side))
}

/// What a range is compared by: a count, and the exclusive or of 64 or 128 bits of the rows'
/// hashes; `sums` adds a sum, which multisets need, since equal rows cancel each other out.
///
/// Columns `n`, `bad` (rows whose hash the server could not compute), `h1`, `h2`, `total`.
#[must_use]
pub fn range_hash_sql(pairs: &[ColumnPair], side: Side, strong: bool, sums: bool) -> String {
    let hash = row_hash_sql(pairs, side);
    let half = |from: u32| format!("CAST(CONV(SUBSTRING({hash}, {from}, 16), 16, 10) AS UNSIGNED)");
    let mut columns = vec![
        "COUNT(*) AS n".to_owned(),
        format!("COUNT(*) - COUNT({hash}) AS bad"),
        format!("BIT_XOR({}) AS h1", half(1)),
    ];
    columns.push(if strong {
        format!("BIT_XOR({}) AS h2", half(17))
    } else {
        "0 AS h2".to_owned()
    });
    columns.push(if sums {
        format!("SUM({}) AS total", half(1))
    } else {
        "0 AS total".to_owned()
    });
    // Only text that may exceed a packet can have no hash: the count of it is not free.
    if !pairs.iter().any(|p| Kind::may_be_large(&p.source)) && !sums {
        columns[1] = "0 AS bad".to_owned();
    }
    columns.join(", ")
}

fn binary(sql: &str) -> String {
    format!("CAST({sql} AS BINARY)")
}

pub(super) fn is_number(value: &[u8]) -> bool {
    !value.is_empty()
        && value
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// A number without the zeros that ZEROFILL puts before it.
pub(super) fn bare(column: &Column) -> String {
    if column.column_type.to_ascii_lowercase().contains("zerofill") {
        format!("{} + 0", column.name)
    } else {
        column.name.to_string()
    }
}

/// The expression that reads a key column's value so that [`key_literal_sql`] finds it again.
/// Numbers stand for what has no exact text, or several.
#[must_use]
pub fn key_read_sql(column: &Column) -> String {
    match Kind::of(column) {
        Kind::Bit | Kind::Enum | Kind::Set => format!("{} + 0", column.name),
        Kind::Float => format!("{} * 1e0", column.name),
        _ => bare(column),
    }
}

/// A key column's value as a literal that compares in the column's own order.
#[must_use]
pub fn key_literal_sql(column: &Column, value: &[u8]) -> String {
    match Kind::of(column) {
        Kind::Integer | Kind::Decimal | Kind::Bit | Kind::Enum | Kind::Set if is_number(value) => {
            String::from_utf8_lossy(value).into_owned()
        }
        Kind::Float if is_number(value) => {
            let text = String::from_utf8_lossy(value);
            let exponent = if text.contains(['e', 'E']) { "" } else { "e0" };
            format!("{text}{exponent}")
        }
        Kind::Text => match &column.charset {
            Some(charset) => literal::in_charset(charset, value),
            None => literal::bytes(value),
        },
        // Plain quotes: the text of a date, time or address has nothing to escape.
        Kind::Temporal | Kind::Special
            if value
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b" -:.".contains(b)) =>
        {
            format!("'{}'", String::from_utf8_lossy(value))
        }
        _ => literal::bytes(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_written_bare() {
        assert!(is_number(b"-1.5e+10"));
        assert!(!is_number(b"1 OR 1"));
        assert!(!is_number(b""));
    }
}
