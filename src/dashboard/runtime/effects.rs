//! Carries effects out: each is a task whose result is one message.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::backend::Backend;
use crate::dashboard::app::effect::{Effect, Load};
use crate::dashboard::app::msg::{Loaded, Msg};

/// Begins an effect; what can be given up comes back with a handle. What it tells before its end
/// goes to `told`, and is left out when that is full. Effects of the loop itself (leaving,
/// suspending, repainting) are not for here.
pub fn spawn<W: Backend>(
    tasks: &mut JoinSet<Msg>,
    world: &Arc<W>,
    told: &mpsc::Sender<Msg>,
    effect: Effect,
) -> Option<AbortHandle> {
    let world = Arc::clone(world);
    match effect {
        Effect::Load(load) => {
            tasks.spawn(async move {
                let result = match load {
                    Load::Overview => Ok(Loaded::Overview(Box::new(world.overview().await))),
                    Load::Connections => world.connections().await.map(Loaded::Connections),
                    Load::Configs => world.configs().await.map(Loaded::Configs),
                    Load::Jobs => world.jobs().await.map(Loaded::Jobs),
                    Load::OlderJobs(id) => world.older_jobs(id).await.map(Loaded::OlderJobs),
                    Load::Job(id) => world.job(id).await.map(|job| Loaded::Job(Box::new(job))),
                    Load::Freshness => world.freshness().await.map(Loaded::Freshness),
                    Load::Audit => world.audit().await.map(Loaded::Audit),
                    Load::Night(look) => world.night(look).await.map(Loaded::Night),
                };
                Msg::Loaded(load, result)
            });
        }
        Effect::Ask(ticket, request) => {
            return Some(
                tasks.spawn(async move { Msg::Answered(ticket, world.ask(request).await) }),
            );
        }
        Effect::TestConnection { id, name } => {
            tasks.spawn(async move {
                let result = world.test_connection(id).await.map(Box::new);
                Msg::Tested { name, result }
            });
        }
        Effect::Plan { config, exact } => {
            tasks.spawn(async move {
                let result = world.plan(&config, exact).await.map(Box::new);
                Msg::Planned {
                    config,
                    exact,
                    result,
                }
            });
        }
        Effect::Config(ask) => {
            tasks.spawn(async move { Msg::Config(world.config(ask).await) });
        }
        Effect::StartJob { config } => {
            tasks.spawn(async move {
                let result = world.start_job(&config).await.map(Box::new);
                Msg::Started { config, result }
            });
        }
        Effect::StopJob(id) => {
            tasks.spawn(async move { Msg::Stopped(world.stop_job(id).await.map(Box::new)) });
        }
        Effect::ReadLog(query) => {
            tasks.spawn(async move {
                let result = world.logs(&query).await;
                Msg::LogRead { query, result }
            });
        }
        Effect::FindLog(query) => {
            tasks.spawn(async move {
                let result = world.find_line(&query).await;
                Msg::LogFound { query, result }
            });
        }
        Effect::ReadDifferences(query) => {
            tasks.spawn(async move {
                let result = world.differences(&query).await;
                Msg::DifferencesRead { query, result }
            });
        }
        Effect::SaveLog(ticket, save) => {
            let told = told.clone();
            let progress = Box::new(move |lines| {
                let _full = told.try_send(Msg::LogSaving(ticket, lines));
            });
            return Some(tasks.spawn(async move {
                let result = world.save_log((*save).clone(), progress).await;
                Msg::LogSaved {
                    ticket,
                    save,
                    result,
                }
            }));
        }
        Effect::Park => {
            tasks.spawn(async move {
                let done = world.park().await;
                if !done {
                    world.unpark();
                }
                Msg::Parked(done)
            });
        }
        Effect::CommandJob {
            id,
            config,
            command,
        } => {
            tasks.spawn(async move {
                let result = world.command_job(id, &command).await.map(Box::new);
                Msg::Commanded {
                    config,
                    command,
                    result,
                }
            });
        }
        Effect::AskJob {
            id,
            config,
            question,
        } => {
            tasks.spawn(async move {
                let result = world.ask_job(id, question).await;
                Msg::JobAnswered {
                    id,
                    config,
                    question,
                    result,
                }
            });
        }
        Effect::RememberVisit(ago) => {
            tasks.spawn(async move { Msg::Remembered(world.remember_visit(ago).await) });
        }
        Effect::GiveUp(_)
        | Effect::Quit(_)
        | Effect::Copy(_)
        | Effect::Redraw
        | Effect::Suspend => {}
    }
    None
}
