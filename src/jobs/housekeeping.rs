//! Signs of life of this process, and the removal of old jobs and old entries of the audit log.

use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::store::StoreError;

/// Between two removals of old jobs, at most and at least.
const CLEAN_EVERY: Duration = Duration::from_hours(1);
const CLEAN_NO_OFTENER: Duration = Duration::from_mins(1);

/// Says that this process lives until every job has ended, then that it ended.
pub async fn heartbeat(core: Arc<Core>) {
    loop {
        core.pulse.heartbeat_came_round();
        if let Err(error) = beat(&core).await {
            tracing::debug!(target: "db_taxi::jobs", "no sign of life was given: {error}");
        }
        tokio::select! {
            () = core.ended.cancelled() => break,
            () = core.beat_now.notified() => {}
            () = tokio::time::sleep(core.keeper.ttl() / 3) => {}
        }
    }
    if core.standing.is_entered() {
        let stop = core.ledger.stop_instance(core.instance);
        let stopped = tokio::time::timeout(Duration::from_secs(3), stop).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::debug!(target: "db_taxi::jobs", "the end of this process was not noted");
        }
    }
}

async fn beat(core: &Core) -> Result<(), StoreError> {
    core.register().await?;
    let (labels, jobs) = (core.standing.labels(), core.active_ids());
    match core.ledger.heartbeat(core.instance, &labels, &jobs).await {
        Err(StoreError::NotFound { .. }) => core.enter().await,
        other => other,
    }
}

/// Each hour, sooner where jobs grow old soon, until the engine is shut down: removes old jobs, none
/// while their age has no limit, and forgets instances that are long gone.
pub async fn clean(core: Arc<Core>) {
    loop {
        let age = core.limits().cleanup_age;
        let cleaned = tokio::select! {
            () = core.stopping.cancelled() => return,
            cleaned = removed(&core, age) => cleaned,
        };
        match cleaned {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(target: "db_taxi::jobs", "removed {removed} jobs older than sync.cleanup_age");
            }
            Err(error) => {
                tracing::debug!(target: "db_taxi::jobs", "old jobs were not removed: {error}");
            }
        }
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = tokio::time::sleep(pause(age)) => {}
        }
    }
}

async fn removed(core: &Core, age: Duration) -> Result<u64, StoreError> {
    core.ledger.forget_instances().await?;
    let removed = if age.is_zero() {
        0
    } else {
        core.ledger.delete_old_jobs(age).await?
    };
    let jobs_age = if age.is_zero() { Duration::MAX } else { age };
    core.ledger.delete_old_audit(jobs_age).await?;
    Ok(removed)
}

fn pause(age: Duration) -> Duration {
    if age.is_zero() {
        return CLEAN_EVERY;
    }
    (age / 4).clamp(CLEAN_NO_OFTENER, CLEAN_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_old_soon_is_removed_soon() {
        for (age, every) in [(0, 3600), (60, 60), (1200, 300), (86_400, 3600)] {
            let (age, every) = (Duration::from_secs(age), Duration::from_secs(every));
            assert_eq!(pause(age), every, "{age:?}");
        }
    }
}
