//! What each command does: asks the services, shows what they say, ends with an exit code.
//!
//! Called by `cli::run` with a started system.

mod bundle;
mod configs;
mod connections;
mod instances;
mod jobs;
mod mappings;
mod migrate;
mod plan;
mod rekey;
mod repair;
mod run;
mod status;
mod tokens;

use std::cell::Cell;
use std::sync::Arc;

use super::args::{Cli, Command, ConfigCommand, JobsCommand, StatusArgs};
use super::ask;
use super::exit::{Exit, Signal};
use super::failure::Failure;
use super::output::Output;
use super::signals::Signals;
use crate::jobs::{Engine, StopHow};
use crate::logging::StderrHandle;
use crate::model::command::Refusal;
use crate::services::{Services, backup_advice};
use crate::settings::Settings;
use crate::system::{Role, System};

/// What every command works with.
struct Context<'a> {
    typed: &'a Cli,
    output: Output,
    settings: &'a Settings,
    system: &'a System,
    services: Services,
    log: &'a StderrHandle,
    /// The editor has the terminal: Ctrl-C is meant for it.
    editing: Cell<bool>,
    /// The end of jobs is not waited for any longer.
    in_a_hurry: Cell<bool>,
}

impl Context<'_> {
    /// Asks whether to go on; the default is no.
    async fn confirm(&self, question: &str) -> Result<(), Failure> {
        ask::confirm(&self.typed.global, &self.output, question).await
    }

    /// Runs jobs in this process.
    fn engine(&self) -> Result<Arc<Engine>, Failure> {
        self.system.engine().ok_or_else(|| {
            Failure::refused(
                "sync_disabled",
                "the setting sync.enabled is false; nothing runs here",
            )
            .hint("set sync.enabled to true")
        })
    }
}

/// Carries out a command that works with the control database.
///
/// # Errors
/// What kept it from being carried out.
pub async fn run(
    typed: &Cli,
    command: &Command,
    output: Output,
    settings: &Arc<Settings>,
    log: &StderrHandle,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::internal(format!("can't listen to signals: {error}")))?;
    if let Command::Migrate(args) = command
        && args.status
    {
        return tokio::select! {
            ended = migrate::status(output, settings) => ended,
            signal = signals.next() => Ok(Exit::Signal(signal)),
        };
    }
    let system = tokio::select! {
        started = System::start(Arc::clone(settings), Role::OneShot) => match started {
            Ok(system) => system,
            Err(refusal) => {
                if let Command::Status(StatusArgs { bundle: Some(file) }) = command {
                    bundle::write_without_database(typed, settings, output, &refusal, file).await?;
                }
                return Err(refusal.into());
            }
        },
        signal = signals.next() => return Ok(Exit::Signal(signal)),
    };
    let services = system.services().ok_or_else(|| {
        let why = system.database().error;
        Refusal::DatabaseUnavailable(why.unwrap_or_else(|| "not connected".to_owned()))
    })?;
    let context = Context {
        typed,
        output,
        settings,
        system: &system,
        services,
        log,
        editing: Cell::new(false),
        in_a_hurry: Cell::new(false),
    };
    let had_key = settings.security.key_file.exists();
    let ended = match command {
        Command::Run(args) if !args.dry_run => run::run(&context, args, &mut signals).await,
        Command::Verify(args) => run::verify(&context, args, &mut signals).await,
        Command::Repair(args) if args.sql.is_none() => {
            repair::repair(&context, args, &mut signals).await
        }
        Command::Jobs(JobsCommand::Undo(args)) => repair::undo(&context, args, &mut signals).await,
        other => interruptible(&context, other, &mut signals).await,
    };
    let key = &settings.security.key_file;
    if !had_key && key.exists() {
        output.note(&format!("note: {}", backup_advice(key)));
    }
    if !context.in_a_hurry.get() {
        // The engine may still be rolling back; a further signal does not wait for it.
        tokio::select! {
            () = system.shutdown(StopHow::Release) => {}
            _ = signals.next() => {}
        }
    }
    ended
}

/// Carries out a command that has nothing to end in order: it is one request, or writes nothing.
async fn interruptible(
    context: &Context<'_>,
    command: &Command,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let work = at_once(context, command);
    tokio::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            signal = signals.next() => {
                if !(context.editing.get() && signal == Signal::Interrupt) {
                    return Ok(Exit::Signal(signal));
                }
            }
        }
    }
}

async fn at_once(context: &Context<'_>, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => plan::of_run(context, args).await,
        Command::Repair(args) => repair::script(context, args).await,
        Command::Plan(args) => plan::plan(context, &args.names, &args.tables, args.exact).await,
        Command::Connections(command) => connections::run(context, command).await,
        Command::Configs(command) => configs::run(context, command).await,
        Command::Jobs(command) => jobs::run(context, command).await,
        Command::Mappings(command) => mappings::run(context, command).await,
        Command::Status(args) => status::status(context, args).await,
        Command::Config(ConfigCommand::Rekey(args)) => rekey::rekey(context, args).await,
        Command::Instances => instances::instances(context).await,
        Command::Tokens(command) => tokens::run(context, command).await,
        Command::Migrate(_) => migrate::migrate(context),
        Command::Verify(_) | Command::Config(_) | Command::Completions(_) | Command::Man(_) => Err(
            Failure::internal("this command does not work with the control database"),
        ),
    }
}
