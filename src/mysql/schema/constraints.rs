//! Names of constraints, of which a database holds each once.

use crate::model::report::Flavour;
use crate::mysql::error::MysqlError;
use crate::mysql::{Ident, Session, TableRef, literal};

/// Those of `names` that are constraints of other tables than `tables` in the databases of `tables`,
/// each with the table that bears it.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn constraint_names_elsewhere(
    session: &mut Session,
    names: &[Ident],
    tables: &[&TableRef],
) -> Result<Vec<(Ident, Ident)>, MysqlError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let listed: Vec<String> = names.iter().map(|n| literal::text(n.raw())).collect();
    let kinds = kinds(session);
    let mut found = Vec::new();
    let mut databases: Vec<&Ident> = tables.iter().map(|t| &t.database).collect();
    databases.dedup();
    for database in databases {
        let own: Vec<String> = tables
            .iter()
            .filter(|t| t.database == *database)
            .map(|t| literal::text(t.table.raw()))
            .collect();
        let rows = session
            .rows(&format!(
                "SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS tbl \
                 FROM information_schema.TABLE_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = {} \
                 AND CONSTRAINT_NAME IN ({}) AND TABLE_NAME NOT IN ({}) AND {kinds} \
                 ORDER BY CONSTRAINT_NAME",
                literal::text(database.raw()),
                listed.join(", "),
                own.join(", ")
            ))
            .await?;
        for row in &rows {
            found.push((Ident::new(row.text("name")?), Ident::new(row.text("tbl")?)));
        }
    }
    Ok(found)
}

/// Names of a table's own constraints.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn constraint_names(
    session: &mut Session,
    table: &TableRef,
) -> Result<Vec<Ident>, MysqlError> {
    let kinds = kinds(session);
    let rows = session
        .rows(&format!(
            "SELECT CONSTRAINT_NAME AS name FROM information_schema.TABLE_CONSTRAINTS \
             WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND {kinds}",
            literal::text(table.database.raw()),
            literal::text(table.table.raw())
        ))
        .await?;
    rows.iter()
        .map(|row| Ok(Ident::new(row.text("name")?)))
        .collect()
}

/// MariaDB's checks belong to their table.
fn kinds(session: &Session) -> &'static str {
    match session.server().flavour {
        Flavour::Mariadb => "CONSTRAINT_TYPE = 'FOREIGN KEY'",
        Flavour::Mysql => "CONSTRAINT_TYPE IN ('FOREIGN KEY', 'CHECK')",
    }
}
