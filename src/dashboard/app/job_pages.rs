//! The list of jobs as it is read: the newest page again and again, older pages when somebody goes
//! down to them. Pure.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::model::ids::JobId;
use crate::model::job::Job;

/// Jobs of one page.
pub const PAGE: usize = 200;

/// How far the list has been read.
#[derive(Debug, Clone, Default)]
pub struct JobPages {
    /// The oldest job up to which nothing is left out.
    floor: Option<Place>,
    /// Whether pages beyond the newest were read.
    deeper: bool,
    /// The page that is being read: the jobs before this one.
    pub reading: Option<JobId>,
}

/// Where a job stands in the list: newest first.
type Place = (DateTime<Utc>, JobId);

fn place(job: &Job) -> Place {
    (job.created_at, job.id)
}

/// What becomes of the list by a newest page.
pub struct Merged {
    /// The jobs, newest first.
    pub jobs: Vec<Job>,
    /// Jobs that have ended since they were read: to be read again.
    pub ended: Vec<JobId>,
}

impl JobPages {
    /// Whether older jobs than those of the list are stored.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.floor.is_some()
    }

    /// The job whose older ones are read next.
    #[must_use]
    pub fn next(&self) -> Option<JobId> {
        self.floor.map(|(_, id)| id)
    }

    /// Puts a newest page over what is known. Behind the page's jobs stand those that have not
    /// ended, however old.
    #[must_use]
    pub fn newest(&mut self, known: &[Job], page: Vec<Job>) -> Merged {
        let floor = page.get(PAGE - 1).map(place);
        if floor.is_none() || !self.deeper {
            (self.floor, self.deeper) = (floor, false);
            return Merged {
                jobs: page,
                ended: Vec::new(),
            };
        }
        let ids: HashSet<JobId> = page.iter().map(|job| job.id).collect();
        // More new jobs than a page holds since the last look: what lies between is not known.
        if !known
            .iter()
            .any(|job| ids.contains(&job.id) && floor <= Some(place(job)))
        {
            (self.floor, self.deeper) = (floor, false);
            return Merged {
                jobs: page,
                ended: Vec::new(),
            };
        }
        let older = |job: &&Job| Some(place(job)) < floor && !ids.contains(&job.id);
        let kept: Vec<Job> = known.iter().filter(older).cloned().collect();
        let ended = kept.iter().filter(|job| !job.state.is_final());
        let ended = ended.map(|job| job.id).collect();
        Merged {
            jobs: sorted(page, kept),
            ended,
        }
    }

    /// Puts a page of older jobs, read from before `asked`, under what is known.
    #[must_use]
    pub fn older(&mut self, known: &[Job], asked: JobId, page: Vec<Job>) -> Option<Vec<Job>> {
        if self.reading == Some(asked) {
            self.reading = None;
        }
        // The list was read anew meanwhile.
        if self.next() != Some(asked) {
            return None;
        }
        self.deeper = true;
        self.floor = page.get(PAGE - 1).map(place);
        let ids: HashSet<JobId> = known.iter().map(|job| job.id).collect();
        let page = page
            .into_iter()
            .filter(|job| !ids.contains(&job.id))
            .collect();
        Some(sorted(known.to_vec(), page))
    }
}

fn sorted(mut jobs: Vec<Job>, more: Vec<Job>) -> Vec<Job> {
    jobs.extend(more);
    jobs.sort_by_key(|job| std::cmp::Reverse(place(job)));
    jobs
}
