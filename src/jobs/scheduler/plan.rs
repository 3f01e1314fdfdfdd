//! When each config is due, as of the last reading of the control database.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::jobs::core::{Core, without_tables};
use crate::model::cron::Zone;
use crate::model::event::What;
use crate::model::ids::ConfigId;
use crate::model::schedule::{Decision, Planned, Schedule, Timetable, Why, look};
use crate::store::StoreError;
use crate::store::schedules::{ScheduleRow, Schedules, Started, signature};

/// A time that is later than this, beyond a takeover, was missed.
const GRACE: Duration = Duration::from_secs(60);

/// When each config is due.
#[derive(Default)]
pub struct Plan {
    due: HashMap<ConfigId, Due>,
    /// The server's clock, and ours that only goes forward, at one moment. Ours for people may be
    /// set while we count on it.
    clock: Option<(DateTime<Utc>, Instant)>,
}

/// When one config is due.
struct Due {
    name: String,
    schedule: Schedule,
    zone: Zone,
    /// What is stored; `None` is nothing for this schedule.
    row: Option<ScheduleRow>,
    /// Something is stored for another schedule.
    other: Option<ScheduleRow>,
}

impl Plan {
    /// Reads the configs, and what was worked out before.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn read(&mut self, core: &Core) -> Result<(), StoreError> {
        let asked = Instant::now();
        let Schedules { now, configs, rows } = core.ledger.schedules().await?;
        self.clock = Some((now, asked));
        let default = core.zone();
        let mut known: HashMap<ConfigId, ScheduleRow> =
            rows.into_iter().map(|row| (row.config, row)).collect();
        let mut due = HashMap::new();
        for config in configs {
            let Some(schedule) = config.spec.schedule else {
                continue;
            };
            let zone = schedule.zone(default);
            let text = signature(&schedule);
            let stored = known.remove(&config.id);
            let same = |row: &ScheduleRow| row.schedule == text && row.zone == zone.name();
            let (row, other) = match stored {
                Some(row) if same(&row) => (Some(row), None),
                other => (None, other),
            };
            let name = config.spec.name;
            let one = Due {
                name,
                schedule,
                zone,
                row,
                other,
            };
            due.insert(config.id, one);
        }
        for config in known.into_keys() {
            core.ledger.drop_schedule(config).await?;
        }
        self.due = due;
        Ok(())
    }

    /// Starts what is due.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn carry_out(&mut self, core: &Core) -> Result<(), StoreError> {
        let Some((then, at)) = self.clock else {
            return Ok(());
        };
        let grace = GRACE + core.keeper.ttl() * 2;
        for (config, due) in &mut self.due {
            let now = then + TimeDelta::from_std(at.elapsed()).unwrap_or_default();
            let table = Timetable::new(&due.schedule, due.zone, *config);
            let planned = due.row.as_ref().map(|row| Planned {
                due_at: row.due_at,
                settled_at: row.settled_at,
            });
            let row = |due_at| ScheduleRow {
                config: *config,
                schedule: signature(&due.schedule),
                zone: due.zone.name().to_owned(),
                due_at,
                settled_at: Some(now),
            };
            match look(&table, planned, now, grace) {
                None | Some(Decision::Wait) => {}
                Some(Decision::Plan { due_at, why }) => {
                    tell(&due.name, due.row.as_ref(), due_at, why);
                    let (old, new) = (due.row.as_ref().or(due.other.as_ref()), row(due_at));
                    // Where somebody else was faster, the next reading tells.
                    if core.ledger.put_schedule(old, &new).await? {
                        (due.row, due.other) = (Some(new), None);
                    }
                }
                Some(Decision::Start { next, catches_up }) => {
                    let Some(stored) = due.row.clone() else {
                        continue;
                    };
                    start(core, &due.name, &stored, next, catches_up).await?;
                    due.row = Some(row(next));
                }
            }
        }
        Ok(())
    }
}

async fn start(
    core: &Core,
    name: &str,
    row: &ScheduleRow,
    next: DateTime<Utc>,
    catches_up: bool,
) -> Result<(), StoreError> {
    match core.ledger.start_due(row, next).await {
        Ok(Started::Job(job)) => {
            let why = if catches_up {
                "catches up with what was due"
            } else {
                "due by its schedule"
            };
            tracing::info!(target: "db_taxi::jobs", config = name, job = %job.id, "{why}");
            let what = What::JobCreated(Box::new(without_tables(&job)));
            core.hub.send(job.id, &job.config, None, what);
            core.wake.notify_one();
        }
        Ok(Started::Busy { why, in_a_row }) => {
            tracing::warn!(
                target: "db_taxi::jobs",
                config = name,
                "due by its schedule, left out ({in_a_row} in a row): {why}"
            );
        }
        Ok(Started::NotDue) => {}
        Err(error) if error.is_unavailable() => return Err(error),
        Err(error) => {
            tracing::warn!(target: "db_taxi::jobs", config = name, "not started by its schedule: {error}");
        }
    }
    Ok(())
}

fn tell(name: &str, row: Option<&ScheduleRow>, due_at: DateTime<Utc>, why: Why) {
    let next = due_at.to_rfc3339();
    let was = row.map_or_else(String::new, |row| row.due_at.to_rfc3339());
    match why {
        Why::Fresh => {
            tracing::debug!(target: "db_taxi::jobs", config = name, "due at {next}");
        }
        Why::Missed => tracing::warn!(
            target: "db_taxi::jobs",
            config = name,
            "was due at {was}, when nothing could be started; left out, next at {next}"
        ),
        Why::Later => tracing::warn!(
            target: "db_taxi::jobs",
            config = name,
            "was due at {was}, when nothing could be started; made up for after the blackout, at {next}"
        ),
        Why::ClockWentBack => tracing::warn!(
            target: "db_taxi::jobs",
            config = name,
            "the local server's clock went back by more than an hour; was due at {was}, is due at {next}"
        ),
    }
}
