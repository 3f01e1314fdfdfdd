//! A year of schedules on a clock turned by hand, held against a model that knows nothing of cron
//! libraries: every minute of the year, what the clocks on the wall show then, and lists of numbers.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::{GRACE, at};
use crate::model::cron::{Cron, Zone};
use crate::model::ids::ConfigId;
use crate::model::schedule::{Blackout, CatchUp, Decision, Planned, Schedule, Timetable, look};

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A zone's year: what its clocks show at each minute.
struct Year {
    zone: Zone,
    minutes: Vec<(DateTime<Utc>, NaiveDateTime)>,
}

impl Year {
    fn of(zone: &str) -> Self {
        let zone = Zone::parse(zone).unwrap();
        let first = at("2026-01-01T00:00:00Z");
        let minutes = (0..366 * 24 * 60)
            .map(|n| first + TimeDelta::minutes(n))
            .map(|time| (time, zone.wall(time)))
            .collect();
        Self { zone, minutes }
    }

    fn changes(&self) -> usize {
        let offsets = self
            .minutes
            .iter()
            .map(|(utc, wall)| *wall - utc.naive_utc());
        let offsets: Vec<TimeDelta> = offsets.collect();
        offsets.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

/// An expression, and what it stands for as lists of numbers.
struct Times {
    text: &'static str,
    minutes: Vec<u32>,
    hours: Vec<u32>,
    days: fn(NaiveDate) -> bool,
    /// One time of the day: a skipped one is made up for, a repeated one comes once.
    fixed: bool,
}

fn all_times() -> Vec<Times> {
    fn times(
        text: &'static str,
        minutes: &[u32],
        hours: &[u32],
        days: fn(NaiveDate) -> bool,
    ) -> Times {
        let fixed = minutes.len() == 1 && hours.len() == 1;
        Times {
            text,
            minutes: minutes.to_vec(),
            hours: hours.to_vec(),
            days,
            fixed,
        }
    }
    let all: Vec<u32> = (0..24).collect();
    let any = |_: NaiveDate| true;
    vec![
        times("30 2 * * *", &[30], &[2], any),
        times("0 0 * * *", &[0], &[0], any),
        times("59 23 * * *", &[59], &[23], any),
        times("0 * * * *", &[0], &all, any),
        times("*/15 * * * *", &[0, 15, 30, 45], &all, any),
        times("15 1,2,3 * * *", &[15], &[1, 2, 3], any),
        times("10,50 2 * * *", &[10, 50], &[2], any),
        times("45 1 * * SUN", &[45], &[1], |day| {
            day.weekday() == chrono::Weekday::Sun
        }),
        times("5 2 1,15 * MON", &[5], &[2], |day| {
            [1, 15].contains(&day.day()) || day.weekday() == chrono::Weekday::Mon
        }),
        times("20 3 29 3-10 *", &[20], &[3], |day| {
            day.day() == 29 && (3..=10).contains(&day.month())
        }),
    ]
}

/// The times of the year, by walking through it.
fn walked(year: &Year, times: &Times) -> Vec<DateTime<Utc>> {
    let fits = |wall: &NaiveDateTime| {
        times.minutes.contains(&wall.minute())
            && times.hours.contains(&wall.hour())
            && (times.days)(wall.date())
    };
    if !times.fixed {
        let all = year.minutes.iter().filter(|(_, wall)| fits(wall));
        return all.map(|(utc, _)| *utc).collect();
    }
    let wanted = NaiveTime::from_hms_opt(times.hours[0], times.minutes[0], 0).unwrap();
    let mut found = Vec::new();
    let mut done: Option<NaiveDate> = None;
    for pair in year.minutes.windows(2) {
        let ((_, before), (utc, wall)) = (pair[0], pair[1]);
        let day = wall.date();
        if !(times.days)(day) || done == Some(day) {
            continue;
        }
        // Reached, or passed over by a clock that was set forward.
        let passed = before < day.and_time(wanted) && wall > day.and_time(wanted);
        if wall.time() == wanted || passed {
            found.push(utc);
            done = Some(day);
        }
    }
    found
}

fn is_inside(windows: &[(&str, &str)], wall: NaiveDateTime) -> bool {
    let now = wall.format("%H:%M").to_string();
    windows.iter().any(|(from, until)| {
        if from < until {
            *from <= now.as_str() && now.as_str() < *until
        } else {
            *from <= now.as_str() || now.as_str() < *until
        }
    })
}

/// The first whole minute from `time` on that is outside of all windows, or `time` if it is.
fn outside(zone: Zone, windows: &[(&str, &str)], time: DateTime<Utc>) -> DateTime<Utc> {
    if !is_inside(windows, zone.wall(time)) {
        return time;
    }
    let mut minute = time.with_second(0).unwrap().with_nanosecond(0).unwrap();
    while is_inside(windows, zone.wall(minute)) {
        minute += TimeDelta::minutes(1);
    }
    minute
}

struct Case<'a> {
    year: &'a Year,
    times: &'a Times,
    schedule: Schedule,
    windows: &'a [(&'a str, &'a str)],
    config: ConfigId,
    /// When no process looks: begin and end.
    down: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Case<'_> {
    fn table(&self) -> Timetable<'_> {
        Timetable::new(&self.schedule, Zone::UTC, self.config)
    }

    /// Every moment at which the rules want a start, were a process always there.
    fn wanted(&self) -> BTreeSet<DateTime<Utc>> {
        let once = self.schedule.catch_up == CatchUp::Once;
        walked(self.year, self.times)
            .into_iter()
            .map(|time| self.table().with_jitter(time))
            .filter_map(|due| {
                let free = outside(self.year.zone, self.windows, due);
                (free == due || once).then_some(free)
            })
            .filter(|due| *due > self.begin && *due <= self.end)
            .collect()
    }

