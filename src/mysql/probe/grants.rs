//! What an account may do, as `SHOW GRANTS` tells it, roles in force included.

use crate::model::error::ErrorCode;
use crate::model::pattern;
use crate::mysql::{ErrorClass, MysqlError, Session};

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    /// `*.*`
    Global,
    /// `db.*`, with the pattern of the database's name.
    Database(String),
}

/// Privileges of an account.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    given: Vec<(String, Scope)>,
    /// MySQL's partial revokes: a global privilege that does not reach one database.
    taken: Vec<(String, String)>,
}

impl Grants {
    /// Whether the privilege holds on the whole server.
    pub(super) fn globally(&self, privilege: &str) -> bool {
        self.given
            .iter()
            .any(|(p, scope)| covers(p, privilege) && *scope == Scope::Global)
    }

    /// Whether the privilege holds on the whole of a database.
    pub(super) fn on_database(&self, privilege: &str, database: &str) -> bool {
        let revoked = self
            .taken
            .iter()
            .any(|(p, on)| covers(p, privilege) && on == database);
        self.given.iter().any(|(p, scope)| {
            covers(p, privilege)
                && match scope {
                    Scope::Global => !revoked,
                    Scope::Database(name) => fits(name, database),
                }
        })
    }

    fn add(&mut self, line: &str) {
        let (given, rest, end) = match (line.strip_prefix("GRANT "), line.strip_prefix("REVOKE ")) {
            (Some(rest), _) => (true, rest, " TO "),
            (_, Some(rest)) => (false, rest, " FROM "),
            _ => return,
        };
        let Some((privileges, rest)) = split_outside_quotes(rest, " ON ") else {
            return; // A role: its own grants are asked for.
        };
        let Some((object, _)) = split_outside_quotes(rest, end) else {
            return;
        };
        let scope = match object {
            "*.*" => Scope::Global,
            _ => match object.strip_suffix(".*").and_then(unquoted) {
                Some(database) => Scope::Database(database),
                // Tables and routines: what is readable there is found by reading.
                None => return,
            },
        };
        for privilege in privileges.split(',') {
            let privilege = privilege.trim().to_uppercase();
            match &scope {
                _ if given => self.given.push((privilege, scope.clone())),
                Scope::Database(database) => self.taken.push((privilege, database.clone())),
                Scope::Global => {}
            }
        }
    }
}

fn covers(held: &str, wanted: &str) -> bool {
    held == wanted
        || held == "ALL"
        || held == "ALL PRIVILEGES"
        // MariaDB 10.5 split what SUPER and REPLICATION CLIENT were.
        || (wanted == "BINLOG MONITOR" && held == "REPLICATION CLIENT")
        || (matches!(wanted, "BINLOG MONITOR" | "REPLICATION CLIENT" | "SLAVE MONITOR") && held == "SUPER")
        || (wanted == "SLAVE MONITOR" && held == "REPLICA MONITOR")
}

/// Names of databases in grants are LIKE patterns.
fn fits(granted: &str, database: &str) -> bool {
    let mut text = String::new();
    let mut chars = granted.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => text.push('*'),
            '_' => text.push('?'),
            '\\' => {
                text.push('\\');
                text.push(chars.next().unwrap_or('\\'));
            }
            '*' | '?' => {
                text.push('\\');
                text.push(c);
            }
            c => text.push(c),
        }
    }
    pattern::matches(&text, database)
}

/// Splits at the first `separator` that is not inside backticks or quotes.
fn split_outside_quotes<'t>(text: &'t str, separator: &str) -> Option<(&'t str, &'t str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(separator) => {
                return Some((&text[..at], &text[at + separator.len()..]));
            }
            None if matches!(c, '`' | '\'' | '"') => quote = Some(c),
            None => {}
        }
    }
    None
}

fn unquoted(name: &str) -> Option<String> {
    let inner = name.strip_prefix('`')?.strip_suffix('`')?;
    Some(inner.replace("``", "`"))
}

/// The grants of this session's account and of the roles in force.
pub(super) async fn read(session: &mut Session) -> Result<Grants, MysqlError> {
    let mut statements = vec!["SHOW GRANTS FOR CURRENT_USER()".to_owned()];
    // Servers without roles do not know the function.
    let role = match session.first("SELECT CURRENT_ROLE() AS role").await {
        Ok(row) => row.map(|row| row.opt_text("role")).transpose()?.flatten(),
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(_) => None,
    };
    if let Some(role) = role.filter(|role| !role.is_empty() && role != "NONE") {
        if session.server().is_mariadb() {
            statements.push("SHOW GRANTS FOR CURRENT_ROLE".to_owned());
        } else {
            // Already quoted: `a`@`%`,`b`@`%`.
            statements.push(format!("SHOW GRANTS FOR CURRENT_USER() USING {role}"));
        }
    }
    let mut grants = Grants::default();
    for statement in statements {
        for row in session.rows(&statement).await? {
            let line = row.bytes_at(0).unwrap_or_default();
            grants.add(&String::from_utf8_lossy(&line));
        }
    }
    Ok(grants)
}

/// The account that the server took us for, as `'user'@'host'`.
pub(super) async fn account(session: &mut Session) -> Result<String, MysqlError> {
    let account = session
        .first("SELECT CURRENT_USER() AS account")
        .await?
        .ok_or_else(|| {
            MysqlError::own(
                ErrorCode::Internal,
                ErrorClass::Stop,
                "the server did not tell the account",
            )
        })?
        .text("account")?;
    let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    Ok(format!("{}@{}", quoted(user), quoted(host)))
}

/// The statement that gives a privilege.
pub(super) fn grant_sql(privilege: &str, on: &str, account: &str) -> String {
    format!("GRANT {privilege} ON {on} TO {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        let mut grants = Grants::default();
        for line in lines {
            grants.add(line);
        }
        grants
    }

    #[test]
    fn global_and_database_grants_are_told_apart() {
        let held = grants(&[
            "GRANT PROCESS, REPLICATION CLIENT ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*AB ON x TO'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `u`@`%`",
            "GRANT TRIGGER ON `a ON b`.* TO `u`@`%`",
            "GRANT SELECT ON `other`.`t` TO `u`@`%`",
            "GRANT `reader`@`%` TO `u`@`%`",
        ]);
        assert!(held.globally("PROCESS") && held.globally("BINLOG MONITOR"));
        assert!(held.on_database("SELECT", "shop") && held.on_database("SHOW VIEW", "shop"));
        assert!(held.on_database("TRIGGER", "a ON b"));
        assert!(!held.on_database("TRIGGER", "shop") && !held.globally("SELECT"));
        assert!(!held.on_database("SELECT", "other"));
    }

    #[test]
    fn patterns_reach_the_databases_that_fit() {
        let held = grants(&[
            "GRANT SELECT ON `shop\\_%`.* TO `u`@`%`",
            "GRANT SELECT ON `a_c`.* TO `u`@`%`",
        ]);
        for (database, fits) in [
            ("shop_eu", true),
            ("shopXeu", false),
            ("abc", true),
            ("ac", false),
        ] {
            assert_eq!(held.on_database("SELECT", database), fits, "{database}");
        }
    }

    #[test]
    fn everything_includes_each_and_a_partial_revoke_takes_one_away() {
        let held = grants(&[
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "REVOKE SELECT ON `secret`.* FROM `root`@`localhost`",
        ]);
        assert!(held.globally("BINLOG MONITOR") && held.on_database("SELECT", "shop"));
        assert!(!held.on_database("SELECT", "secret") && held.on_database("TRIGGER", "secret"));
    }
}
