//! Masks as SQL of the source: the clear value never leaves it.
//!
//! A masked column takes part in everything (copy, checksums, comparison, repair) as the expression
//! that gives its value in the target column's own form, so all of them agree, and nothing of this
//! program ever holds the clear value. The price is that the key of `hash` has to reach the source:
//! not the configured secret but a key derived from it, once per session as two variables and in
//! no other statement.
//!
//! `hash` is HMAC-SHA256 of the value's text in UTF-8 (binary columns: of their bytes), cut to its
//! first digits. SHA2() is the one hash that all supported servers have.

use std::fmt;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use super::column::Column;
use super::ident::Ident;
use super::kind::{Kind, fits, integer_range, members};
use super::literal;
use super::value::{bare, is_number};
use crate::model::mask::Mask;

/// Variables of a session on the source that hold the two halves of the hash's key.
const INNER: &str = "@db_taxi_mask_inner";
const OUTER: &str = "@db_taxi_mask_outer";

/// The block size of SHA-256, which HMAC pads its key to.
const BLOCK: usize = 64;

/// What `hash` is keyed with. Derived: what it was derived from can't be found from it.
#[derive(Clone)]
pub struct MaskKey(SecretString);

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(***)")
    }
}

impl MaskKey {
    /// The key that follows from a secret.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"db-taxi mask key");
        let tag = hmac::sign(&key, secret);
        Self(SecretString::from(literal::hex(tag.as_ref())))
    }

    /// Names the key without telling it.
    #[must_use]
    pub fn id(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"db-taxi mask key id");
        let tag = hmac::sign(&key, self.0.expose_secret().as_bytes());
        literal::hex(&tag.as_ref()[..8])
    }

    /// The statement that gives a session the key.
    pub(super) fn set_sql(&self) -> SecretString {
        let [inner, outer] = self.padded();
        SecretString::from(format!(
            "SET {INNER} = X'{}', {OUTER} = X'{}'",
            inner.expose_secret(),
            outer.expose_secret()
        ))
    }

    /// What must never be logged, as it stands in [`Self::set_sql`].
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let mut all = self.padded().to_vec();
        all.push(self.0.clone());
        all
    }

    /// The key as HMAC mixes it into its two hashes, in hex.
    fn padded(&self) -> [SecretString; 2] {
        let mut block = literal::unhex(self.0.expose_secret()).unwrap_or_default();
        block.resize(BLOCK, 0);
        [0x36_u8, 0x5c].map(|pad| {
            let mixed: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
            SecretString::from(literal::hex(&mixed))
        })
    }
}

/// A masked column, as the source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedColumn {
    /// The source's name with the type of what the mask gives: the target's.
    pub column: Column,
    /// Gives the masked value on the source, in the target's form.
    pub sql: String,
    /// A query without a table whose one value must be 1; otherwise a constant is no value of the
    /// column.
    pub probe: Option<String>,
}

/// The column of a table that does not exist yet: the source's, or one that holds what the mask
/// gives where the source's does not. With it its definition, where it is another one.
#[must_use]
pub fn column_for(mask: &Mask, source: &Column) -> (Column, Option<String>) {
    let mut column = source.clone();
    let definition = match mask {
        Mask::Hash { length } if !holds_hash(source, *length) => {
            column.data_type = "varchar".to_owned();
            column.column_type = format!("varchar({length})");
            column.charset = Some("ascii".to_owned());
            column.collation = Some("ascii_bin".to_owned());
            column.max_length = Some(u64::from(*length));
            column.auto_increment = false;
            Some(format!(
                "{} CHARACTER SET ascii COLLATE ascii_bin {}",
                column.column_type,
                null_word(source.nullable)
            ))
        }
        Mask::Nullify if !source.nullable => {
            column.nullable = true;
            column.auto_increment = false;
            let charset = match (&source.charset, &source.collation) {
                (Some(charset), Some(collation)) => {
                    format!(" CHARACTER SET {charset} COLLATE {collation}")
                }
                _ => String::new(),
            };
            Some(format!("{}{charset} NULL", source.column_type))
        }
        _ => None,
    };
    (column, definition)
}

fn null_word(nullable: bool) -> &'static str {
    if nullable { "NULL" } else { "NOT NULL" }
}

fn holds_hash(column: &Column, length: u32) -> bool {
    match Kind::of(column) {
        Kind::Text => column.max_length >= Some(u64::from(length)),
        Kind::Binary if column.data_type == "binary" => {
            column.max_length == Some(u64::from(length))
        }
        Kind::Binary => column.max_length >= Some(u64::from(length)),
        _ => false,
    }
}

