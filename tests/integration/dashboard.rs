//! The dashboard as a person uses it: the real program in a real terminal (tmux), against real
//! servers. Skipped, loudly, where there is no tmux.

mod first_start;
mod job_commands;
mod night;
mod outage;
mod storms;
mod terminal;
mod vanished;
mod walk;

use crate::crash::world::numbers;
use crate::protect::import_with;
use crate::support::{DbTaxi, Pair};

/// An installation with a job in the queue that takes about `seconds`. A dashboard that is opened on
/// it takes the job.
fn slow_job(pair: &Pair, taxi: &DbTaxi, seconds: u32) {
    slow_config(pair, taxi, seconds);
    taxi.run(&["jobs", "start", "everything"]).expect_code(0);
}

/// A config whose run takes about `seconds`: one table, a megabyte a second.
fn slow_config(pair: &Pair, taxi: &DbTaxi, seconds: u32) {
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
         INSERT INTO wide SELECT n, REPEAT('x', 980) FROM {}; ANALYZE TABLE wide",
        pair.source_db(),
        numbers(seconds * 1_000)
    ));
    let slowly = "throttle: {max_mib_per_second: 1}";
    import_with(pair, taxi, slowly, "[wide]", "{batch_size: 200}");
}

/// A number from the control database.
fn stored(pair: &Pair, what: &str, table: &str) -> u64 {
    pair.local
        .count(&format!("SELECT {what} FROM {}.{table}", pair.control_db()))
}
