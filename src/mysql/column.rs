//! A column as the dictionary of its server describes it.

use super::ident::Ident;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// `int`, `varchar`, `json` …, lower case.
    pub data_type: String,
    /// With length, sign and members: `int(10) unsigned`.
    pub column_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Character set of a text column.
    pub charset: Option<String>,
    /// Collation of a text column.
    pub collation: Option<String>,
    /// Whether the server computes it.
    pub generated: bool,
    /// Whether an insert that does not name it gets a value.
    pub has_default: bool,
    /// Whether it counts by itself.
    pub auto_increment: bool,
    /// Whether each update of its row sets it to the time.
    pub on_update_now: bool,
    /// Most characters of a text, or bytes of a binary column.
    pub max_length: Option<u64>,
    /// Digits of a number.
    pub precision: Option<u64>,
    /// Digits behind the point.
    pub scale: Option<u64>,
    /// Digits of a fraction of a second.
    pub fraction: Option<u64>,
}