/// The masked column for a target column.
///
/// # Errors
/// A sentence that says why the target can't hold what the mask gives.
pub fn masked(mask: &Mask, source: &Column, target: &Column) -> Result<MaskedColumn, String> {
    let nullable = match mask {
        Mask::Nullify | Mask::Expression(_) => true,
        Mask::Constant(_) => false,
        Mask::Hash { .. } | Mask::Partial { .. } => source.nullable,
    };
    let column = Column {
        name: source.name.clone(),
        nullable,
        ..target.clone()
    };
    let unheld = |what: &str| {
        Err(format!(
            "the target's {} does not hold {what}",
            target.column_type
        ))
    };
    let (sql, probe) = match mask {
        Mask::Nullify if !target.nullable => {
            return Err("nullify: the target's column may not be NULL".to_owned());
        }
        Mask::Nullify => ("NULL".to_owned(), None),
        Mask::Constant(value) => constant(value, target)?,
        Mask::Hash { length } => {
            if !holds_hash(target, *length) {
                return unheld(&format!("a hash of {length} digits"));
            }
            if nullable && !target.nullable {
                return Err(
                    "the source's column may be NULL, whose hash is NULL; the target's may not"
                        .to_owned(),
                );
            }
            (in_target(&hash_sql(source, *length)?, target), None)
        }
        Mask::Partial {
            keep_first,
            keep_last,
            fill,
        } => {
            if Kind::of(source) != Kind::Text {
                return Err(format!(
                    "partial masks text, and the source's column is {}",
                    source.column_type
                ));
            }
            fits(source, target)?;
            if !fill.is_ascii() && !is_unicode(target) {
                return unheld(&format!("the fill character {fill}"));
            }
            let sql = partial_sql(&source.name, *keep_first, *keep_last, *fill);
            (in_target(&sql, target), None)
        }
        Mask::Expression(sql) => (expression(sql, target)?, None),
    };
    Ok(MaskedColumn { column, sql, probe })
}

/// Text in the target column's charset, without the blanks at its end that CHAR does not keep.
fn in_target(sql: &str, target: &Column) -> String {
    match (&target.charset, Kind::of(target)) {
        (_, Kind::Binary) => format!("CAST({sql} AS BINARY)"),
        (Some(charset), _) if target.data_type == "char" => {
            format!("TRIM(TRAILING ' ' FROM CONVERT({sql} USING {charset}))")
        }
        (Some(charset), _) => format!("CONVERT({sql} USING {charset})"),
        _ => sql.to_owned(),
    }
}

fn is_unicode(column: &Column) -> bool {
    column
        .charset
        .as_deref()
        .is_some_and(|charset| charset.starts_with("utf") || charset == "ucs2")
}

/// HMAC-SHA256 by the session's key, in hex.
fn hash_sql(source: &Column, length: u32) -> Result<String, String> {
    let name = &source.name;
    let text = match Kind::of(source) {
        Kind::Text | Kind::Enum | Kind::Set => format!("CONVERT({name} USING utf8mb4)"),
        Kind::Binary => name.to_string(),
        Kind::Integer | Kind::Bit => format!("CAST({name} + 0 AS CHAR)"),
        Kind::Decimal => format!("CAST({} AS CHAR)", bare(source)),
        Kind::Float => format!("CAST({name} * 1e0 AS CHAR)"),
        Kind::Temporal | Kind::Special | Kind::Json => format!("CAST({name} AS CHAR)"),
        Kind::Geometry | Kind::Vector | Kind::Unknown => {
            return Err(format!("{} can't be hashed", source.column_type));
        }
    };
    Ok(format!(
        "LEFT(SHA2(CONCAT({OUTER}, UNHEX(SHA2(CONCAT({INNER}, CAST({text} AS BINARY)), 256))), 256), {length})"
    ))
}

fn partial_sql(name: &Ident, first: u32, last: u32, fill: char) -> String {
    let text = format!("CONVERT({name} USING utf8mb4)");
    let fill = literal::text(&fill.to_string());
    let kept = first + last;
    let mut parts = Vec::new();
    if first > 0 {
        parts.push(format!("LEFT({text}, {first})"));
    }
    parts.push(format!("REPEAT({fill}, CHAR_LENGTH({text}) - {kept})"));
    if last > 0 {
        parts.push(format!("RIGHT({text}, {last})"));
    }
    format!(
        "IF(CHAR_LENGTH({text}) > {kept}, CONCAT({}), REPEAT({fill}, CHAR_LENGTH({text})))",
        parts.join(", ")
    )
}

fn is_rounded_float(column: &Column) -> bool {
    column.data_type == "float" || column.column_type.contains('(')
}

fn cast_type(target: &Column) -> Option<String> {
    let fraction = target.fraction.unwrap_or(0);
    Some(match (Kind::of(target), target.data_type.as_str()) {
        (Kind::Integer, "year") => "UNSIGNED".to_owned(),
        (Kind::Integer, _) if is_unsigned(target) => "UNSIGNED".to_owned(),
        (Kind::Integer, _) => "SIGNED".to_owned(),
        // More digits before the point than the target has: too large a number must not be cut
        // down to one that fits, but be refused.
        (Kind::Decimal, _) => format!("DECIMAL(65, {})", target.scale.unwrap_or(0)),
        (Kind::Temporal, "date") => "DATE".to_owned(),
        (Kind::Temporal, "time") => format!("TIME({fraction})"),
        (Kind::Temporal, _) => format!("DATETIME({fraction})"),
        (Kind::Json, _) => "JSON".to_owned(),
        (Kind::Binary, "binary") => format!("BINARY({})", target.max_length.unwrap_or(1)),
        (Kind::Binary, _) => "BINARY".to_owned(),
        _ => return None,
    })
}

