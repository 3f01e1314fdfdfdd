//! A bound on the sessions that this process has on one server, whoever opens them.
//!
//! One seat is kept for sessions that look and go; all others are for those that stay. So whoever
//! holds seats that stay can always look at the server, and finishes, and whoever waits for a first
//! seat gets one. Watchers never wait, and never have all of those that stay: where none is to spare they
//! look between others that look. Must not know: jobs. Called by sessions and by those who open several
//! at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ErrorClass, MysqlError};
use super::session_kind::SessionKind;
use crate::model::error::ErrorCode;

/// Those that look hold their seat for seconds.
const LOOK: Duration = Duration::from_secs(60);
/// One seat that looks and one that reads.
const LEAST: u32 = 2;

/// How many sessions there may be; clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    look: Arc<Semaphore>,
    stay: Arc<Semaphore>,
    waiting: AtomicU32,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    total: u32,
    /// Seats that are to be given up when they come back, since there are to be fewer.
    owed: u32,
    /// Seats that watchers have.
    watchers: u32,
}

/// The right to one session; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    permit: Option<OwnedSemaphorePermit>,
    purpose: Use,
    of: Arc<Inner>,
}

/// What a seat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Look,
    Stay,
    Watch,
}

impl Budget {
    /// At most `total` sessions; fewer than two can't work.
    #[must_use]
    pub fn new(total: u32) -> Self {
        let total = total.max(LEAST);
        Self(Arc::new(Inner {
            look: Arc::new(Semaphore::new(1)),
            stay: Arc::new(Semaphore::new(total as usize - 1)),
            waiting: AtomicU32::new(0),
            size: Mutex::new(Size {
                total,
                owed: 0,
                watchers: 0,
            }),
        }))
    }

    /// Sets another number; sessions that are too many end as they come back.
    pub fn resize(&self, total: u32) {
        let total = total.max(LEAST);
        let mut size = self.0.size();
        let (before, stay) = (size.total, &self.0.stay);
        size.total = total;
        if total > before {
            let more = total - before;
            let kept = more.min(size.owed);
            size.owed -= kept;
            stay.add_permits((more - kept) as usize);
        } else {
            let fewer = before - total;
            let gone = u32::try_from(stay.forget_permits(fewer as usize)).unwrap_or(fewer);
            size.owed += fewer - gone;
        }
    }

    /// Seats that are taken, and those that are free.
    #[must_use]
    pub fn seats_taken(&self) -> (u32, u32) {
        let count = |of: &Semaphore| u32::try_from(of.available_permits()).unwrap_or(u32::MAX);
        let free = count(&self.0.look) + count(&self.0.stay);
        let size = self.0.size();
        ((size.total + size.owed).saturating_sub(free), free)
    }

    /// A seat for one session of this kind.
    ///
    /// # Errors
    /// For those that look when none is free for a minute, for a watcher at once.
    pub(super) async fn seat(&self, kind: SessionKind) -> Result<Seat, MysqlError> {
        match kind {
            SessionKind::Read => Ok(self.first().await),
            SessionKind::Guard => self.watcher().ok_or_else(|| self.full("now")),
            _ => {
                let look = Arc::clone(&self.0.look).acquire_owned();
                match tokio::time::timeout(LOOK, look).await {
                    Ok(Ok(permit)) => Ok(self.taken(permit, Use::Look)),
                    _ => Err(self.full(&format!("within {} s", LOOK.as_secs()))),
                }
            }
        }
    }

    /// Seats for sessions that stay: one, however long it takes, and up to `most` as far as they
    /// are free. Not more than one while somebody else waits for a first one.
    pub async fn seats(&self, most: usize) -> Vec<Seat> {
        let mut seats = vec![self.first().await];
        while seats.len() < most && !self.is_wanted() {
            match self.more() {
                Some(seat) => seats.push(seat),
                None => break,
            }
        }
        seats
    }

    /// Whether somebody waits for a first seat: who has several is to give one back.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0 && self.0.stay.available_permits() == 0
    }

    async fn first(&self) -> Seat {
        if let Some(seat) = self.more() {
            return seat;
        }
        let _waiting = Waiting::begin(&self.0);
        tracing::info!(
            target: "db_taxi::mysql",
            "waiting for one of the {} sessions that max_connections allows: other jobs have them all",
            self.0.size().total
        );
        match Arc::clone(&self.0.stay).acquire_owned().await {
            Ok(permit) => self.taken(permit, Use::Stay),
            // Never closed.
            Err(_) => std::future::pending().await,
        }
    }

    fn more(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.0.stay).try_acquire_owned().ok()?;
        Some(self.taken(permit, Use::Stay))
    }

    fn watcher(&self) -> Option<Seat> {
        let mut size = self.0.size();
        if size.watchers + LEAST >= size.total {
            // None of those that stay is to spare: it looks and goes.
            let permit = Arc::clone(&self.0.look).try_acquire_owned().ok()?;
            return Some(self.taken(permit, Use::Look));
        }
        let permit = Arc::clone(&self.0.stay).try_acquire_owned().ok()?;
        size.watchers += 1;
        Some(self.taken(permit, Use::Watch))
    }

    fn taken(&self, permit: OwnedSemaphorePermit, purpose: Use) -> Seat {
        Seat {
            permit: Some(permit),
            purpose,
            of: Arc::clone(&self.0),
        }
    }

    fn full(&self, when: &str) -> MysqlError {
        let total = self.0.size().total;
        let mut error = MysqlError::own(
            ErrorCode::Unreachable,
            ErrorClass::Wait,
            format!("no session is free {when}: max_connections allows {total}"),
        );
        error.hint = Some("raise max_connections of the connection".to_owned());
        error
    }
}

