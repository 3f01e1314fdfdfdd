//! The answer of a COMMIT is lost: whether it happened must be found out, not guessed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::world::{LIMIT, at_once, expect_done, expect_nothing_left, fill_few, install, numbers};
use crate::both_flavours;
use crate::fidelity::World;
use crate::support::Pair;

/// A text COMMIT as a packet: length, number, command, statement.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

/// What only the last statement of a transaction that writes user data holds.
pub const FENCE: &str = "LAST_INSERT_ID(";

/// What happens to the COMMIT that is cut off.
#[derive(Clone, Copy, PartialEq)]
pub enum Cut {
    /// The server commits, its answer is lost.
    Answer,
    /// The server never hears it, and sees the connection end.
    Request,
    /// It is under way: it reaches the server when the next data comes by another connection.
    Late,
}

/// Forwards to a server, and cuts one connection at a COMMIT: the first that comes `at` the given time
/// on a connection that has sent the text `after`.
pub struct Proxy {
    port: u16,
    cut: Arc<AtomicBool>,
}

struct Shared {
    how: Cut,
    after: &'static str,
    commits: AtomicU32,
    at: u32,
    done: Arc<AtomicBool>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Proxy {
    pub fn start(server: u16, how: Cut, after: &'static str, at: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared {
            how,
            after,
            commits: AtomicU32::new(0),
            at,
            done: Arc::clone(&cut),
            held: Mutex::new(false),
            released: Condvar::new(),
        });
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&shared)) else {
                    return;
                };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    return;
                };
                std::thread::spawn(move || shared.forward(client, server));
            }
        });
        Self { port, cut }
    }

    /// The setting that leads by it.
    pub fn setting(&self) -> String {
        format!("database.port={}", self.port)
    }

    /// Goes on only when it has cut.
    #[track_caller]
    pub fn expect_cut(&self) {
        assert!(self.cut.load(Ordering::SeqCst), "nothing was cut");
    }
}

impl Shared {
    fn forward(&self, mut client: TcpStream, mut server: TcpStream) {
        let (mut back_from, mut back_to) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let muted = Arc::new(AtomicBool::new(false));
        let mute = Arc::clone(&muted);
        let answers = std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(n) = back_from.read(&mut buffer) {
                // An answer that is cut off tells that the server has committed.
                if n == 0 || mute.load(Ordering::SeqCst) || back_to.write_all(&buffer[..n]).is_err()
                {
                    break;
                }
            }
            let _gone = back_to.shutdown(Shutdown::Both);
        });
        let after = self.after.as_bytes();
        let mut writes = false;
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n) = client.read(&mut buffer) {
            if n == 0 {
                break;
            }
            let bytes = &buffer[..n];
            if bytes.windows(after.len()).any(|w| w == after) {
                writes = true;
                if self.done.load(Ordering::SeqCst) {
                    *self.held.lock().unwrap() = true;
                    self.released.notify_all();
                }
            }
            let cut = writes
                && bytes.ends_with(COMMIT)
                && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
            if !cut {
                if server.write_all(bytes).is_err() {
                    break;
                }
                continue;
            }
            self.done.store(true, Ordering::SeqCst);
            match self.how {
                Cut::Answer => {
                    muted.store(true, Ordering::SeqCst);
                    server.write_all(bytes).unwrap();
                    // Until the answer has come.
                    answers.join().unwrap();
                }
                Cut::Request => {}
                Cut::Late => {
                    muted.store(true, Ordering::SeqCst);
                    client.shutdown(Shutdown::Both).unwrap();
                    let held = self.held.lock().unwrap();
                    let _released = self
                        .released
                        .wait_while(held, |released| !*released)
                        .unwrap();
                    let _maybe_killed = server.write_all(bytes);
                    let _end = answers.join();
                    return;
                }
            }
            break;
        }
        let _gone = client.shutdown(Shutdown::Both);
        let _gone = server.shutdown(Shutdown::Both);
    }
}

pub fn how(name: &str) -> Cut {
    match name {
        "answer" => Cut::Answer,
        "request" => Cut::Request,
        _ => Cut::Late,
    }
}

/// The newest job's tables were done at the first try: a lost answer is no failure of theirs.
pub fn expect_first_try(pair: &Pair) {
    let control = pair.control_db();
    let attempts = pair.local.sql(&format!(
        "SELECT MIN(attempt), MAX(attempt) FROM {control}.sync_table_runs WHERE job_id = \
         (SELECT id FROM {control}.sync_jobs ORDER BY created_at DESC, id DESC LIMIT 1)"
    ));
    assert_eq!(attempts, "1\t1");
}

/// Rows of the small table.
const ROWS: u32 = 60;

fn small(world: &World<'_>) {
    world.source(&format!(
        "CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v INT, w TIMESTAMP(6) NULL DEFAULT NULL, KEY (w)); \
         INSERT INTO t SELECT n, n, n % 7, NOW(6) - INTERVAL 2 HOUR FROM {}",
        numbers(ROWS)
    ));
}

