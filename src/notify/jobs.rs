//! Which jobs ended since the last look, and what is told of them.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::target::outgoing;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobKind, JobState};
use crate::model::notification::{Notification, NotificationRule, NotifyOn, Told, text};
use crate::store::{Store, StoreError};

/// What happened longer ago is not told any more: nobody was there to tell it.
const HORIZON: TimeDelta = TimeDelta::hours(24);
/// Looks overlap by so much: a job may become visible a little after the time it was made.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);

/// What was seen of jobs so far.
#[derive(Default)]
pub struct JobWatch {
    /// When the last look began, by the control database's clock.
    looked_at: Option<DateTime<Utc>>,
    /// Jobs that had not ended then.
    active: HashSet<JobId>,
    /// Jobs made lately that were dealt with.
    dealt_with: HashSet<JobId>,
}

impl JobWatch {
    /// Writes down what is to be told of jobs that ended since the last look; at the first look, of
    /// those that ended within a day. `since`: from when on a target is told.
    ///
    /// # Errors
    /// When the control database does not answer; the next look begins where this one did.
    pub async fn tell(
        &mut self,
        store: &Store,
        rules: &[NotificationRule],
        since: &(dyn Fn(&str) -> Option<DateTime<Utc>> + Sync),
    ) -> Result<(), StoreError> {
        let now = store.now().await?;
        let from = self.looked_at.unwrap_or(now).min(now) - OVERLAP;
        let (active, made) = store.jobs_in_motion(from).await?;
        let mut active: HashSet<JobId> = active.into_iter().collect();
        let mut ended: Vec<JobId> = self.active.difference(&active).copied().collect();
        if self.looked_at.is_none() {
            ended.extend(store.jobs_ended_since(now - HORIZON).await?);
        }
        ended.extend(made.iter().filter(|id| !active.contains(id)));
        // Ids sort by the time they were made.
        ended.sort_unstable();
        ended.dedup();
        ended.retain(|id| !self.dealt_with.contains(id));
        for id in ended {
            let Some(job) = store.job(id).await? else {
                continue;
            };
            if !job.state.is_final() {
                active.insert(id);
                continue;
            }
            tell_of(store, &job, rules, since).await?;
            self.dealt_with.insert(id);
        }
        self.dealt_with.retain(|id| made.contains(id));
        self.active = active;
        self.looked_at = Some(now);
        Ok(())
    }
}

async fn tell_of(
    store: &Store,
    job: &Job,
    rules: &[NotificationRule],
    since: &(dyn Fn(&str) -> Option<DateTime<Utc>> + Sync),
) -> Result<(), StoreError> {
    let time = job.finished_at.unwrap_or(job.created_at);
    let mut all = Vec::new();
    for on in happened(store, job).await? {
        let what = Notification::new(on, &job.config, time, text(Told::Ended(on, job))).about(job);
        let mut told = outgoing(&what, &event(on, job), job.config_id, rules);
        told.retain(|one| since(&one.target).is_some_and(|since| time > since));
        all.extend(told);
    }
    store.put_notifications(&all).await?;
    Ok(())
}

/// The same text from every instance.
pub fn event(on: NotifyOn, job: &Job) -> String {
    format!("job:{}:{}", job.id, on.as_str())
}

async fn is_recovery(store: &Store, job: &Job) -> Result<bool, StoreError> {
    Ok(is_complete(store, job).await? && store.was_well_before(job).await? == Some(false))
}

async fn happened(store: &Store, job: &Job) -> Result<Vec<NotifyOn>, StoreError> {
    let mut all = Vec::new();
    match job.state {
        JobState::Failed => all.push(NotifyOn::Failed),
        JobState::CompletedWithErrors => all.push(NotifyOn::CompletedWithErrors),
        JobState::Completed if is_recovery(store, job).await? => all.push(NotifyOn::Recovered),
        _ => {}
    }
    let differ = job
        .tables
        .iter()
        .any(|table| table.verified.differences > 0);
    if differ && job.kind != JobKind::Undo && job.state != JobState::Cancelled {
        all.push(NotifyOn::Differences);
    }
    Ok(all)
}

/// Whether a completed job says that all is well: it did all tables, or those that another left.
async fn is_complete(store: &Store, job: &Job) -> Result<bool, StoreError> {
    if job.kind == JobKind::Undo {
        return Ok(false);
    }
    Ok(job.retry_of.is_some() || store.job_request(job.id).await?.tables.is_empty())
}
