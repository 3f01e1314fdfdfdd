//! The logs of jobs on their way to the control database.
//!
//! Whoever writes a line never waits: lines go through a bounded ring whose oldest make room and
//! are counted. A writer stores them in batches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::events::EventHub;
use super::ledger::Ledger;
use super::tally::Dropped;
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::log::{Level, LogEntry};

/// Lines that wait to be stored.
const ROOM: usize = 10_000;
/// Lines stored with one call.
const BATCH: usize = 200;
/// Time over which lines are gathered.
const GATHER: Duration = Duration::from_millis(300);

/// Which job, and table of it, a line is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The job.
    pub job: JobId,
    /// Name of its config.
    pub config: &'a str,
    /// Target table.
    pub table: Option<&'a str>,
}

/// Writes the logs of jobs; clones share it.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    hub: EventHub,
    ring: Mutex<Ring>,
    some: Notify,
    /// Held while a batch is stored, so that lines keep their order.
    storing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<LogEntry>,
    dropped: u64,
    instance: String,
}

impl Journal {
    /// A journal of this instance.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, hub: EventHub, instance: String) -> Self {
        Self(Arc::new(Inner {
            ledger,
            hub,
            ring: Mutex::new(Ring {
                instance,
                ..Ring::default()
            }),
            some: Notify::new(),
            storing: tokio::sync::Mutex::default(),
        }))
    }

    /// Lines name this instance from here on.
    pub fn set_instance(&self, name: &str) {
        name.clone_into(&mut self.lock().instance);
    }

    /// Takes a line: to the control database, to watchers, and to the log of this process.
    pub fn write(&self, about: About<'_>, level: Level, message: &str) {
        trace(about, level, message);
        let mut ring = self.lock();
        let entry = LogEntry {
            id: 0,
            time: Utc::now(),
            level,
            job_id: Some(about.job),
            table: about.table.map(str::to_owned),
            instance: ring.instance.clone(),
            message: message.to_owned(),
            fields: serde_json::Map::new(),
        };
        if ring.lines.len() >= ROOM {
            ring.lines.pop_front();
            ring.dropped += 1;
        }
        ring.lines.push_back(entry.clone());
        drop(ring);
        self.0.some.notify_one();
        let what = What::Log(Box::new(entry));
        self.0.hub.send(about.job, about.config, about.table, what);
    }

    /// Stores lines as they come until `until`, then what is left.
    pub async fn keep(&self, until: CancellationToken) {
        loop {
            tokio::select! {
                () = until.cancelled() => break,
                () = self.0.some.notified() => tokio::time::sleep(GATHER).await,
            }
            self.store_all().await;
        }
        self.flush().await;
    }

    /// Stores what is there; gives up after 5 s.
    pub async fn flush(&self) {
        let _in_time = tokio::time::timeout(Duration::from_secs(5), self.store_all()).await;
    }

    /// Stores batch after batch; what can't be stored for now is put back.
    async fn store_all(&self) {
        let _one_at_a_time = self.0.storing.lock().await;
        loop {
            let (batch, dropped) = {
                let mut ring = self.lock();
                let take = ring.lines.len().min(BATCH);
                let batch: Vec<LogEntry> = ring.lines.drain(..take).collect();
                (batch, std::mem::take(&mut ring.dropped))
            };
            if dropped > 0 {
                self.0.hub.tally().dropped(Dropped::StoredLog, dropped);
                tracing::warn!(
                    target: "db_taxi::jobs",
                    "{dropped} lines of job logs were left out: the control database is too slow"
                );
            }
            if batch.is_empty() {
                return;
            }
            let mut returned = Returned {
                journal: self,
                batch,
            };
            match self.0.ledger.append_logs(&returned.batch).await {
                Ok(()) => returned.batch.clear(),
                Err(error) if error.info().transient => {
                    tracing::debug!(target: "db_taxi::jobs", "job logs wait: {error}");
                    drop(returned);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.0.some.notify_one();
                    return;
                }
                Err(error) => {
                    let lost = returned.batch.len() as u64;
                    self.0.hub.tally().dropped(Dropped::StoredLog, lost);
                    returned.batch.clear();
                    tracing::error!(target: "db_taxi::jobs", "job logs were not stored: {error}");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch that goes back to the front of the ring unless it was stored.
struct Returned<'a> {
    journal: &'a Journal,
    batch: Vec<LogEntry>,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let mut ring = self.journal.lock();
        for line in self.batch.drain(..).rev() {
            if ring.lines.len() < ROOM {
                ring.lines.push_front(line);
            } else {
                ring.dropped += 1;
            }
        }
    }
}

/// The same line in the log of this process.
fn trace(about: About<'_>, level: Level, message: &str) {
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(
                target: "db_taxi::jobs",
                tracing::Level::$level,
                job = %about.job,
                config = about.config,
                table = about.table,
                "{message}"
            )
        };
    }
    match level {
        Level::Error => line!(ERROR),
        Level::Warn => line!(WARN),
        Level::Info => line!(INFO),
        Level::Debug => line!(DEBUG),
        Level::Trace => line!(TRACE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::FakeLedger;

    fn journal(ledger: &Arc<FakeLedger>) -> Journal {
        let ledger: Arc<dyn Ledger> = Arc::<FakeLedger>::clone(ledger);
        Journal::new(ledger, EventHub::default(), "here".to_owned())
    }

    fn about() -> About<'static> {
        About {
            job: JobId::generate(),
            config: "c",
            table: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_could_not_be_stored_are_stored_later_in_order() {
        let ledger = FakeLedger::new();
        let journal = journal(&ledger);
        ledger.unreachable(true);
        journal.write(about(), Level::Info, "one");
        journal.flush().await;
        journal.write(about(), Level::Info, "two");
        assert!(ledger.log_lines().is_empty());
        ledger.unreachable(false);
        journal.flush().await;
        assert_eq!(ledger.log_lines(), ["one", "two"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_lines_make_room() {
        let ledger = FakeLedger::new();
        let journal = journal(&ledger);
        for n in 0..ROOM + 2 {
            journal.write(about(), Level::Trace, &n.to_string());
        }
        journal.flush().await;
        let lines = ledger.log_lines();
        assert_eq!((lines.len(), lines[0].as_str()), (ROOM, "2"));
    }
}
