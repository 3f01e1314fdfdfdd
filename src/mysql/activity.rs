//! What a server is busy with: its statements, how far it is behind as a replica, how much undo it
//! keeps.

use super::error::MysqlError;
use super::session::Session;

/// One line of the process list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// Its connection.
    pub id: u64,
    /// `Sleep`, `Query`, `Binlog Dump` …
    pub command: String,
    /// Seconds in this state.
    pub seconds: u64,
    /// What the server does for it.
    pub state: String,
    /// Its default database.
    pub database: String,
    /// Its statement.
    pub statement: String,
}

impl Process {
    /// Whether it is a client's statement under way, rather than a thread of the server's own.
    #[must_use]
    pub fn is_statement(&self) -> bool {
        matches!(self.command.as_str(), "Query" | "Execute" | "Prepare")
    }

    /// Whether its statement reads rows.
    #[must_use]
    pub fn reads(&self) -> bool {
        let head = self.statement.as_bytes().get(..6);
        head.is_some_and(|head| head.eq_ignore_ascii_case(b"select"))
    }

    /// Whether the server has rows for it and is held up sending them.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        // MariaDB, MySQL.
        self.state.eq_ignore_ascii_case("writing to net")
            || self.state.eq_ignore_ascii_case("sending to client")
    }

    /// Whether it waits for a lock on a table's definition.
    #[must_use]
    pub fn waits_for_definition(&self) -> bool {
        self.state
            .to_ascii_lowercase()
            .contains("waiting for table metadata lock")
    }

    /// Whether its statement names a table of `database`: as `database.table`, or by itself with
    /// that default database.
    #[must_use]
    pub fn names(&self, database: &str, table: &str) -> bool {
        let words = words(&self.statement);
        let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
        let named = words.iter().any(|word| is(word, table));
        let qualified = words
            .windows(2)
            .any(|pair| is(&pair[0], database) && is(&pair[1], table));
        qualified || (named && is(&self.database, database))
    }
}

/// The words and quoted names of a statement.
fn words(statement: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut chars = statement.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '`' {
            if quoted && chars.peek() == Some(&'`') {
                chars.next();
                word.push('`');
                continue;
            }
            quoted = !quoted;
            if !quoted || !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
        } else if quoted || c.is_alphanumeric() || matches!(c, '_' | '$') {
            word.push(c);
        } else if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// How far a server is behind what it replicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delay {
    /// It replicates nothing.
    NoReplica,
    /// Seconds, of the channel that is furthest behind.
    Seconds(u64),
    /// It is a replica, and its replication does not run.
    Stopped,
}

impl Session {
    /// What the server's clients do; without PROCESS only our own account's.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn processes(&mut self) -> Result<Vec<Process>, MysqlError> {
        let rows = self.rows("SHOW FULL PROCESSLIST").await?;
        rows.iter()
            .map(|row| {
                let text = |name: &str| -> Result<String, MysqlError> {
                    let bytes = row.opt_bytes(name)?.unwrap_or_default();
                    Ok(String::from_utf8_lossy(&bytes).into_owned())
                };
                Ok(Process {
                    id: row.u64("Id")?,
                    command: text("Command")?,
                    // A clock that was set back gives a negative time.
                    seconds: text("Time")?.parse().unwrap_or(0),
                    state: text("State")?,
                    database: text("db")?,
                    statement: text("Info")?,
                })
            })
            .collect()
    }

    /// Threads of the server that are at work, all clients together.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn threads_running(&mut self) -> Result<u64, MysqlError> {
        let row = self
            .first("SHOW GLOBAL STATUS LIKE 'Threads_running'")
            .await?
            .ok_or_else(|| MysqlError::setup("the server does not tell Threads_running"))?;
        row.u64("Value")
    }

    /// How far the server is behind, if it is a replica.
    ///
    /// # Errors
    /// The server's refusal (the account may lack the privilege), or the loss of the connection.
    pub async fn replication_delay(&mut self) -> Result<Delay, MysqlError> {
        let statements: &[&str] = if self.server().is_mariadb() {
            &["SHOW ALL SLAVES STATUS"]
        } else {
            // The second one for MySQL before 8.0.22.
            &["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"]
        };
        let mut rows = Err(MysqlError::setup("no statement tells the delay"));
        for statement in statements {
            rows = self.rows(statement).await;
            if !matches!(&rows, Err(error) if error.number == Some(1064)) {
                break;
            }
        }
        let mut most = Delay::NoReplica;
        for row in &rows? {
            let column = ["Seconds_Behind_Source", "Seconds_Behind_Master"]
                .into_iter()
                .find(|name| row.has(name));
            let seconds = match column {
                Some(name) => row.opt_u64(name)?,
                None => None,
            };
            most = match (most, seconds) {
                (_, None) | (Delay::Stopped, _) => Delay::Stopped,
                (Delay::Seconds(a), Some(b)) => Delay::Seconds(a.max(b)),
                (Delay::NoReplica, Some(b)) => Delay::Seconds(b),
            };
        }
        Ok(most)
    }

    /// Length of the list of undo that purge has not dealt with; `None` where the server does not
    /// tell us.
    ///
    /// # Errors
    /// The loss of the connection.
    pub async fn history_length(&mut self) -> Result<Option<u64>, MysqlError> {
        let (sql, column) = if self.server().is_mariadb() {
            (
                "SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'",
                "Value",
            )
        } else {
            (
                "SELECT `COUNT` AS n FROM information_schema.INNODB_METRICS \
                 WHERE NAME = 'trx_rseg_history_len'",
                "n",
            )
        };
        match self.first(sql).await {
            Ok(Some(row)) => row.opt_u64(column),
            Ok(None) => Ok(None),
            Err(error) if error.is_connection_lost() => Err(error),
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(database: &str, statement: &str) -> Process {
        Process {
            database: database.to_owned(),
            statement: statement.to_owned(),
            ..Process::default()
        }
    }

    #[test]
    fn a_statement_names_a_table_with_its_database_or_within_it() {
        for (database, statement, names) in [
            ("shop", "ALTER TABLE orders ADD x INT", true),
            ("shop", "alter table `Orders` add x int", true),
            ("", "ALTER TABLE shop.orders ADD x INT", true),
            ("other", "ALTER TABLE `shop`.`orders` ADD x INT", true),
            ("other", "ALTER TABLE orders ADD x INT", false),
            ("shop", "ALTER TABLE orders2 ADD x INT", false),
            ("", "RENAME TABLE shop.a TO shop.b", false),
        ] {
            assert_eq!(
                process(database, statement).names("shop", "orders"),
                names,
                "{statement}"
            );
        }
        assert!(process("", "DROP TABLE `a``b`.`c d`").names("a`b", "c d"));
    }
}
