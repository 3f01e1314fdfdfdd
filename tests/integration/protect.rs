//! What a job does for the servers that it works on: it waits while they are busy, gives way to
//! their own statements, and answers each of their errors as it should be answered.

mod errors;
mod locks;
mod lost;
mod read_only;
mod replicas;
mod throttles;
mod undo_growth;
mod way;

use crate::support::{DbTaxi, Finished, Pair};

/// Imports the connection `source` with these further fields (`throttle: gentle`), and the config
/// `everything` with these table rules and options.
pub fn import_with(
    pair: &Pair,
    taxi: &DbTaxi,
    connection: &str,
    tables: &str,
    options: &str,
) -> Finished {
    taxi.import(&format!(
        "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {}, username: root, \
         database: {}, local_db_name: {}, {connection}}}\nconfigs:\n- name: everything\n  \
         connection: source\n  tables: {tables}\n  options: {options}\n",
        pair.source.port,
        pair.source_db(),
        pair.target_db()
    ))
}
