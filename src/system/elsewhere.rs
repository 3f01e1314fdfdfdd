//! Looks at the jobs of all processes while somebody watches events.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::shared::Shared;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobFilter, JobState};
use crate::model::table_run::TableRun;
use crate::services::Services;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Of the newest jobs so many are looked at: short ones end between two looks.
const NEWEST: u32 = 50;

/// The jobs that have not ended, as of one look, and those that were made and ended since the last
/// one; those that ran elsewhere with their tables.
pub type Look = Arc<Vec<Job>>;

/// Looks each second, for as long as anybody listens, until the system is stopped.
pub async fn look(shared: Arc<Shared>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tables = Tables::default();
    let mut newest = None;
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if shared.looks.receiver_count() == 0 {
            tables.0.clear();
            newest = None;
            continue;
        }
        let (services, engine) = {
            let state = shared.lock();
            let Some(open) = &state.open else { continue };
            (open.services.clone(), open.engine.clone())
        };
        let looked = async {
            let mut jobs = services.jobs.active().await.ok()?;
            let short = short_ones(&services, &jobs, &mut newest).await?;
            for job in &mut jobs {
                let is_here = engine
                    .as_ref()
                    .is_some_and(|engine| engine.runs_here(job.id));
                if job.state == JobState::Running && !is_here {
                    tables.fill(&services, job).await;
                }
            }
            tables
                .0
                .retain(|id, _| jobs.iter().any(|job| job.id == *id));
            jobs.extend(short);
            Some(jobs)
        };
        let looked = tokio::select! {
            () = shared.stopping.cancelled() => return,
            looked = looked => looked,
        };
        // Without an answer nothing is known to have changed.
        if let Some(jobs) = looked {
            shared.looks.send_replace(Arc::new(jobs));
        }
    }
}

/// Jobs that were made and ended since the last look, with their tables.
async fn short_ones(
    services: &Services,
    active: &[Job],
    newest: &mut Option<HashSet<JobId>>,
) -> Option<Vec<Job>> {
    let filter = JobFilter {
        limit: Some(NEWEST),
        ..JobFilter::default()
    };
    let listed = services.jobs.list(&filter).await.ok()?;
    let is_active = |job: &Job| active.iter().any(|one| one.id == job.id);
    // One that was between two states is looked at again.
    let settled = listed
        .iter()
        .filter(|job| job.state.is_final() || is_active(job));
    let now: HashSet<JobId> = settled.map(|job| job.id).collect();
    let Some(before) = newest.replace(now) else {
        return Some(Vec::new());
    };
    let mut short = Vec::new();
    for job in listed {
        if job.state.is_final() && !before.contains(&job.id) && !is_active(&job) {
            short.push(services.jobs.get(&job.id.to_string()).await.unwrap_or(job));
        }
    }
    Some(short)
}

/// Tables of jobs that run elsewhere, read again when one more has ended.
#[derive(Default)]
struct Tables(HashMap<JobId, (Ended, Vec<TableRun>)>);

/// Tables that ended well, and those that did not.
type Ended = (u32, u32);

impl Tables {
    async fn fill(&mut self, services: &Services, job: &mut Job) {
        let ended = (job.tables_completed, job.tables_failed);
        if let Some((known, tables)) = self.0.get(&job.id)
            && *known == ended
        {
            job.tables.clone_from(tables);
        } else if let Ok(shown) = services.jobs.get(&job.id.to_string()).await {
            job.tables.clone_from(&shown.tables);
            self.0.insert(job.id, (ended, shown.tables));
        }
    }
}
