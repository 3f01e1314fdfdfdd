//! Waiting for one's turn: why, for how long, and who is told.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Throttle;
use crate::sync::error::SyncError;
use crate::sync::meter::{TableMeter, TableObserver, Waiting};
use crate::sync::stop::StopSignal;

/// Longest time between two looks at what holds work back.
const LOOK: Duration = Duration::from_secs(1);
/// A wait for a rate that is shorter is not worth a word.
const WORTH_TELLING: Duration = Duration::from_millis(200);
/// After this long without a wait, a rate no longer holds work back.
const CALM: Duration = Duration::from_secs(5);

/// The right to do a piece of work; to be held until what it moved was counted.
pub struct Turn {
    throttle: Arc<Throttle>,
    rows: Duration,
    bytes: Duration,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let rates = &self.throttle.rates;
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.rows.end(self.rows);
        rates.bytes.end(self.bytes);
    }
}

/// What watchers know.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The reason they were told last and that still holds.
    reason: Option<String>,
    /// When work last waited.
    waited: Option<Instant>,
}

/// Why work waits.
struct Hold {
    reason: String,
    until: Duration,
    is_rate: bool,
}

impl Throttle {
    /// Waits until a piece of work may begin.
    ///
    /// # Errors
    /// `Stopped` when the job is to end.
    pub async fn turn(
        self: &Arc<Self>,
        meter: &TableMeter,
        observer: &dyn TableObserver,
        stop: &StopSignal,
    ) -> Result<Turn, SyncError> {
        let mut changed = (self.reason.subscribe(), self.spec.subscribe());
        let mut waited = false;
        let turn = loop {
            changed.0.mark_unchanged();
            changed.1.mark_unchanged();
            let hold = match self.begin() {
                Ok(turn) => break Ok(turn),
                Err(hold) => hold,
            };
            waited = true;
            if !hold.is_rate || hold.until >= WORTH_TELLING {
                meter.set_throttled(Some(&hold.reason));
                self.tell(Some(&hold.reason), observer);
            }
            let clock = Instant::now();
            let stopped = tokio::select! {
                biased;
                () = stop.soft.cancelled() => true,
                () = stop.hard.cancelled() => true,
                _ = changed.0.changed() => false,
                _ = changed.1.changed() => false,
                () = tokio::time::sleep(hold.until.min(LOOK)) => false,
            };
            meter.waited(Waiting::Throttle, clock.elapsed());
            meter.moved.waited_for(self.side, clock.elapsed());
            if stopped {
                break Err(SyncError::Stopped);
            }
        };
        if waited {
            meter.set_throttled(None);
        }
        if turn.is_ok() {
            self.tell(None, observer);
        }
        turn
    }

