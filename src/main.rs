//! Arguments → settings → logging → front → exit code.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use db_taxi::cli::{self, Cli, ColorWord, Exit, Failure, Front, Output, Signal};
use db_taxi::dashboard::{self, ColorChoice, DashboardError, DashboardOptions, Reload, Reloaded};
use db_taxi::http::{self, Ended, ServeError};
use db_taxi::logging::{self, RingHandle};
use db_taxi::settings::{Loaded, Settings};
use db_taxi::system::{LiveSettings, Role, System};

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
    match front {
        Front::Ended(exit) => return Ok(exit),
        Front::Check => return cli::check_settings(typed, output, &wrong_keys),
        _ => {}
    }
    let loaded = cli::load_settings(typed, output)?;
    let settings = Arc::new(loaded.settings.clone());
    if let Front::Keys = front {
        return show_keys(typed, &settings, output);
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
            Front::Keys | Front::Check => Ok(Exit::Done),
            Front::Command(command) => {
                cli::run(typed, command, output, &settings, &log.stderr()).await
            }
            Front::Headless => match http::serve(&live_settings(typed, loaded, &log)).await {
                Ok(Ended::Interrupt) => Ok(Exit::Signal(Signal::Interrupt)),
                Ok(Ended::Terminate) => Ok(Exit::Signal(Signal::Terminate)),
                Err(ServeError::Refused(refusal)) => Err(refusal.into()),
                Err(error) => Err(Failure::invalid(error.to_string())),
            },
            Front::Dashboard => show_dashboard(typed, output, loaded, &log).await,
        }
    });
    // Work that did not end in time must not hold the process up.
    runtime.shutdown_background();
    ended
}

/// Opens the dashboard; the settings are read again when their file changes.
async fn show_dashboard(
    typed: &Cli,
    output: Output,
    loaded: Loaded,
    log: &logging::Guard,
) -> Result<Exit, Failure> {
    cli::check_keys(typed, &wrong_keys)?;
    let settings = Arc::new(loaded.settings.clone());
    let (file, live) = (loaded.file.clone(), live_settings(typed, loaded, log));
    let cell = live.cell();
    let (flags, ring) = (typed.flags(), log.ring());
    let again = move || {
        let settings = Arc::new(live.reload("settings file")?);
        Ok(Reloaded {
            options: dashboard_options(&flags, output, &settings, ring.clone()),
            settings,
        })
    };
    let options = DashboardOptions {
        reload: file.map(|file| Reload::new(file, again)),
        ..dashboard_options(typed, output, &settings, log.ring())
    };
    let shown = |error: DashboardError| match error {
        DashboardError::Panicked => Failure::internal(error.to_string()),
        _ => Failure::invalid(error.to_string()),
    };
    dashboard::check(&options).map_err(shown)?;
    let system = System::start_live(settings, cell, Role::Dashboard).await?;
    let code = dashboard::run(system, options).await.map_err(shown)?;
    Ok(Exit::of_code(code))
}

fn dashboard_options(
    typed: &Cli,
    output: Output,
    settings: &Settings,
    logs: Option<RingHandle>,
) -> DashboardOptions {
    DashboardOptions {
        theme_folder: cli::theme_folder(typed),
        color: match typed.global.color {
            ColorWord::Auto => ColorChoice::Auto,
            ColorWord::Always => ColorChoice::Always,
            ColorWord::Never => ColorChoice::Never,
        },
        ascii: settings.dashboard.ascii || cli::is_ascii_only(output),
        logs,
        visit_file: cli::visit_file(typed, settings),
        zone: settings.sync.timezone,
        ..DashboardOptions::of_settings(&settings.dashboard)
    }
}

/// What is wrong with keys of the dashboard's actions: what one front knows, told by another.
fn wrong_keys(keys: &BTreeMap<String, Vec<String>>) -> Vec<(String, String)> {
    let mistakes = dashboard::actions(keys).err().map(|mistakes| mistakes.0);
    let mistakes = mistakes.into_iter().flatten();
    mistakes.map(|one| (one.action, one.message)).collect()
}

/// Lists the actions of the dashboard: what one front knows, shown by another.
fn show_keys(typed: &Cli, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    cli::check_keys(typed, &wrong_keys)?;
    let actions = dashboard::actions(&settings.dashboard.keys)
        .map_err(|mistakes| Failure::invalid(mistakes.to_string()))?;
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

/// The settings of a process that stays: read anew as they were at first, levels of the log taken
/// over at once.
fn live_settings(typed: &Cli, loaded: Loaded, log: &logging::Guard) -> LiveSettings {
    let (flags, levels) = (typed.flags(), log.levels());
    LiveSettings::new(loaded, move || {
        let loaded = cli::load_settings_quietly(&flags)
            .map_err(|failure: Failure| failure.lines().join("; "))?;
        let logging = &loaded.settings.logging;
        levels.set(logging.level, &logging.modules);
        Ok(loaded)
    })
}
