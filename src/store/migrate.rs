//! Migrations of the control database.

use super::{StoreError, StoreOptions, stub};
use chrono::{DateTime, Utc};

/// One migration and whether the control database has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MigrationStatus {
    /// Its number.
    pub version: u32,
    /// What it does, from its file name.
    pub name: String,
    /// When it was applied; `None` is not yet.
    pub applied_at: Option<DateTime<Utc>>,
    /// Whether this program brings it; `false` for one of a later program.
    pub known: bool,
}

/// Every migration of this program and of the control database, in order; changes nothing.
///
/// # Errors
/// When the server can't be reached or refuses.
pub async fn migration_status(options: &StoreOptions) -> Result<Vec<MigrationStatus>, StoreError> {
    let _ = options;
    Err(stub())
}
