//! How many workers of a job are at work at once; the number may change while they work.
//!
//! Fewer: nobody is interrupted, the next pieces of work wait. More: those who wait begin at once,
//! as far as the snapshot in force has sessions for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::model::job::JobLimits;

/// The workers of one job.
pub struct Workers {
    /// Where nobody changed it.
    planned: usize,
    limits: watch::Receiver<JobLimits>,
    busy: Arc<Busy>,
}

#[derive(Default)]
struct Busy {
    count: AtomicUsize,
    freed: Notify,
}

/// The right to do a piece of work; ends when dropped.
pub struct WorkPermit(Arc<Busy>);

impl Workers {
    /// `planned` workers, unless `limits` say another number.
    #[must_use]
    pub fn new(planned: usize, limits: watch::Receiver<JobLimits>) -> Self {
        Self {
            planned: planned.max(1),
            limits,
            busy: Arc::default(),
        }
    }

    /// How many there may be now.
    #[must_use]
    pub fn allowed(&self) -> usize {
        let changed = self.limits.borrow().max_concurrency;
        changed.map_or(self.planned, |workers| workers.max(1) as usize)
    }

    /// Waits for a place.
    pub async fn permit(&self) -> WorkPermit {
        let mut limits = self.limits.clone();
        loop {
            // Made before the look: a place that gets free in between is not missed.
            let freed = self.busy.freed.notified();
            tokio::pin!(freed);
            let allowed = self.allowed();
            let taken =
                self.busy
                    .count
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                        (count < allowed).then_some(count + 1)
                    });
            if taken.is_ok() {
                return WorkPermit(Arc::clone(&self.busy));
            }
            tokio::select! {
                () = &mut freed => {}
                changed = limits.changed() => {
                    if changed.is_err() {
                        // Nobody can change them any more.
                        freed.await;
                    }
                }
            }
        }
    }
}

impl Drop for WorkPermit {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        // Whoever waits without a free place left waits again.
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn limits(workers: u32) -> JobLimits {
        JobLimits {
            max_concurrency: Some(workers),
            ..JobLimits::default()
        }
    }

    #[tokio::test]
    async fn as_many_work_as_are_allowed_at_that_moment() {
        let sender = watch::Sender::new(JobLimits::default());
        let workers = Workers::new(2, sender.subscribe());
        let one = workers.permit().await;
        let two = workers.permit().await;
        assert!(workers.permit().now_or_never().is_none(), "two are enough");

        sender.send_replace(limits(3));
        let three = workers.permit().await;
        assert!(workers.permit().now_or_never().is_none());

        // Fewer: those at work go on, and the next waits until enough have ended.
        sender.send_replace(limits(1));
        drop(one);
        assert!(workers.permit().now_or_never().is_none());
        drop(two);
        assert!(workers.permit().now_or_never().is_none());
        drop(three);
        let _one = workers.permit().await;
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_a_change_and_by_a_free_place() {
        let sender = watch::Sender::new(limits(1));
        let workers = Arc::new(Workers::new(4, sender.subscribe()));
        let first = workers.permit().await;
        let waits = |workers: &Arc<Workers>| {
            let workers = Arc::clone(workers);
            tokio::spawn(async move { workers.permit().await })
        };
        let second = waits(&workers);
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        sender.send_replace(limits(2));
        let second = second.await.unwrap();
        let third = waits(&workers);
        tokio::task::yield_now().await;
        drop(sender);
        drop(first);
        let _third = third.await.unwrap();
        drop(second);
    }
}
