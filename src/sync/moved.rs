//! What the work on a table moves, as far as only whole processes count it: it never falls, whatever
//! is begun again.
//!
//! Must not know: metrics or traces of this process, which read it and its spans.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::Span;

use crate::model::event::Side;
use crate::model::histogram::Histogram;
use crate::model::table_run::Phase;

/// Target of the spans that traces are made of. They are off unless somebody collects traces.
pub const SPANS: &str = "db_taxi::span";

/// Upper bounds of the seconds of a chunk.
const CHUNK_BOUNDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// What the work on a table moves.
#[derive(Debug, Default)]
pub struct Moved {
    rows_read: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    /// Nanoseconds of worker time that a server had no room, by side.
    throttled: [AtomicU64; 2],
    chunks: Mutex<BTreeMap<&'static str, Histogram>>,
    phase: Mutex<Phase>,
    span: Mutex<Option<Span>>,
}

/// What was moved so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MovedSoFar {
    /// Rows that the source read for us, copied or compared; one that is looked at twice counts twice.
    pub rows_read: u64,
    /// Bytes of rows that came over from the source.
    pub bytes_read: u64,
    /// Bytes of rows that were sent to the local server.
    pub bytes_written: u64,
    /// Worker time that the source, and the local server, had no room.
    pub throttled: [Duration; 2],
    /// Seconds of chunks by phase.
    pub chunks: BTreeMap<&'static str, Histogram>,
}

/// A chunk under way: counted when it is done, a span until it ends.
pub struct Chunk<'m> {
    of: &'m Moved,
    phase: Phase,
    began: Instant,
    span: Span,
}

/// Chunks are within a span.
pub struct Within<'m>(&'m Moved);

impl Drop for Within<'_> {
    fn drop(&mut self) {
        *lock(&self.0.span) = None;
    }
}

impl Moved {
    /// Rows were read on the source.
    pub fn read(&self, rows: u64, bytes: u64) {
        self.rows_read.fetch_add(rows, Ordering::Relaxed);
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Rows were sent to the local server.
    pub fn wrote(&self, bytes: u64) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A worker waited because this server had no room.
    pub fn waited_for(&self, side: Side, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.throttled[side as usize].fetch_add(nanos, Ordering::Relaxed);
    }

    /// The work does something else.
    pub fn enter(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    /// What the work does.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    /// Chunks are within this span until what is given is dropped.
    #[must_use]
    pub fn within(&self, span: Span) -> Within<'_> {
        *lock(&self.span) = Some(span);
        Within(self)
    }

    /// Begins a chunk of `phase`.
    #[must_use]
    pub fn chunk(&self, phase: Phase) -> Chunk<'_> {
        let of_table = lock(&self.span).clone();
        let parent = of_table.as_ref().and_then(Span::id);
        let span = tracing::info_span!(
            target: SPANS,
            parent: parent,
            "chunk",
            "dbtaxi.phase" = phase.as_str(),
            "dbtaxi.rows" = tracing::field::Empty,
        );
        Chunk {
            of: self,
            phase,
            began: Instant::now(),
            span,
        }
    }

    /// What was moved so far.
    #[must_use]
    pub fn so_far(&self) -> MovedSoFar {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MovedSoFar {
            rows_read: get(&self.rows_read),
            bytes_read: get(&self.bytes_read),
            bytes_written: get(&self.bytes_written),
            throttled: [0, 1].map(|side| Duration::from_nanos(get(&self.throttled[side]))),
            chunks: lock(&self.chunks).clone(),
        }
    }
}

impl Chunk<'_> {
    /// The chunk was done to its end. One that is dropped before is a span and no chunk.
    pub fn done(self, rows: u64) {
        self.span.record("dbtaxi.rows", rows);
        lock(&self.of.chunks)
            .entry(self.phase.as_str())
            .or_insert_with(|| Histogram::new(CHUNK_BOUNDS))
            .observe(self.began.elapsed().as_secs_f64());
    }
}

impl MovedSoFar {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.rows_read += other.rows_read;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        for (all, more) in self.throttled.iter_mut().zip(other.throttled) {
            *all += more;
        }
        for (phase, more) in &other.chunks {
            match self.chunks.get_mut(phase) {
                Some(all) => all.add(more),
                None => {
                    self.chunks.insert(phase, more.clone());
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_counts_when_it_is_done_and_not_when_it_is_given_up() {
        let moved = Moved::default();
        moved.chunk(Phase::Copy).done(10);
        drop(moved.chunk(Phase::Copy));
        moved.chunk(Phase::Verify).done(10);
        let chunks = moved.so_far().chunks;
        let counts: Vec<(&str, u64)> = chunks.iter().map(|(p, h)| (*p, h.count())).collect();
        assert_eq!(counts, [("copy", 1), ("verify", 1)]);
    }

    #[test]
    fn sums_hold_what_each_part_moved() {
        let moved = Moved::default();
        moved.read(3, 300);
        moved.wrote(200);
        moved.waited_for(Side::Target, Duration::from_secs(2));
        moved.chunk(Phase::Copy).done(3);
        let mut all = moved.so_far();
        all.add(&moved.so_far());
        assert_eq!(
            (all.rows_read, all.bytes_read, all.bytes_written),
            (6, 600, 400)
        );
        assert_eq!(all.throttled, [Duration::ZERO, Duration::from_secs(4)]);
        assert_eq!(all.chunks["copy"].count(), 2);
    }
}
