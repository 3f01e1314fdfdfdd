//! The moments at which a config is to be started.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Timelike, Utc};

use super::{CatchUp, Schedule};
use crate::model::cron::Zone;
use crate::model::ids::ConfigId;

/// Minutes that the end of a window is looked for: a day, and what clocks are set by.
const LONGEST_WINDOW: usize = 3 * 24 * 60;
/// Times that are looked at for one that is allowed.
const TRIES: usize = 20_000;
const MINUTE: TimeDelta = TimeDelta::minutes(1);
const INSTANT: TimeDelta = TimeDelta::milliseconds(1);

/// The schedule of one config, in its zone.
#[derive(Debug, Clone, Copy)]
pub struct Timetable<'a> {
    schedule: &'a Schedule,
    zone: Zone,
    config: ConfigId,
}

impl<'a> Timetable<'a> {
    /// The schedule of `config`, where the setting says `default` for the zone.
    #[must_use]
    pub fn new(schedule: &'a Schedule, default: Zone, config: ConfigId) -> Self {
        Self {
            schedule,
            zone: schedule.zone(default),
            config,
        }
    }

    /// What it goes by.
    #[must_use]
    pub fn schedule(&self) -> &'a Schedule {
        self.schedule
    }

    /// The zone in which its times are read.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The first start after `after`, on milliseconds: a time of the cron expression with its
    /// jitter, none inside of a window. With [`CatchUp::Once`] a start at the end of a window makes
    /// up for those that fell into it.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let jitter = self.jitter();
        // A time before `after` may have a start after it: by its jitter, or by a window's end.
        let mut cursor = self.before(after);
        if self.schedule.catch_up == CatchUp::Once && self.is_blacked_out(after) {
            cursor = self.before(self.blackout_begin(after)) - INSTANT;
        }
        for _ in 0..TRIES {
            let time = self.schedule.cron.next_after(cursor, self.zone)?;
            let due = self.with_jitter(time);
            cursor = time;
            if !self.is_blacked_out(due) {
                if due > after {
                    return Some(due);
                }
                continue;
            }
            let end = self.blackout_end(due)?;
            if self.schedule.catch_up == CatchUp::Once && end > after {
                return Some(end);
            }
            // Everything until then falls into the same window.
            cursor = cursor.max(end - jitter - INSTANT);
        }
        None
    }

    /// The first `count` starts after `after`.
    #[must_use]
    pub fn upcoming(&self, after: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        let mut last = after;
        std::iter::from_fn(|| {
            last = self.next_after(last)?;
            Some(last)
        })
        .take(count)
        .collect()
    }

    /// Whether nothing is started at this moment.
    #[must_use]
    pub fn is_blacked_out(&self, at: DateTime<Utc>) -> bool {
        if self.schedule.blackout.is_empty() {
            return false;
        }
        let wall = self.zone.wall(at).time();
        let minute = u16::try_from(wall.hour() * 60 + wall.minute()).unwrap_or_default();
        let windows = &self.schedule.blackout;
        windows.iter().any(|window| window.covers(minute))
    }

    /// The first moment from `at` on at which starts are allowed.
    #[must_use]
    pub fn blackout_end(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.is_blacked_out(at) {
            return Some(at);
        }
        let mut minute = whole_minute(at) + MINUTE;
        for _ in 0..LONGEST_WINDOW {
            if !self.is_blacked_out(minute) {
                return Some(minute);
            }
            minute += MINUTE;
        }
        None
    }

    /// The first moment of the window that `at` is in.
    fn blackout_begin(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let mut minute = whole_minute(at);
        for _ in 0..LONGEST_WINDOW {
            if !self.is_blacked_out(minute - MINUTE) {
                break;
            }
            minute -= MINUTE;
        }
        minute
    }

    /// A moment with no time of the cron expression between it and `at` whose start could come after
    /// `at`. Since a start comes before the next time, the last time before `at` is enough.
    fn before(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let most = self.jitter();
        if most.is_zero() {
            return at;
        }
        let mut back = MINUTE;
        loop {
            let from = at - back.min(most) - INSTANT;
            let next = self.schedule.cron.next_after(from, self.zone);
            if back >= most || next.is_some_and(|next| next <= at) {
                return from;
            }
            back = back * 8;
        }
    }

    fn jitter(&self) -> TimeDelta {
        TimeDelta::from_std(self.schedule.jitter).unwrap_or_default()
    }

    /// A time of the cron expression, late by a part of the jitter that stays below the interval:
    /// the order of starts is that of their times.
    pub(in crate::model::schedule) fn with_jitter(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        if self.schedule.jitter.is_zero() {
            return time;
        }
        let most = match self.schedule.cron.next_after(time, self.zone) {
            Some(next) => (next - time).min(self.jitter()),
            None => self.jitter(),
        };
        let most = u64::try_from(most.num_milliseconds()).unwrap_or_default();
        let late = mixed(self.config, time)
            .checked_rem(most)
            .unwrap_or_default();
        time + TimeDelta::from_std(Duration::from_millis(late)).unwrap_or_default()
    }
}

fn whole_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(MINUTE).unwrap_or(at)
}

/// A number that every process finds for one config and time, and that tells nothing of those of
/// others: the finalizer of SplitMix64 over both. Not to be changed: two versions that run side by
/// side must agree.
fn mixed(config: ConfigId, time: DateTime<Utc>) -> u64 {
    let (high, low) = config.as_u64_pair();
    let time = time.timestamp().unsigned_abs();
    [high, low, time].iter().fold(0, |state: u64, part| {
        let mut x = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    })
}
