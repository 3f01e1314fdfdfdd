//! What a table run counts and whom it tells.
//!
//! Counting is atomic and free of waits: whoever shows progress samples it. Discrete events go to
//! an observer, whose methods return at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::link::Link;
use super::moved::Moved;
use crate::model::event::Side;
use crate::model::log::{Difference, Level};
use crate::model::progress::Counts;
use crate::model::table_run::{Phase, Timing};

/// The counters of one table run.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "named as in `model::progress`")]
pub struct TableMeter {
    pub rows_done: AtomicU64,
    pub rows_total: AtomicU64,
    pub bytes_done: AtomicU64,
    pub chunks_done: AtomicU64,
    pub chunks_total: AtomicU64,
    pub workers: AtomicU32,
    pub inserted: AtomicU64,
    pub updated: AtomicU64,
    pub deleted: AtomicU64,
    pub kept: AtomicU64,
    pub missed: AtomicU64,
    pub warnings: AtomicU64,
    times: [AtomicU64; 6],
    /// How much of the time for the source was the network's.
    network: AtomicU64,
    link: OnceLock<Arc<Link>>,
    checkpoint: Mutex<Option<Instant>>,
    throttled: Mutex<Option<String>>,
    /// Most bytes of a range, where a rate asks for small ones; 0 is no wish.
    pub range_bytes: AtomicU64,
    /// Most rows of a range likewise.
    pub range_rows: AtomicU64,
    /// How often batches were halved because the target did not take them.
    pub halved: AtomicU32,
    /// What is counted over the life of a process.
    pub moved: Moved,
}

/// What a worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Rows of the source.
    Source,
    /// The target taking rows.
    Target,
    /// This program.
    Client,
    /// A lock.
    Lock,
    /// A throttle.
    Throttle,
    /// A definition.
    Ddl,
}

impl TableMeter {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Sets a counter.
    pub fn set(counter: &AtomicU64, n: u64) {
        counter.store(n, Ordering::Relaxed);
    }

    /// Reads a counter.
    #[must_use]
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Tells the network from the source.
    pub fn set_link(&self, link: &Arc<Link>) {
        // The same for all tries of a table.
        self.link.get_or_init(|| Arc::clone(link));
    }

    /// Adds worker time. Of the source: time that rows were waited for.
    pub fn waited(&self, on: Waiting, time: Duration) {
        self.times[on as usize].fetch_add(nanos(time), Ordering::Relaxed);
        if let (Waiting::Source, Some(link)) = (on, self.link.get()) {
            let part = nanos(link.part_of_rows(time));
            self.network.fetch_add(part, Ordering::Relaxed);
        }
    }

    /// Adds worker time that a short answer of the source was waited for.
    pub fn asked(&self, time: Duration) {
        self.times[Waiting::Source as usize].fetch_add(nanos(time), Ordering::Relaxed);
        if let Some(link) = self.link.get() {
            let part = nanos(link.part_of_answer(time));
            self.network.fetch_add(part, Ordering::Relaxed);
        }
    }

    /// Adds worker time of a question that both servers answer.
    pub fn asked_both(&self, time: Duration) {
        self.asked(time / 2);
        self.waited(Waiting::Target, time / 2);
    }

    /// Notes why work waits, or that it does not.
    pub fn set_throttled(&self, reason: Option<&str>) {
        let mut throttled = self
            .throttled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if throttled.as_deref() != reason {
            *throttled = reason.map(str::to_owned);
        }
    }

    /// Why work waits.
    #[must_use]
    pub fn throttled(&self) -> Option<String> {
        self.throttled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes that something was committed.
    pub fn committed(&self) {
        *self
            .checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Time since the newest commit.
    #[must_use]
    pub fn checkpoint_age(&self) -> Option<Duration> {
        self.checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .map(|at| at.elapsed())
    }

    /// Where the time went so far.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let seconds = |on: Waiting| {
            Duration::from_nanos(self.times[on as usize].load(Ordering::Relaxed)).as_secs_f64()
        };
        Timing {
            source: seconds(Waiting::Source),
            network: Duration::from_nanos(self.network.load(Ordering::Relaxed)).as_secs_f64(),
            target: seconds(Waiting::Target),
            client: seconds(Waiting::Client),
            lock: seconds(Waiting::Lock),
            throttle: seconds(Waiting::Throttle),
            ddl: seconds(Waiting::Ddl),
        }
    }

    /// What was done so far (retries are the caller's to count).
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            inserted: Self::get(&self.inserted),
            updated: Self::get(&self.updated),
            deleted: Self::get(&self.deleted),
            kept: Self::get(&self.kept),
            missed_by_watermark: Self::get(&self.missed),
            retries: 0,
            warnings: Self::get(&self.warnings),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Hears what a table run does. Methods return at once and never fail.
pub trait TableObserver: Send + Sync + 'static {
    /// It does something else.
    fn phase(&self, phase: Phase);
    /// How it goes about it: `swap`/`in_place`, `load_data`/`insert`.
    fn strategy(&self, full_strategy: &str, writer: &str);
    /// A line for the job's log.
    fn log(&self, level: Level, message: &str);
    /// Something to know; also counted in `warnings`.
    fn warning(&self, code: &str, message: &str, hint: Option<&str>);
    /// Work of the job waits for a server.
    fn throttled(&self, side: Side, reason: &str);
    /// Work of the job goes on; `reason` is what it waited for.
    fn unthrottled(&self, side: Side, reason: &str);
    /// A comparison found differences; `sample` holds at most a few hundred of them.
    fn differences(&self, missing: u64, extra: u64, changed: u64, sample: Vec<Difference>);
}
