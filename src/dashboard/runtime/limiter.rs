//! How often the screen may be painted. Pure: time goes in, a deadline comes out.

use std::time::Duration;

/// Shortest time between two frames that keys cause.
const KEY_INTERVAL: Duration = Duration::from_millis(16);
/// A frame whose writing takes longer shows a slow line.
const SLOW_WRITE: Duration = Duration::from_millis(250);
/// Most that a slow line slows frames down by.
const MOST_SLOWED: u32 = 16;

/// Spaces frames out; slower while the terminal takes them slowly.
#[derive(Debug, Clone)]
pub struct Limiter {
    interval: Duration,
    slowed: u32,
    last: Option<Duration>,
}

impl Limiter {
    /// At most `fps` frames a second for facts; 1 to 60.
    #[must_use]
    pub fn new(fps: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / fps.clamp(1, 60),
            slowed: 1,
            last: None,
        }
    }

    /// At most `fps` frames a second from here on.
    pub fn set_fps(&mut self, fps: u32) {
        self.interval = Self::new(fps).interval;
    }

    /// Shortest time between two frames that facts cause.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When the next frame may be painted; `urgent` for a key that somebody waits to see.
    #[must_use]
    pub fn ready_at(&self, urgent: bool) -> Duration {
        let wait = if urgent && self.slowed == 1 {
            KEY_INTERVAL
        } else if urgent {
            self.interval
        } else {
            self.interval * self.slowed
        };
        self.last.map_or(Duration::ZERO, |last| last + wait)
    }

    /// A frame was painted: begun at `now`, written for `took`.
    pub fn painted(&mut self, now: Duration, took: Duration) {
        self.last = Some(now + took);
        self.slowed = if took > SLOW_WRITE {
            (self.slowed * 2).min(MOST_SLOWED)
        } else {
            (self.slowed / 2).max(1)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_frame_is_free_and_the_next_waits_for_its_turn() {
        let mut limiter = Limiter::new(10);
        assert_eq!(limiter.ready_at(false), Duration::ZERO);
        limiter.painted(500 * MS, MS);
        assert_eq!(limiter.ready_at(false), 601 * MS);
        assert_eq!(limiter.ready_at(true), 517 * MS);
    }

    #[test]
    fn a_slow_line_halves_the_rate_until_it_recovers() {
        let mut limiter = Limiter::new(10);
        limiter.painted(Duration::ZERO, 300 * MS);
        assert_eq!(limiter.ready_at(false), 500 * MS);
        limiter.painted(500 * MS, 300 * MS);
        assert_eq!(limiter.ready_at(false), 1200 * MS);
        assert_eq!(limiter.ready_at(true), 900 * MS);
        for _ in 0..10 {
            limiter.painted(1200 * MS, 900 * MS);
        }
        assert_eq!(limiter.ready_at(false), 2100 * MS + 1600 * MS);
        for _ in 0..5 {
            limiter.painted(4000 * MS, MS);
        }
        assert_eq!(limiter.ready_at(false), 4101 * MS);
    }
}
