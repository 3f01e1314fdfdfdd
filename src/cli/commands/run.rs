//! `run` and `verify`: jobs in this process, watched until their end.
//!
//! [`crew`] runs the jobs and passes signals on; this file says which, and shows what became of them.

mod asked;
mod crew;
mod others;

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use tokio::time::{Instant, sleep};

pub(super) use self::asked::Asked;
use self::crew::Crew;
use super::{Context, mappings};
use crate::cli::args::{RunArgs, VerifyArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::Board;
use crate::cli::settings;
use crate::cli::show;
use crate::cli::signals::Signals;
use crate::jobs::EventStream;
use crate::model::config::Config;
use crate::model::job::{Job, JobKind};

/// How long jobs that are ended at once may take to roll back.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Syncs configs and waits for the end.
pub async fn run(
    context: &Context<'_>,
    args: &RunArgs,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let names = if args.all {
        enabled(context).await?
    } else if let Some(file) = &args.file {
        import(context, file).await?
    } else {
        args.names.clone()
    };
    let mut asked = Asked::of(JobKind::Sync, &args.tables);
    asked.request.full = args.full;
    asked.request.fresh = args.fresh;
    asked.skip_if_running = args.skip_if_running;
    asked.events = args.events;
    work(context, &names, asked, signals).await
}

/// Compares configs' targets with their sources.
pub async fn verify(
    context: &Context<'_>,
    args: &VerifyArgs,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let asked = Asked::of(JobKind::Verify, &args.tables);
    work(context, &args.names, asked, signals).await
}

/// Ids of the enabled configs, by name.
pub async fn enabled(context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let all = context.services.configs.list(None).await?;
    let ids: Vec<String> = all
        .iter()
        .filter(|config| config.spec.enabled)
        .map(|config| config.id.to_string())
        .collect();
    if ids.is_empty() {
        context.output.note("no config is enabled");
    }
    Ok(ids)
}

/// Imports a mapping and gives the names of its configs. `run` never asks.
async fn import(context: &Context<'_>, file: &str) -> Result<Vec<String>, Failure> {
    let text = mappings::read(file)?;
    let outcome = mappings::import(context, &text, false).await?;
    let named = [outcome.created, outcome.updated, outcome.unchanged].concat();
    let mut names = Vec::new();
    for name in named.iter().filter_map(|item| item.strip_prefix("config ")) {
        let config = context.services.configs.get(name).await?;
        if config.spec.enabled {
            names.push(config.id.to_string());
        } else {
            context.output.note(&format!("{name}: skipped: disabled"));
        }
    }
    Ok(names)
}

/// A config and how its job ended; no job when there is nothing to tell of.
type Ended<'a> = (&'a Config, Result<Option<Job>, Failure>);

/// Runs one job of each config and waits for their ends.
pub(super) async fn work(
    context: &Context<'_>,
    names: &[String],
    asked: Asked,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let mut configs = Vec::new();
    for name in names {
        let config = context.services.configs.get(name).await?;
        // The same config by name and by id is one job.
        if !configs.iter().any(|known: &Config| known.id == config.id) {
            configs.push(config);
        }
    }
    let engine = context.engine()?;
    let mut events = engine.events();
    let command = context.typed.command.as_ref();
    let logged =
        command.is_some_and(|command| settings::shows_log(context.typed, command, context.output));
    let board = Board::new(context.output, context.log, logged);
    let crew = Crew::new(context, &engine, asked, board);
    let ends = futures_util::stream::iter(&configs)
        .map(|config| {
            let crew = &crew;
            async move { (config, crew.one(config).await) }
        })
        // As many as the engine runs at once: a job that waits here could be taken by a service.
        .buffer_unordered(context.settings.sync.max_concurrency.max(1))
        .collect::<Vec<_>>();
    let ends = watched(context, &crew, ends, &mut events, signals).await;
    while let Some(event) = events.try_recv() {
        crew.event(&event);
    }
    crew.clear();
    report(context, &crew, ends)
}

/// Awaits the ends of all jobs while events are shown and signals passed on. Without ends: a person
/// does not want to wait for them.
async fn watched<'a>(
    context: &Context<'_>,
    crew: &Crew<'_>,
    ends: impl Future<Output = Vec<Ended<'a>>>,
    events: &mut EventStream,
    signals: &mut Signals,
) -> Vec<Ended<'a>> {
    let deadline = sleep(Duration::ZERO);
    tokio::pin!(ends, deadline);
    let mut listening = true;
    let mut count = 0;
    loop {
        tokio::select! {
            ends = &mut ends => return ends,
            event = events.recv(), if listening => match event {
                Some(event) => crew.event(&event),
                None => listening = false,
            },
            signal = signals.next() => {
                count += 1;
                crew.signal(signal, count);
                match count {
                    1 => {}
                    2 => deadline.as_mut().reset(Instant::now() + AT_ONCE),
                    _ => break,
                }
            }
            () = &mut deadline, if count > 1 => break,
        }
    }
    context.in_a_hurry.set(true);
    Vec::new()
}

/// Prints what became of the jobs; the last line sums it up.
fn report(context: &Context<'_>, crew: &Crew<'_>, ends: Vec<Ended<'_>>) -> Result<Exit, Failure> {
    let stopped = crew.stopped();
    let output = context.output;
    let mut exit = stopped.map_or(Exit::Done, Exit::Signal);
    let several = ends.len() > 1;
    let mut ended = Vec::new();
    for (config, end) in ends {
        match end {
            Ok(Some(job)) => {
                // What a signal left behind is told by the signal's own code.
                if stopped.is_none() || job.state.is_final() {
                    exit = exit.and(show::job::exit(&job));
                }
                ended.push(job);
            }
            Ok(None) => {}
            Err(failure) => {
                exit = exit.and(failure.exit);
                if several {
                    output.warn(&format!("{}:", config.spec.name));
                }
                for line in failure.lines() {
                    output.warn(&line);
                }
            }
        }
    }
    for job in &ended {
        for line in show::job::errors(job) {
            output.warn(&line);
        }
    }
    if crew.tells_events() {
        // The last event of each job was its end.
    } else if output.json {
        output.json(&json!({"jobs": ended}))?;
    } else if !output.quiet || exit != Exit::Done {
        summary(output, &ended)?;
    }
    Ok(exit)
}

fn summary(output: Output, ended: &[Job]) -> Result<(), Failure> {
    for job in ended {
        output.text(&show::job::tables(&job.tables))?;
        if let Some(promise) = show::job::promise(job) {
            output.text(&promise)?;
        }
    }
    for job in ended {
        output.text(&show::job::summary(job))?;
    }
    if ended.len() > 1 {
        let well = ended
            .iter()
            .filter(|job| show::job::exit(job) == Exit::Done)
            .count();
        output.text(&format!("{well} of {} configs completed", ended.len()))?;
    }
    Ok(())
}
