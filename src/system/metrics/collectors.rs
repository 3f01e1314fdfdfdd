//! The collectors of the system, each a small type; a metric is added by one more.

use std::fmt::Result;

use super::names::{
    BUILD, BYTES, CHUNK_SECONDS, CONNECTIONS, CONNECTIONS_CONNECTED, CONTROL_DATABASE_UP,
    DIFFERENCES, ERRORS, EVENTS_DROPPED, FOLLOW_LAG_BYTES, INSTANCES, JOB_DURATION, JOBS,
    JOBS_FINISHED, LAG_SECONDS, LAST_SUCCESS, LEASE_LOST, LEASES, POOL_CONNECTIONS, RETRIES, ROWS,
    THROTTLED_SECONDS, WATERMARK_MISSED_ROWS,
};
use super::{Collector, Page, Seen};
use crate::jobs::OfConfig;
use crate::model::error::ErrorCode;
use crate::model::event::Side;
use crate::model::job::JobState;
use crate::model::status::InstanceState;
use crate::services::ConfigGauges;

/// All of them, in the order of the page.
pub(super) fn all() -> Vec<Box<dyn Collector>> {
    vec![
        Box::new(Process),
        Box::new(Stored),
        Box::new(Freshness),
        Box::new(Finished),
        Box::new(Moved),
        Box::new(Found),
        Box::new(Chunks),
        Box::new(Failures),
        Box::new(Throttled),
        Box::new(Pools),
        Box::new(Leases),
        Box::new(EventsDropped),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a sample is a float")]
fn float(n: u64) -> f64 {
    n as f64
}

/// What this process is, and whether it can work.
struct Process;

impl Collector for Process {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let revision = option_env!("DB_TAXI_REVISION").unwrap_or("unknown");
        page.info(&BUILD, [env!("CARGO_PKG_VERSION"), revision])?;
        page.number(&CONTROL_DATABASE_UP, f64::from(u8::from(seen.database_up)))
    }
}

/// Counts of what is stored; left out while nobody can know them.
struct Stored;

impl Collector for Stored {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let Some(stored) = seen.stored.as_ref().filter(|_| seen.database_up) else {
            return Ok(());
        };
        let stats = &stored.stats;
        page.number(&CONNECTIONS, float(stats.total_connections))?;
        page.number(&CONNECTIONS_CONNECTED, float(stats.connected_connections))?;
        let jobs = [
            (JobState::Pending, stats.pending_jobs),
            (JobState::Running, stats.running_jobs),
            (JobState::Paused, stats.paused_jobs),
            (JobState::Completed, stats.completed_jobs),
            (
                JobState::CompletedWithErrors,
                stats.completed_with_errors_jobs,
            ),
            (JobState::Failed, stats.failed_jobs),
            (JobState::Cancelled, stats.cancelled_jobs),
        ];
        page.numbers(&JOBS, jobs.map(|(state, n)| ([state.as_str()], float(n))))?;
        let states = [
            InstanceState::Alive,
            InstanceState::Lost,
            InstanceState::Stopped,
        ];
        let count = |state| {
            let of_it = stored.instances.iter().filter(|one| one.state == state);
            float(of_it.count() as u64)
        };
        page.numbers(
            &INSTANCES,
            states.map(|state| ([state.as_str()], count(state))),
        )
    }
}

/// How old copies are. Goes on by what was known last while the control database is away: nobody can
/// have made them younger.
struct Freshness;

impl Collector for Freshness {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let configs = seen.stored.iter().flat_map(|stored| &stored.configs);
        let enabled = || {
            let all: Vec<(&str, &ConfigGauges)> = configs
                .clone()
                .filter(|(_, config)| config.enabled)
                .map(|(name, config)| (name.as_str(), config))
                .collect();
            all
        };
        let lag = enabled().into_iter().filter_map(|(name, config)| {
            let age = seen.now - config.as_of?;
            #[expect(clippy::cast_precision_loss, reason = "a sample is a float")]
            let seconds = age.num_milliseconds().max(0) as f64 / 1000.0;
            Some(([name], seconds))
        });
        page.numbers(&LAG_SECONDS, lag)?;
        let ends = enabled().into_iter().filter_map(|(name, config)| {
            #[expect(clippy::cast_precision_loss, reason = "a sample is a float")]
            let at = config.last_success?.timestamp_millis() as f64 / 1000.0;
            Some(([name], at))
        });
        page.numbers(&LAST_SUCCESS, ends)?;
        let follow = &seen.follow_lag_bytes;
        let behind = follow.iter().map(|(name, n)| ([name.as_str()], float(*n)));
        page.numbers(&FOLLOW_LAG_BYTES, behind)
    }
}

