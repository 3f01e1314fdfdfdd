//! Once a second: numbers to watchers and to the control database, wishes from it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::outcome::Cut;
use super::shared::Shared;
use crate::model::event::What;
use crate::model::ids::TableRunId;
use crate::model::job::{Job, JobLimits, JobWish};
use crate::model::log::Level;
use crate::model::progress::{Counts, Progress};
use crate::model::table_run::TableRun;

/// Between two samples.
const EACH: Duration = Duration::from_secs(1);
/// For one round with the control database.
const PATIENCE: Duration = Duration::from_secs(5);
/// Samples after which the numbers of tables are stored.
const TABLES_EVERY: u32 = 5;

/// Reports on a job until `done`.
pub async fn report(shared: &Shared, done: CancellationToken) {
    let mut told = Told::default();
    let mut ticks = tokio::time::interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    let mut round = 0_u32;
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            now = ticks.tick() => {
                let moving = shared.board.sample(now.saturating_duration_since(last));
                last = now;
                round = round.wrapping_add(1);
                let job = shared.board.job();
                told.tell(shared, &job, &moving);
                if round.is_multiple_of(TABLES_EVERY) {
                    shared.board.save_moving(&shared.notes);
                }
                // Not given up when the job ends: a late statement must not overwrite its end.
                let stored = tokio::time::timeout(PATIENCE, store(shared, &job, &mut told)).await;
                if stored.is_err() {
                    tracing::debug!(target: "db_taxi::jobs", job = %shared.id, "the control database is slow");
                }
            }
        }
    }
}

/// What watchers and the control database know already.
#[derive(Default)]
struct Told {
    job: Option<(Progress, Counts)>,
    stored: Option<(Progress, Counts, u32, u32)>,
    tables: HashMap<TableRunId, (Progress, Counts)>,
}

impl Told {
    fn tell(&mut self, shared: &Shared, job: &Job, moving: &[TableRun]) {
        let hub = &shared.core.hub;
        let config = shared.config.spec.name.as_str();
        hub.set_active(job.clone());
        for table in moving {
            let known = (table.progress.clone(), table.counts);
            if self.tables.get(&table.id) == Some(&known) {
                continue;
            }
            self.tables.insert(table.id, known);
            let what = What::Progress {
                progress: table.progress.clone(),
                counts: table.counts,
            };
            hub.send(shared.id, config, Some(&table.target_table), what);
        }
        let known = Some((job.progress.clone(), job.counts));
        if self.job != known {
            self.job = known;
            let what = What::Progress {
                progress: job.progress.clone(),
                counts: job.counts,
            };
            hub.send(shared.id, config, None, what);
        }
    }
}

/// Stores the job's numbers when they changed, and obeys a wish.
async fn store(shared: &Shared, job: &Job, told: &mut Told) {
    let ledger = &*shared.core.ledger;
    let numbers = Some((
        job.progress.clone(),
        job.counts,
        job.tables_completed,
        job.tables_failed,
    ));
    if told.stored != numbers {
        match ledger.save_job_summary(job, shared.core.instance).await {
            Ok(()) => told.stored = numbers,
            Err(error) => {
                tracing::debug!(target: "db_taxi::jobs", job = %shared.id, "progress was not stored: {error}");
            }
        }
    }
    match ledger.job_orders(shared.id).await {
        Ok((wish, limits)) => {
            match wish {
                JobWish::Stop => shared.stop.ask(Cut::Cancelled),
                JobWish::Pause => shared.stop.ask(Cut::Paused),
                JobWish::Release => shared.stop.ask(Cut::Released),
                JobWish::None => {}
            }
            if shared.live.set(limits.clone()) {
                shared.log(None, Level::Info, &told_limits(&limits));
            }
        }
        Err(error) => {
            tracing::debug!(target: "db_taxi::jobs", job = %shared.id, "wishes are not known: {error}");
        }
    }
}

fn told_limits(limits: &JobLimits) -> String {
    let workers = limits
        .max_concurrency
        .map(|n| format!("max_concurrency {n}"));
    let throttle = limits.throttle.as_ref();
    let throttle = throttle.map(|spec| format!("throttle {}", spec.shown()));
    let told: Vec<String> = workers.into_iter().chain(throttle).collect();
    match told.as_slice() {
        [] => "limits changed: as the config says".to_owned(),
        some => format!("limits changed: {}", some.join(", ")),
    }
}
