//! What each list can be sorted by. The headings are those of the tabs; a test in `ui` holds the
//! two together.

use super::sort::{SortColumn, SortKey};
use crate::dashboard::app::sheets::address;
use crate::model::config::Config;
use crate::model::connection::{Connection, HealthState};
use crate::model::job::{Job, JobState};
use crate::model::table_run::{TableRun, TableState, VerifiedScope};

const fn by<T>(title: &'static str, key: fn(&T) -> SortKey) -> SortColumn<T> {
    SortColumn { title, key }
}

/// Connections.
pub const CONNECTIONS: &[SortColumn<Connection>] = &[
    by("NAME", |c| SortKey::text(&c.spec.name)),
    by("HEALTH", |c| SortKey::count(trouble(c.health.state))),
    by("DATABASE → LOCAL", |c| SortKey::text(&c.spec.database)),
    by("ADDRESS", |c| SortKey::text(address(&c.spec))),
    by("MS", |c| SortKey::number(c.health.latency_ms)),
    by("TLS", |c| SortKey::text(c.spec.ssl.mode.as_str())),
    by("SERVER", |c| match &c.health.server {
        Some(server) => SortKey::text(server),
        None => SortKey::Nothing,
    }),
    by("CHECKED", |c| SortKey::time(c.health.checked_at)),
];

/// Sync configs.
pub const CONFIGS: &[SortColumn<Config>] = &[
    by("NAME", |c| SortKey::text(&c.spec.name)),
    by("CONNECTION", |c| SortKey::text(&c.spec.connection)),
    by("MODE", |c| SortKey::text(c.spec.sync_mode.as_str())),
    by("TABLES", |c| SortKey::count(c.spec.tables.len() as u64)),
    by("SCHEDULE", |c| match &c.spec.schedule {
        Some(cron) => SortKey::text(cron.as_str()),
        None => SortKey::Nothing,
    }),
    by("LAST JOB", |c| {
        SortKey::time(c.last_job.as_ref().and_then(|job| job.finished_at))
    }),
    by("NEXT RUN", |c| match c.next_runs.first() {
        Some(at) if c.spec.enabled => SortKey::time(Some(*at)),
        _ => SortKey::Nothing,
    }),
    by("EQUAL AS OF", |_| SortKey::Beside),
];

/// Jobs.
pub const JOBS: &[SortColumn<Job>] = &[
    by("CONFIG", |j| SortKey::text(&j.config)),
    by("STATE", |j| SortKey::count(urgency(j.state))),
    by("PROGRESS", |j| SortKey::number(Some(j.progress.percent))),
    by("ROWS/S", |j| running(j, Some(j.progress.rows_per_second))),
    by("MB/S", |j| running(j, Some(j.progress.bytes_per_second))),
    by("ETA", |j| running(j, j.progress.eta_seconds)),
    by("TABLES", |j| SortKey::count(u64::from(j.tables_total))),
    by("STARTED", |j| SortKey::time(j.started_at)),
    by("AS OF", |j| SortKey::time(j.as_of())),
    by("TOOK", |j| {
        let end = j
            .finished_at
            .map_or(f64::INFINITY, |at| at.timestamp_millis() as f64);
        SortKey::number(j.started_at.map(|at| end - at.timestamp_millis() as f64))
    }),
];

/// Tables of a job that has not ended.
pub const TABLES: &[SortColumn<TableRun>] = &[
    by("TABLE", |t| SortKey::text(&t.source_table)),
    by("PHASE", |t| SortKey::count(stage(t) * 100 + t.phase as u64)),
    by("PROGRESS", |t| SortKey::number(Some(t.progress.percent))),
    by("ROWS / ABOUT", |t| {
        SortKey::count(t.progress.rows_total.max(t.progress.rows_done))
    }),
    by("ROWS/S", |t| moving(t, t.progress.rows_per_second)),
    by("MB/S", |t| moving(t, t.progress.bytes_per_second)),
    by("RANGES", |t| some(t.progress.chunks_total)),
    by("RETRIES", |t| some(t.counts.retries)),
    by("LIMIT", |t| match &t.progress.bottleneck {
        Some(side) if t.state == TableState::Running => SortKey::text(side),
        _ => SortKey::Nothing,
    }),
];

/// Tables of a job that has ended.
pub const ENDED_TABLES: &[SortColumn<TableRun>] = &[
    by("TABLE", |t| SortKey::text(&t.source_table)),
    by("RESULT", |t| SortKey::count(stage(t))),
    by("COMPARED", |t| {
        match (t.verified.scope, t.verified.differences) {
            (VerifiedScope::None, _) => SortKey::Nothing,
            (_, 0) => SortKey::time(t.verified.as_of.time),
            // What differs comes first, the most before the others.
            (_, rows) => SortKey::number(Some(-(rows as f64))),
        }
    }),
    by("ROWS", |t| some(t.progress.rows_done.max(t.verified.rows))),
    by("INSERTED", |t| some(t.counts.inserted)),
    by("UPDATED", |t| some(t.counts.updated)),
    by("DELETED", |t| some(t.counts.deleted)),
    by("KEPT", |t| some(t.counts.kept)),
    by("TOOK", |t| {
        let took = t.started_at.zip(t.finished_at);
        SortKey::number(took.map(|(from, to)| (to - from).num_milliseconds() as f64))
    }),
];

/// A number that is left out where it is 0.
fn some(count: u64) -> SortKey {
    SortKey::number((count > 0).then_some(count as f64))
}

/// Rates are of tables that are worked on alone.
fn moving(run: &TableRun, rate: f64) -> SortKey {
    SortKey::number(Some(rate).filter(|_| run.state == TableState::Running))
}

/// What somebody must look at first comes first.
fn stage(run: &TableRun) -> u64 {
    match run.state {
        TableState::Failed => 0,
        TableState::Retrying => 1,
        TableState::Running => 2,
        TableState::Pending => 3,
        TableState::Cancelled => 4,
        TableState::Skipped => 5,
        TableState::Completed => 6,
    }
}

/// What can't be used comes first.
fn trouble(state: HealthState) -> u64 {
    match state {
        HealthState::Failed => 0,
        HealthState::Unknown => 1,
        HealthState::Ok => 2,
    }
}

/// What somebody must look at first comes first.
fn urgency(state: JobState) -> u64 {
    match state {
        JobState::Failed => 0,
        JobState::CompletedWithErrors => 1,
        JobState::Running => 2,
        JobState::Paused => 3,
        JobState::Pending => 4,
        JobState::Cancelled => 5,
        JobState::Completed => 6,
    }
}

/// Rates are of running jobs alone.
fn running(job: &Job, number: Option<f64>) -> SortKey {
    SortKey::number(number.filter(|_| job.state == JobState::Running))
}