fn is_unsigned(column: &Column) -> bool {
    column.column_type.to_ascii_lowercase().contains("unsigned")
}

/// A value of the target's type, and how the source is asked whether it is one.
fn constant(value: &str, target: &Column) -> Result<(String, Option<String>), String> {
    let no_value = || {
        Err(format!(
            "the constant is no value of the target's {}",
            target.column_type
        ))
    };
    let text = literal::text(value);
    Ok(match Kind::of(target) {
        Kind::Integer => {
            let Ok(number) = value.trim().parse::<i128>() else {
                return no_value();
            };
            let (least, most) = integer_range(target);
            let is_year = target.data_type == "year";
            let fits = if is_year {
                number == 0 || (1901..=2155).contains(&number)
            } else {
                (least..=most).contains(&number)
            };
            if !fits {
                return no_value();
            }
            (number.to_string(), None)
        }
        Kind::Decimal => {
            let digits = value.trim().trim_start_matches(['-', '+']);
            let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
            let all = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            let scale = target.scale.unwrap_or(0);
            let room = target.precision.unwrap_or(0).saturating_sub(scale);
            let whole = whole.trim_start_matches('0');
            if !(all(whole) && all(part))
                || digits.is_empty()
                || whole.len() as u64 > room
                || part.len() as u64 > scale
                || (is_unsigned(target) && value.trim().starts_with('-'))
            {
                return no_value();
            }
            (format!("CAST({text} AS DECIMAL(65, {scale}))"), None)
        }
        Kind::Float if is_rounded_float(target) => return no_value(),
        Kind::Float => {
            if !is_number(value.trim().as_bytes()) || value.trim().parse::<f64>().is_err() {
                return no_value();
            }
            (format!("({text} * 1e0)"), None)
        }
        Kind::Temporal => {
            let sql = format!(
                "CAST({text} AS {})",
                cast_type(target).unwrap_or_else(|| "DATETIME".to_owned())
            );
            (sql.clone(), Some(format!("{sql} IS NOT NULL")))
        }
        Kind::Text => {
            let too_long = value.chars().count() as u64 > target.max_length.unwrap_or(0);
            if too_long || (target.data_type == "char" && value.ends_with(' ')) {
                return no_value();
            }
            let sql = in_target(&text, target);
            let probe = format!(
                "CAST(CONVERT({sql} USING utf8mb4) AS BINARY) = {}",
                literal::bytes(value.as_bytes())
            );
            (sql, Some(probe))
        }
        Kind::Binary => {
            let length = value.len() as u64;
            let room = target.max_length.unwrap_or(0);
            if length > room || (target.data_type == "binary" && length != room) {
                return no_value();
            }
            (literal::bytes(value.as_bytes()), None)
        }
        Kind::Enum => {
            if !members(&target.column_type).iter().any(|m| m == value) {
                return no_value();
            }
            (in_target(&text, target), None)
        }
        Kind::Json => {
            if serde_json::from_str::<serde_json::Value>(value).is_err() {
                return no_value();
            }
            (format!("CAST({text} AS JSON)"), None)
        }
        Kind::Bit | Kind::Set | Kind::Geometry | Kind::Vector | Kind::Special | Kind::Unknown => {
            return Err(format!(
                "constant can't fill a column of type {}: use nullify, or leave it out",
                target.column_type
            ));
        }
    })
}

fn expression(sql: &str, target: &Column) -> Result<String, String> {
    Ok(match Kind::of(target) {
        Kind::Text | Kind::Enum => in_target(&format!("({sql})"), target),
        Kind::Float if !is_rounded_float(target) => format!("(({sql}) * 1e0)"),
        _ => match cast_type(target) {
            Some(kind) => format!("CAST(({sql}) AS {kind})"),
            None => {
                return Err(format!(
                    "expression can't fill a column of type {}: use nullify, or leave it out",
                    target.column_type
                ));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_told_by_nothing_but_its_statement() {
        let key = MaskKey::derive(b"canary");
        assert_eq!(format!("{key:?}"), "MaskKey(***)");
        let sql = key.set_sql();
        for secret in key.padded() {
            assert!(sql.expose_secret().contains(secret.expose_secret()));
        }
        assert!(!sql.expose_secret().contains("canary"));
        assert_ne!(key.id(), MaskKey::derive(b"other").id());
        assert_eq!(key.id(), MaskKey::derive(b"canary").id());
    }
}
