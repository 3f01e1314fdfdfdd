//! What a command tells of its jobs, be it that another process works on them.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::jobs::Elsewhere;
use crate::model::event::Event;
use crate::model::ids::JobId;
use crate::model::job::Job;

/// Events of jobs, whoever works on them; the numbers of a job never go back.
#[derive(Default)]
pub struct Told(RefCell<HashMap<JobId, Elsewhere>>);

impl Told {
    /// An event of this process, as it is told.
    pub fn here(&self, event: &Event) -> Event {
        let mut event = event.clone();
        self.0
            .borrow_mut()
            .entry(event.job_id)
            .or_default()
            .heard(&mut event);
        event
    }

    /// What happened to a job that another process works on, as it is stored now.
    pub fn elsewhere(&self, job: &Job) -> Vec<Event> {
        let mut told = self.0.borrow_mut();
        match told.get_mut(&job.id) {
            Some(known) => known.look([job].into_iter(), |_| false).0,
            None => told
                .entry(job.id)
                .or_default()
                .first(std::slice::from_ref(job)),
        }
    }

    /// The end of a job, with its tables, where another process ended it.
    pub fn ended_elsewhere(&self, job: &Job) -> Vec<Event> {
        let known = self.0.borrow_mut().remove(&job.id);
        let mut known = known.unwrap_or_else(|| {
            let mut unseen = Elsewhere::default();
            unseen.first(std::slice::from_ref(job));
            unseen
        });
        known.ended(job)
    }
}
