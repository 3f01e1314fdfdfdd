//! Events on their way to whoever watches.
//!
//! Each watcher has a queue of its own. What is in it depends on what it is:
//!
//! - *Lifecycle* (everything but the two below) is never left out. Senders wait while a watcher is
//!   far behind; one that reads nothing for [`PATIENCE`] is cut off: its stream ends, so it can't
//!   mistake a gap for silence.
//! - *Logs* go through a bounded ring: the oldest make room, and are counted.
//! - *Progress*: of a job or table only the newest is kept.
//!
//! Nobody waits for a watcher over the network: it is cut off as soon as it is far behind.
//!
//! Within a job a stream never goes back in `seq`.

mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;

use self::queue::Queue;
use super::tally::{Dropped, Tally};
use crate::model::event::{Event, What};
use crate::model::ids::JobId;
use crate::model::job::Job;

/// How long senders wait for a watcher that does not read.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes events in and hands them to every stream; clones share it.
#[derive(Clone, Default)]
pub struct EventHub {
    hub: Arc<Mutex<Hub>>,
    tally: Tally,
}

#[derive(Default)]
struct Hub {
    /// Last number given, by job.
    seq: HashMap<JobId, u64>,
    queues: Vec<Arc<Queue>>,
    /// Jobs that are being worked on here, with their tables.
    active: HashMap<JobId, Job>,
    closed: bool,
}

/// Everything that happens from the moment of subscription on.
pub struct EventStream {
    queue: Arc<Queue>,
    hub: EventHub,
}

impl EventHub {
    /// A stream of all events from here on.
    #[must_use]
    pub fn subscribe(&self) -> EventStream {
        self.add(Queue::default())
    }

    /// The same for a watcher that must not make anybody wait: one that is far behind is cut off.
    #[must_use]
    pub fn subscribe_hastily(&self) -> EventStream {
        self.add(Queue::hasty())
    }

    fn add(&self, queue: Queue) -> EventStream {
        let queue = Arc::new(queue);
        let mut hub = self.lock();
        if hub.closed {
            queue.close();
        }
        hub.queues.push(Arc::clone(&queue));
        drop(hub);
        EventStream {
            queue,
            hub: self.clone(),
        }
    }

    /// What this process has done since it began.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The jobs that are being worked on here, with their tables, as of the last second.
    #[must_use]
    pub fn active(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.lock().active.values().cloned().collect();
        jobs.sort_by_key(|job| job.id);
        jobs
    }

    /// Says that a job is being worked on, and how far it is.
    pub fn set_active(&self, job: Job) {
        self.lock().active.insert(job.id, job);
    }

    /// A job is no longer worked on here; its numbers start again above `seq` when it comes back.
    pub fn set_inactive(&self, job: JobId) {
        let mut hub = self.lock();
        hub.active.remove(&job);
        hub.seq.remove(&job);
    }

    /// Numbers of this job are above `seq` from here on.
    pub fn number_from(&self, job: JobId, seq: u64) {
        let mut hub = self.lock();
        let last = hub.seq.entry(job).or_default();
        *last = (*last).max(seq);
    }

    /// Passes an event on without waiting.
    pub fn send(&self, job: JobId, config: &str, table: Option<&str>, what: What) {
        let mut hub = self.lock();
        hub.queues.retain(|queue| !queue.is_closed());
        let seq = hub.seq.entry(job).or_default();
        *seq += 1;
        let event = Event {
            v: 1,
            seq: *seq,
            time: Utc::now(),
            job_id: job,
            config: config.to_owned(),
            table: table.map(str::to_owned),
            what,
        };
        self.tally.heard(&event);
        for queue in &hub.queues {
            if let Some(lost) = queue.push(event.clone()) {
                self.tally.dropped(lost, 1);
            }
        }
    }

    /// Waits until no watcher is far behind, or those who are have been cut off.
    pub async fn settle(&self) {
        let queues = self.lock().queues.clone();
        for queue in queues {
            if tokio::time::timeout(PATIENCE, queue.room()).await.is_err() {
                queue.close();
                self.tally.dropped(Dropped::Watcher, 1);
                tracing::warn!(
                    target: "db_taxi::jobs",
                    "a watcher of events did not read for {} s and was cut off",
                    PATIENCE.as_secs()
                );
            }
        }
    }

