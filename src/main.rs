//! Arguments → settings → logging → front → exit code.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use db_taxi::cli::{self, Cli, ColorWord, Exit, Failure, Front, Output, Signal};
use db_taxi::dashboard::{self, ColorChoice, DashboardError, DashboardOptions, Reload, Reloaded};
use db_taxi::http::{self, Ended, ServeError};
use db_taxi::logging::{self, LevelHandle, RingHandle};
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
    match front {
        Front::Ended(exit) => return Ok(exit),
        Front::Check => return cli::check_settings(typed, output, &wrong_keys),
        _ => {}
    }
    let settings = cli::load_settings(typed, output)?;
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
            Front::Headless => match http::serve(&settings, &|| {
                let loaded = cli::load_settings(typed, output);
                reload("SIGHUP", loaded, &settings, &log.levels(), |_, _| {}).ok()
            })
            .await
            {
                Ok(Ended::Interrupt) => Ok(Exit::Signal(Signal::Interrupt)),
                Ok(Ended::Terminate) => Ok(Exit::Signal(Signal::Terminate)),
                Err(ServeError::Refused(refusal)) => Err(refusal.into()),
                Err(error) => Err(Failure::invalid(error.to_string())),
            },
            Front::Dashboard => show_dashboard(typed, output, settings, &log).await,
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
    settings: Arc<Settings>,
    log: &logging::Guard,
) -> Result<Exit, Failure> {
    cli::check_keys(typed, &wrong_keys)?;
    let (flags, levels, ring) = (typed.flags(), log.levels(), log.ring());
    let started_with = Arc::clone(&settings);
    let again = move || {
        let loaded = cli::load_settings_quietly(&flags);
        let settings = reload(
            "settings",
            loaded,
            &started_with,
            &levels,
            |rest, started| {
                rest.dashboard.clone_from(&started.dashboard);
            },
        )?;
        Ok(Reloaded {
            options: dashboard_options(&flags, output, &settings, ring.clone()),
            settings,
        })
    };
    let options = DashboardOptions {
        reload: cli::settings_file(typed).map(|file| Reload::new(file, again)),
        ..dashboard_options(typed, output, &settings, log.ring())
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

/// Takes over settings that were read again: levels of the log at once; what else can take effect is
/// given back for the system, other changes are told of. `also` evens out what the front takes over.
fn reload(
    why: &str,
    loaded: Result<Arc<Settings>, Failure>,
    started_with: &Settings,
    levels: &LevelHandle,
    also: impl Fn(&mut Settings, &Settings),
) -> Result<Arc<Settings>, String> {
    let settings = match loaded {
        Ok(settings) => settings,
        Err(failure) => {
            let wrong = failure.lines().join("; ");
            tracing::error!("{why}: the settings stay as they are: {wrong}");
            return Err(wrong);
        }
    };
    tracing::info!("{why}: log levels and sync.health_interval are those of the settings now");
    levels.set(settings.logging.level, &settings.logging.modules);
    let mut rest = (*settings).clone();
    rest.logging.level = started_with.logging.level;
    rest.logging
        .modules
        .clone_from(&started_with.logging.modules);
    rest.sync.health_interval = started_with.sync.health_interval;
    also(&mut rest, started_with);
    if rest != *started_with {
        tracing::warn!("{why}: other settings changed too; they need a restart");
    }
    Ok(settings)
}
