//! Windows of the day in which nothing is started.
//!
//! They are held against the clock on the wall: where it is set forward a window may be shorter,
//! and where it is set back longer, or come twice.

use std::fmt;

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// What a window looks like, for messages.
const REMEDY: &str = "write two times of the day such as 22:00-06:00; the second is where starts are \
     allowed again, and may be 24:00";

/// A window of the day; over midnight where it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blackout {
    /// Minute of the day, 0 to 1439, that is the first inside.
    from: u16,
    /// Minute of the day, 0 to 1440, that is the first outside.
    until: u16,
}

impl Blackout {
    /// Reads `22:00-06:00`.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let refuse = |why: &str| Err((why.to_owned(), REMEDY.to_owned()));
        let Some((from, until)) = text.split_once('-') else {
            return refuse("is no window of the day");
        };
        let (Some(from), Some(until)) = (minute(from.trim()), minute(until.trim())) else {
            return refuse("is no window of the day");
        };
        if from == DAY {
            return refuse("a window can't begin at 24:00");
        }
        if from == until {
            return refuse("the window ends where it begins");
        }
        Ok(Self { from, until })
    }

    /// Whether a minute of the day is inside.
    #[must_use]
    pub fn covers(self, minute: u16) -> bool {
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from, self.until);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            until / 60,
            until % 60
        )
    }
}

/// `06:00` or `6:00` as a minute of the day; `24:00` too.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str, most: usize| {
        let plain = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let hour = digits(hour, 2)?;
    let minute = digits(minute, 2).filter(|_| minute.len() == 2)?;
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY).then_some(at)
}

/// Whether no minute of the day is outside of all of them.
pub(super) fn cover_a_day(windows: &[Blackout]) -> bool {
    (0..DAY).all(|minute| windows.iter().any(|window| window.covers(minute)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_they_are_shown_and_may_pass_midnight() {
        for (text, shown, inside, outside) in [
            (
                "22:00-06:00",
                "22:00-06:00",
                &[1320, 1439, 0, 359][..],
                &[360, 1319][..],
            ),
            ("8:00 - 9:30", "08:00-09:30", &[480, 569], &[479, 570]),
            ("23:00-24:00", "23:00-24:00", &[1380, 1439], &[0, 1379]),
            ("22:00-00:00", "22:00-00:00", &[1320, 1439], &[0, 1319]),
        ] {
            let window = Blackout::parse(text).unwrap();
            assert_eq!(window.to_string(), shown);
            assert_eq!(Blackout::parse(shown).unwrap(), window);
            assert!(inside.iter().all(|minute| window.covers(*minute)), "{text}");
            assert!(
                !outside.iter().any(|minute| window.covers(*minute)),
                "{text}"
            );
        }
        for text in [
            "",
            "22:00",
            "22-06",
            "22:00-25:00",
            "24:00-06:00",
            "22:60-06:00",
            "06:00-06:00",
            "22:0-06:00",
            "-22:00-06:00",
            "22:00-06:00-07:00",
            "a:00-06:00",
            "24:01-3:00",
        ] {
            let (_, remedy) = Blackout::parse(text).unwrap_err();
            assert!(remedy.contains("22:00-06:00"), "{text}");
        }
    }

    #[test]
    fn windows_that_leave_nothing_of_the_day_are_seen() {
        let all = |texts: &[&str]| {
            let windows: Vec<_> = texts.iter().map(|t| Blackout::parse(t).unwrap()).collect();
            cover_a_day(&windows)
        };
        assert!(all(&["00:00-24:00"]));
        assert!(all(&["22:00-06:00", "05:00-22:00"]));
        assert!(!all(&["22:00-06:00", "06:01-22:00"]));
        assert!(!all(&[]));
    }
}
