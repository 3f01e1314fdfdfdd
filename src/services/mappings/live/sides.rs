//! Both servers of a connection, open, and what a rule wants of their tables.

use std::collections::HashMap;

use crate::model::connection::ConnectionSpec;
use crate::model::rule::{ColumnSelect, TableRule};
use crate::model::seen::SeenTable;
use crate::mysql::Session;
use crate::mysql::schema::same_name;

/// Both sides of a connection, open.
pub struct Sides<'a> {
    /// The connection.
    pub spec: &'a ConnectionSpec,
    /// A session on the source.
    pub source: Session,
    /// A session on the local server.
    pub local: Session,
    /// Base tables of the source.
    pub tables: Vec<String>,
    /// What the last runs of the config in hand noted, by target table.
    pub seen: HashMap<String, SeenTable>,
}

/// Whether the rule wants a column.
pub fn is_synced(rule: &TableRule, column: &str) -> bool {
    match &rule.columns {
        ColumnSelect::All => true,
        ColumnSelect::Only(only) => only.iter().any(|name| same_name(name, column)),
        ColumnSelect::Except(except) => !except.iter().any(|name| same_name(name, column)),
    }
}
