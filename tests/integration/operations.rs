//! What an operator does with a service: settings while it runs, another key, a report of a fault.

use std::time::Duration;

use serde_json::Value;

use crate::both_flavours;
use crate::support::{Client, DbTaxi, Pair, wait_until};

mod bundle;
mod live_settings;
mod rekey;

const LIMIT: Duration = Duration::from_secs(120);

/// A connection with a stored password to an account that really has it, and a config of one table
/// whose text is hashed.
fn with_password(pair: &Pair, taxi: &DbTaxi, password: &str) -> String {
    let account = format!(
        "'{}'@'%'",
        pair.source_db().chars().rev().take(24).collect::<String>()
    );
    let source = pair.source_db();
    pair.source.sql(&format!(
        "CREATE USER {account} IDENTIFIED BY '{password}'; GRANT ALL ON `{source}`.* TO {account}; \
         CREATE TABLE `{source}`.people (id INT PRIMARY KEY, email VARCHAR(60)); \
         INSERT INTO `{source}`.people VALUES (1, 'ada@example.com'), (2, NULL)"
    ));
    taxi.import(&format!(
        "version: 1\nconnections:\n- {{name: shop, host: 127.0.0.1, port: {}, username: {}, password: {password}, \
         database: {source}, local_db_name: {}}}\nconfigs:\n- {{name: people, connection: shop, tables: \
         [{{source_table: people, mask: {{email: {{method: hash}}}}}}], options: {{recheck_after: 100ms}}}}\n",
        pair.source.port,
        account.split('\'').nth(1).unwrap(),
        pair.target_db()
    ));
    account
}
