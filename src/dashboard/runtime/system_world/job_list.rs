//! The list of jobs, page by page.

use crate::dashboard::app::job_pages::PAGE;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobFilter, JobState};
use crate::services::Jobs;

/// States of jobs that have not ended.
const ACTIVE: [JobState; 3] = [JobState::Running, JobState::Paused, JobState::Pending];

fn page(before: Option<JobId>, state: Option<JobState>) -> JobFilter {
    JobFilter {
        limit: u32::try_from(PAGE).ok(),
        before: before.map(Into::into),
        state,
        ..JobFilter::default()
    }
}

/// The newest page, and behind it older jobs that have not ended.
pub async fn newest(jobs: &Jobs) -> Result<Vec<Job>, Refusal> {
    let mut all = jobs.list(&page(None, None)).await?;
    let Some(last) = all.get(PAGE - 1).map(|job| job.id) else {
        return Ok(all);
    };
    let mut active = Vec::new();
    for state in ACTIVE {
        active.extend(jobs.list(&page(Some(last), Some(state))).await?);
    }
    active.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
    // One may have gone from one state to the next meanwhile.
    active.dedup_by_key(|job| job.id);
    all.extend(active);
    Ok(all)
}

/// The page before a job.
pub async fn older(jobs: &Jobs, before: JobId) -> Result<Vec<Job>, Refusal> {
    jobs.list(&page(Some(before), None)).await
}