/// Brings a table to where `command` writes rows that end with the `at`th COMMIT after `fence`.
struct Way {
    command: &'static [&'static str],
    fence: &'static str,
    at: u32,
}

const RUN: &[&str] = &["run", "everything"];

fn prepare(world: &World<'_>, way: &str) -> Way {
    let (mut command, mut fence, mut at) = (RUN, FENCE, 1);
    let change = "UPDATE t SET v = v + 100 WHERE id % 3 = 0; DELETE FROM t WHERE id % 10 = 5; \
                  INSERT INTO t VALUES (101, 101, 1, NOW(6)), (102, 102, 1, NULL)";
    match way {
        "keyless" => {
            world.source(&format!(
                "CREATE TABLE t (a INT, b INT); INSERT INTO t SELECT n % 5, n % 2 FROM {}",
                numbers(ROWS)
            ));
            world.rules("[t]", "{}");
        }
        "few" => {
            small(world);
            world.rules("[t]", "{}");
            world.sync();
            world.source(change);
        }
        "in_place" => {
            small(world);
            world.rules("[t]", "{}");
            world.sync();
            world.source(change);
            world.rules(
                "[t]",
                "{full_strategy: in_place, consistency: chunk, batch_size: 10}",
            );
            at = 2;
        }
        "repair" => {
            small(world);
            world.rules("[t]", "{recheck_after: 50ms}");
            world.sync();
            world.target("UPDATE t SET v = 0 WHERE id < 9; DELETE FROM t WHERE id > 50");
            command = &["-y", "repair", "everything"];
        }
        "undo" => {
            // Three transactions, of which the second goes on with another session.
            world.source(&format!(
                "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t SELECT n, n FROM {}; \
                 CREATE TABLE want LIKE t; INSERT INTO want SELECT * FROM t",
                numbers(3_000)
            ));
            world.rules("[t]", "{quarantine: 1d, max_delete_percent: 100}");
            world.sync();
            world.source("DELETE FROM t WHERE id > 500");
            world.sync();
            command = &["-y", "jobs", "undo", "last:everything"];
        }
        "swapped" => {
            world.source(
                "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3); \
                 CREATE TABLE want LIKE t; INSERT INTO want SELECT * FROM t",
            );
            world.rules(
                "[{source_table: t, full_strategy: swap}]",
                "{quarantine: 1d}",
            );
            world.sync();
            world.source("DELETE FROM t WHERE id < 3");
            fence = "sync_checkpoints SET pending_ddl";
        }
        _ => {
            small(world);
            world.rules("[t]", "{}");
        }
    }
    Way { command, fence, at }
}

both_flavours! {
    async fn a_commit_whose_answer_is_lost_is_neither_repeated_nor_missing(pair: Pair) {
        at_once(&pair, &["answer", "request", "late"], |pair, point| {
            fill_few(pair);
            let proxy = Proxy::start(pair.local.port, how(point), "LOAD DATA", 3);
            let taxi = install(pair).set(&proxy.setting());
            let ended = taxi.start(&["run", "everything"]).wait(LIMIT).expect_code(0);
            proxy.expect_cut();
            assert!(!ended.stdout.contains("failed"), "{}", ended.stdout);
            expect_first_try(pair);
            expect_done(pair);
        });
    }

    /// By every way that rows are committed: the worker finds out what became of its transaction and
    /// goes on from there, without a failed try of the table.
    async fn each_way_of_writing_finds_out_what_became_of_its_commit(pair: Pair) {
        at_once(&pair, &[
            "load/answer", "load/request", "load/late", "keyless/answer", "keyless/request", "keyless/late",
            "few/late", "few/answer", "few/request", "in_place/late", "in_place/answer", "in_place/request",
            "repair/late", "repair/answer", "repair/request",
            "undo/answer", "undo/late", "undo/request", "swapped/late", "swapped/answer", "swapped/request",
        ], |pair, point| {
            let (way, cut) = point.split_once('/').unwrap();
            let world = World::new(pair);
            let Way { command, fence, at } = prepare(&world, way);
            let proxy = Proxy::start(pair.local.port, how(cut), fence, at);
            let port = proxy.setting();
            let all: Vec<&str> = ["--set", &port].iter().chain(command).copied().collect();
            let ended = world.taxi.start(&all).wait(LIMIT).expect_code(0);
            proxy.expect_cut();
            assert!(!ended.stderr.contains("trying again"), "{point}: {}", ended.stderr);
            expect_first_try(pair);
            if way == "undo" {
                assert!(ended.stdout.contains("2,500 rows put back, 0 kept"), "{point}: {}", ended.stdout);
                pair.judge("want", "t").rows_only().equal();
                return;
            }
            pair.judge("t", "t").equal();
            if way == "swapped" {
                // Kept once: what comes back is exactly what went.
                let undone = world.taxi.run(&["-y", "jobs", "undo", "last:everything"]).expect_code(0);
                assert!(undone.stdout.contains("2 rows put back, 0 kept"), "{point}: {}", undone.stdout);
                pair.judge("want", "t").rows_only().equal();
            }
            expect_nothing_left(pair);
        });
    }
}
