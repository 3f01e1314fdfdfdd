//! Three services that share a control database, each with a network of its own, and what they are to
//! work on: thirty configs, and a writer that never rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::crash::world::numbers;
use crate::support::{DbTaxi, Flavour, Gate, Pair, PrivatePair, Running};

/// Configs, each with a table of its own.
pub const CONFIGS: usize = 30;

/// One service.
pub struct Member {
    pub name: &'static str,
    pub taxi: DbTaxi,
    pub gate: Gate,
    pub running: Running,
}

impl Member {
    /// Joins those of `taxi`; all of its ways to servers go through its gate.
    fn start(name: &'static str, taxi: &DbTaxi, pair: &Pair) -> Self {
        let gate = Gate::default();
        let port = gate.tcp(pair.local.port);
        let taxi = taxi
            .sibling()
            .set(&format!("instance.name={name}"))
            .set(&format!("database.port={port}"))
            .set("sync.max_concurrency=3");
        gate.unix(&taxi.path("source.sock"), pair.source.port);
        let running = headless(&taxi);
        Self {
            name,
            taxi,
            gate,
            running,
        }
    }

    /// Ends it as a crash would, and starts it again.
    pub fn crash(&mut self) {
        let dead = std::mem::replace(&mut self.running, headless(&self.taxi));
        drop(dead);
    }
}

fn headless(taxi: &DbTaxi) -> Running {
    taxi.start(&["--headless", "--listen", "127.0.0.1:0"])
}

/// Servers, services and work.
pub struct Crew {
    pub private: PrivatePair,
    pub taxi: DbTaxi,
    pub members: Vec<Member>,
}

impl Crew {
    /// Starts all of it; `None`, said loudly, without servers.
    pub fn start(flavour: Flavour) -> Option<Self> {
        let private = PrivatePair::start(flavour)?;
        let pair = &private.pair;
        let taxi = DbTaxi::new(pair);
        fill(pair);
        taxi.import(&mapping(pair));
        let members = ["left", "middle", "right"]
            .map(|name| Member::start(name, &taxi, pair))
            .into();
        Some(Self {
            private,
            taxi,
            members,
        })
    }

    pub fn pair(&self) -> &Pair {
        &self.private.pair
    }

    /// A query of the control database, by the server's own client and past every gate.
    pub fn ask(&self, sql: &str) -> String {
        let control = self.pair().control_db();
        self.pair().local.sql(&format!("USE {control}; {sql}"))
    }
}

fn fill(pair: &Pair) {
    let mut sql = format!("USE {};", pair.source_db());
    for n in 0..CONFIGS {
        sql += &format!(
            "CREATE TABLE t{n} (id INT PRIMARY KEY, v INT NOT NULL, note VARCHAR(120), KEY (v)); \
             INSERT INTO t{n} SELECT n, n % 7, REPEAT('x', n % 100) FROM {};",
            numbers(1_500)
        );
    }
    pair.source.sql(&sql);
}

/// A third each is swapped in, written in place, and compared by an incremental run. The source is
/// reached by a socket in the folder that a service runs in, which is its own gate's.
fn mapping(pair: &Pair) -> String {
    let mut text = format!(
        "version: 1\nconnections:\n- name: source\n  socket: source.sock\n  username: root\n  \
         database: {}\n  local_db_name: {}\n  throttle: {{max_rows_per_second: 4000}}\nconfigs:\n",
        pair.source_db(),
        pair.target_db()
    );
    for n in 0..CONFIGS {
        let how = match n % 3 {
            0 => "options: {max_concurrency: 2, full_strategy: swap}",
            1 => "options: {max_concurrency: 2, full_strategy: in_place}",
            _ => "sync_mode: incremental\n  options: {max_concurrency: 1}",
        };
        text += &format!("- name: c{n}\n  connection: source\n  tables: [t{n}]\n  {how}\n");
    }
    text
}

/// Changes, adds and deletes rows of all tables until it is stopped.
pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    pub fn start(pair: &Pair) -> Self {
        let (stop, written) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (source, db) = (pair.source.clone(), pair.source_db());
        let thread = std::thread::spawn({
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            move || {
                let mut round = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    let mut sql = format!("USE {db};");
                    for n in 0..CONFIGS {
                        let (one, step) = (round % 1_000, 2 + round % 5);
                        sql += &format!(
                            "UPDATE t{n} SET v = v + 1 WHERE id % 7 = {};\
                             DELETE FROM t{n} WHERE id = {};\
                             INSERT IGNORE INTO t{n} VALUES ({}, {step}, 'late');",
                            round % 7,
                            one * step,
                            10_000 + round * 31 % 7_000,
                        );
                    }
                    source.sql(&sql);
                    written.fetch_add(CONFIGS as u64 * 3, Ordering::Relaxed);
                    round += 1;
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
        });
        Self {
            stop,
            written,
            thread: Some(thread),
        }
    }

    /// Ends it; how many statements it ran.
    pub fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.written.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
