//! The error of a job or table: what failed, why, what to do.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::words;

words!(
    /// What kind of error it is; stable over versions.
    ErrorCode {
        /// A privilege is missing or the login was refused.
        AccessDenied = "access_denied",
        /// The server could not be reached.
        Unreachable = "unreachable",
        /// The connection broke.
        ConnectionLost = "connection_lost",
        /// The server chose us as a deadlock's victim.
        Deadlock = "deadlock",
        /// A lock was not free in time.
        LockTimeout = "lock_timeout",
        /// The server is read-only.
        ReadOnly = "read_only",
        /// The server has no room.
        DiskFull = "disk_full",
        /// A row or statement is larger than `max_allowed_packet`.
        PacketTooLarge = "packet_too_large",
        /// The target can't hold a value.
        ValueRejected = "value_rejected",
        /// A unique key is taken.
        DuplicateKey = "duplicate_key",
        /// The source's table changed its definition.
        SchemaChanged = "schema_changed",
        /// The source's table is not there.
        SourceMissing = "source_missing",
        /// A rule does not fit its table.
        RuleInvalid = "rule_invalid",
        /// Something that can't be done.
        Unsupported = "unsupported",
        /// The table has no usable key.
        NoKey = "no_key",
        /// More rows would be deleted than allowed.
        DeleteLimit = "delete_limit",
        /// The source is empty and the target is not.
        EmptySource = "empty_source",
        /// The binlog position is gone.
        BinlogPurged = "binlog_purged",
        /// The binlog can't be read.
        BinlogUnreadable = "binlog_unreadable",
        /// The copy differs from its source.
        VerifyFailed = "verify_failed",
        /// The job ran longer than allowed.
        JobTimeout = "job_timeout",
        /// Another process took the work over.
        LeaseLost = "lease_lost",
        /// A worker panicked.
        Panic = "panic",
        /// A fault of this program, or an error it has no better word for.
        #[default] Internal = "internal",
    }
);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value of a row as it is shown: text, or hex where it is not printable text; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownValue {
    /// Printable text.
    Text(String),
    /// Anything else.
    Hex {
        /// Lower-case hex digits.
        hex: String,
    },
}

impl ShownValue {
    /// The shown form of raw bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Self::Text(text.to_owned()),
            _ => Self::Hex {
                hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
            },
        }
    }
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Hex { hex } => write!(f, "0x{hex}"),
        }
    }
}

/// Key columns and their values.
pub type ShownKey = BTreeMap<String, Option<ShownValue>>;

/// A key for people: `id=42, part=NULL`.
#[must_use]
pub fn shown_key(key: &ShownKey) -> String {
    let shown: Vec<String> = key
        .iter()
        .map(|(column, value)| match value {
            Some(value) => format!("{column}={value}"),
            None => format!("{column}=NULL"),
        })
        .collect();
    shown.join(", ")
}

/// The error of a job or table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// Its kind.
    pub code: ErrorCode,
    /// What failed and why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Target table.
    pub table: Option<String>,
    /// Key of the row.
    pub key: Option<ShownKey>,
    /// Column.
    pub column: Option<String>,
    /// Whether trying again may help.
    pub transient: bool,
}

impl ErrorInfo {
    /// A permanent error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            table: None,
            key: None,
            column: None,
            transient: false,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same for a table; keeps one that is named already.
    #[must_use]
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table.get_or_insert(table.into());
        self
    }

    /// The same, worth trying again.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }
}

impl fmt::Display for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{table}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(key) = &self.key {
            write!(f, " (row {})", shown_key(key))?;
        }
        if let Some(column) = &self.column {
            write!(f, " (column {column})")?;
        }
        write!(f, " [{}]", self.code)
    }
}

impl std::error::Error for ErrorInfo {}
