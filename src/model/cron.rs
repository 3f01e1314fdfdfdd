//! Cron expressions and the time zones they are read in: when something is due.
//!
//! Owns which texts are a schedule and which moments they name. Must not know: the clock, configs,
//! who acts on it. Called by the mapping reader, the scheduler and whatever shows when it runs next.
//!
//! Clocks that are set forward skip times and those set back repeat them. A schedule at one fixed
//! time of day that is skipped comes at the first moment after the gap, and one that is repeated
//! comes once; one by intervals just follows the clock on the wall.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use croner::parser::{CronParser, Seconds, Year};

/// The shorthands that stand for an expression.
const SHORTHANDS: &[(&str, &str)] = &[
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
];

/// What a schedule may be, for messages.
const REMEDY: &str = "give five fields (minute, hour, day of month, month, day of week) such as \
     \"*/15 * * * *\", or @hourly, @daily, @weekly or @monthly";

/// A cron expression of five fields.
#[derive(Clone)]
pub struct Cron {
    text: String,
    pattern: Box<croner::Cron>,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead, as one sentence each.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let refuse = |why: String| Err((why, REMEDY.to_owned()));
        let fields: Vec<&str> = text.split_whitespace().collect();
        let text = fields.join(" ");
        let expression = match fields.as_slice() {
            [word] if word.starts_with('@') => {
                match SHORTHANDS.iter().find(|(name, _)| name == word) {
                    Some((_, expression)) => (*expression).to_owned(),
                    None => return refuse(format!("{word} is no known schedule")),
                }
            }
            [_, _, _, _, _] => text.clone(),
            [_, _, _, _, _, _] => {
                return refuse(
                    "six fields are not taken: whether the first would be seconds or the last \
                     years can't be known"
                        .to_owned(),
                );
            }
            _ => return refuse(format!("{text:?} is no cron expression of five fields")),
        };
        // crontab(5): either day is enough where both are restricted; `*/2` is not.
        let starred = |field: usize| {
            expression
                .split(' ')
                .nth(field)
                .is_some_and(|f| f.starts_with('*'))
        };
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .dom_and_dow(starred(2) || starred(4))
            .build();
        let pattern = match parser.parse(&expression) {
            Ok(pattern) => Box::new(pattern),
            Err(error) => return refuse(format!("{text:?} is no cron expression: {error}")),
        };
        let cron = Self { text, pattern };
        // Any moment does: what does not come within a cycle of the calendar never comes.
        let start = DateTime::<Utc>::UNIX_EPOCH;
        if cron.next_after(start, Zone::UTC).is_none() {
            return refuse(format!("{:?} never comes", cron.text));
        }
        Ok(cron)
    }

    /// As it was written, with single blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first due time after `after`.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
        // Times are whole seconds: without its fraction `after` has the same next one.
        let after = DateTime::from_timestamp(after.timestamp(), 0)?;
        let local = zone.0.from_utc_datetime(&after.naive_utc());
        let next = self.pattern.find_next_occurrence(&local, false).ok()?;
        Some(next.with_timezone(&Utc))
    }

    /// The first `count` due times after `after`.
    #[must_use]
    pub fn upcoming(&self, after: DateTime<Utc>, zone: Zone, count: usize) -> Vec<DateTime<Utc>> {
        let mut last = after;
        std::iter::from_fn(|| {
            last = self.next_after(last, zone)?;
            Some(last)
        })
        .take(count)
        .collect()
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.text).finish()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time zone, by its IANA name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(chrono_tz::Tz);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(chrono_tz::Tz::UTC);

    /// Reads a name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// That there is no such zone.
    pub fn parse(name: &str) -> Result<Self, String> {
        chrono_tz::Tz::from_str(name)
            .map(Self)
            .map_err(|_| format!("there is no time zone named {name:?}"))
    }

    /// What its clocks on the wall show at `at`.
    #[must_use]
    pub fn wall(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, Timelike};
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn next(cron: &str, zone: &str, after: &str) -> String {
        let cron = Cron::parse(cron).unwrap();
        let next = cron.next_after(at(after), Zone::parse(zone).unwrap());
        next.unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    #[test]
    fn shorthands_and_five_fields_are_read_and_anything_else_is_refused() {
        assert_eq!(
            next("@hourly", "UTC", "2026-03-01T10:20:30Z"),
            "2026-03-01T11:00:00Z"
        );
        assert_eq!(
            next("@daily", "UTC", "2026-03-01T10:20:30Z"),
            "2026-03-02T00:00:00Z"
        );
        assert_eq!(
            next("@weekly", "UTC", "2026-03-01T00:00:00Z"),
            "2026-03-08T00:00:00Z"
        );
        assert_eq!(
            next("@monthly", "UTC", "2026-03-01T00:00:00Z"),
            "2026-04-01T00:00:00Z"
        );
        assert_eq!(
            next(" 0  2 * *  MON-FRI ", "UTC", "2026-03-06T02:00:00Z"),
            "2026-03-09T02:00:00Z"
        );
        assert_eq!(
            next("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z"),
            "2028-02-29T00:00:00Z"
        );
        for (wrong, why) in [
            ("0 0 2 * * *", "six fields"),
            ("* * * *", "no cron expression of five fields"),
            ("", "no cron expression of five fields"),
            ("@yearly", "no known schedule"),
            ("@reboot", "no known schedule"),
            ("60 * * * *", "no cron expression"),
            ("x * * * *", "no cron expression"),
            ("0 0 31 2 *", "never comes"),
            ("continuous", "no cron expression of five fields"),
        ] {
            let (message, remedy) = Cron::parse(wrong).unwrap_err();
            assert!(message.contains(why), "{wrong}: {message}");
            assert!(remedy.contains("five fields"));
        }
    }

    #[test]
    fn the_text_is_kept_as_written() {
        assert_eq!(
            Cron::parse(" */15  2-4 * * MON ").unwrap().as_str(),
            "*/15 2-4 * * MON"
        );
        assert_eq!(Cron::parse("@daily").unwrap().as_str(), "@daily");
    }

    #[test]
    fn a_day_whose_clock_skips_or_repeats_an_hour_has_each_daily_run_once() {
        let berlin = "Europe/Berlin";
        // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        assert_eq!(
            next("30 2 * * *", berlin, "2026-03-28T12:00:00Z"),
            "2026-03-29T01:00:00Z"
        );
        assert_eq!(
            next("30 2 * * *", berlin, "2026-03-29T01:00:00Z"),
            "2026-03-30T00:30:00Z"
        );
        assert_eq!(
            next("30 2 * * *", berlin, "2026-10-24T12:00:00Z"),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            next("30 2 * * *", berlin, "2026-10-25T00:30:00Z"),
            "2026-10-26T01:30:00Z"
        );
        // By intervals: every quarter of an hour, whatever the clock on the wall does.
        for night in ["2026-03-28T23:00:00Z", "2026-10-24T22:00:00Z"] {
            let every = Cron::parse("*/15 * * * *").unwrap();
            let due = every.upcoming(at(night), Zone::parse(berlin).unwrap(), 20);
            for pair in due.windows(2) {
                assert_eq!((pair[1] - pair[0]).num_minutes(), 15, "{pair:?}");
            }
        }
    }

    #[test]
    fn zones_are_known_by_their_iana_names() {
        assert_eq!(
            Zone::parse("America/New_York").unwrap().name(),
            "America/New_York"
        );
        assert_eq!(Zone::parse("UTC").unwrap(), Zone::UTC);
        assert!(
            Zone::parse("Mars/Olympus")
                .unwrap_err()
                .contains("Mars/Olympus")
        );
        assert_eq!(
            next("0 9 * * *", "America/New_York", "2026-07-01T00:00:00Z"),
            "2026-07-01T13:00:00Z"
        );
    }

    /// A field as written, and the values that it stands for.
    fn field(min: u32, max: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
        let range = (min..=max, min..=max).prop_map(|(a, b)| (a.min(b), a.max(b)));
        prop_oneof![
            2 => Just(("*".to_owned(), (min..=max).collect())),
            2 => (min..=max).prop_map(|n| (n.to_string(), vec![n])),
            1 => range.clone().prop_map(|(a, b)| (format!("{a}-{b}"), (a..=b).collect())),
            1 => (range, 1..=7_u32).prop_map(|((a, b), step)| {
                (format!("{a}-{b}/{step}"), (a..=b).step_by(step as usize).collect())
            }),
            1 => (1..=20_u32).prop_map(move |step| {
                (format!("*/{step}"), (min..=max).step_by(step as usize).collect())
            }),
            1 => proptest::collection::btree_set(min..=max, 1..4).prop_map(|set| {
                let texts: Vec<String> = set.iter().map(u32::to_string).collect();
                (texts.join(","), set.into_iter().collect())
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Held against a walk over every minute, by the rules of crontab(5).
        #[test]
        fn the_next_time_is_the_first_minute_that_fits(
            minute in field(0, 59),
            hour in field(0, 23),
            day in field(1, 31),
            month in field(1, 12),
            weekday in field(0, 6),
            start in 1_700_000_000_i64..1_900_000_000,
        ) {
            let text = format!("{} {} {} {} {}", minute.0, hour.0, day.0, month.0, weekday.0);
            let cron = match Cron::parse(&text) {
                Ok(cron) => cron,
                // The 31st of February.
                Err((why, _)) => {
                    prop_assert!(why.contains("never comes"), "{why}");
                    return Ok(());
                }
            };
            let after = DateTime::from_timestamp(start, 0).unwrap();
            let next = cron.next_after(after, Zone::UTC).unwrap();
            prop_assert!(next > after && next.second() == 0 && next.nanosecond() == 0);
            let fits_day = |time: &DateTime<Utc>| {
                let by_day = day.1.contains(&time.day());
                let by_weekday = weekday.1.contains(&time.weekday().num_days_from_sunday());
                // Either is enough where both are given.
                let both = !day.0.starts_with('*') && !weekday.0.starts_with('*');
                month.1.contains(&time.month())
                    && if both { by_day || by_weekday } else { by_day && by_weekday }
            };
            let fits = |time: &DateTime<Utc>| {
                minute.1.contains(&time.minute()) && hour.1.contains(&time.hour()) && fits_day(time)
            };
            prop_assert!(fits(&next), "{text}: {next}");
            // Whole days that fit nothing are passed over: the walk would take for ever.
            let mut walked = after.with_second(0).unwrap() + chrono::Duration::minutes(1);
            while walked < next {
                if !fits_day(&walked) {
                    walked = (walked.date_naive().and_hms_opt(0, 0, 0).unwrap()).and_utc()
                        + chrono::Duration::days(1);
                    continue;
                }
                prop_assert!(!fits(&walked), "{text}: {walked} is before {next}");
                walked += chrono::Duration::minutes(1);
            }
        }

        #[test]
        fn due_times_only_grow_in_every_zone(
            minute in field(0, 59),
            hour in field(0, 23),
            start in 1_700_000_000_i64..1_900_000_000,
            zone in proptest::sample::select(&["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"][..]),
        ) {
            let cron = Cron::parse(&format!("{} {} * * *", minute.0, hour.0)).unwrap();
            let after = DateTime::from_timestamp(start, 0).unwrap();
            let due = cron.upcoming(after, Zone::parse(zone).unwrap(), 40);
            prop_assert_eq!(due.len(), 40);
            prop_assert!(due[0] > after);
            for pair in due.windows(2) {
                prop_assert!(pair[0] < pair[1], "{:?}", pair);
            }
        }
    }
}
