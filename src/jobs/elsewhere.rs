//! Events of jobs that other processes work on, made of what the control database shows of them.
//!
//! Such a job is seen as it is stored, so less is known of it: that it was queued, began, was held,
//! went back or ended, how far it is, and which of its tables ended. Its log is stored, too, and is
//! not told here.

use std::collections::HashMap;

use chrono::Utc;

use super::core::without_tables;
use crate::model::event::{Event, What};
use crate::model::ids::JobId;
use crate::model::job::{Job, JobState};
use crate::model::progress::{Counts, Progress};
use crate::model::table_run::{TableRun, TableState};

/// For so many looks after an event of this process its job is left to this process: what is stored
/// may be older than what was heard.
const LEFT_ALONE: u8 = 2;

/// What one watcher knows of all jobs; the difference to the next look is what happened.
#[derive(Default)]
pub struct Elsewhere {
    known: HashMap<JobId, Known>,
    /// Jobs that this process told of, with the looks for which they are left alone.
    heard: HashMap<JobId, u8>,
}

#[derive(Default)]
struct Known {
    state: JobState,
    progress: Progress,
    counts: Counts,
    /// Tables that have ended; `None`: it was never seen with its tables.
    ended: Option<Vec<String>>,
    /// The last number told.
    seq: u64,
}

impl Elsewhere {
    /// Begins with these jobs, and tells how far each is.
    pub fn first(&mut self, active: &[Job]) -> Vec<Event> {
        let mut events = Vec::new();
        for job in active {
            let mut known = Known::of(job);
            known.ended = None;
            let mut event = known.event(job, None, progress(job));
            // Below every number of the job.
            event.seq = 0;
            known.seq = 0;
            events.push(event);
            self.known.insert(job.id, known);
        }
        events
    }

    /// This process told of a job. The event's number is made to grow, whoever told of it before.
    pub fn heard(&mut self, event: &mut Event) {
        self.heard.insert(event.job_id, LEFT_ALONE);
        let known = self.known.entry(event.job_id).or_default();
        event.seq = event.seq.max(known.seq + 1);
        known.seq = event.seq;
        match &event.what {
            What::JobCreated(job)
            | What::JobStarted(job)
            | What::JobPaused(job)
            | What::JobResumed(job)
            | What::JobReleased(job) => known.state = job.state,
            What::JobFinished(_) => {
                self.known.remove(&event.job_id);
            }
            _ => {}
        }
    }

    /// What happened to jobs that do not run here, as of one look at all that have not ended or were
    /// made and ended since the last one; those of them that `runs_here` are passed over. Second: jobs
    /// that are gone; they ended, or run here.
    pub fn look<'a>(
        &mut self,
        jobs: impl Iterator<Item = &'a Job> + Clone,
        runs_here: impl Fn(JobId) -> bool,
    ) -> (Vec<Event>, Vec<JobId>) {
        let mut events = Vec::new();
        for job in jobs.clone() {
            if self.heard.contains_key(&job.id) || runs_here(job.id) {
                continue;
            }
            let fresh = !self.known.contains_key(&job.id);
            let known = self.known.entry(job.id).or_default();
            if fresh {
                known.ended = Some(Vec::new());
                let created = What::JobCreated(as_it_was(job, JobState::Pending));
                events.push(known.event(job, None, created));
            }
            if job.state.is_final() {
                events.extend(self.ended(job));
            } else {
                known.go_on(job, &mut events);
            }
        }
        let gone = self.known.keys().copied().filter(|id| {
            let is_here = self.heard.contains_key(id) || runs_here(*id);
            !is_here && !jobs.clone().any(|job| job.id == *id)
        });
        let gone = gone.collect();
        self.heard.retain(|_, looks| {
            *looks -= 1;
            *looks > 0
        });
        (events, gone)
    }

    /// A job that is gone is not stored any more.
    pub fn forget(&mut self, job: JobId) {
        self.known.remove(&job);
    }

    /// A job that is gone, as it is stored now, with its tables; nothing while it has not ended.
    pub fn ended(&mut self, job: &Job) -> Vec<Event> {
        if !job.state.is_final() {
            return Vec::new();
        }
        let Some(mut known) = self.known.remove(&job.id) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if known.state == JobState::Pending && job.started_at.is_some() {
            let started = What::JobStarted(as_it_was(job, JobState::Running));
            events.push(known.event(job, None, started));
        }
        known.tables(job, &mut events);
        let finished = What::JobFinished(Box::new(job.clone()));
        events.push(known.event(job, None, finished));
        events
    }
}