    fn begin(self: &Arc<Self>) -> Result<Turn, Hold> {
        if let Some(reason) = self.reason.borrow().clone() {
            return Err(Hold {
                reason,
                until: LOOK,
                is_rate: false,
            });
        }
        let limits = self.limits();
        let now = Instant::now();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, rate, bucket) in [
            (
                "max_rows_per_second",
                limits.max_rows_per_second,
                &rates.rows,
            ),
            (
                "max_mib_per_second",
                limits.max_mib_per_second,
                &rates.bytes,
            ),
        ] {
            if let Some(rate) = rate
                && !bucket.wait(now).is_zero()
            {
                return Err(Hold {
                    reason: format!("{name} of the {} is {rate}", self.side.server()),
                    until: bucket.wait(now),
                    is_rate: true,
                });
            }
        }
        Ok(Turn {
            rows: rates.rows.begin(now, limits.max_rows_per_second),
            bytes: rates.bytes.begin(now, limits.bytes_per_second()),
            throttle: Arc::clone(self),
        })
    }

    /// Tells watchers when work begins to wait, and when it no longer does. A rate lets one piece of
    /// work after the other through: that is one wait to them.
    fn tell(&self, reason: Option<&str>, observer: &dyn TableObserver) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match (reason, &told.reason) {
            (Some(reason), None) => {
                observer.throttled(self.side, reason);
                told.reason = Some(reason.to_owned());
            }
            (None, Some(known)) => {
                let rate = known.starts_with("max_");
                if rate && told.waited.is_some_and(|at| at.elapsed() < CALM) {
                    return;
                }
                observer.unthrottled(self.side, known);
                told.reason = None;
            }
            _ => {}
        }
        if reason.is_some() {
            told.waited = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Side;
    use crate::model::log::{Difference, Level};
    use crate::model::table_run::Phase;
    use crate::model::throttle::{Limits, ThrottleSpec};
    use crate::sync::throttle::Throttles;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl TableObserver for Heard {
        fn phase(&self, _: Phase) {}
        fn strategy(&self, _: &str, _: &str) {}
        fn log(&self, _: Level, _: &str) {}
        fn warning(&self, _: &str, _: &str, _: Option<&str>) {}
        fn throttled(&self, side: Side, reason: &str) {
            let line = format!("{} waits: {reason}", side.as_str());
            self.0.lock().unwrap().push(line);
        }
        fn unthrottled(&self, side: Side, _: &str) {
            let line = format!("{} goes on", side.as_str());
            self.0.lock().unwrap().push(line);
        }
        fn differences(&self, _: u64, _: u64, _: u64, _: Vec<Difference>) {}
    }

    fn waiting(
        throttle: &Arc<Throttle>,
        meter: &Arc<TableMeter>,
        heard: &Arc<Heard>,
        stop: &StopSignal,
    ) -> tokio::task::JoinHandle<Result<Turn, SyncError>> {
        let (throttle, meter, heard, stop) = (
            Arc::clone(throttle),
            Arc::clone(meter),
            Arc::clone(heard),
            stop.clone(),
        );
        tokio::spawn(async move { throttle.turn(&meter, &*heard, &stop).await })
    }

    async fn until(mut done: impl FnMut() -> bool) {
        while !done() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_waits_while_there_is_a_reason_and_watchers_hear_it_once() {
        let throttle = Throttles::default().target();
        let (meter, heard, stop) = (Arc::default(), Arc::default(), StopSignal::default());
        throttle.measured(Some("70 threads".to_owned()));
        let turns = [(); 3].map(|()| waiting(&throttle, &meter, &heard, &stop));
        until(|| meter.throttled().is_some()).await;
        assert_eq!(meter.throttled().as_deref(), Some("70 threads"));
        assert!(turns.iter().all(|turn| !turn.is_finished()));
        throttle.measured(None);
        for turn in turns {
            turn.await.unwrap().unwrap();
        }
        assert_eq!(meter.throttled(), None);
        assert!(meter.timing().throttle > 0.0);
        assert_eq!(
            *heard.0.lock().unwrap(),
            ["target waits: 70 threads", "target goes on"]
        );
    }

    #[tokio::test]
    async fn limits_that_are_replaced_free_those_that_wait() {
        let throttle = Throttles::default().target();
        let (meter, heard, stop) = (Arc::default(), Arc::default(), StopSignal::default());
        throttle.replace(ThrottleSpec::Own(Limits {
            max_rows_per_second: Some(1),
            ..Limits::default()
        }));
        throttle.charge(1000, 0);
        let turn = waiting(&throttle, &meter, &heard, &stop);
        until(|| meter.throttled().is_some()).await;
        throttle.replace(ThrottleSpec::None);
        turn.await.unwrap().unwrap();
        let reason = "target waits: max_rows_per_second of the local server is 1";
        assert_eq!(heard.0.lock().unwrap()[0], reason);
    }

    #[tokio::test]
    async fn a_job_that_is_to_end_does_not_wait() {
        let throttle = Throttles::default().target();
        let (meter, heard, stop) = (Arc::default(), Arc::default(), StopSignal::default());
        throttle.measured(Some("busy".to_owned()));
        let turn = waiting(&throttle, &meter, &heard, &stop);
        until(|| meter.throttled().is_some()).await;
        stop.soft.cancel();
        assert!(matches!(turn.await.unwrap(), Err(SyncError::Stopped)));
    }
}
