//! The rules one by one; a whole year of them in `year`.

mod year;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::model::ids::ConfigId;

const GRACE: Duration = Duration::from_secs(90);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn table(schedule: &Schedule) -> Timetable<'_> {
    Timetable::new(schedule, Zone::UTC, ConfigId::from_u64_pair(7, 9))
}

fn of(cron: &str) -> Schedule {
    Cron::parse(cron).unwrap().into()
}

fn planned(due_at: &str, settled_at: &str) -> Option<Planned> {
    Some(Planned {
        due_at: at(due_at),
        settled_at: Some(at(settled_at)),
    })
}

#[test]
fn jitter_is_the_same_everywhere_below_the_interval_and_spread() {
    let schedule = Schedule {
        jitter: Duration::from_secs(3_600),
        ..of("*/15 * * * *")
    };
    let midnight = at("2026-05-01T00:00:00Z");
    let due = table(&schedule).upcoming(midnight - TimeDelta::hours(1), 400);
    assert_eq!(
        due,
        table(&schedule).upcoming(midnight - TimeDelta::hours(1), 400)
    );
    let late: BTreeSet<i64> = due
        .iter()
        .map(|at| at.timestamp_millis().rem_euclid(900_000))
        .collect();
    assert!(
        late.len() > 350 && *late.last().unwrap() > 800_000 && *late.first().unwrap() < 100_000
    );
    assert!(due.windows(2).all(|pair| pair[0] < pair[1]));
    // One start for each quarter of an hour.
    let quarters: BTreeSet<i64> = due
        .iter()
        .map(|at| at.timestamp().div_euclid(900))
        .collect();
    assert_eq!(quarters.len(), 400);
    let other = Timetable::new(&schedule, Zone::UTC, ConfigId::from_u64_pair(7, 10));
    assert_ne!(due, other.upcoming(midnight - TimeDelta::hours(1), 400));
    // Versions that run side by side must agree.
    let one = table(&schedule).with_jitter(midnight);
    assert_eq!(one.to_rfc3339(), "2026-05-01T00:06:39.312+00:00");
}

#[test]
fn a_clock_that_goes_back_a_little_doubles_nothing_and_one_that_was_far_off_stops_nothing() {
    let every = of("*/10 * * * *");
    let table = table(&every);
    let started = planned("2026-05-01T10:20:00Z", "2026-05-01T10:10:00Z");
    for now in [
        "2026-05-01T10:09:30Z",
        "2026-05-01T09:50:00Z",
        "2026-05-01T09:10:01Z",
    ] {
        let decision = look(&table, started, at(now), GRACE);
        assert_eq!(decision, Some(Decision::Wait), "{now}");
    }
    // A clock that was a year ahead had its plan made there.
    let astray = planned("2027-05-01T10:20:00Z", "2027-05-01T10:10:00Z");
    let decision = look(&table, astray, at("2026-05-01T10:11:00Z"), GRACE);
    let due_at = at("2026-05-01T10:20:00Z");
    assert_eq!(
        decision,
        Some(Decision::Plan {
            due_at,
            why: Why::ClockWentBack
        })
    );
    // Forward: like a time at which nobody was there.
    let decision = look(&table, started, at("2026-05-01T13:05:00Z"), GRACE);
    let due_at = at("2026-05-01T13:10:00Z");
    assert_eq!(
        decision,
        Some(Decision::Plan {
            due_at,
            why: Why::Missed
        })
    );
}

#[test]
fn what_was_missed_is_left_out_or_made_up_for_once_and_never_within_a_window() {
    let mut schedule = of("0 3 * * *");
    let missed = planned("2026-05-01T03:00:00Z", "2026-04-30T03:00:00Z");
    let back = at("2026-05-04T08:00:00Z");
    let next = at("2026-05-05T03:00:00Z");
    let decision = look(&table(&schedule), missed, back, GRACE);
    assert_eq!(
        decision,
        Some(Decision::Plan {
            due_at: next,
            why: Why::Missed
        })
    );
    schedule.catch_up = CatchUp::Once;
    let decision = look(&table(&schedule), missed, back, GRACE);
    assert_eq!(
        decision,
        Some(Decision::Start {
            next,
            catches_up: true
        })
    );
    schedule.blackout = vec![Blackout::parse("07:00-20:00").unwrap()];
    let decision = look(&table(&schedule), missed, back, GRACE);
    let due_at = at("2026-05-04T20:00:00Z");
    assert_eq!(
        decision,
        Some(Decision::Plan {
            due_at,
            why: Why::Later
        })
    );
    let decision = look(
        &table(&schedule),
        planned("2026-05-04T20:00:00Z", "2026-05-04T08:00:00Z"),
        due_at,
        GRACE,
    );
    assert_eq!(
        decision,
        Some(Decision::Start {
            next,
            catches_up: false
        })
    );
}

#[test]
fn a_start_that_is_a_little_late_is_made_and_those_that_came_together_make_one() {
    let every = of("* * * * *");
    let waiting = planned("2026-05-01T10:00:00Z", "2026-05-01T09:59:00Z");
    for (now, next) in [
        ("2026-05-01T10:00:00Z", "2026-05-01T10:01:00Z"),
        ("2026-05-01T10:01:20Z", "2026-05-01T10:02:00Z"),
        // Long after: the last of those that passed is late by less than it may.
        ("2026-05-01T17:33:10Z", "2026-05-01T17:34:00Z"),
    ] {
        let next = at(next);
        let decision = look(&table(&every), waiting, at(now), GRACE);
        assert_eq!(
            decision,
            Some(Decision::Start {
                next,
                catches_up: false
            }),
            "{now}"
        );
    }
}

#[test]
fn windows_hold_what_falls_into_them_and_let_one_start_follow() {
    let mut schedule = Schedule {
        timezone: Some(Zone::parse("Europe/Berlin").unwrap()),
        blackout: vec![Blackout::parse("22:00-06:00").unwrap()],
        ..of("0 */3 * * *")
    };
    let shown = |schedule: &Schedule, after: &str, count| -> Vec<String> {
        let due = table(schedule).upcoming(at(after), count);
        let wall = |time| Zone::parse("Europe/Berlin").unwrap().wall(time);
        due.into_iter()
            .map(|due| wall(due).format("%d %H:%M").to_string())
            .collect()
    };
    // The clocks are set back in the night to the 25th.
    let night = "2026-10-24T18:30:00Z";
    assert_eq!(
        shown(&schedule, night, 3),
        ["24 21:00", "25 06:00", "25 09:00"]
    );
    schedule.cron = Cron::parse("30 */3 * * *").unwrap();
    assert_eq!(
        shown(&schedule, night, 3),
        ["24 21:30", "25 06:30", "25 09:30"]
    );
    schedule.catch_up = CatchUp::Once;
    assert_eq!(
        shown(&schedule, night, 3),
        ["24 21:30", "25 06:00", "25 06:30"]
    );
    // Within the window it is known what follows.
    assert_eq!(
        shown(&schedule, "2026-10-25T00:45:00Z", 2),
        ["25 06:00", "25 06:30"]
    );
}
