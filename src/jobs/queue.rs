//! Takes jobs from the queue, and those of dead instances.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::core::Core;
use super::options::QueueMode;
use crate::model::ids::JobId;
use crate::model::job::{Job, Trigger};
use crate::model::labels::WORKER;
use crate::model::status::Instance;
use crate::store::StoreError;
use crate::store::leases::Resource;

/// Between two looks at the queue.
const EACH: Duration = Duration::from_secs(1);
/// Longest wait while the control database does not answer.
const LONGEST: Duration = Duration::from_secs(10);
/// How long it is believed that a living service takes jobs, or that none does.
const SERVICES: Duration = Duration::from_secs(5);

/// How long a job of a command waits before others take it: its own process runs it at once, unless
/// it was only to be queued.
const COMMANDS: Duration = Duration::from_secs(3);

/// Takes jobs until the engine is shut down.
pub async fn take(core: Arc<Core>, mode: QueueMode) {
    let mut pause = EACH;
    let mut alone = Alone::default();
    let mut commands = Commands::default();
    loop {
        core.pulse.queue_came_round();
        let looked = tokio::select! {
            () = core.stopping.cancelled() => return,
            looked = look(&core, mode, &mut alone, &mut commands) => looked,
        };
        pause = match looked {
            Ok(()) => EACH,
            Err(error) => {
                if pause == EACH {
                    tracing::warn!(target: "db_taxi::jobs", "the queue can't be read: {error}");
                }
                (pause * 2).min(LONGEST)
            }
        };
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = core.wake.notified(), if pause == EACH => {}
        }
    }
}

async fn look(
    core: &Arc<Core>,
    mode: QueueMode,
    alone: &mut Alone,
    commands: &mut Commands,
) -> Result<(), StoreError> {
    core.register().await?;
    if core.is_parked() {
        return Ok(());
    }
    let free = core.slots.free();
    if free == 0 {
        return Ok(());
    }
    let labels = core.standing.labels();
    let mut jobs = core.ledger.orphaned_jobs(&labels).await?;
    // A few more than fit: some may be claimed by others before we do.
    let limit = u32::try_from(free).unwrap_or(u32::MAX).saturating_add(8);
    let pending = core.ledger.pending_jobs(&labels, limit).await?;
    jobs.extend(commands.without_fresh(pending));
    for job in jobs {
        if mode == QueueMode::TakeWhenAlone && !alone.with(core, &job).await? {
            continue;
        }
        take_one(core, &job).await?;
    }
    Ok(())
}

async fn take_one(core: &Arc<Core>, job: &Job) -> Result<(), StoreError> {
    if core.outcome_of(job.id).is_some() {
        return Ok(());
    }
    match core.ledger.config(job.config_id).await {
        Err(StoreError::Corrupt(why)) => {
            tracing::debug!(target: "db_taxi::jobs", job = %job.id, "left to a later version: {why}");
            return Ok(());
        }
        other => other.map(|_| ())?,
    }
    let Some(slot) = core.slots.take() else {
        return Ok(());
    };
    if let Some(lease) = core.keeper.claim(&Resource::Job(job.id)).await? {
        core.spawn(job.id, lease, slot);
    }
    Ok(())
}

/// Whether this process has to take jobs because no service does.
#[derive(Default)]
struct Alone {
    asked: Option<(Instant, Vec<Instance>)>,
}

impl Alone {
    /// Whether no other living instance may take this job.
    async fn with(&mut self, core: &Core, job: &Job) -> Result<bool, StoreError> {
        let services = self.services(core).await?;
        if services.is_empty() {
            return Ok(true);
        }
        let config = match core.ledger.config(job.config_id).await {
            // It is left to a later version anyway.
            Err(StoreError::Corrupt(_)) => return Ok(false),
            config => config?,
        };
        let wanted = config.map(|config| config.spec.labels).unwrap_or_default();
        Ok(!services.iter().any(|service| service.takes(&wanted)))
    }

    /// The others that take jobs.
    async fn services(&mut self, core: &Core) -> Result<&[Instance], StoreError> {
        let fresh = matches!(&self.asked, Some((at, _)) if at.elapsed() < SERVICES);
        if !fresh {
            let mut all = core.ledger.list_instances().await?;
            all.retain(|one| one.id != core.instance && one.plays(WORKER));
            self.asked = Some((Instant::now(), all));
        }
        Ok(self.asked.as_ref().map_or(&[], |(_, all)| all.as_slice()))
    }
}

/// Pending jobs of commands, and when each was first seen.
#[derive(Default)]
struct Commands(HashMap<JobId, Instant>);

impl Commands {
    /// Leaves out the jobs that their own process is about to run.
    fn without_fresh(&mut self, mut pending: Vec<Job>) -> Vec<Job> {
        let now = Instant::now();
        self.0
            .retain(|id, _| pending.iter().any(|job| job.id == *id));
        pending.retain(|job| {
            // One that ran before has no process of its own any more.
            job.trigger != Trigger::Cli
                || job.started_at.is_some()
                || now.duration_since(*self.0.entry(job.id).or_insert(now)) >= COMMANDS
        });
        pending
    }
}
