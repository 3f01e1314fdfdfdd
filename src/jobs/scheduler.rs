//! Starts configs when they are due. One process does at a time, by the lease `scheduler`; and each
//! start is a conditional change of the schedule's row, so that also of two that both believe they
//! hold it, one makes the job.
//!
//! What is due when is decided in `model/schedule/`; here are the clock and the control database.

mod plan;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::plan::Plan;
use super::core::Core;
use crate::store::leases::Resource;

/// Between two looks at what is due.
const EACH: Duration = Duration::from_secs(1);
/// Between two readings of the configs.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Starts what is due until the engine is shut down, whenever this process is the one to do it.
pub async fn schedule(core: Arc<Core>) {
    let again = core.keeper.ttl() / 3;
    loop {
        let claimed = async {
            core.register().await?;
            core.keeper.claim(&Resource::Scheduler).await
        };
        let lease = tokio::select! {
            () = core.stopping.cancelled() => return,
            claimed = claimed => match claimed {
                Ok(lease) => lease,
                Err(error) => {
                    tracing::debug!(target: "db_taxi::jobs", "schedules wait: {error}");
                    None
                }
            },
        };
        if let Some(lease) = lease {
            tracing::info!(target: "db_taxi::jobs", "schedules are started by this instance");
            tokio::select! {
                () = core.stopping.cancelled() => {}
                () = lease.lost().cancelled() => {
                    tracing::warn!(target: "db_taxi::jobs", "schedules are started by another instance");
                }
                () = rounds(&core) => {}
            }
            lease.release().await;
        }
        tokio::select! {
            () = core.stopping.cancelled() => return,
            () = tokio::time::sleep(again) => {}
        }
    }
}

async fn rounds(core: &Core) {
    let mut plan = Plan::default();
    let mut read: Option<Instant> = None;
    let mut told = false;
    loop {
        let round = async {
            if read.is_none_or(|at| at.elapsed() >= READ_EVERY) {
                plan.read(core).await?;
                read = Some(Instant::now());
            }
            plan.carry_out(core).await
        };
        match round.await {
            Ok(()) => told = false,
            Err(error) if told => {
                tracing::debug!(target: "db_taxi::jobs", "schedules wait: {error}");
            }
            Err(error) => {
                told = true;
                tracing::warn!(target: "db_taxi::jobs", "schedules wait: {error}");
            }
        }
        tokio::time::sleep(EACH).await;
    }
}
