//! Arguments → settings → logging → front → exit code.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use db_taxi::cli::{self, Cli, ColorWord, Exit, Failure, Front, Output, Signal};
use db_taxi::dashboard::{self, ColorChoice, DashboardError, DashboardOptions};
use db_taxi::http::{self, Ended, ServeError};
use db_taxi::logging::{self, LevelHandle};
use db_taxi::settings::Settings;
use db_taxi::system::{Role, System};

fn main() -> ExitCode {
    cli::panics::install();
    let typed = match cli::parse(std::env::args_os()) {
        Ok(typed) => typed,
        Err(exit) => return exit.into(),
    };
    let output = Output::new(&typed.global);
    // The hook has told it; what is left is the exit code.
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| start(&typed, output)))
        .unwrap_or(Ok(Exit::Findings));
    let exit = ended.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    exit.into()
}

fn start(typed: &Cli, output: Output) -> Result<Exit, Failure> {
    let front = cli::front(typed, output)?;
    if let Front::Ended(exit) = front {
        return Ok(exit);
    }
    let settings = cli::load_settings(typed, output)?;
    if let Front::Keys = front {
        return show_keys(&settings, output);
    }
    let log = logging::init(&cli::logging_options(typed, &front, &settings, output))
        .map_err(|error| Failure::internal(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("can't start: {error}")))?;
    let ended = runtime.block_on(async {
        match front {
            Front::Ended(exit) => Ok(exit),
            Front::Keys => Ok(Exit::Done),
            Front::Command(command) => {
                cli::run(typed, command, output, &settings, &log.stderr()).await
            }
            Front::Headless => match http::serve(&settings, &|| {
                reload(typed, output, &settings, &log.levels())
            })
            .await
            {
                Ok(Ended::Interrupt) => Ok(Exit::Signal(Signal::Interrupt)),
                Ok(Ended::Terminate) => Ok(Exit::Signal(Signal::Terminate)),
                Err(ServeError::Refused(refusal)) => Err(refusal.into()),
                Err(error) => Err(Failure::invalid(error.to_string())),
            },
            Front::Dashboard => {
                let options = DashboardOptions {
                    theme_folder: cli::theme_folder(typed),
                    color: match typed.global.color {
                        ColorWord::Auto => ColorChoice::Auto,
                        ColorWord::Always => ColorChoice::Always,
                        ColorWord::Never => ColorChoice::Never,
                    },
                    ascii: settings.dashboard.ascii || cli::is_ascii_only(output),
                    logs: log.ring(),
                    visit_file: cli::visit_file(typed, &settings),
                    ..DashboardOptions::of_settings(&settings.dashboard)
                };
                let shown = |error: DashboardError| match error {
                    DashboardError::Panicked => Failure::internal(error.to_string()),
                    _ => Failure::invalid(error.to_string()),
                };
                dashboard::check(&options).map_err(shown)?;
                let system = System::start(settings, Role::Dashboard).await?;
                let code = dashboard::run(system, options).await.map_err(shown)?;
                Ok(Exit::of_code(code))
            }
        }
    });
    // Work that did not end in time must not hold the process up.
    runtime.shutdown_background();
    ended
}

/// Lists the actions of the dashboard: what one front knows, shown by another.
fn show_keys(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let actions = dashboard::actions(&settings.dashboard.keys).map_err(Failure::invalid)?;
    let rows: Vec<cli::ActionKeys> = actions
        .into_iter()
        .map(|row| cli::ActionKeys {
            action: row.id.to_owned(),
            keys: row.keys,
            place: row.place.to_owned(),
            meaning: row.help.to_owned(),
        })
        .collect();
    cli::show_keys(output, &rows)
}

/// Reads the settings again: levels of the log are taken over, what else can take effect is given to
/// the system, other changes are told of.
fn reload(
    typed: &Cli,
    output: Output,
    started_with: &Settings,
    levels: &LevelHandle,
) -> Option<Arc<Settings>> {
    let settings = match cli::load_settings(typed, output) {
        Ok(settings) => settings,
        Err(failure) => {
            let why = failure.lines().join("; ");
            tracing::error!("SIGHUP: the settings stay as they are: {why}");
            return None;
        }
    };
    tracing::info!("SIGHUP: log levels and sync.health_interval are those of the settings now");
    levels.set(settings.logging.level, &settings.logging.modules);
    let mut rest = (*settings).clone();
    rest.logging.level = started_with.logging.level;
    rest.logging
        .modules
        .clone_from(&started_with.logging.modules);
    rest.sync.health_interval = started_with.sync.health_interval;
    if rest != *started_with {
        tracing::warn!("SIGHUP: other settings changed too; they need a restart");
    }
    Some(settings)
}
