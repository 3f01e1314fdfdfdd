//! Names of constraints that would be twice in one database: a server may crash where a `RENAME`
//! brings one that is there.

use crate::mysql::schema::{constraint_names, constraint_names_elsewhere};
use crate::mysql::{Ident, MysqlError, Session, TableRef};
use crate::sync::shared::TableShared;

/// A name of the shadow's constraints that another table of the target's database bears, and which.
///
/// # Errors
/// When the server can't be read.
pub async fn taken(
    table: &TableShared,
    session: &mut Session,
    shadow: &TableRef,
) -> Result<Option<(Ident, Ident)>, MysqlError> {
    let target = &table.plan.target;
    let names = constraint_names(session, shadow).await?;
    let mut own = vec![target];
    if shadow.database == target.database {
        own.push(shadow);
    }
    let taken = constraint_names_elsewhere(session, &names, &own).await?;
    Ok(taken.into_iter().next())
}
