//! What an account may do on a target database, before anything is written there.

use super::grants;
use crate::mysql::{Ident, MysqlError, Session};

/// What writing copies into a database takes.
const NEEDED: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
];

/// What the account of this session lacks on the local server, each in a sentence with its GRANT.
///
/// # Errors
/// The loss of the connection.
pub async fn missing_on_target(
    session: &mut Session,
    database: &str,
    helpers: bool,
) -> Result<Vec<String>, MysqlError> {
    let held = match grants::read(session).await {
        Ok(held) => held,
        Err(error) if error.is_connection_lost() => return Err(error),
        // What can't be read is found out when it is needed.
        Err(_) => return Ok(Vec::new()),
    };
    let account = grants::account(session).await?;
    let mut out = Vec::new();
    let lacking = |database: &str| -> Vec<&str> {
        NEEDED
            .iter()
            .copied()
            .filter(|privilege| !held.on_database(privilege, database))
            .collect()
    };
    let missing = lacking(database);
    if !missing.is_empty() {
        out.push(format!(
            "the account {account} lacks {} on the target database: {}",
            missing.join(", "),
            grants::grant_sql("ALL", &format!("{}.*", Ident::from(database)), &account)
        ));
    }
    if helpers && !lacking("_dbtaxi_stage_1").is_empty() {
        out.push(format!(
            "the account {account} can't make helper databases, so shadows lie in the target's own: {}",
            grants::grant_sql("ALL", "`\\_dbtaxi\\_%`.*", &account)
        ));
    }
    if !held.globally("PROCESS") {
        out.push(format!(
            "the account {account} can't see old readers of a target, so a shadow is rebuilt before its swap: {}",
            grants::grant_sql("PROCESS", "*.*", &account)
        ));
    }
    Ok(out)
}
