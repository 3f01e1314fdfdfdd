//! How many connections there may be: all together, and of one address.
//!
//! One address never gets all of them, so that whoever opens as many as it can keeps nobody else
//! out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections at once, where the system has the descriptors for them.
const MOST: usize = 1024;
/// Descriptors that are left to the database, the log and the jobs.
const OTHERS: u64 = 256;
/// As many descriptors are asked for as there may be connections, four times over.
const DESCRIPTORS: u64 = 4096;

/// Room for connections.
pub struct Seats {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

/// The place of one connection; given back when dropped.
pub struct Seat {
    seats: Arc<Seats>,
    of: IpAddr,
}

impl Seats {
    /// As many as the system has descriptors for; it is asked for more where it gives few.
    pub fn new() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
        let mut have = limit.current.unwrap_or(DESCRIPTORS);
        if have < wanted {
            let more = Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            };
            if setrlimit(Resource::Nofile, more).is_ok() {
                have = wanted;
            }
        }
        let room = usize::try_from(have.saturating_sub(OTHERS)).unwrap_or(MOST);
        Self::of(room.clamp(16, MOST))
    }

    fn of(most: usize) -> Self {
        Self {
            most,
            most_of_one: most - most / 4,
            taken: Mutex::default(),
        }
    }

    /// How many there may be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A place for a connection; `None`: all are taken, or all that this address may have.
    pub fn take(self: &Arc<Self>, of: IpAddr) -> Option<Seat> {
        let mut taken = self.lock();
        let his = taken.by.get(&of).copied().unwrap_or_default();
        if taken.all >= self.most || his >= self.most_of_one {
            return None;
        }
        taken.all += 1;
        taken.by.insert(of, his + 1);
        drop(taken);
        Some(Seat {
            seats: Arc::clone(self),
            of,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        match taken.by.get_mut(&self.of) {
            Some(his) if *his > 1 => *his -= 1,
            _ => {
                taken.by.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_places_come_back() {
        let seats = Arc::new(Seats::of(16));
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut held: Vec<Seat> = std::iter::from_fn(|| seats.take(one)).collect();
        assert_eq!(held.len(), 12);
        let others: Vec<Seat> = std::iter::from_fn(|| seats.take(two)).collect();
        assert_eq!(others.len(), 4);
        held.pop();
        assert!(seats.take(two).is_some());
        drop((held, others));
        assert!(seats.lock().by.is_empty() && seats.lock().all == 0);
    }
}
