//! Requests with a wrong token, or none: counted by address, and too many are told to wait.
//!
//! Memory is bounded: above a number of addresses all further ones are counted as one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures in [`WINDOW`] before an address is told to wait.
const MOST: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are counted by themselves.
const ADDRESSES: usize = 10_000;

/// What went wrong lately, by address.
#[derive(Default)]
pub struct Failures(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    by: HashMap<IpAddr, Times>,
    swept_at: Option<Instant>,
}

/// The last failures of one address, the oldest overwritten by the next.
#[derive(Default)]
struct Times {
    ring: [Option<Instant>; MOST],
    next: usize,
    /// Whether the log has it already.
    told: bool,
}

impl Times {
    /// How long until another failure is allowed; zero is at once.
    fn wait(&self, now: Instant) -> Duration {
        match self.ring[self.next] {
            Some(oldest) => WINDOW.saturating_sub(now.duration_since(oldest)),
            None => Duration::ZERO,
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        let last = self.ring[(self.next + MOST - 1) % MOST];
        last.is_none_or(|last| now.duration_since(last) >= WINDOW)
    }
}

impl Failures {
    /// How long an address has to wait before it may fail again; `None`: it need not.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let counted = self.lock();
        let times = counted.by.get(&counted.key(from))?;
        Some(times.wait(now)).filter(|wait| !wait.is_zero())
    }

    /// Notes a failure. `Some`: it is one too many, and the address has to wait this long.
    pub fn note(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let mut counted = self.lock();
        counted.sweep(now);
        let key = counted.key(from);
        let times = counted.by.entry(key).or_default();
        let wait = times.wait(now);
        if !wait.is_zero() {
            if !times.told {
                times.told = true;
                tracing::warn!(
                    "{from}: {MOST} requests without a valid token within a minute; more are told to wait"
                );
            }
            return Some(wait);
        }
        if times.is_over(now) {
            times.told = false;
        }
        let place = times.next;
        times.ring[place] = Some(now);
        times.next = (place + 1) % MOST;
        None
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// What an address is counted as: of IPv6 the network, which one caller has as a whole.
    fn key(&self, from: IpAddr) -> IpAddr {
        let one = match from {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Ipv6Addr::from(network).into()
            }
            other => other,
        };
        if self.by.len() >= ADDRESSES && !self.by.contains_key(&one) {
            return Ipv6Addr::UNSPECIFIED.into();
        }
        one
    }

    /// Forgets those that did nothing wrong for a while, when there are many, once a second at most.
    fn sweep(&mut self, now: Instant) {
        let lately = |at: Instant| now.duration_since(at) < Duration::from_secs(1);
        if self.by.len() < ADDRESSES || self.swept_at.is_some_and(lately) {
            return;
        }
        self.by.retain(|_, times| !times.is_over(now));
        self.swept_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_eleventh_failure_of_a_minute_is_told_how_long_to_wait() {
        let failures = Failures::default();
        let (one, two) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let begin = Instant::now();
        for n in 0..10 {
            assert_eq!(failures.wait(one, begin + at(n)), None);
            assert_eq!(failures.note(one, begin + at(n)), None);
        }
        assert_eq!(failures.note(one, begin + at(10)), Some(at(50)));
        assert_eq!(failures.wait(one, begin + at(59)), Some(at(1)));
        assert_eq!(failures.note(two, begin + at(10)), None);
        // One of the ten is a minute old.
        assert_eq!(failures.note(one, begin + at(60)), None);
        assert_eq!(failures.note(one, begin + at(60)), Some(at(1)));
    }

    #[test]
    fn any_number_of_addresses_takes_bounded_memory_and_is_forgotten() {
        let failures = Failures::default();
        let begin = Instant::now();
        for n in 0..30_000u32 {
            let from = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            failures.note(from, begin);
        }
        assert!(failures.lock().by.len() <= ADDRESSES + 1);
        let fresh: IpAddr = [192, 0, 2, 1].into();
        assert!(
            failures.note(fresh, begin).is_some(),
            "counted with the crowd"
        );
        assert_eq!(failures.note(fresh, begin + WINDOW), None);
        assert_eq!(failures.lock().by.len(), 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let failures = Failures::default();
        let now = Instant::now();
        for n in 1..=10u16 {
            let from = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, n);
            assert_eq!(failures.note(from.into(), now), None);
        }
        let next = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 9, 9, 9, 9);
        assert!(failures.note(next.into(), now).is_some());
        let other = Ipv6Addr::new(0x2001, 0xdb8, 1, 3, 0, 0, 0, 1);
        assert!(failures.note(other.into(), now).is_none());
    }
}
