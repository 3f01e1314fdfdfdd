//! Kinds of column types, and the gate: whether a target column holds every value of its source.

use super::column::Column;

/// How a column's values travel and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Integers and YEAR.
    Integer,
    /// Exact numbers.
    Decimal,
    /// FLOAT and DOUBLE: never as their default text.
    Float,
    /// Dates and times.
    Temporal,
    /// BIT: bytes, first the highest.
    Bit,
    /// Text with a charset.
    Text,
    /// Bytes.
    Binary,
    /// ENUM.
    Enum,
    /// SET.
    Set,
    /// MySQL's own JSON.
    Json,
    /// Geometries: SRID and WKB.
    Geometry,
    /// VECTOR of MySQL or MariaDB.
    Vector,
    /// UUID, INET4, INET6 of MariaDB: text outside, bytes inside.
    Special,
    /// Unknown to this version.
    Unknown,
}

impl Kind {
    /// The kind of a column.
    #[must_use]
    pub fn of(column: &Column) -> Self {
        match column.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Self::Integer,
            "decimal" => Self::Decimal,
            "float" | "double" => Self::Float,
            "date" | "time" | "datetime" | "timestamp" => Self::Temporal,
            "bit" => Self::Bit,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Self::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                Self::Binary
            }
            "enum" => Self::Enum,
            "set" => Self::Set,
            "json" => Self::Json,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geomcollection" | "geometrycollection" => Self::Geometry,
            "vector" => Self::Vector,
            "uuid" | "inet4" | "inet6" => Self::Special,
            _ => Self::Unknown,
        }
    }

    /// Whether a key over such columns can be walked in order with exact bounds.
    #[must_use]
    pub fn is_chunkable(self) -> bool {
        matches!(
            self,
            Self::Integer
                | Self::Decimal
                | Self::Temporal
                | Self::Text
                | Self::Binary
                | Self::Special
        )
    }

    /// Whether values can be larger than a few kilobytes.
    #[must_use]
    pub fn may_be_large(column: &Column) -> bool {
        matches!(
            column.data_type.as_str(),
            "text" | "mediumtext" | "longtext" | "blob" | "mediumblob" | "longblob" | "json"
        ) || Self::of(column) == Self::Geometry
            || column.max_length.is_some_and(|n| n > 16_384)
    }
}

/// Whether every value of `source` is held exactly by `target`.
///
/// # Errors
/// A sentence that says what would be lost.
pub fn fits(source: &Column, target: &Column) -> Result<(), String> {
    let kind = Kind::of(source);
    if kind == Kind::Unknown {
        return Err(format!(
            "the type {} is not known to this version",
            source.column_type
        ));
    }
    if Kind::of(target) != kind {
        return Err(differ(source, target));
    }
    if source.nullable && !target.nullable {
        return Err("the source's column may be NULL, the target's may not".to_owned());
    }
    let narrower = |s: Option<u64>, t: Option<u64>| s.unwrap_or(0) > t.unwrap_or(0);
    match kind {
        Kind::Integer => {
            if (source.data_type == "year") != (target.data_type == "year") {
                return Err(differ(source, target));
            }
            let (s, t) = (integer_range(source), integer_range(target));
            if s.0 < t.0 || s.1 > t.1 {
                return Err(differ(source, target));
            }
        }
        Kind::Decimal => {
            let digits = |c: &Column| {
                c.precision
                    .unwrap_or(0)
                    .saturating_sub(c.scale.unwrap_or(0))
            };
            let unsigned = |c: &Column| c.column_type.to_ascii_lowercase().contains("unsigned");
            if digits(source) > digits(target)
                || narrower(source.scale, target.scale)
                || (!unsigned(source) && unsigned(target))
            {
                return Err(differ(source, target));
            }
        }
        Kind::Float => {
            // FLOAT(M,D) rounds on its way in; the same definition on both sides does so equally.
            if source.data_type != target.data_type
                || (source.column_type != target.column_type && target.column_type.contains('('))
                || (!source.column_type.contains("unsigned")
                    && target.column_type.contains("unsigned"))
            {
                return Err(differ(source, target));
            }
        }
        Kind::Temporal => {
            if source.data_type != target.data_type || narrower(source.fraction, target.fraction) {
                return Err(differ(source, target));
            }
        }
        Kind::Bit => {
            if narrower(source.precision, target.precision) {
                return Err(differ(source, target));
            }
        }
        Kind::Text => {
            if narrower(source.max_length, target.max_length) {
                return Err(differ(source, target));
            }
            // CHAR loses blanks at its end that VARCHAR keeps.
            if target.data_type == "char" && source.data_type != "char" {
                return Err(differ(source, target));
            }
            charset_fits(source, target)?;
        }
        Kind::Binary => {
            let fixed = |c: &Column| c.data_type == "binary";
            if fixed(target) {
                // BINARY(n) fills up with zero bytes: only the same length gives the same bytes.
                if !fixed(source) || source.max_length != target.max_length {
                    return Err(differ(source, target));
                }
            } else if narrower(source.max_length, target.max_length) {
                return Err(differ(source, target));
            }
        }
        Kind::Enum | Kind::Set => {
            charset_fits(source, target)?;
            let (s, t) = (members(&source.column_type), members(&target.column_type));
            if !t.starts_with(&s) {
                return Err(format!(
                    "the members of {} are not the first ones of {}",
                    source.column_type, target.column_type
                ));
            }
        }
        Kind::Json => {}
        Kind::Geometry => {
            if target.data_type != "geometry" && source.data_type != target.data_type {
                return Err(differ(source, target));
            }
        }
        Kind::Vector | Kind::Special => {
            if !source.column_type.eq_ignore_ascii_case(&target.column_type) {
                return Err(differ(source, target));
            }
        }
        Kind::Unknown => {}
    }
    Ok(())
}

