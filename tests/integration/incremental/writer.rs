//! A writer on the source that does, by a seed, what applications do to a watermark column: moves it,
//! leaves it, sets it back or to NULL, holds transactions open, takes some back, deletes.
//!
//! Every transaction keeps the sum of `v`, so each snapshot has the same, and it notes the rows for
//! which the promise of a watermark excludes a change.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use db_taxi::mysql::Session;

use crate::support::Pair;

/// The sum of `v` in every snapshot.
pub const SUM: u64 = 20_000;
/// Rows at the beginning.
pub const ROWS: u64 = 200;
/// Rows that only long transactions change.
const RESERVED: u64 = 20;

/// A seeded sequence of numbers (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What the writer is told and tells.
#[derive(Default)]
pub struct Log {
    /// Ids of rows with a change that the promise excludes.
    pub excluded: Mutex<HashSet<u64>>,
    /// To end.
    pub end: AtomicBool,
    /// Runs that have ended.
    pub runs: AtomicU64,
    /// Changes that were committed.
    pub changes: AtomicU64,
}

/// Makes the table and its first rows. Its watermark column is of the type `kind`.
pub fn fill(pair: &Pair, kind: &str, fraction: &str) {
    let values: Vec<String> = (1..=ROWS)
        .map(|n| {
            format!(
                "({}, 'begin {n}', NOW(6) - INTERVAL {n} MINUTE)",
                SUM / ROWS
            )
        })
        .collect();
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE w (id INT AUTO_INCREMENT PRIMARY KEY, v BIGINT NOT NULL, note VARCHAR(40),
            stamp {kind}{fraction} NULL DEFAULT CURRENT_TIMESTAMP{fraction} ON UPDATE CURRENT_TIMESTAMP{fraction},
            KEY by_stamp (stamp), KEY by_note (note));
         INSERT INTO w (v, note, stamp) VALUES {}",
        pair.source_db(),
        values.join(", ")
    ));
}

/// Changes the table until it is told to end: short changes and long ones side by side.
pub async fn write(pair: &Pair, seed: u64, log: Arc<Log>) -> Vec<tokio::task::JoinHandle<()>> {
    let table = pair.source_table("w");
    let mut tasks = Vec::new();
    for (number, long) in [(0, false), (1, false), (2, true)] {
        let mut session = pair.source.session().await;
        // A short change that meets a row of a long transaction gives up: the long one waits for a
        // run, and that for changes.
        session
            .run("SET SESSION innodb_lock_wait_timeout = 1")
            .await
            .unwrap();
        let (table, log) = (table.clone(), Arc::clone(&log));
        let random = Random::new(seed * 10 + number);
        let mut writer = Writer {
            session,
            random,
            table,
            log,
        };
        tasks.push(tokio::spawn(async move {
            while !writer.log.end.load(Ordering::Relaxed) {
                let done = if long {
                    writer.long().await
                } else {
                    writer.short().await
                };
                if done.is_none() {
                    // A deadlock or a lock that another held: nothing happened.
                    let _rolled_back = writer.session.run("ROLLBACK").await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(writer.random.below(25))).await;
            }
        }));
    }
    tasks
}

struct Writer {
    session: Session,
    random: Random,
    table: String,
    log: Arc<Log>,
}

impl Writer {
    async fn run(&mut self, sql: String) -> Option<db_taxi::mysql::Done> {
        self.session.run(&sql).await.ok()
    }

    /// An id that is there, most likely.
    fn id(&mut self) -> u64 {
        RESERVED + 1 + self.random.below(ROWS + 60 - RESERVED)
    }

    fn exclude(&self, id: u64) {
        self.log.excluded.lock().unwrap().insert(id);
    }

    async fn commit(&mut self) -> Option<()> {
        self.run("COMMIT".to_owned()).await?;
        self.log.changes.fetch_add(1, Ordering::Relaxed);
        Some(())
    }

    async fn short(&mut self) -> Option<()> {
        let (a, b) = (self.id(), self.id());
        let (table, note) = (
            self.table.clone(),
            format!("note {}", self.random.below(1_000_000)),
        );
        self.run("START TRANSACTION".to_owned()).await?;
        match self.random.below(12) {
            0..=2 => {
                let sql = format!("INSERT INTO {table} (v, note) VALUES (0, '{note}')");
                self.run(sql).await?;
            }
            3..=6 => self.shift(a, b).await?,
            7 => {
                let sql =
                    format!("UPDATE {table} SET note = '{note}', stamp = NULL WHERE id = {a}");
                self.run(sql).await?;
            }
            8 => {
                // Noted before it is done: a row too many in the notes hides less than one missing.
                self.exclude(a);
                let sql =
                    format!("UPDATE {table} SET note = '{note}', stamp = stamp WHERE id = {a}");
                self.run(sql).await?;
            }
            9 => {
                self.exclude(a);
                let sql = format!(
                    "UPDATE {table} SET note = '{note}', stamp = NOW(6) - INTERVAL 1 DAY WHERE id = {a}"
                );
                self.run(sql).await?;
            }
            10 => {
                let sql = format!(
                    "INSERT INTO {table} (v, note, stamp) VALUES (0, '{note}', NOW(6) - INTERVAL 1 HOUR)"
                );
                let id = self.run(sql).await?.last_insert_id?;
                self.exclude(id);
            }
            _ => {
                self.exclude(a);
                let sql = format!("SELECT v FROM {table} WHERE id = {a} FOR UPDATE");
                let v = self.session.first(&sql).await.ok()??.i64("v").ok()?;
                if a == b {
                    return None;
                }
                let moved = self
                    .run(format!("UPDATE {table} SET v = v + {v} WHERE id = {b}"))
                    .await?;
                // A sum of nothing changes no row.
                if v != 0 && moved.affected != 1 {
                    return None;
                }
                self.run(format!("DELETE FROM {table} WHERE id = {a}"))
                    .await?;
            }
        }
        self.commit().await
    }

    async fn shift(&mut self, a: u64, b: u64) -> Option<()> {
        let table = self.table.clone();
        let sql = format!("UPDATE {table} SET v = v + IF(id = {a}, 7, -7) WHERE id IN ({a}, {b})");
        let done = self.run(sql).await?;
        (done.affected == 2).then_some(())
    }

    /// A transaction that is open while at least one run begins and ends.
    async fn long(&mut self) -> Option<()> {
        let table = self.table.clone();
        self.run("START TRANSACTION".to_owned()).await?;
        let (a, b) = (
            1 + self.random.below(RESERVED),
            1 + self.random.below(RESERVED),
        );
        if a != b {
            self.shift(a, b).await?;
        }
        self.run(format!("INSERT INTO {table} (v, note) VALUES (0, 'long')"))
            .await?;
        let since = self.log.runs.load(Ordering::Relaxed);
        while self.log.runs.load(Ordering::Relaxed) < since + 1
            && !self.log.end.load(Ordering::Relaxed)
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.run(format!(
            "INSERT INTO {table} (v, note) VALUES (0, 'longer')"
        ))
        .await?;
        if self.random.below(4) == 0 {
            self.run("ROLLBACK".to_owned()).await?;
            return Some(());
        }
        self.commit().await
    }
}
