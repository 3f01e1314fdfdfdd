//! How old a copy is, and whether its schedule promised a younger one.
//!
//! Owns the rule. Must not know: the clock, who shows it. Called by the services, shown by fronts.

use chrono::{DateTime, Duration, Utc};

use super::ids::ConfigId;
use super::schedule::Timetable;

/// A point in time may be told by a clock that is behind by so much.
const CLOCKS_DIFFER: Duration = Duration::seconds(10);
/// A run is given this long, whatever the schedule: shorter ones are not worth a warning.
const LEAST_GRACE: Duration = Duration::minutes(5);
/// And no longer than this, as long as it is not seen at work.
const MOST_GRACE: Duration = Duration::hours(1);

/// What is to be thought of the age of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It was never known to be equal to its source.
    Unknown,
    /// No schedule says how old it may be.
    Unpromised,
    /// As young as its schedule promises.
    Fresh,
    /// A run was due a moment ago, or is at work.
    Due,
    /// Older than its schedule promises.
    Late,
}

/// Judges a copy that equals its source as of `at`. `schedule`: when it is brought up to date, if
/// that is promised; `active`: a run is at work or in the queue.
///
/// A run that was due has a quarter of the time until the next one, at least five minutes and at
/// most an hour; one that is at work has until the next is due.
#[must_use]
pub fn freshness(
    at: Option<DateTime<Utc>>,
    schedule: Option<Timetable<'_>>,
    active: bool,
    now: DateTime<Utc>,
) -> Freshness {
    let Some(at) = at else {
        return Freshness::Unknown;
    };
    let Some(table) = schedule else {
        return Freshness::Unpromised;
    };
    let [due, next] = table.upcoming(at + CLOCKS_DIFFER, 2)[..] else {
        return Freshness::Fresh;
    };
    if now < due {
        return Freshness::Fresh;
    }
    let between = next - due;
    let grace = (between / 4).clamp(LEAST_GRACE, MOST_GRACE).min(between);
    let late = if active { next } else { due + grace };
    if now < late {
        Freshness::Due
    } else {
        Freshness::Late
    }
}

/// How old the copies of one config are.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigFreshness {
    /// Which.
    pub config_id: ConfigId,
    /// The point of the source that every table which was compared has reached; `None` where none
    /// was.
    pub at: Option<DateTime<Utc>>,
    /// The table that is furthest behind.
    pub oldest: Option<String>,
    /// Its tables that were compared.
    pub tables: u32,
    /// Those of them that differed.
    pub differing: u32,
    /// What is to be thought of it.
    pub verdict: Freshness,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cron::{Cron, Zone};
    use crate::model::schedule::Schedule;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn judged(cron: &str, as_of: &str, now: &str, active: bool) -> Freshness {
        let cron = Schedule::from(Cron::parse(cron).unwrap());
        let table = Timetable::new(&cron, Zone::UTC, ConfigId::generate());
        freshness(Some(at(as_of)), Some(table), active, at(now))
    }

    #[test]
    fn without_a_comparison_or_a_schedule_nothing_is_promised() {
        let daily = Schedule::from(Cron::parse("0 2 * * *").unwrap());
        let schedule = Some(Timetable::new(&daily, Zone::UTC, ConfigId::generate()));
        let now = at("21T08:00:00");
        assert_eq!(freshness(None, schedule, false, now), Freshness::Unknown);
        assert_eq!(
            freshness(Some(at("01T00:00:00")), None, false, now),
            Freshness::Unpromised
        );
    }

    #[test]
    fn a_nightly_copy_is_late_an_hour_after_the_night_it_missed() {
        let nightly = "0 2 * * *";
        let as_of = "20T02:00:03";
        for (now, expected) in [
            ("20T02:10:00", Freshness::Fresh),
            ("21T01:59:59", Freshness::Fresh),
            ("21T02:00:00", Freshness::Due),
            ("21T02:59:59", Freshness::Due),
            ("21T03:00:00", Freshness::Late),
            ("23T12:00:00", Freshness::Late),
        ] {
            assert_eq!(judged(nightly, as_of, now, false), expected, "{now}");
        }
        // A load that takes hours is at work, until the next one should be.
        assert_eq!(judged(nightly, as_of, "21T09:00:00", true), Freshness::Due);
        assert_eq!(judged(nightly, as_of, "22T02:00:00", true), Freshness::Late);
    }

    #[test]
    fn frequent_schedules_have_five_minutes_and_never_more_than_their_interval() {
        let quarter = "*/15 * * * *";
        assert_eq!(
            judged(quarter, "21T02:00:01", "21T02:19:00", false),
            Freshness::Due
        );
        assert_eq!(
            judged(quarter, "21T02:00:01", "21T02:20:00", false),
            Freshness::Late
        );
        let minutely = "* * * * *";
        assert_eq!(
            judged(minutely, "21T02:00:20", "21T02:01:59", false),
            Freshness::Due
        );
        assert_eq!(
            judged(minutely, "21T02:00:20", "21T02:02:00", false),
            Freshness::Late
        );
    }

    #[test]
    fn a_source_whose_clock_is_a_little_behind_is_not_late_for_it() {
        assert_eq!(
            judged("0 2 * * *", "21T01:59:55", "21T20:00:00", false),
            Freshness::Fresh
        );
    }

    #[test]
    fn the_time_zone_of_the_schedule_counts() {
        let nightly = Schedule::from(Cron::parse("0 2 * * *").unwrap());
        let zone = Zone::parse("America/New_York").unwrap();
        let table = Timetable::new(&nightly, zone, ConfigId::generate());
        // 02:00 in New York is 07:00 UTC.
        let judged = |now| freshness(Some(at("20T07:00:02")), Some(table), false, at(now));
        assert_eq!(judged("21T06:30:00"), Freshness::Fresh);
        assert_eq!(judged("21T08:30:00"), Freshness::Late);
    }
}