fn differ(source: &Column, target: &Column) -> String {
    format!(
        "{} does not hold every value of {} exactly",
        target.column_type, source.column_type
    )
}

pub(super) fn integer_range(column: &Column) -> (i128, i128) {
    let bits = match column.data_type.as_str() {
        "year" | "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        _ => 64,
    };
    if column.column_type.to_ascii_lowercase().contains("unsigned") {
        (0, (1 << bits) - 1)
    } else {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    }
}

/// Whether text of the source's charset can be converted into the target's without loss.
fn charset_fits(source: &Column, target: &Column) -> Result<(), String> {
    let (Some(s), Some(t)) = (source.charset.as_deref(), target.charset.as_deref()) else {
        return Ok(());
    };
    let unicode = ["utf8mb4", "utf16", "utf16le", "utf32"];
    let ok = s == t
        || unicode.contains(&t)
        || (s == "ascii" && !matches!(t, "ucs2"))
        || (matches!(s, "utf8" | "utf8mb3" | "ucs2") && matches!(t, "utf8" | "utf8mb3" | "ucs2"))
        || (matches!(t, "utf8" | "utf8mb3" | "ucs2")
            && matches!(
                s,
                "latin1" | "latin2" | "cp1250" | "cp1251" | "greek" | "hebrew" | "ascii"
            ));
    if ok {
        Ok(())
    } else {
        Err(format!(
            "the charset {t} does not hold every character of {s}"
        ))
    }
}

/// Members of an ENUM or SET, as printed between their quotes.
#[must_use]
pub fn members(column_type: &str) -> Vec<String> {
    let Some(open) = column_type.find('(') else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut chars = column_type[open + 1..].chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\'' {
            continue;
        }
        let mut member = String::new();
        while let Some(c) = chars.next() {
            if c == '\'' {
                if chars.peek() == Some(&'\'') {
                    chars.next();
                } else {
                    break;
                }
            }
            member.push(c);
        }
        out.push(member);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::ident::Ident;

    fn column(data_type: &str, column_type: &str) -> Column {
        Column {
            name: Ident::new("c"),
            data_type: data_type.to_owned(),
            column_type: column_type.to_owned(),
            nullable: true,
            charset: None,
            collation: None,
            generated: false,
            has_default: true,
            auto_increment: false,
            on_update_now: false,
            max_length: None,
            precision: None,
            scale: None,
            fraction: None,
        }
    }

    #[test]
    fn wider_integers_fit_and_narrower_ones_do_not() {
        let fit = |a: &str, b: &str, c: &str, d: &str| fits(&column(a, b), &column(c, d)).is_ok();
        assert!(fit("int", "int(11)", "bigint", "bigint(20)"));
        assert!(fit("int", "int(10) unsigned", "bigint", "bigint"));
        assert!(!fit("int", "int(10) unsigned", "int", "int"));
        assert!(!fit("bigint", "bigint", "int", "int"));
        assert!(!fit("int", "int", "bigint", "bigint unsigned"));
        assert!(!fit("int", "int", "varchar", "varchar(20)"));
    }

    #[test]
    fn enum_members_must_begin_alike() {
        let e = |t: &str| column("enum", t);
        assert!(fits(&e("enum('a','b')"), &e("enum('a','b','c')")).is_ok());
        assert!(fits(&e("enum('a','b')"), &e("enum('b','a')")).is_err());
        assert_eq!(members("enum('it''s','a,b')"), ["it's", "a,b"]);
    }

    #[test]
    fn nullability_fraction_and_length_are_held() {
        let mut s = column("datetime", "datetime(6)");
        s.fraction = Some(6);
        let mut t = column("datetime", "datetime(3)");
        t.fraction = Some(3);
        assert!(fits(&s, &t).is_err());
        t.fraction = Some(6);
        assert!(fits(&s, &t).is_ok());
        t.nullable = false;
        assert!(fits(&s, &t).is_err());
    }
}
