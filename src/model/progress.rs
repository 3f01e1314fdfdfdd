//! How far a job or table is, and what it did.

use serde::{Deserialize, Serialize};

/// How far a job or table is. Totals are estimates; `percent` stays under 100 until the end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: f64,
    /// Rows committed.
    pub rows_done: u64,
    /// Rows expected.
    pub rows_total: u64,
    /// Bytes committed, as rendered.
    pub bytes_done: u64,
    /// Chunks committed.
    pub chunks_done: u64,
    /// Chunks expected.
    pub chunks_total: u64,
    /// Rate of the last seconds.
    pub rows_per_second: f64,
    /// Rate of the last seconds.
    pub bytes_per_second: f64,
    /// Time left; `None` while unknown.
    pub eta_seconds: Option<f64>,
    /// Workers at it.
    pub workers: u32,
    /// Age of the newest checkpoint: the work at risk.
    pub checkpoint_age_seconds: Option<f64>,
    /// Why work pauses.
    pub throttled: Option<String>,
    /// Which side limits: `source network client target lock throttle ddl`.
    pub bottleneck: Option<String>,
    /// How far behind the source, in phase `follow`.
    pub lag: Option<Lag>,
}

/// How far behind the source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Lag {
    /// Seconds behind.
    pub seconds: f64,
    /// Bytes not applied.
    pub bytes: u64,
}

/// What a job or table did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Rows left alone by policy.
    pub kept: u64,
    /// Rows that a comparison found and the watermark had missed.
    pub missed_by_watermark: u64,
    /// Tries after the first.
    pub retries: u64,
    /// Warnings.
    pub warnings: u64,
}

impl Counts {
    /// Adds `other` to each count.
    pub fn add(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.kept += other.kept;
        self.missed_by_watermark += other.missed_by_watermark;
        self.retries += other.retries;
        self.warnings += other.warnings;
    }
}
