//! Rows of metadata and control tables, read column by column with checked conversions.
//!
//! Rows of user tables never come this way: see the row path in `mysql::read`.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use mysql_async::Value;

use super::error::{ErrorClass, MysqlError};
use crate::model::error::ErrorCode;

/// One row; columns by name, case-insensitively.
#[derive(Debug, Clone)]
pub struct Row(pub(super) mysql_async::Row);

impl Row {
    fn value(&self, column: &str) -> Result<&Value, MysqlError> {
        let index = self
            .0
            .columns_ref()
            .iter()
            .position(|c| c.name_str().eq_ignore_ascii_case(column))
            .ok_or_else(|| wrong(column, "is not in the result"))?;
        self.0
            .as_ref(index)
            .ok_or_else(|| wrong(column, "was taken already"))
    }

    /// Whether the result has the column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.0
            .columns_ref()
            .iter()
            .any(|c| c.name_str().eq_ignore_ascii_case(column))
    }

    /// The column at `index` as bytes; `None` is NULL.
    #[must_use]
    pub fn bytes_at(&self, index: usize) -> Option<Vec<u8>> {
        match self.0.as_ref(index)? {
            Value::NULL => None,
            Value::Bytes(bytes) => Some(bytes.clone()),
            other => Some(plain(other).into_bytes()),
        }
    }

    /// Bytes; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn opt_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, MysqlError> {
        Ok(match self.value(column)? {
            Value::NULL => None,
            Value::Bytes(bytes) => Some(bytes.clone()),
            other => Some(plain(other).into_bytes()),
        })
    }

    /// Text; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is not UTF-8.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>, MysqlError> {
        Ok(match self.value(column)? {
            Value::NULL => None,
            Value::Bytes(bytes) => {
                Some(String::from_utf8(bytes.clone()).map_err(|_| wrong(column, "is not UTF-8"))?)
            }
            other => Some(plain(other)),
        })
    }

    /// Text.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL or not UTF-8.
    pub fn text(&self, column: &str) -> Result<String, MysqlError> {
        self.opt_text(column)?
            .ok_or_else(|| wrong(column, "is NULL"))
    }

    /// An unsigned number; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no such number.
    pub fn opt_u64(&self, column: &str) -> Result<Option<u64>, MysqlError> {
        self.parsed(column)
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL or no such number.
    pub fn u64(&self, column: &str) -> Result<u64, MysqlError> {
        self.opt_u64(column)?
            .ok_or_else(|| wrong(column, "is NULL"))
    }

    /// A signed number; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no such number.
    pub fn opt_i64(&self, column: &str) -> Result<Option<i64>, MysqlError> {
        self.parsed(column)
    }

    /// A signed number.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL or no such number.
    pub fn i64(&self, column: &str) -> Result<i64, MysqlError> {
        self.opt_i64(column)?
            .ok_or_else(|| wrong(column, "is NULL"))
    }

    /// A floating-point number; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no such number.
    pub fn opt_f64(&self, column: &str) -> Result<Option<f64>, MysqlError> {
        self.parsed(column)
    }

    /// A flag: 0 is false, any other number true.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL or no number.
    pub fn bool(&self, column: &str) -> Result<bool, MysqlError> {
        Ok(self.i64(column)? != 0)
    }

    /// A time in UTC; `None` is NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no time.
    pub fn opt_time(&self, column: &str) -> Result<Option<DateTime<Utc>>, MysqlError> {
        match self.value(column)? {
            Value::NULL => Ok(None),
            Value::Date(year, month, day, hour, minute, second, micros) => {
                NaiveDate::from_ymd_opt(i32::from(*year), u32::from(*month), u32::from(*day))
                    .and_then(|d| {
                        d.and_hms_micro_opt(
                            u32::from(*hour),
                            u32::from(*minute),
                            u32::from(*second),
                            *micros,
                        )
                    })
                    .map(|t| Some(t.and_utc()))
                    .ok_or_else(|| wrong(column, "is no time"))
            }
            Value::Bytes(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|t| NaiveDateTime::parse_from_str(t, "%Y-%m-%d %H:%M:%S%.f").ok())
                .map(|t| Some(t.and_utc()))
                .ok_or_else(|| wrong(column, "is no time")),
            _ => Err(wrong(column, "is no time")),
        }
    }

    /// A time in UTC.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL or no time.
    pub fn time(&self, column: &str) -> Result<DateTime<Utc>, MysqlError> {
        self.opt_time(column)?
            .ok_or_else(|| wrong(column, "is NULL"))
    }

    fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, MysqlError> {
        match self.opt_text(column)? {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| wrong(column, "is not the expected number")),
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Double(n) => n.to_string(),
        other => other.as_sql(true).trim_matches('\'').to_owned(),
    }
}

fn wrong(column: &str, what: &str) -> MysqlError {
    MysqlError::own(
        ErrorCode::Internal,
        ErrorClass::Stop,
        format!("column {column} {what}"),
    )
}
