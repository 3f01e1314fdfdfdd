//! Commands about jobs, as the services take them. A job of another instance obeys through the
//! control database.

use crate::dashboard::app::job_command::JobCommand;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobKind, JobRequest, Trigger};
use crate::services::Services;

/// Carries a command out; gives the job, or the new one that it made.
pub async fn carry_out(
    services: &Services,
    id: JobId,
    command: &JobCommand,
    who: String,
) -> Result<Job, Refusal> {
    let jobs = &services.jobs;
    let request = match command {
        JobCommand::Pause => return jobs.pause(id).await,
        JobCommand::Resume => return jobs.resume(id).await,
        JobCommand::Retry => return jobs.retry(id, &who).await,
        JobCommand::Set(change) => return jobs.change(id, change).await,
        JobCommand::Verify => JobRequest {
            kind: JobKind::Verify,
            ..JobRequest::default()
        },
        JobCommand::Repair { tables } => JobRequest {
            kind: JobKind::Repair,
            tables: tables.clone(),
            ..JobRequest::default()
        },
        JobCommand::Undo => JobRequest {
            kind: JobKind::Undo,
            undo_of: Some(id),
            ..JobRequest::default()
        },
    };
    let config = jobs.get(&id.to_string()).await?.config_id;
    let request = JobRequest {
        trigger: Trigger::Dashboard,
        requested_by: who,
        ..request
    };
    jobs.start(&config.to_string(), request).await
}