impl Known {
    fn of(job: &Job) -> Self {
        Self {
            state: job.state,
            progress: job.progress.clone(),
            counts: job.counts,
            ended: Some(
                ended(&job.tables)
                    .map(|run| run.target_table.clone())
                    .collect(),
            ),
            seq: 0,
        }
    }

    /// From what is known to what is stored now.
    fn go_on(&mut self, job: &Job, events: &mut Vec<Event>) {
        if self.state != job.state {
            let what = match job.state {
                JobState::Running => Some(What::JobStarted(bare(job))),
                JobState::Paused => Some(What::JobPaused(bare(job))),
                JobState::Pending if self.state == JobState::Paused => {
                    Some(What::JobResumed(bare(job)))
                }
                JobState::Pending => Some(What::JobReleased(bare(job))),
                _ => None,
            };
            self.state = job.state;
            events.extend(what.map(|what| self.event(job, None, what)));
        }
        self.tables(job, events);
        if (&self.progress, self.counts) != (&job.progress, job.counts) {
            self.progress = job.progress.clone();
            self.counts = job.counts;
            events.push(self.event(job, None, progress(job)));
        }
    }

    /// Tables that have ended meanwhile, where tables are shown.
    fn tables(&mut self, job: &Job, events: &mut Vec<Event>) {
        if job.tables.is_empty() {
            return;
        }
        let Some(known) = &self.ended else {
            self.ended = Self::of(job).ended;
            return;
        };
        let new: Vec<TableRun> = ended(&job.tables)
            .filter(|run| !known.contains(&run.target_table))
            .cloned()
            .collect();
        for run in new {
            let table = run.target_table.clone();
            let run = Box::new(run);
            let what = match run.state {
                TableState::Completed => What::TableFinished(run),
                TableState::Skipped => What::TableSkipped(run),
                _ => What::TableFailed(run),
            };
            events.push(self.event(job, Some(table.clone()), what));
            self.ended.get_or_insert_default().push(table);
        }
    }

    fn event(&mut self, job: &Job, table: Option<String>, what: What) -> Event {
        self.seq += 1;
        Event {
            v: 1,
            seq: self.seq,
            time: Utc::now(),
            job_id: job.id,
            config: job.config.clone(),
            table,
            what,
        }
    }
}

fn ended(tables: &[TableRun]) -> impl Iterator<Item = &TableRun> {
    tables.iter().filter(|run| {
        matches!(
            run.state,
            TableState::Completed | TableState::Failed | TableState::Skipped
        )
    })
}

fn progress(job: &Job) -> What {
    What::Progress {
        progress: job.progress.clone(),
        counts: job.counts,
    }
}

fn bare(job: &Job) -> Box<Job> {
    Box::new(without_tables(job))
}

