//! What is to be done about a schedule at a given moment.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{CatchUp, Timetable};

/// A clock that went back by more than this had been wrong: what it led to does not count. By less,
/// it was put right, and what was started is not started again.
const CLOCK_WENT_BACK: TimeDelta = TimeDelta::hours(1);

/// What was worked out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// The next start.
    pub due_at: DateTime<Utc>,
    /// The moment up to which everything was dealt with, where it is known.
    pub settled_at: Option<DateTime<Utc>>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Wait,
    /// Nothing, and the next start is another one than thought.
    Plan {
        /// The next start.
        due_at: DateTime<Utc>,
        /// Why it is another one.
        why: Why,
    },
    /// A job is to be made.
    Start {
        /// The next start after this one.
        next: DateTime<Utc>,
        /// Whether it makes up for what was missed.
        catches_up: bool,
    },
}

/// Why the next start is another one than thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing was worked out before, or under another schedule.
    Fresh,
    /// What was due passed while nothing could be started.
    Missed,
    /// The same, and it is made up for as soon as the window ends that is open at this moment.
    Later,
    /// The clock went back by more than it may: the next start is worked out anew.
    ClockWentBack,
}

/// What is to be done at `now`. `planned`: as worked out before for the same schedule; `grace`: how
/// late a start may be without being missed. `None`: the schedule names no further time.
///
/// Starts that came due together make one job, and one that comes late within `grace` is made also
/// where a window has opened since.
#[must_use]
pub fn look(
    table: &Timetable<'_>,
    planned: Option<Planned>,
    now: DateTime<Utc>,
    grace: Duration,
) -> Option<Decision> {
    let plan = |why| {
        let due_at = table.next_after(now)?;
        Some(Decision::Plan { due_at, why })
    };
    let Some(planned) = planned else {
        return plan(Why::Fresh);
    };
    let settled = planned.settled_at.unwrap_or(now);
    if settled - now > CLOCK_WENT_BACK {
        return plan(Why::ClockWentBack);
    }
    if now < planned.due_at {
        return Some(Decision::Wait);
    }
    let grace = TimeDelta::from_std(grace).unwrap_or_default();
    let start = |catches_up| {
        let next = table.next_after(now)?;
        Some(Decision::Start { next, catches_up })
    };
    if now - planned.due_at <= grace {
        return start(false);
    }
    // Of several that passed, the last may be late by no more than it may.
    let last = now - grace - TimeDelta::milliseconds(1);
    if table.next_after(last).is_some_and(|due| due <= now) {
        return start(table.schedule().catch_up == CatchUp::Once);
    }
    if table.schedule().catch_up == CatchUp::None {
        return plan(Why::Missed);
    }
    if table.is_blacked_out(now) {
        let due_at = table.blackout_end(now)?;
        let why = Why::Later;
        return Some(Decision::Plan { due_at, why });
    }
    start(true)
}
