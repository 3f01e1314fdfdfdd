//! Starts configs when they are due. One process does at a time, by the lease `scheduler`.
//!
//! A time that passed while no service was there is left out, and so is one at which the config's
//! last job has not ended: a sync that comes late does what two would have done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::core::{Core, without_tables};
use crate::model::config::Config;
use crate::model::cron::{Cron, Zone};
use crate::model::event::What;
use crate::model::ids::ConfigId;
use crate::store::StoreError;
use crate::store::leases::Resource;
use crate::store::schedules::{ScheduleRow, Schedules, Started};

/// Between two looks at what is due.
const EACH: Duration = Duration::from_secs(1);
/// Between two readings of the configs.
const READ_EVERY: Duration = Duration::from_secs(5);
/// A time that is later than this, beyond a takeover, was missed.
const GRACE: Duration = Duration::from_secs(60);

/// Starts what is due until the engine is shut down, whenever this process is the one to do it.
pub async fn schedule(core: Arc<Core>, zone: Zone) {
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
            tracing::info!(target: "db_taxi::jobs", "schedules are started by this instance ({zone})");
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
    let mut planned = Planned::default();
    let mut read: Option<Instant> = None;
    let mut told = false;
    loop {
        // Another one may have come into force.
        let zone = core.limits().timezone;
        let round = async {
            if read.is_none_or(|at| at.elapsed() >= READ_EVERY) {
                planned.read(core, zone).await?;
                read = Some(Instant::now());
            }
            planned.start_due(core, zone).await
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

/// What is due when, as of the last reading.
#[derive(Default)]
struct Planned {
    due: HashMap<ConfigId, Due>,
    /// Clock of the control database's server less ours.
    ahead: TimeDelta,
}

struct Due {
    name: String,
    cron: Cron,
    row: ScheduleRow,
}

impl Planned {
    async fn read(&mut self, core: &Core, zone: Zone) -> Result<(), StoreError> {
        let grace = GRACE + core.keeper.ttl() * 2;
        let Schedules { now, configs, rows } = core.ledger.schedules().await?;
        self.ahead = now - Utc::now();
        let mut known: HashMap<ConfigId, ScheduleRow> =
            rows.into_iter().map(|row| (row.config, row)).collect();
        let mut due = HashMap::new();
        for config in configs {
            let Some(cron) = config.spec.schedule.clone() else {
                continue;
            };
            let stored = known.remove(&config.id);
            let Some(row) = plan(&config, &cron, zone, stored.as_ref(), now, grace) else {
                continue;
            };
            if stored.as_ref() != Some(&row) {
                core.ledger.put_schedule(&row).await?;
            }
            let name = config.spec.name.clone();
            due.insert(config.id, Due { name, cron, row });
        }
        for config in known.into_keys() {
            core.ledger.drop_schedule(config).await?;
        }
        self.due = due;
        Ok(())
    }

    async fn start_due(&mut self, core: &Core, zone: Zone) -> Result<(), StoreError> {
        let now = Utc::now() + self.ahead;
        let due = self.due.values_mut().filter(|due| due.row.due_at <= now);
        for Due { name, cron, row } in due {
            let Some(next) = cron.next_after(now, zone) else {
                continue;
            };
            match core.ledger.start_due(row, next).await {
                Ok(Started::Job(job)) => {
                    tracing::info!(target: "db_taxi::jobs", config = name, job = %job.id, "due by its schedule");
                    let what = What::JobCreated(Box::new(without_tables(&job)));
                    core.hub.send(job.id, &job.config, None, what);
                    core.wake.notify_one();
                }
                Ok(Started::Busy(why)) => {
                    tracing::warn!(target: "db_taxi::jobs", config = name, "due by its schedule, left out: {why}");
                }
                Ok(Started::NotDue) => {}
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => {
                    tracing::warn!(target: "db_taxi::jobs", config = name, "not started by its schedule: {error}");
                }
            }
            row.due_at = next;
        }
        Ok(())
    }
}

/// When a config is due: as worked out before, unless its schedule changed or the time was missed.
fn plan(
    config: &Config,
    cron: &Cron,
    zone: Zone,
    stored: Option<&ScheduleRow>,
    now: DateTime<Utc>,
    grace: Duration,
) -> Option<ScheduleRow> {
    let same = |row: &&ScheduleRow| row.schedule == cron.as_str() && row.zone == zone.name();
    if let Some(row) = stored.filter(same) {
        let late = now - row.due_at;
        if late.to_std().is_ok_and(|late| late > grace) {
            tracing::warn!(
                target: "db_taxi::jobs",
                config = config.spec.name,
                "was due at {}, when no service was there; left out",
                row.due_at.to_rfc3339()
            );
        } else {
            return Some(row.clone());
        }
    }
    Some(ScheduleRow {
        config: config.id,
        schedule: cron.as_str().to_owned(),
        zone: zone.name().to_owned(),
        due_at: cron.next_after(now, zone)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::ConfigSpec;
    use crate::model::ids::ConnectionId;

    const GRACE: Duration = Duration::from_secs(90);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn config(schedule: &str) -> (Config, Cron) {
        let cron = Cron::parse(schedule).unwrap();
        let mut spec = ConfigSpec::new("shop", "source", Vec::new());
        spec.schedule = Some(cron.clone());
        let config = Config {
            id: ConfigId::generate(),
            connection_id: ConnectionId::generate(),
            spec,
            version: 1,
            last_job: None,
            next_runs: Vec::new(),
            created_at: Utc::now(),
            updated_at: Utc::now(),
        };
        (config, cron)
    }

    #[test]
    fn a_new_schedule_is_due_at_its_next_time_and_keeps_it() {
        let (config, cron) = config("0 3 * * *");
        let now = at("2026-05-01T12:00:00Z");
        let row = plan(&config, &cron, Zone::UTC, None, now, GRACE).unwrap();
        assert_eq!(row.due_at, at("2026-05-02T03:00:00Z"));
        // Also a little late: whoever takes over starts it.
        for later in [
            "2026-05-01T18:00:00Z",
            "2026-05-02T03:00:00Z",
            "2026-05-02T03:01:20Z",
        ] {
            let again = plan(&config, &cron, Zone::UTC, Some(&row), at(later), GRACE);
            assert_eq!(again.as_ref(), Some(&row), "{later}");
        }
    }

    #[test]
    fn a_time_at_which_no_service_was_there_is_left_out() {
        let (config, cron) = config("0 3 * * *");
        let row = plan(
            &config,
            &cron,
            Zone::UTC,
            None,
            at("2026-05-01T12:00:00Z"),
            GRACE,
        )
        .unwrap();
        let back = at("2026-05-04T08:00:00Z");
        let again = plan(&config, &cron, Zone::UTC, Some(&row), back, GRACE).unwrap();
        assert_eq!(again.due_at, at("2026-05-05T03:00:00Z"));
    }

    #[test]
    fn another_schedule_or_time_zone_is_worked_out_anew() {
        let (config, cron) = config("0 3 * * *");
        let now = at("2026-05-01T12:00:00Z");
        let row = plan(&config, &cron, Zone::UTC, None, now, GRACE).unwrap();
        let hourly = Cron::parse("@hourly").unwrap();
        let other = plan(&config, &hourly, Zone::UTC, Some(&row), now, GRACE).unwrap();
        assert_eq!(other.due_at, at("2026-05-01T13:00:00Z"));
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let other = plan(&config, &cron, berlin, Some(&row), now, GRACE).unwrap();
        assert_eq!(other.due_at, at("2026-05-02T01:00:00Z"));
    }
}