fn configs(seen: &Seen) -> impl Iterator<Item = (&str, &OfConfig)> {
    let configs = &seen.totals.configs;
    configs.iter().map(|(name, config)| (name.as_str(), config))
}

/// States that a job ends in.
const FINAL: [JobState; 4] = [
    JobState::Completed,
    JobState::CompletedWithErrors,
    JobState::Failed,
    JobState::Cancelled,
];

/// Jobs that ended.
struct Finished;

impl Collector for Finished {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let states = configs(seen).flat_map(|(name, config)| {
            FINAL.map(|state| {
                let n = config.finished.get(state.as_str());
                ([name, state.as_str()], float(n.copied().unwrap_or(0)))
            })
        });
        page.numbers(&JOBS_FINISHED, states)?;
        let seconds = configs(seen).filter_map(|(name, c)| Some(([name], c.seconds.as_ref()?)));
        page.histograms(&JOB_DURATION, seconds)
    }
}

/// Rows and bytes.
struct Moved;

impl Collector for Moved {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let rows = configs(seen).flat_map(|(name, config)| {
            let counts = &config.counts;
            [
                ("read", config.moved.rows_read),
                ("inserted", counts.inserted),
                ("updated", counts.updated),
                ("deleted", counts.deleted),
                ("kept", counts.kept),
            ]
            .map(|(op, n)| ([name, op], float(n)))
        });
        page.numbers(&ROWS, rows)?;
        let bytes = configs(seen).flat_map(|(name, config)| {
            [
                ("read", config.moved.bytes_read),
                ("written", config.moved.bytes_written),
            ]
            .map(|(direction, n)| ([name, direction], float(n)))
        });
        page.numbers(&BYTES, bytes)
    }
}

/// What comparisons found.
struct Found;

impl Collector for Found {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let differences = configs(seen).flat_map(|(name, config)| {
            let [missing, extra, changed] = config.differences;
            [("missing", missing), ("extra", extra), ("changed", changed)]
                .map(|(kind, n)| ([name, kind], float(n)))
        });
        page.numbers(&DIFFERENCES, differences)?;
        let missed =
            configs(seen).map(|(name, config)| ([name], float(config.counts.missed_by_watermark)));
        page.numbers(&WATERMARK_MISSED_ROWS, missed)
    }
}

/// How long ranges take.
struct Chunks;

impl Collector for Chunks {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let chunks = seen.totals.chunks.iter();
        page.histograms(&CHUNK_SECONDS, chunks.map(|(phase, all)| ([*phase], all)))
    }
}

/// What failed.
struct Failures;

impl Collector for Failures {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        for (metric, counts) in [
            (&RETRIES, &seen.totals.retries),
            (&ERRORS, &seen.totals.errors),
        ] {
            let codes = ErrorCode::WORDS.iter().map(|code| {
                let n = counts.get(code);
                ([*code], float(n.copied().unwrap_or(0)))
            });
            page.numbers(metric, codes)?;
        }
        Ok(())
    }
}

/// Waits for servers.
struct Throttled;

impl Collector for Throttled {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let waits = seen.totals.throttled.iter().flat_map(|(name, waits)| {
            let sides = [Side::Source, Side::Target].into_iter().zip(waits);
            sides.map(move |(side, time)| ([name.as_str(), side.as_str()], time.as_secs_f64()))
        });
        page.numbers(&THROTTLED_SECONDS, waits)
    }
}

/// Sessions.
struct Pools;

impl Collector for Pools {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let pools = seen.pools.iter().flat_map(|pool| {
            [("idle", pool.idle), ("in_use", pool.in_use)]
                .map(|(state, n)| ([pool.name.as_str(), state], f64::from(n)))
        });
        page.numbers(&POOL_CONNECTIONS, pools)
    }
}

/// Leases.
struct Leases;

impl Collector for Leases {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        page.number(&LEASES, float(seen.leases))?;
        page.number(&LEASE_LOST, float(seen.leases_lost))
    }
}

/// What could not keep up.
struct EventsDropped;

impl Collector for EventsDropped {
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> Result {
        let kinds = crate::jobs::Dropped::ALL.map(|kind| {
            let n = seen.totals.dropped.get(kind.as_str());
            ([kind.as_str()], float(n.copied().unwrap_or(0)))
        });
        page.numbers(&EVENTS_DROPPED, kinds)
    }
}
