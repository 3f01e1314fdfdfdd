//! What this process has done since it began: counters that never fall.
//!
//! Fed by every event on its way to watchers, and by the meters of the tables that are worked on,
//! which are read where they are. So nothing is lost to a reader that comes late, and nobody waits
//! for one. Must not know: who reads it, or in which form.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::event::{Event, What};
use crate::model::histogram::Histogram;
use crate::model::ids::JobId;
use crate::model::job::Job;
use crate::model::progress::Counts;
use crate::sync::{MovedSoFar, TableMeter};

/// Upper bounds of the seconds of a job.
const JOB_BOUNDS: &[f64] = &[
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
];

/// Something that a watcher or a store did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// A log line that made room for newer ones in the queue of a watcher.
    Log,
    /// A log line of a job that was never stored.
    StoredLog,
    /// A watcher that did not read and was cut off.
    Watcher,
}

impl Dropped {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Log, Self::StoredLog, Self::Watcher];

    /// As it is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::StoredLog => "stored_log",
            Self::Watcher => "watcher",
        }
    }
}

/// What was done for one config.
#[derive(Debug, Clone, Default)]
pub struct OfConfig {
    /// Rows that were written, deleted, kept, missed by the watermark.
    pub counts: Counts,
    /// What was read and sent.
    pub moved: MovedSoFar,
    /// Jobs that ended, by state.
    pub finished: BTreeMap<&'static str, u64>,
    /// Seconds of the jobs that ended.
    pub seconds: Option<Histogram>,
    /// Differences that comparisons found: missing, extra, changed.
    pub differences: [u64; 3],
}

/// What this process has done since it began.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// By the config's name.
    pub configs: BTreeMap<String, OfConfig>,
    /// Worker time without room, by the connection's name: source, local server.
    pub throttled: BTreeMap<String, [Duration; 2]>,
    /// Seconds of chunks by phase.
    pub chunks: BTreeMap<&'static str, Histogram>,
    /// Tries after a failure, by its code.
    pub retries: BTreeMap<&'static str, u64>,
    /// Tables and jobs that failed, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// What was left out, by what it is.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// Names of configs and of connections.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of configs.
    pub configs: BTreeSet<String>,
    /// Of connections.
    pub connections: BTreeSet<String>,
}

/// Counts over the life of a process; clones share it.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Of everything but the tables that are worked on.
    done: Totals,
    /// By the job's id.
    live: HashMap<JobId, Live>,
}

/// The tables of a job that is worked on here.
struct Live {
    config: String,
    connection: String,
    tables: Vec<Table>,
}

struct Table {
    meter: Arc<TableMeter>,
    /// The most that each count was seen at: one that is begun again does not fall.
    most: Counts,
}

/// Ends the look at a job's meters, after what they say was taken over.
pub struct Watched {
    tally: Tally,
    job: JobId,
}

impl Tally {
    /// Looks at the meters of a job's tables until what it gives is dropped.
    #[must_use]
    pub fn watch(&self, job: &Job, meters: impl Iterator<Item = Arc<TableMeter>>) -> Watched {
        let live = Live {
            config: job.config.clone(),
            connection: job.connection.clone(),
            tables: meters.map(Table::new).collect(),
        };
        let mut state = self.lock();
        if let Some(before) = state.live.insert(job.id, live) {
            before.add_to(&mut state.done);
        }
        Watched {
            tally: self.clone(),
            job: job.id,
        }
    }

    /// Takes an event in.
    pub fn heard(&self, event: &Event) {
        let mut state = self.lock();
        let done = &mut state.done;
        match &event.what {
            What::JobFinished(job) => done.finished(job),
            What::TableFailed(run) => {
                if let Some(error) = &run.error {
                    *done.errors.entry(error.code.as_str()).or_default() += 1;
                }
            }
            What::RetryScheduled { error, .. } => {
                *done.retries.entry(error.code.as_str()).or_default() += 1;
            }
            What::DifferencesFound {
                missing,
                extra,
                changed,
            } => {
                let config = done.configs.entry(event.config.clone()).or_default();
                for (all, more) in config.differences.iter_mut().zip([missing, extra, changed]) {
                    *all += more;
                }
            }
            _ => {}
        }
    }

    /// Something was left out, `times` over.
    pub fn dropped(&self, what: Dropped, times: u64) {
        *self.lock().done.dropped.entry(what.as_str()).or_default() += times;
    }

    /// Everything so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut state = self.lock();
        let State { done, live } = &mut *state;
        let mut totals = done.clone();
        for job in live.values_mut() {
            job.look();
            job.add_to(&mut totals);
        }
        totals
    }

    /// Configs and connections that something is counted of.
    #[must_use]
    pub fn names(&self) -> Names {
        let done = &self.lock().done;
        Names {
            configs: done.configs.keys().cloned().collect(),
            connections: done.throttled.keys().cloned().collect(),
        }
    }

    /// Forgets configs and connections that are not there any more.
    pub fn forget(&self, gone: &Names) {
        let done = &mut self.lock().done;
        done.configs.retain(|name, _| !gone.configs.contains(name));
        done.throttled
            .retain(|name, _| !gone.connections.contains(name));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = self.tally.lock();
        if let Some(mut live) = state.live.remove(&self.job) {
            live.look();
            live.add_to(&mut state.done);
        }
    }
}

