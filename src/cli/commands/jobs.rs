//! `jobs`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Context;
use crate::cli::args::{JobsCommand, JobsListArgs, JobsLogsArgs, JobsStartArgs, JobsStopArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;
use crate::model::duration::parse_duration;
use crate::model::job::{Job, JobChange, JobFilter, JobRequest, Trigger};
use crate::model::labels::WORKER;
use crate::model::log::{LogEntry, LogFilter};
use crate::system::requested_by;

/// How often the control database is asked for news of a job of another process.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines read at once.
const PAGE: u32 = 500;

/// Carries out a command of `jobs`.
pub async fn run(context: &Context<'_>, command: &JobsCommand) -> Result<Exit, Failure> {
    let output = context.output;
    let jobs = &context.services.jobs;
    match command {
        JobsCommand::List(args) => list(context, args).await?,
        JobsCommand::Show(args) => {
            let job = jobs.get(&args.job).await?;
            output.result(&job, || show::job::one(&job))?;
            if let Some(why) = jobs.waits_because(&job).await? {
                output.note(&format!("it waits: {why}"));
            }
        }
        JobsCommand::Start(args) => start(context, args).await?,
        JobsCommand::Stop(args) => stop(context, args).await?,
        JobsCommand::Pause(args) => {
            let job = jobs.pause(jobs.get(&args.job).await?.id).await?;
            tell(
                context,
                &job,
                &format!("{}: pauses after its batch", job.config),
            )?;
        }
        JobsCommand::Resume(args) => {
            let job = jobs.resume(jobs.get(&args.job).await?.id).await?;
            tell(context, &job, &format!("{}: back in the queue", job.config))?;
            note_alone(context, &job).await?;
        }
        JobsCommand::Retry(args) => {
            let id = jobs.get(&args.job).await?.id;
            let job = jobs.retry(id, &requested_by()).await?;
            output.result(&job, || job.id.to_string())?;
            note_alone(context, &job).await?;
        }
        JobsCommand::Set(args) => {
            let change = JobChange {
                max_concurrency: args.max_concurrency,
                throttle: args.throttle.clone(),
                priority: args.priority,
            };
            let job = jobs.change(jobs.get(&args.job).await?.id, &change).await?;
            tell(context, &job, &format!("{}: changed", job.config))?;
        }
        JobsCommand::Logs(args) => logs(context, args).await?,
        JobsCommand::Differences(args) => {
            let job = jobs.get(&args.job).await?;
            let found = jobs.differences(job.id).await?;
            output.list(values(&found), || show::difference::list(&found))?;
        }
        JobsCommand::Undo(_) => {
            return Err(Failure::internal("an undo is run like a job"));
        }
    }
    Ok(Exit::Done)
}

/// The job as JSON, or what happens to it.
fn tell(context: &Context<'_>, job: &Job, text: &str) -> Result<(), Failure> {
    if context.output.json {
        return context.output.json(job);
    }
    context.output.done(text)
}

/// Says that a job waits, where nobody takes it.
async fn note_alone(context: &Context<'_>, job: &Job) -> Result<(), Failure> {
    let instances = context.services.monitoring.instances().await?;
    if !instances.iter().any(|one| one.plays(WORKER)) {
        context.output.note(
            "no service is running: the job waits until `db-taxi --headless`, the dashboard or \
             `db-taxi run` takes it",
        );
    } else if let Some(why) = context.services.jobs.waits_because(job).await? {
        context.output.note(&format!("the job waits: {why}"));
    }
    Ok(())
}

async fn list(context: &Context<'_>, args: &JobsListArgs) -> Result<(), Failure> {
    let services = &context.services;
    let mut filter = JobFilter {
        state: args.state.map(Into::into),
        kind: args.kind.map(Into::into),
        since: args.since.as_deref().map(since).transpose()?,
        limit: Some(args.limit),
        ..JobFilter::default()
    };
    if let Some(name) = &args.config_name {
        filter.config_id = Some(services.configs.get(name).await?.id);
    }
    if let Some(name) = &args.connection {
        filter.connection_id = Some(services.connections.get(name).await?.id);
    }
    let found = services.jobs.list(&filter).await?;
    context
        .output
        .list(values(&found), || show::job::list(&found))
}

async fn start(context: &Context<'_>, args: &JobsStartArgs) -> Result<(), Failure> {
    let request = JobRequest {
        kind: args.kind.into(),
        tables: args.tables.clone(),
        full: args.full,
        fresh: args.fresh,
        priority: args.priority,
        trigger: Trigger::Cli,
        requested_by: requested_by(),
        ..JobRequest::default()
    };
    let job = context.services.jobs.start(&args.name, request).await?;
    context.output.result(&job, || job.id.to_string())?;
    note_alone(context, &job).await
}

async fn stop(context: &Context<'_>, args: &JobsStopArgs) -> Result<(), Failure> {
    let jobs = &context.services.jobs;
    let id = jobs.get(&args.job).await?.id;
    let mut job = jobs.stop(id).await?;
    let mut tick = tokio::time::interval(LOOK_EVERY);
    while args.wait && !job.state.is_final() {
        tick.tick().await;
        job = jobs.get(&id.to_string()).await?;
    }
    let text = if job.state.is_final() {
        show::job::summary(&job)
    } else {
        format!("{}: stops after its batch", job.config)
    };
    tell(context, &job, &text)
}

async fn logs(context: &Context<'_>, args: &JobsLogsArgs) -> Result<(), Failure> {
    let jobs = &context.services.jobs;
    let output = context.output;
    let job = jobs.get(&args.job).await?;
    let id = job.id;
    let mut filter = LogFilter {
        level: args.level.map(Into::into),
        table: args.table.clone(),
        after: Some(0),
        limit: Some(PAGE),
        ..LogFilter::default()
    };
    if output.json && !args.follow {
        let mut all = Vec::new();
        loop {
            let page = jobs.logs(id, &filter).await?;
            filter.after = page.last().map(|line| line.id).or(filter.after);
            let last = page.len() < PAGE as usize;
            all.extend(page);
            if last {
                break;
            }
        }
        // As the REST API lists them: newest first.
        all.reverse();
        return output.list(values(&all), String::new);
    }
    let mut tick = tokio::time::interval(LOOK_EVERY);
    // Read before the lines: whatever a job that has ended wrote is there by then.
    let mut ended = job.state.is_final();
    loop {
        let page = jobs.logs(id, &filter).await?;
        filter.after = page.last().map(|line| line.id).or(filter.after);
        show_lines(context, &page)?;
        if page.len() >= PAGE as usize {
            continue;
        }
        if !args.follow || ended {
            return Ok(());
        }
        tick.tick().await;
        ended = jobs.get(&id.to_string()).await?.state.is_final();
    }
}

fn show_lines(context: &Context<'_>, page: &[LogEntry]) -> Result<(), Failure> {
    for line in page {
        if context.output.json {
            // A stream of objects has one a line.
            let text = serde_json::to_string(line)
                .map_err(|error| Failure::internal(format!("can't write JSON: {error}")))?;
            crate::cli::output::raw(&format!("{text}\n"))?;
        } else {
            context.output.text(&show::job::log_line(line))?;
        }
    }
    Ok(())
}

fn values<T: serde::Serialize>(items: &[T]) -> Vec<Value> {
    items
        .iter()
        .filter_map(|item| serde_json::to_value(item).ok())
        .collect()
}

/// A point in time, or how long ago.
fn since(text: &str) -> Result<DateTime<Utc>, Failure> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let ago = parse_duration(text).map_err(|why| {
        Failure::invalid(format!(
            "--since: neither a time such as 2026-01-31T08:00:00Z nor a duration: {why}"
        ))
    })?;
    Utc::now()
        .checked_sub_signed(chrono::Duration::from_std(ago).unwrap_or(chrono::Duration::MAX))
        .ok_or_else(|| Failure::invalid("--since: too long ago"))
}