/// Before it went on from `state`.
fn as_it_was(job: &Job, state: JobState) -> Box<Job> {
    if job.state == state {
        return bare(job);
    }
    Box::new(Job {
        state,
        started_at: job.started_at.filter(|_| state != JobState::Pending),
        finished_at: None,
        error: None,
        ..without_tables(job)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::testing::FakeLedger;
    use crate::model::job::JobKind;
    use crate::model::job_state::JobState::{Completed, Paused, Pending, Running};

    fn stored_job() -> Job {
        let ledger = FakeLedger::new();
        ledger.stored(ledger.add_job(JobKind::Sync))
    }

    fn at(job: &Job, state: JobState, rows_done: u64) -> Job {
        let mut job = job.clone();
        job.state = state;
        job.progress.rows_done = rows_done;
        job
    }

    fn names(events: &[Event]) -> Vec<String> {
        let name = |event: &Event| {
            let value = serde_json::to_value(event).unwrap();
            value["type"].as_str().unwrap().to_owned()
        };
        events.iter().map(name).collect()
    }

    #[test]
    fn two_looks_make_the_events_between_them() {
        let job = stored_job();
        let mut one = Elsewhere::default();
        assert_eq!(names(&one.first(&[at(&job, Pending, 0)])), ["progress"]);
        let here = |_| false;
        let mut last = 0;
        for (state, rows, expected) in [
            (Pending, 0, vec![]),
            (Running, 5, vec!["job_started", "progress"]),
            (Running, 5, vec![]),
            (Paused, 5, vec!["job_paused"]),
            (Pending, 5, vec!["job_resumed"]),
            (Running, 9, vec!["job_started", "progress"]),
            (Pending, 9, vec!["job_released"]),
        ] {
            let (events, gone) = one.look([at(&job, state, rows)].iter(), here);
            assert_eq!(
                (names(&events), gone.len()),
                (expected.iter().map(ToString::to_string).collect(), 0)
            );
            for event in events {
                assert!(event.seq > last, "{event:?}");
                last = event.seq;
            }
        }
        let (events, gone) = one.look([].iter(), here);
        assert_eq!((events.len(), gone), (0, vec![job.id]));
        assert!(
            one.ended(&at(&job, Running, 9)).is_empty(),
            "between two lists"
        );
        assert_eq!(names(&one.ended(&at(&job, Completed, 9))), ["job_finished"]);
        assert_eq!(one.look([].iter(), here).1, Vec::new());
    }

    #[test]
    fn a_job_that_was_not_there_is_told_from_its_beginning() {
        let job = stored_job();
        let mut one = Elsewhere::default();
        let (events, _) = one.look([at(&job, Running, 3)].iter(), |_| false);
        assert_eq!(names(&events), ["job_created", "job_started", "progress"]);
        let mut job = at(&stored_job(), Completed, 3);
        job.started_at = Some(job.created_at);
        let (events, gone) = one.look([job].iter(), |_| false);
        let told = ["job_created", "job_started", "job_finished"];
        assert_eq!(
            (names(&events), gone.len()),
            (told.map(str::to_owned).to_vec(), 1)
        );
    }

    #[test]
    fn what_this_process_tells_is_not_told_twice() {
        let job = stored_job();
        let mut one = Elsewhere::default();
        one.first(&[at(&job, Pending, 0)]);
        let mut event = Event {
            v: 1,
            seq: 1,
            time: Utc::now(),
            job_id: job.id,
            config: job.config.clone(),
            table: None,
            what: What::JobReleased(bare(&at(&job, Pending, 4))),
        };
        one.heard(&mut event);
        // What is stored is older at first, then somebody else takes it.
        for (state, expected) in [(Running, 0), (Running, 0), (Pending, 1), (Running, 1)] {
            let (events, gone) = one.look([at(&job, state, 4)].iter(), |_| false);
            assert_eq!((events.len(), gone.len()), (expected, 0), "{events:?}");
        }
        assert_eq!(
            one.look([at(&job, Running, 4)].iter(), |_| true).0,
            Vec::new()
        );
        event.what = What::JobFinished(bare(&at(&job, Completed, 4)));
        event.seq = 1;
        one.heard(&mut event);
        assert!(event.seq > 1, "numbers never go back");
        for _ in 0..2 {
            let (events, gone) = one.look([at(&job, Running, 4)].iter(), |_| false);
            assert_eq!((events.len(), gone.len()), (0, 0));
        }
        assert_eq!(one.look([].iter(), |_| false).1, Vec::new());
    }
}