impl Totals {
    fn finished(&mut self, job: &Job) {
        let config = self.configs.entry(job.config.clone()).or_default();
        *config.finished.entry(job.state.as_str()).or_default() += 1;
        let took = job
            .started_at
            .zip(job.finished_at)
            .and_then(|(from, to)| (to - from).to_std().ok());
        if let Some(took) = took {
            config
                .seconds
                .get_or_insert_with(|| Histogram::new(JOB_BOUNDS))
                .observe(took.as_secs_f64());
        }
        // The error of a failed table is told by the table.
        let of_table = job.tables.iter().any(|table| table.error.is_some());
        if let Some(error) = job.error.as_ref().filter(|_| !of_table) {
            *self.errors.entry(error.code.as_str()).or_default() += 1;
        }
    }
}

impl Table {
    fn new(meter: Arc<TableMeter>) -> Self {
        Self {
            meter,
            most: Counts::default(),
        }
    }
}

impl Live {
    fn look(&mut self) {
        for Table { meter, most } in &mut self.tables {
            let now = meter.counts();
            most.inserted = most.inserted.max(now.inserted);
            most.updated = most.updated.max(now.updated);
            most.deleted = most.deleted.max(now.deleted);
            most.kept = most.kept.max(now.kept);
            most.missed_by_watermark = most.missed_by_watermark.max(now.missed_by_watermark);
        }
    }

    fn add_to(&self, totals: &mut Totals) {
        let mut moved = MovedSoFar::default();
        let config = totals.configs.entry(self.config.clone()).or_default();
        for table in &self.tables {
            config.counts.add(&table.most);
            moved.add(&table.meter.moved.so_far());
        }
        let throttled = totals.throttled.entry(self.connection.clone()).or_default();
        for (all, more) in throttled.iter_mut().zip(moved.throttled) {
            *all += more;
        }
        for (phase, more) in std::mem::take(&mut moved.chunks) {
            match totals.chunks.get_mut(phase) {
                Some(all) => all.add(&more),
                None => {
                    totals.chunks.insert(phase, more);
                }
            }
        }
        config.moved.add(&moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::events::EventHub;
    use crate::jobs::testing::FakeLedger;
    use crate::model::error::{ErrorCode, ErrorInfo};
    use crate::model::job::{JobKind, JobState};
    use crate::model::table_run::TableRun;

    fn job(config: &str) -> Job {
        let ledger = FakeLedger::new();
        let mut job = ledger.stored(ledger.add_job(JobKind::Sync));
        job.config = config.to_owned();
        job.connection = "shop".to_owned();
        job
    }

    #[test]
    fn a_meter_counts_while_it_moves_and_once_when_its_job_is_over() {
        let tally = Tally::default();
        let meter = Arc::new(TableMeter::default());
        let watched = tally.watch(&job("nightly"), [Arc::clone(&meter)].into_iter());
        TableMeter::add(&meter.inserted, 10);
        meter.moved.read(10, 1000);
        let shown = |tally: &Tally| {
            let totals = tally.totals();
            let config = &totals.configs["nightly"];
            (config.counts.inserted, config.moved.bytes_read)
        };
        assert_eq!(shown(&tally), (10, 1000));
        TableMeter::add(&meter.inserted, 5);
        drop(watched);
        assert_eq!(shown(&tally), (15, 1000));
        TableMeter::add(&meter.inserted, 5);
        assert_eq!(shown(&tally), (15, 1000), "its job is over");
    }

    #[test]
    fn what_is_begun_again_does_not_make_a_counter_fall() {
        let tally = Tally::default();
        let meter = Arc::new(TableMeter::default());
        let _watched = tally.watch(&job("c"), [Arc::clone(&meter)].into_iter());
        TableMeter::set(&meter.kept, 7);
        assert_eq!(tally.totals().configs["c"].counts.kept, 7);
        TableMeter::set(&meter.kept, 0);
        assert_eq!(tally.totals().configs["c"].counts.kept, 7);
    }

    #[test]
    fn every_event_is_counted_whoever_watches() {
        let hub = EventHub::default();
        let mut job = job("c");
        job.state = JobState::CompletedWithErrors;
        job.finished_at = Some(job.created_at + chrono::TimeDelta::seconds(90));
        job.started_at = Some(job.created_at);
        let error = ErrorInfo::new(ErrorCode::Deadlock, "x");
        let mut run = TableRun::new("s", "t");
        run.error = Some(error.clone());
        job.error = Some(error.clone());
        job.tables = vec![run.clone()];
        let retry = What::RetryScheduled {
            attempt: 1,
            wait_seconds: 1.0,
            error,
        };
        let found = What::DifferencesFound {
            missing: 1,
            extra: 2,
            changed: 3,
        };
        hub.send(job.id, "c", Some("t"), retry);
        hub.send(job.id, "c", Some("t"), found);
        hub.send(job.id, "c", Some("t"), What::TableFailed(Box::new(run)));
        hub.send(job.id, "c", None, What::JobFinished(Box::new(job)));
        let totals = hub.tally().totals();
        assert_eq!(totals.retries["deadlock"], 1);
        assert_eq!(totals.errors["deadlock"], 1, "the job repeats its table's");
        let config = &totals.configs["c"];
        assert_eq!(config.differences, [1, 2, 3]);
        assert_eq!(config.finished["completed_with_errors"], 1);
        let seconds = config.seconds.as_ref().unwrap();
        assert!((seconds.sum() - 90.0).abs() < 1e-9);
    }

    #[test]
    fn configs_that_are_gone_are_forgotten() {
        let tally = Tally::default();
        for name in ["a", "b"] {
            drop(tally.watch(&job(name), std::iter::empty()));
        }
        let mut gone = tally.names();
        gone.configs.remove("b");
        tally.forget(&gone);
        let totals = tally.totals();
        assert_eq!(totals.configs.keys().collect::<Vec<_>>(), ["b"]);
        assert!(totals.throttled.is_empty());
    }
}
