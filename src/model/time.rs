//! Times on the wire: RFC 3339, UTC, milliseconds, `Z`. For `#[serde(with = …)]`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serializer};

/// A time as every front shows it.
#[must_use]
pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes a time; for `#[serde(with = "crate::model::time")]`.
///
/// # Errors
/// Those of the writer.
pub fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(*time))
}

/// Reads a time of any precision.
///
/// # Errors
/// When it is none.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    DateTime::deserialize(from)
}

/// The same for a time that may be missing.
pub mod opt {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc};

    /// Writes a time or `null`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// Reads a time or `null`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Two {
        #[serde(with = "crate::model::time")]
        at: DateTime<Utc>,
        #[serde(default, with = "crate::model::time::opt")]
        end: Option<DateTime<Utc>>,
    }

    #[test]
    fn times_have_milliseconds_however_they_came() {
        for (given, shown) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"),
            ("2026-01-31T12:00:00.5+01:00", "2026-01-31T11:00:00.500Z"),
        ] {
            let two: Two = serde_json::from_str(&format!(r#"{{"at": "{given}"}}"#)).unwrap();
            let text = serde_json::to_string(&two).unwrap();
            assert_eq!(text, format!(r#"{{"at":"{shown}","end":null}}"#));
        }
    }
}
