//! The command line: arguments → services → output → exit code.
//!
//! Owns the command tree, what is printed where, and the exit codes. Holds no rules of syncing:
//! every command asks the services and shows what they say. Called by `main` only, which also
//! starts the two other fronts.

pub mod args;
mod ask;
mod commands;
mod editor;
pub mod exit;
pub mod failure;
mod option_file;
pub mod output;
pub mod panics;
mod progress;
mod settings;
mod shell;
pub mod show;
mod signals;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

pub use args::{Cli, ColorWord};
use args::{Command, ConfigCommand};
pub use exit::{Exit, Signal};
pub use failure::Failure;
pub use output::Output;

use crate::logging::{LoggingOptions, StderrHandle};
use crate::settings::{Loaded, Settings};

/// What was asked for, decided from what was typed.
#[derive(Debug)]
pub enum Front<'a> {
    /// A command that has been carried out: it needs neither settings nor a database.
    Ended(Exit),
    /// A command that works with the control database.
    Command(&'a Command),
    /// The service.
    Headless,
    /// The dashboard.
    Dashboard,
    /// The actions of the dashboard and their keys, which only the dashboard knows.
    Keys,
    /// Whether the settings are right, the keys of those actions too.
    Check,
}

/// Says what is wrong with keys of the dashboard's actions: the action and a sentence each.
pub type WrongKeys<'a> = &'a dyn Fn(&BTreeMap<String, Vec<String>>) -> Vec<(String, String)>;

/// One action of the dashboard, as `config keys` lists it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ActionKeys {
    /// Its name in the settings.
    pub action: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// Where they apply.
    pub place: String,
    /// What it does.
    pub meaning: String,
}

/// Lists the actions of the dashboard.
///
/// # Errors
/// When stdout can't be written.
pub fn show_keys(output: Output, actions: &[ActionKeys]) -> Result<Exit, Failure> {
    settings::show_keys(output, actions)
}

/// Reads what was typed; help, version and mistakes are printed here.
///
/// # Errors
/// How the program ends when there is nothing to do.
pub fn parse(typed: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
    Cli::try_parse_from(typed)
        .and_then(agree)
        .map_err(|message| {
            // A reader that went away is as good as one that read it.
            let _ = message.print();
            if message.use_stderr() {
                Exit::Invalid
            } else {
                Exit::Done
            }
        })
}

/// Refuses flags of one front together with another.
fn agree(typed: Cli) -> Result<Cli, clap::Error> {
    let dashboard = typed.dashboard.first_given();
    let (one, other) = match (&typed.command, typed.service.headless, dashboard) {
        (Some(_), true, _) => ("--headless", "a command"),
        (Some(_), false, Some(flag)) => (flag, "a command"),
        (None, true, Some(flag)) => (flag, "--headless"),
        _ => return Ok(typed),
    };
    let message = format!("{one} can't be used with {other}");
    Err(Cli::command().error(ErrorKind::ArgumentConflict, message))
}

/// Decides which front is asked for, and carries out what needs no settings.
///
/// # Errors
/// When a command fails, or the dashboard is asked for without a terminal.
pub fn front(typed: &Cli, output: Output) -> Result<Front<'_>, Failure> {
    match &typed.command {
        Some(Command::Completions(args)) => {
            shell::completions(args).map(|()| Front::Ended(Exit::Done))
        }
        Some(Command::Man(args)) => shell::man(args).map(|()| Front::Ended(Exit::Done)),
        Some(Command::Config(ConfigCommand::Keys)) => Ok(Front::Keys),
        Some(Command::Config(ConfigCommand::Check)) => Ok(Front::Check),
        Some(command @ Command::Config(ConfigCommand::Rekey(_))) => Ok(Front::Command(command)),
        Some(Command::Config(command)) => settings::run(typed, command, output).map(Front::Ended),
        Some(command) => Ok(Front::Command(command)),
        None if typed.service.headless => Ok(Front::Headless),
        None if io::stdout().is_terminal() && io::stdin().is_terminal() => Ok(Front::Dashboard),
        None => Err(
            Failure::invalid("the dashboard needs a terminal, and there is none").hint(
                "`db-taxi --headless` runs the service without one; `db-taxi --help` shows the \
                 commands",
            ),
        ),
    }
}

/// Checks the settings and says so.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check_settings(typed: &Cli, output: Output, wrong: WrongKeys<'_>) -> Result<Exit, Failure> {
    settings::check(typed, output, wrong)
}

/// Checks the keys of the dashboard's actions.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn check_keys(typed: &Cli, wrong: WrongKeys<'_>) -> Result<(), Failure> {
    settings::check_keys(typed, wrong)
}

/// Reads the settings that the flags ask for.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_settings(typed: &Cli, output: Output) -> Result<Loaded, Failure> {
    settings::load(typed, output)
}

/// The same without a word on stderr, where a screen may be; what is odd goes to the log.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load_settings_quietly(typed: &Cli) -> Result<Loaded, Failure> {
    settings::read(typed, |warning| tracing::warn!("settings: {warning}"))
}

/// Where a person's own themes are.
#[must_use]
pub fn theme_folder(typed: &Cli) -> Option<PathBuf> {
    settings::theme_folder(typed)
}

/// Where is remembered when somebody last looked at this control database.
#[must_use]
pub fn visit_file(typed: &Cli, settings: &Settings) -> Option<PathBuf> {
    settings::visit_file(typed, settings)
}

/// Whether the terminal shows ASCII only: the Linux console, or a locale that is not UTF-8.
#[must_use]
pub fn is_ascii_only(output: Output) -> bool {
    !output.unicode || std::env::var_os("TERM").is_some_and(|term| term == "linux")
}

/// What the log of this process is to be, for a front.
#[must_use]
pub fn logging_options(
    typed: &Cli,
    front: &Front<'_>,
    settings: &Settings,
    output: Output,
) -> LoggingOptions {
    settings::logging(typed, front, settings, output)
}

/// Carries out a command that works with the control database. `log` steps aside for progress bars.
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
    commands::run(typed, command, output, settings, log).await
}
