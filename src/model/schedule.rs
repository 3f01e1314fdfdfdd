//! When a config is started by itself: a cron expression, and what is made of it by a time zone,
//! jitter, blackout windows and the rule for what was missed.
//!
//! Owns what a schedule is and which moments it names ([`Timetable`]), and what is to be done at a
//! given moment ([`look`]); all of it is a function of time. Must not know: the clock, who acts on
//! it. Called by the mapping reader, the scheduler, and whatever shows when a config runs next.

mod blackout;
mod check;
mod due;
#[cfg(test)]
mod tests;
mod timetable;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cron::{Cron, Zone};
use super::duration::format_duration;
use super::words::words;

pub use blackout::Blackout;
pub use due::{Decision, Planned, Why, look};
pub use timetable::Timetable;

/// When a config is started by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The times.
    pub cron: Cron,
    /// The zone in which they are read; `None` is the setting's.
    pub timezone: Option<Zone>,
    /// Each start is late by a part of this, always the same for one config and time.
    pub jitter: Duration,
    /// What becomes of times that passed while nothing could be started.
    pub catch_up: CatchUp,
    /// Times of the day at which nothing is started.
    pub blackout: Vec<Blackout>,
}

words!(
    /// What becomes of times that passed while nothing could be started.
    CatchUp {
        /// They are left out.
        #[default] None = "none",
        /// One start makes up for all of them.
        Once = "once",
    }
);

impl Schedule {
    /// Longest `jitter`.
    pub const MOST_JITTER: Duration = Duration::from_secs(86_400);
    /// Most windows.
    pub const MOST_WINDOWS: usize = 20;

    /// Its times as they were written, for lists.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.cron.as_str()
    }

    /// Whether it is nothing but its times.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::from(self.cron.clone())
    }

    /// The zone in which its times are read, where the setting says `default`.
    #[must_use]
    pub fn zone(&self, default: Zone) -> Zone {
        self.timezone.unwrap_or(default)
    }
}

impl From<Cron> for Schedule {
    fn from(cron: Cron) -> Self {
        Self {
            cron,
            timezone: None,
            jitter: Duration::ZERO,
            catch_up: CatchUp::None,
            blackout: Vec::new(),
        }
    }
}

/// As a person is told: `0 2 * * *, jitter 5m, not 22:00-06:00, catches up once`. The zone stands
/// with the times that are shown beside it.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cron.fmt(f)?;
        if !self.jitter.is_zero() {
            write!(f, ", jitter {}", format_duration(self.jitter))?;
        }
        for (index, window) in self.blackout.iter().enumerate() {
            let before = if index == 0 { ", not " } else { " and " };
            write!(f, "{before}{window}")?;
        }
        if self.catch_up == CatchUp::Once {
            f.write_str(", catches up once")?;
        }
        Ok(())
    }
}
