//! What happened in one job, in order: stored first, told to watchers after.
//!
//! Whoever notes something never waits. The queue is bounded by what can happen: a table has a
//! handful of states per try, and beyond [`ROOM`] a table's newest unstored phase replaces the one
//! before it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::events::EventHub;
use super::ledger::Ledger;
use crate::model::event::What;
use crate::model::ids::{InstanceId, JobId};
use crate::model::log::Difference;
use crate::model::table_run::TableRun;
use crate::store::StoreError;

/// Notes from which phases of one table replace each other.
const ROOM: usize = 4096;
/// Wait before a store that failed for a passing reason is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Makes the event of a table run.
pub type OfTable = fn(Box<TableRun>) -> What;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Note {
    /// A table run changed: stored, then told, if it is worth telling.
    Table {
        /// As it is now.
        run: Box<TableRun>,
        /// How it is told.
        what: Option<OfTable>,
    },
    /// Something that is told only.
    Told {
        /// Target table; `None` for the job.
        table: Option<String>,
        /// What.
        what: What,
    },
    /// Rows that differ.
    Differences {
        /// Target table.
        table: String,
        /// How many.
        what: What,
        /// Some of them.
        sample: Vec<Difference>,
    },
}

/// The notes of one job that are not stored yet.
#[derive(Debug, Default)]
pub struct Notes {
    state: Mutex<State>,
    /// There is a note, or no more will come.
    some: Notify,
    /// Everything was stored and told.
    none: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Note>,
    /// A note was taken out and is not done.
    busy: bool,
    closed: bool,
}

impl Notes {
    /// Adds a note.
    pub fn push(&self, note: Note) {
        let mut state = self.lock();
        let replaced = if state.queue.len() >= ROOM
            && let Note::Table { run, .. } = &note
            && is_phase(&note)
        {
            state
                .queue
                .iter()
                .rposition(|n| matches!(n, Note::Table { run: old, .. } if old.id == run.id))
                .filter(|at| is_phase(&state.queue[*at]))
        } else {
            None
        };
        match replaced {
            Some(at) => state.queue[at] = note,
            None => state.queue.push_back(note),
        }
        drop(state);
        self.some.notify_one();
    }

    /// No more notes will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.some.notify_one();
    }

    /// Waits until everything noted so far was stored and told.
    pub async fn settled(&self) {
        loop {
            let none = self.none.notified();
            {
                let state = self.lock();
                if state.queue.is_empty() && !state.busy {
                    return;
                }
            }
            none.await;
        }
    }

    /// Stores and tells notes until they were closed, or until `abandon`: then nothing more is
    /// stored, because somebody else may be at work on the job.
    pub async fn deliver(&self, to: &Delivery<'_>, abandon: &CancellationToken) {
        loop {
            let some = self.some.notified();
            let next = {
                let mut state = self.lock();
                let next = state.queue.pop_front();
                state.busy = next.is_some();
                if next.is_none() {
                    self.none.notify_waiters();
                    if state.closed {
                        return;
                    }
                }
                next
            };
            let Some(note) = next else {
                some.await;
                continue;
            };
            if !abandon.is_cancelled() {
                tokio::select! {
                    () = to.deliver(note) => {}
                    () = abandon.cancelled() => {}
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_phase(note: &Note) -> bool {
    match note {
        Note::Table { run, what } => match what {
            Some(what) => matches!(what(run.clone()), What::TablePhaseChanged(_)),
            None => true,
        },
        _ => false,
    }
}

/// Where notes go.
pub struct Delivery<'a> {
    /// The job.
    pub job: JobId,
    /// Name of its config.
    pub config: &'a str,
    /// This process.
    pub by: InstanceId,
    /// Stored here first.
    pub ledger: &'a dyn Ledger,
    /// Told here after.
    pub hub: &'a EventHub,
}

impl Delivery<'_> {
    async fn deliver(&self, note: Note) {
        let (table, what) = match note {
            Note::Table { run, what } => {
                self.store(|| self.ledger.save_table_run(self.job, &run, self.by))
                    .await;
                let Some(what) = what else { return };
                (Some(run.target_table.clone()), what(run))
            }
            Note::Told { table, what } => (table, what),
            Note::Differences {
                table,
                what,
                sample,
            } => {
                if !sample.is_empty() {
                    self.store(|| self.ledger.save_differences(self.job, &sample))
                        .await;
                }
                (Some(table), what)
            }
        };
        self.hub.send(self.job, self.config, table.as_deref(), what);
        self.hub.settle().await;
    }

    async fn store<'f, F>(&self, call: impl Fn() -> F)
    where
        F: Future<Output = Result<(), StoreError>> + 'f,
    {
        if let Err(error) = persist(call).await {
            tracing::error!(
                target: "db_taxi::jobs",
                job = %self.job,
                "what a table did was not stored: {error}"
            );
        }
    }
}

/// Repeats a call while it fails for a passing reason. The caller bounds it by the job's lease.
///
/// # Errors
/// The call's own that is not passing.
pub async fn persist<T, F>(call: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match call().await {
            Err(error) if error.info().transient => {
                tracing::debug!(target: "db_taxi::jobs", "tried again: {error}");
                tokio::time::sleep(AGAIN).await;
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::FakeLedger;
    use crate::model::table_run::{Phase, TableState};

    fn note(run: &TableRun, what: OfTable) -> Note {
        Note::Table {
            run: Box::new(run.clone()),
            what: Some(what),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_told_before_it_is_stored() {
        let ledger = FakeLedger::new();
        let hub = EventHub::default();
        let mut stream = hub.subscribe();
        let notes = Notes::default();
        let abandon = CancellationToken::new();
        let job = JobId::generate();
        let delivery = Delivery {
            job,
            config: "c",
            by: InstanceId::generate(),
            ledger: &*ledger,
            hub: &hub,
        };
        ledger.unreachable(true);
        let run = TableRun::new("s", "t");
        notes.push(note(&run, What::TableStarted));
        let work = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(stream.try_recv().is_none(), "told although not stored");
            ledger.unreachable(false);
            let event = stream.recv().await.unwrap();
            assert_eq!(event.what, What::TableStarted(Box::new(run.clone())));
            assert_eq!(ledger.saved_runs(job), std::slice::from_ref(&run));
            notes.settled().await;
            notes.close();
        };
        tokio::join!(notes.deliver(&delivery, &abandon), work);
    }

    #[test]
    fn a_crowded_queue_keeps_the_newest_phase_and_every_end() {
        let notes = Notes::default();
        let mut run = TableRun::new("s", "t");
        for _ in 0..ROOM {
            notes.push(note(&TableRun::new("s", "other"), What::TableStarted));
        }
        run.phase = Phase::Copy;
        notes.push(note(&run, What::TablePhaseChanged));
        run.phase = Phase::Index;
        notes.push(note(&run, What::TablePhaseChanged));
        run.state = TableState::Failed;
        notes.push(note(&run, What::TableFailed));
        let queue = &notes.lock().queue;
        assert_eq!(queue.len(), ROOM + 2);
        let Note::Table { run, .. } = &queue[ROOM] else {
            panic!("not a table");
        };
        assert_eq!(run.phase, Phase::Index);
    }
}
