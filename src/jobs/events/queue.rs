//! The queue of one watcher.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::jobs::tally::Dropped;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;

/// Lifecycle events that a watcher may be behind before senders wait.
pub const LIFECYCLE_ROOM: usize = 1024;
/// Log lines kept for a watcher.
pub const LOG_ROOM: usize = 2048;
/// Both for a watcher that nobody waits for.
pub const HASTY_ROOM: usize = 512;

/// The queue of one watcher: one reader, any writers.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Something can be read, or never will be.
    readable: Notify,
    /// A lifecycle event was read, or the queue was closed.
    drained: Notify,
    /// Nobody waits for this watcher: once it is too far behind it is cut off.
    hasty: bool,
}

#[derive(Default)]
struct State {
    /// Place of the next event.
    next: u64,
    events: BTreeMap<u64, Event>,
    /// Places of log lines, oldest first.
    logs: VecDeque<u64>,
    /// Place of the newest progress of each job and table.
    progress: HashMap<(JobId, Option<String>), u64>,
    lifecycle: usize,
    dropped_logs: u64,
    closed: bool,
}

impl Queue {
    /// The queue of a watcher that nobody waits for.
    pub fn hasty() -> Self {
        Self {
            hasty: true,
            ..Self::default()
        }
    }

    /// Puts an event in its place; nothing when closed. Tells what was lost by it.
    pub fn push(&self, event: Event) -> Option<Dropped> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        let dropped = state.dropped_logs;
        let room = if self.hasty { HASTY_ROOM } else { LOG_ROOM };
        let place = state.next;
        state.next += 1;
        match &event.what {
            What::Log(_) => {
                if state.logs.len() >= room
                    && let Some(oldest) = state.logs.pop_front()
                {
                    state.events.remove(&oldest);
                    state.dropped_logs += 1;
                }
                state.logs.push_back(place);
            }
            What::Progress { .. } => {
                let key = (event.job_id, event.table.clone());
                if let Some(older) = state.progress.insert(key, place) {
                    state.events.remove(&older);
                }
            }
            _ if self.hasty && state.lifecycle >= HASTY_ROOM => {
                // It ends here, so that it can't mistake the gap for silence.
                state.events.clear();
                drop(state);
                self.close();
                return Some(Dropped::Watcher);
            }
            _ => state.lifecycle += 1,
        }
        state.events.insert(place, event);
        let lost = state.dropped_logs > dropped;
        drop(state);
        self.readable.notify_one();
        lost.then_some(Dropped::Log)
    }

    /// The next event, if there is one.
    pub fn try_pop(&self) -> Option<Event> {
        let mut state = self.lock();
        let (_, event) = state.events.pop_first()?;
        match &event.what {
            What::Log(_) => {
                state.logs.pop_front();
            }
            What::Progress { .. } => {
                let key = (event.job_id, event.table.clone());
                state.progress.remove(&key);
            }
            _ => {
                state.lifecycle -= 1;
                self.drained.notify_waiters();
            }
        }
        Some(event)
    }

    /// The next event; `None` when closed and empty.
    pub async fn pop(&self) -> Option<Event> {
        loop {
            let readable = self.readable.notified();
            if let Some(event) = self.try_pop() {
                return Some(event);
            }
            if self.is_closed() {
                return None;
            }
            readable.await;
        }
    }

    /// Waits until there is room for lifecycle events, or nobody reads any more.
    pub async fn room(&self) {
        if self.hasty {
            return;
        }
        loop {
            let drained = self.drained.notified();
            {
                let state = self.lock();
                if state.closed || state.lifecycle < LIFECYCLE_ROOM {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Takes nothing more; what is in it can still be read.
    pub fn close(&self) {
        self.lock().closed = true;
        self.readable.notify_one();
        self.drained.notify_waiters();
    }

    /// Whether it takes nothing more.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Log lines that made room for newer ones.
    pub fn dropped_logs(&self) -> u64 {
        self.lock().dropped_logs
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
