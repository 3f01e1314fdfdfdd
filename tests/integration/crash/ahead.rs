//! Reading ahead: the next range is asked for before the last one is committed, and what was read
//! ahead is never more than what was read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::world::{
    LIMIT, at_once, expect_done, fill_few, install_with, numbers, run_until_killed,
    start_with_hooks,
};
use crate::both_flavours;
use crate::support::wire::wire;
use crate::support::{DbTaxi, Pair};

/// A text COMMIT as a packet: length, number, command, statement.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

fn contains(bytes: &[u8], what: &str) -> bool {
    bytes
        .windows(what.len())
        .any(|window| window.eq_ignore_ascii_case(what.as_bytes()))
}

/// How many ranges were asked for.
#[derive(Default)]
struct Asked(Mutex<u32>, Condvar);

impl Asked {
    fn note(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }

    /// Whether so many are asked for in time.
    fn wait_for(&self, count: u32) -> bool {
        let asked = self.0.lock().unwrap();
        let limit = Duration::from_secs(60);
        let (_asked, timeout) = self
            .1
            .wait_timeout_while(asked, limit, |asked| *asked < count)
            .unwrap();
        !timeout.timed_out()
    }
}

both_flavours! {
    /// The first commit of rows does not reach the server before the second range is asked for. A
    /// single worker that reads only after it has committed would wait for ever.
    async fn one_worker_asks_for_the_next_range_before_the_last_is_committed(pair: Pair) {
        pair.source.sql(&format!(
            "USE {}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
             INSERT INTO wide SELECT n, REPEAT('x', 400) FROM {}; ANALYZE TABLE wide",
            pair.source_db(),
            numbers(20_000)
        ));
        let asked = Arc::new(Asked::default());
        let held = Arc::new(AtomicBool::new(false));
        let in_time = Arc::new(AtomicBool::new(false));
        let source = {
            let asked = Arc::clone(&asked);
            wire(pair.source.port, move || {
                let asked = Arc::clone(&asked);
                Box::new(move |bytes| {
                    if contains(bytes, "SELECT `id`, `pad`") && contains(bytes, "ORDER BY `id`") {
                        asked.note();
                    }
                })
            })
        };
        let local = {
            let (held, in_time) = (Arc::clone(&held), Arc::clone(&in_time));
            wire(pair.local.port, move || {
                let (asked, held, in_time) = (Arc::clone(&asked), Arc::clone(&held), Arc::clone(&in_time));
                let mut loads = false;
                Box::new(move |bytes| {
                    loads |= contains(bytes, "LOAD DATA");
                    if loads && bytes.ends_with(COMMIT) && !held.swap(true, Ordering::SeqCst) {
                        in_time.store(asked.wait_for(2), Ordering::SeqCst);
                    }
                })
            })
        };
        // The lease must outlast the wait of a worker that reads nothing ahead.
        let taxi = DbTaxi::new(&pair)
            .set(&format!("database.port={local}"))
            .set("sync.lease_ttl=2m");
        taxi.import(&format!(
            "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {source}, username: root, \
             database: {}, local_db_name: {}}}\nconfigs:\n- {{name: everything, connection: source, \
             tables: [wide], options: {{max_concurrency: 1}}}}\n",
            pair.source_db(), pair.target_db()
        ));
        taxi.start(&["run", "everything"]).wait(LIMIT).expect_code(0);
        assert!(held.load(Ordering::SeqCst), "no commit of rows was seen");
        assert!(in_time.load(Ordering::SeqCst), "the second range was not asked for before the first commit");
        pair.judge("wide", "wide").equal();
    }

    /// Killed when a range has been asked for and the one before is not written yet.
    async fn what_was_read_ahead_is_lost_without_harm(pair: Pair) {
        at_once(&pair, &["copy.asked@2", "copy.asked@4"], |pair, point| {
            fill_few(pair);
            let taxi = install_with(pair, "{max_concurrency: 1}");
            run_until_killed(&taxi, point);
            taxi.run(&["run", "everything"]).expect_code(0);
            expect_done(pair);
        });
    }

    async fn asked_to_end_while_a_range_is_read_ahead(pair: Pair) {
        at_once(&pair, &["copy.asked@2", "copy.asked@4"], |pair, point| {
            fill_few(pair);
            let taxi = install_with(pair, "{max_concurrency: 1}");
            start_with_hooks(&taxi, &format!("{point}=int")).wait(LIMIT).expect_code(130);
            taxi.run(&["run", "everything"]).expect_code(0);
            expect_done(pair);
        });
    }
}