    /// Ends every stream after what it still holds.
    pub fn close(&self) {
        let mut hub = self.lock();
        hub.closed = true;
        for queue in hub.queues.drain(..) {
            queue.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventStream {
    /// The next event; `None` after the engine ended, or when this stream was too far behind.
    /// May be dropped and called again without losing an event.
    pub async fn recv(&mut self) -> Option<Event> {
        self.queue.pop().await
    }

    /// The next event, if there is one.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.queue.try_pop()
    }

    /// Log lines that this stream left out because it was not read in time.
    #[must_use]
    pub fn dropped_logs(&self) -> u64 {
        self.queue.dropped_logs()
    }

    /// The jobs that are being worked on here, with their tables, for whoever comes late.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Job> {
        self.hub.active()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::progress::{Counts, Progress};

    fn warning(code: &str) -> What {
        What::Warning {
            code: code.to_owned(),
            message: String::new(),
            hint: None,
        }
    }

    fn progress(rows_done: u64) -> What {
        What::Progress {
            progress: Progress {
                rows_done,
                ..Progress::default()
            },
            counts: Counts::default(),
        }
    }

    fn log(message: &str) -> What {
        What::Log(Box::new(crate::model::log::LogEntry {
            id: 0,
            time: Utc::now(),
            level: crate::model::log::Level::Info,
            job_id: None,
            table: None,
            instance: String::new(),
            message: message.to_owned(),
            fields: serde_json::Map::new(),
        }))
    }

    #[tokio::test]
    async fn each_watcher_hears_everything_in_order_and_the_newest_progress_only() {
        let hub = EventHub::default();
        let job = JobId::generate();
        let (mut one, mut two) = (hub.subscribe(), hub.subscribe());
        hub.send(job, "c", None, progress(1));
        hub.send(job, "c", Some("t"), warning("a"));
        hub.send(job, "c", None, progress(2));
        hub.send(job, "c", Some("t"), progress(3));
        hub.send(job, "c", Some("t"), warning("b"));
        for stream in [&mut one, &mut two] {
            let mut seen = Vec::new();
            while let Some(event) = stream.try_recv() {
                seen.push((event.seq, event.what));
            }
            assert_eq!(
                seen,
                [
                    (2, warning("a")),
                    (3, progress(2)),
                    (4, progress(3)),
                    (5, warning("b"))
                ]
            );
        }
    }

    #[tokio::test]
    async fn a_full_log_ring_drops_the_oldest_and_counts_them() {
        let hub = EventHub::default();
        let job = JobId::generate();
        let mut stream = hub.subscribe();
        hub.send(job, "c", None, warning("kept"));
        for n in 0..queue::LOG_ROOM + 3 {
            hub.send(job, "c", None, log(&n.to_string()));
        }
        assert_eq!(stream.dropped_logs(), 3);
        assert_eq!(stream.recv().await.unwrap().what, warning("kept"));
        let What::Log(line) = stream.recv().await.unwrap().what else {
            panic!("not a line");
        };
        assert_eq!(line.message, "3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watcher_that_reads_nothing_is_cut_off_and_the_others_lose_nothing() {
        let hub = EventHub::default();
        let job = JobId::generate();
        let mut dead = hub.subscribe();
        let mut live = hub.subscribe();
        let total = queue::LIFECYCLE_ROOM * 2;
        let reader = tokio::spawn(async move {
            let mut seen = 0;
            while live.recv().await.is_some() {
                seen += 1;
            }
            seen
        });
        for n in 0..total {
            hub.send(job, "c", None, warning(&n.to_string()));
            hub.settle().await;
        }
        hub.close();
        assert_eq!(reader.await.unwrap(), total);
        let mut seen = 0;
        while dead.recv().await.is_some() {
            seen += 1;
        }
        assert!(seen > 0 && seen < total, "{seen}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_hasty_watcher_and_it_is_cut_off() {
        let hub = EventHub::default();
        let job = JobId::generate();
        let mut dead = hub.subscribe_hastily();
        let begun = tokio::time::Instant::now();
        for n in 0..queue::HASTY_ROOM {
            hub.send(job, "c", None, warning(&n.to_string()));
            hub.send(job, "c", None, log("x"));
            hub.send(job, "c", None, progress(1));
            hub.settle().await;
        }
        assert_eq!(dead.try_recv().unwrap().what, warning("0"));
        hub.send(job, "c", None, warning("room was made"));
        hub.send(job, "c", None, warning("one too many"));
        hub.settle().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(
            dead.recv().await.is_none(),
            "it ends, and holds nothing more"
        );
    }

    #[tokio::test]
    async fn a_stream_ends_after_what_it_still_holds() {
        let hub = EventHub::default();
        let mut stream = hub.subscribe();
        hub.send(JobId::generate(), "c", None, warning("last"));
        hub.close();
        assert!(stream.recv().await.is_some());
        assert!(stream.recv().await.is_none());
        assert!(hub.subscribe().recv().await.is_none());
    }

    #[tokio::test]
    async fn a_job_that_comes_back_goes_on_above_its_old_numbers() {
        let hub = EventHub::default();
        let job = JobId::generate();
        let mut stream = hub.subscribe();
        hub.number_from(job, 7000);
        hub.send(job, "c", None, warning("a"));
        assert_eq!(stream.recv().await.unwrap().seq, 7001);
    }
}