impl Seat {
    /// Whether it has to be given back soon, since others look too.
    pub(super) fn is_brief(&self) -> bool {
        self.purpose == Use::Look
    }
}

impl Inner {
    fn size(&self) -> MutexGuard<'_, Size> {
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut size = self.of.size();
        if self.purpose == Use::Watch {
            size.watchers -= 1;
        }
        if self.purpose != Use::Look && size.owed > 0 {
            size.owed -= 1;
            permit.forget();
        }
    }
}

/// Counts somebody who waits, however the waiting ends.
struct Waiting<'b>(&'b AtomicU32);

impl<'b> Waiting<'b> {
    fn begin(inner: &'b Inner) -> Self {
        inner.waiting.fetch_add(1, Ordering::Relaxed);
        Self(&inner.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_second_gets_a_seat_before_the_first_gets_more() {
        let budget = Budget::new(4);
        let mut first = budget.seats(10).await;
        assert_eq!(first.len(), 3);
        let waits = budget.clone();
        let second = tokio::spawn(async move { waits.seats(10).await.len() });
        while !budget.is_wanted() {
            tokio::task::yield_now().await;
        }
        first.pop();
        assert_eq!(second.await.unwrap(), 1);
        assert!(!budget.is_wanted());
    }

    #[tokio::test]
    async fn seats_are_taken_or_free() {
        let budget = Budget::new(4);
        assert_eq!(budget.seats_taken(), (0, 4));
        let seats = budget.seats(2).await;
        assert_eq!(budget.seats_taken(), (2, 2));
        let _look = budget.seat(SessionKind::Probe).await.unwrap();
        assert_eq!(budget.seats_taken(), (3, 1));
        budget.resize(2);
        assert_eq!(budget.seats_taken(), (3, 0));
        drop(seats);
        assert_eq!(budget.seats_taken(), (1, 1));
    }

    #[tokio::test]
    async fn looking_needs_no_seat_of_those_that_stay() {
        let budget = Budget::new(2);
        let _all = budget.seats(8).await;
        let look = budget.seat(SessionKind::Probe).await.unwrap();
        assert!(budget.seat(SessionKind::Probe).now_or_never().is_none());
        drop(look);
        assert!(budget.seat(SessionKind::Probe).await.is_ok());
    }

    #[tokio::test]
    async fn watchers_leave_a_seat_for_those_that_read() {
        let budget = Budget::new(3);
        let _watch = budget.seat(SessionKind::Guard).await.unwrap();
        // The second of two is for those that read: another watcher only looks and goes.
        let brief = budget.seat(SessionKind::Guard).await.unwrap();
        assert!(brief.is_brief());
        let error = budget.seat(SessionKind::Guard).await.unwrap_err();
        assert!(
            error.message.contains("max_connections allows 3"),
            "{error}"
        );
        assert_eq!(budget.seats(8).await.len(), 1);
    }

    #[tokio::test]
    async fn with_two_seats_there_is_a_watcher_between_those_that_look() {
        let budget = Budget::new(2);
        let _reads = budget.seats(8).await;
        let watch = budget.seat(SessionKind::Guard).await.unwrap();
        assert!(budget.seat(SessionKind::Probe).now_or_never().is_none());
        drop(watch);
        let _look = budget.seat(SessionKind::Probe).await.unwrap();
        assert!(budget.seat(SessionKind::Guard).await.is_err());
    }

    #[tokio::test]
    async fn fewer_seats_take_effect_as_they_come_back_and_more_at_once() {
        let budget = Budget::new(5);
        let mut seats = budget.seats(8).await;
        budget.resize(3);
        seats.truncate(2);
        assert!(
            budget.seats(1).now_or_never().is_none(),
            "two of two are out"
        );
        seats.pop();
        assert_eq!(budget.seats(8).now_or_never().unwrap().len(), 1);
        budget.resize(8);
        assert_eq!(budget.seats(8).now_or_never().unwrap().len(), 6);
    }
}
