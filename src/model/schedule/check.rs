//! Schedules that could never start anything.

use chrono::{DateTime, TimeDelta, Utc};

use super::blackout::cover_a_day;
use super::{CatchUp, Schedule, Timetable};
use crate::model::cron::Zone;
use crate::model::ids::ConfigId;

impl Schedule {
    /// Why it would never start anything, if that is so.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if cover_a_day(&self.blackout) {
            let why = "the windows cover the whole day: nothing would ever be started";
            return Err(("blackout", why.to_owned()));
        }
        if self.catch_up == CatchUp::None && is_all_blacked_out(self) {
            let why = "every run falls into a window: nothing would ever be started";
            return Err(("blackout", why.to_owned()));
        }
        Ok(())
    }
}

/// Whether each time of the cron expression falls into a window, whatever its jitter; the times of
/// a day are the same on every day.
fn is_all_blacked_out(schedule: &Schedule) -> bool {
    if schedule.blackout.is_empty() {
        return false;
    }
    let in_utc = Schedule {
        timezone: Some(Zone::UTC),
        ..schedule.clone()
    };
    let table = Timetable::new(&in_utc, Zone::UTC, ConfigId::from_u64_pair(0, 0));
    let jitter = TimeDelta::from_std(schedule.jitter).unwrap_or_default();
    let mut time = DateTime::<Utc>::UNIX_EPOCH;
    let mut day = None;
    loop {
        let Some(next) = schedule.cron.next_after(time, Zone::UTC) else {
            return false;
        };
        if *day.get_or_insert(next.date_naive()) != next.date_naive() {
            return true;
        }
        let end = table.blackout_end(next);
        if end.is_none_or(|end| {
            end <= next + (jitter - TimeDelta::milliseconds(1)).max(TimeDelta::zero())
        }) {
            return false;
        }
        time = next;
    }
}
