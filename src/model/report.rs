//! The report of a connection test.

use serde::{Deserialize, Serialize};

use super::error::ErrorInfo;
use super::words::words;

words!(
    /// Which family of servers.
    Flavour {
        /// Oracle MySQL and its kin.
        #[default] Mysql = "mysql",
        /// MariaDB.
        Mariadb = "mariadb",
    }
);

/// What a test of a connection found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TestReport {
    /// Whether a sync could run.
    pub ok: bool,
    /// Why not.
    pub error: Option<String>,
    /// Time for one round trip, in milliseconds.
    pub latency_ms: Option<f64>,
    /// `host:port` or socket that answered.
    pub address: Option<String>,
    /// Family of the server.
    pub flavour: Option<Flavour>,
    /// Version as the server says it.
    pub version: Option<String>,
    /// Transport security.
    pub tls: TlsReport,
    /// Privileges.
    pub privileges: PrivilegeReport,
    /// Binary log.
    pub binlog: BinlogReport,
    /// Whether the server takes `LOAD DATA LOCAL`.
    pub local_infile: Option<bool>,
    /// The server's clock less ours, in milliseconds.
    pub clock_skew_ms: Option<f64>,
    /// Largest packet, in bytes.
    pub max_allowed_packet_bytes: Option<u64>,
    /// Good to know.
    pub warnings: Vec<String>,
}

/// Transport security of a tested connection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TlsReport {
    /// Whether the session is encrypted.
    pub used: bool,
    /// `TLSv1.3` and the like.
    pub version: Option<String>,
    /// Whether the certificate was checked.
    pub verified: bool,
}

/// Privileges of a tested account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PrivilegeReport {
    /// What is missing.
    pub missing: Vec<MissingPrivilege>,
}

/// One privilege that is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingPrivilege {
    /// Its name.
    pub privilege: String,
    /// What can't be done, or not as well, without it.
    pub needed_for: String,
    /// The statement that gives it.
    pub grant: String,
}

/// Binary log of a tested server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BinlogReport {
    /// Whether it is written.
    pub enabled: Option<bool>,
    /// `ROW`, `MIXED` or `STATEMENT`.
    pub format: Option<String>,
    /// `FULL`, `MINIMAL` or `NOBLOB`.
    pub row_image: Option<String>,
}

/// One table of a source, as a chooser shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceTable {
    /// Its name.
    pub name: String,
    /// Its engine.
    pub engine: Option<String>,
    /// Rows, as the server guesses.
    pub rows_estimate: u64,
    /// Data and index, in bytes, as the server guesses.
    pub data_bytes: u64,
    /// Columns of its primary key.
    pub primary_key: Vec<String>,
    /// Its comment.
    pub comment: String,
}

/// One table of a source in full, as a schema browser shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// Its columns, in their order.
    pub columns: Vec<ColumnInfo>,
    /// Its keys, the primary one first.
    pub keys: Vec<KeyInfo>,
    /// Foreign keys in words: `customer_id → customers.id`.
    pub foreign_keys: Vec<String>,
    /// Names of its triggers.
    pub triggers: Vec<String>,
    /// The statement that makes it, as the server says it.
    pub create_sql: String,
}

/// Statements that repair tables, written into a file.
#[derive(Debug, Clone, PartialEq)]
pub struct RepairScript {
    /// Where they are.
    pub file: String,
    /// Each target table with its rows that differ, or with why it can't be repaired.
    pub tables: Vec<(String, Result<u64, ErrorInfo>)>,
}

/// A column of a source's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type as the server says it: `varchar(40)`.
    pub column_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What else is said of it: `auto_increment`, `generated`.
    pub extra: String,
}

/// A key of a source's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its name.
    pub name: String,
    /// Whether each value is there once.
    pub unique: bool,
    /// Columns, with the length of a prefix, or expressions.
    pub parts: Vec<String>,
}