    /// The first look at or after `time`: each whole second while a process is there.
    fn looked(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        let whole = time.with_nanosecond(0).unwrap();
        let second = if whole < time {
            whole + TimeDelta::seconds(1)
        } else {
            whole
        };
        let within = self
            .down
            .iter()
            .find(|(from, to)| *from <= second && second < *to);
        within.map_or(second, |(_, to)| *to)
    }

    /// What the documented rules make of that.
    fn expected(&self) -> Vec<DateTime<Utc>> {
        let grace = TimeDelta::from_std(GRACE).unwrap();
        let mut left = self.wanted();
        let mut starts = Vec::new();
        while let Some(first) = left.first().copied() {
            let look = self.looked(first);
            let rest = left.split_off(&(look + TimeDelta::milliseconds(1)));
            let together = std::mem::replace(&mut left, rest);
            let last = together.last().copied().unwrap();
            if look > self.end {
                break;
            }
            if look - last <= grace {
                starts.push(look);
            } else if self.schedule.catch_up == CatchUp::Once {
                let free = outside(self.year.zone, self.windows, look);
                if free == look {
                    starts.push(look);
                } else {
                    left.insert(free);
                }
            }
        }
        starts
    }

    /// What a process does that is there but for its downtimes, and keeps what it worked out.
    fn lived(&self) -> Vec<DateTime<Utc>> {
        let table = self.table();
        let mut starts = Vec::new();
        let mut planned: Option<Planned> = None;
        let mut now = self.begin;
        while now <= self.end {
            match look(&table, planned, now, GRACE) {
                None => break,
                Some(Decision::Wait) => {}
                Some(Decision::Plan { due_at, .. }) => {
                    planned = Some(Planned {
                        due_at,
                        settled_at: Some(now),
                    });
                }
                Some(Decision::Start { next, .. }) => {
                    starts.push(now);
                    planned = Some(Planned {
                        due_at: next,
                        settled_at: Some(now),
                    });
                }
            }
            // Looks before it is due change nothing; some are made all the same.
            let due = planned.unwrap().due_at;
            now = self.looked((now + TimeDelta::seconds(1)).max(due - TimeDelta::seconds(2)));
        }
        starts
    }
}

fn downtimes(dice: &mut Dice, begin: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut from = begin;
    let mut all = Vec::new();
    let end = begin + TimeDelta::days(360);
    loop {
        from += TimeDelta::seconds(3_600 + i64::try_from(dice.below(14 * 86_400)).unwrap());
        if from > end {
            return all;
        }
        let longest = [30, 200, 3_600, 40_000, 300_000][usize::try_from(dice.below(5)).unwrap()];
        let to = from + TimeDelta::seconds(1 + i64::try_from(dice.below(longest)).unwrap());
        all.push((from, to));
        from = to;
    }
}

const ZONES: &[(&str, usize)] = &[
    ("Europe/Berlin", 2),
    ("America/New_York", 2),
    ("Australia/Lord_Howe", 2),
    ("Pacific/Chatham", 2),
    ("Asia/Kolkata", 0),
    ("UTC", 0),
];

/// The heart of it: no run is lost or doubled beyond what the rules say.
#[test]
fn a_year_with_both_clock_changes_and_random_downtimes_goes_by_the_rules() {
    let windows: &[&[(&str, &str)]] = &[
        &[],
        &[("22:00", "06:00")],
        &[("01:30", "02:45"), ("12:00", "13:00")],
        &[("02:00", "03:00")],
    ];
    let all = all_times();
    let (mut dice, mut starts, mut cases) = (Dice(20_261_122), 0, 0);
    for (name, changes) in ZONES {
        let year = Year::of(name);
        assert_eq!(year.changes(), *changes, "{name}");
        for (n, times) in all.iter().enumerate() {
            let windows = windows[(n + usize::try_from(dice.below(4)).unwrap()) % windows.len()];
            let schedule = Schedule {
                timezone: Some(year.zone),
                jitter: Duration::from_secs(
                    [0, 0, 420, 5_400][usize::try_from(dice.below(4)).unwrap()],
                ),
                catch_up: if dice.below(2) == 0 {
                    CatchUp::None
                } else {
                    CatchUp::Once
                },
                blackout: windows
                    .iter()
                    .map(|(from, until)| Blackout::parse(&format!("{from}-{until}")).unwrap())
                    .collect(),
                ..Schedule::from(Cron::parse(times.text).unwrap())
            };
            if schedule.check().is_err() {
                continue;
            }
            let begin = at("2026-01-02T10:00:00Z");
            let case = Case {
                year: &year,
                times,
                schedule,
                windows,
                config: ConfigId::from_u64_pair(dice.below(1 << 30), n as u64),
                down: downtimes(&mut dice, begin),
                begin,
                end: at("2026-12-30T10:00:00Z"),
            };
            let shown = format!("{} in {name}", case.schedule);
            let (lived, expected) = (case.lived(), case.expected());
            let differ = lived.iter().zip(&expected).find(|(a, b)| a != b);
            assert!(differ.is_none(), "{shown}: {differ:?}");
            assert_eq!(lived.len(), expected.len(), "{shown}");
            starts += lived.len();
            cases += 1;
            // And what is shown beforehand is what would come.
            let wanted: Vec<_> = case.wanted().into_iter().take(300).collect();
            assert_eq!(
                case.table().upcoming(begin, wanted.len()),
                wanted,
                "{shown}"
            );
        }
    }
    assert!(
        cases > 40 && starts > 50_000,
        "{cases} cases, {starts} starts"
    );
}
