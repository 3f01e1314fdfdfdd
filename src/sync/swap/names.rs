//! Names of constraints that would be twice in one database: a server may crash where a `RENAME`
//! brings one that is there.

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::schema::{constraint_names, constraint_names_elsewhere};
use crate::mysql::{Session, TableRef};
use crate::sync::error::SyncError;
use crate::sync::shared::TableShared;

/// Fails where another table of the target's database bears a name of the shadow's constraints.
///
/// # Errors
/// `unsupported`, with who bears it; or when the server can't be read.
pub async fn expect_free(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
) -> Result<(), SyncError> {
    let target = &table.plan.target;
    let names = constraint_names(session, shadow).await?;
    let mut own = vec![target];
    if shadow.database == target.database {
        own.push(shadow);
    }
    let taken = constraint_names_elsewhere(session, &names, &own).await?;
    let Some((name, by)) = taken.first() else {
        return Ok(());
    };
    Err(ErrorInfo::new(
        ErrorCode::Unsupported,
        format!(
            "the constraint {} would be there twice in {}: {} bears that name",
            name.raw(),
            target.database.raw(),
            by.raw()
        ),
    )
    .hint(format!(
        "rename it on one side (ALTER TABLE {by} DROP CONSTRAINT {name}, ADD CONSTRAINT ...), or let \
         the connection copy into another database (local_db_name)"
    ))
    .into())
}
