//! The settings that the flags ask for, and the commands about settings.

use std::path::PathBuf;

use serde_json::json;

use super::args::{Cli, ColorWord, Command, ConfigCommand};
use super::exit::Exit;
use super::failure::Failure;
use super::output::table::Table;
use super::output::{self, Output};
use super::{ActionKeys, Front, WrongKeys};
use crate::logging::LoggingOptions;
#[cfg(feature = "otel")]
use crate::logging::TraceOptions;
use crate::model::log::{Level, LogFormat};
use crate::settings::{
    self, FlagValue, LoadOptions, Loaded, SettingError, Settings, SettingsErrors, Warning,
};

/// Where settings are read from: the flags, the environment, the file.
#[must_use]
pub fn options(typed: &Cli) -> LoadOptions {
    let mut options = LoadOptions::of_process();
    options.file.clone_from(&typed.global.config);
    let sets = &mut options.sets;
    sets.extend(typed.global.set.iter().map(|set| FlagValue::set(set)));
    let mut flag = |flag, key, value: Option<String>| {
        sets.extend(value.map(|value| FlagValue::named(flag, key, value)));
    };
    let level = typed.global.log_level.map(Level::from);
    flag(
        "--log-level",
        "logging.level",
        level.map(|level| level.as_str().to_owned()),
    );
    let dashboard = &typed.dashboard;
    let on = |given: bool| given.then(|| "true".to_owned());
    flag("--theme", "dashboard.theme", dashboard.theme.clone());
    flag(
        "--read-only",
        "dashboard.read_only",
        on(dashboard.read_only),
    );
    flag(
        "--low-bandwidth",
        "dashboard.low_bandwidth",
        on(dashboard.low_bandwidth),
    );
    flag("--ascii", "dashboard.ascii", on(dashboard.ascii));
    if let Some(Ok((host, port))) = typed.service.listen.as_deref().map(host_and_port) {
        flag("--listen", "server.host", Some(host));
        flag("--listen", "server.port", Some(port.to_string()));
    }
    options
}

/// Reads the settings and tells what is odd about them.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(typed: &Cli, output: Output) -> Result<Loaded, Failure> {
    read(typed, |warning| output.warn(&format!("warning: {warning}")))
}

/// Reads the settings; what is odd about them goes to `odd`.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(typed: &Cli, odd: impl Fn(&Warning)) -> Result<Loaded, Failure> {
    typed
        .service
        .listen
        .as_deref()
        .map(host_and_port)
        .transpose()?;
    let loaded = settings::load(&options(typed)).map_err(|errors| failure(&errors))?;
    loaded.warnings.iter().for_each(odd);
    Ok(loaded)
}

/// Where a person's own themes are.
#[must_use]
pub fn theme_folder(typed: &Cli) -> Option<PathBuf> {
    settings::paths(&options(typed), None)
        .into_iter()
        .find(|entry| entry.what == "config folder")
        .map(|entry| entry.path.join("themes"))
}

/// Where is remembered when somebody last looked at this control database.
#[must_use]
pub fn visit_file(typed: &Cli, settings: &Settings) -> Option<PathBuf> {
    let database = &settings.database;
    let server = match &database.socket {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", database.host, database.port),
    };
    let of = format!("{server}/{}", database.database);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let shown: String = of
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(80)
        .collect();
    // Names that look alike are not the same database.
    let sum = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    settings::paths(&options(typed), None)
        .into_iter()
        .find(|entry| entry.what == "state folder")
        .map(|entry| {
            entry
                .path
                .join("visits")
                .join(format!("{shown}-{sum:016x}"))
        })
}

/// What the log of this process is to be, for a front.
#[must_use]
pub fn logging(
    typed: &Cli,
    front: &Front<'_>,
    settings: &Settings,
    output: Output,
) -> LoggingOptions {
    let set = &settings.logging;
    let mut options = LoggingOptions {
        level: set.level,
        modules: set.modules.clone(),
        format: set.format,
        color: match typed.global.color {
            ColorWord::Auto => None,
            ColorWord::Always => Some(true),
            ColorWord::Never => Some(false),
        },
        directory: set.directory.clone(),
        keep_files: set.keep_files,
        to_stderr: false,
        ring: None,
        #[cfg(feature = "otel")]
        traces: set.otlp_endpoint.as_ref().map(|endpoint| TraceOptions {
            endpoint: endpoint.clone(),
            instance: settings.instance.name.clone(),
        }),
    };
    match front {
        Front::Headless => options.to_stderr = true,
        Front::Dashboard => options.ring = Some(settings.dashboard.log_lines),
        Front::Command(command) => {
            options.to_stderr = shows_log(typed, command, output);
            // Between other lines for a person.
            options.format = options.format.or(Some(LogFormat::Text));
        }
        Front::Ended(_) | Front::Keys | Front::Check => {}
    }
    options
}

/// Whether a command shows the log of this process on stderr: those that run jobs do, and every one
/// that is asked for a level.
#[must_use]
pub fn shows_log(typed: &Cli, command: &Command, output: Output) -> bool {
    let runs = match command {
        Command::Run(args) => !args.dry_run,
        Command::Verify(_) => true,
        _ => false,
    };
    !output.quiet && (runs || typed.global.log_level.is_some())
}

/// Carries out a command of `config`; none needs a database.
///
/// # Errors
/// When the settings are wrong, or stdout can't be written.
pub fn run(typed: &Cli, command: &ConfigCommand, output: Output) -> Result<Exit, Failure> {
    let options = options(typed);
    match command {
        ConfigCommand::Template => output::raw(&settings::template())?,
        ConfigCommand::Show => {
            let loaded = settings::load(&options).map_err(|errors| failure(&errors))?;
            show(&loaded, output)?;
        }
        // The actions are the dashboard's, and fronts don't know each other: see `Front`.
        ConfigCommand::Check | ConfigCommand::Keys | ConfigCommand::Rekey(_) => {}
        ConfigCommand::Paths => {
            // Also of use while the settings are wrong.
            let loaded = settings::load(&options).ok();
            let paths = settings::paths(&options, loaded.as_ref());
            output.list(
                paths
                    .iter()
                    .map(
                        |entry| json!({"what": entry.what, "path": entry.path, "note": entry.note}),
                    )
                    .collect(),
                || {
                    let mut table = Table::new(&["WHAT", "PATH", "NOTE"]);
                    for entry in &paths {
                        table.row([
                            entry.what.to_owned(),
                            entry.path.display().to_string(),
                            entry.note.clone(),
                        ]);
                    }
                    table.render()
                },
            )?;
        }
    }
    Ok(Exit::Done)
}

/// Lists actions and keys.
///
/// # Errors
/// When stdout can't be written.
pub fn show_keys(output: Output, actions: &[ActionKeys]) -> Result<Exit, Failure> {
    output.list(
        actions
            .iter()
            .filter_map(|action| serde_json::to_value(action).ok())
            .collect(),
        || {
            let mut table = Table::new(&["ACTION", "KEYS", "WHERE", "MEANING"]);
            for action in actions {
                table.row([
                    action.action.clone(),
                    action.keys.join(" "),
                    action.place.clone(),
                    action.meaning.clone(),
                ]);
            }
            table.render()
        },
    )?;
    Ok(Exit::Done)
}

fn show(loaded: &Loaded, output: Output) -> Result<(), Failure> {
    let keys = settings::show(loaded);
    output.list(
        keys.iter()
            .filter_map(|key| serde_json::to_value(key).ok())
            .collect(),
        || {
            let mut table = Table::new(&["KEY", "VALUE", "FROM"]);
            for key in &keys {
                table.row([
                    key.key.to_owned(),
                    key.value.clone(),
                    key.origin.to_string(),
                ]);
            }
            table.render()
        },
    )
}

/// Checks the settings, the keys of actions by `wrong`.
///
/// # Errors
/// Everything that is wrong with them; when stdout can't be written.
pub fn check(typed: &Cli, output: Output, wrong: WrongKeys<'_>) -> Result<Exit, Failure> {
    let loaded = settings::load(&options(typed)).map_err(|errors| failure(&errors))?;
    wrong_keys(&loaded, &wrong(&loaded.settings.dashboard.keys))?;
    tell_checked(&loaded, output).map(|()| Exit::Done)
}

/// Says what is wrong with the keys of actions, each with its place; nothing for none.
///
/// # Errors
/// All of it.
pub fn check_keys(typed: &Cli, wrong: WrongKeys<'_>) -> Result<(), Failure> {
    let loaded = settings::load(&options(typed)).map_err(|errors| failure(&errors))?;
    wrong_keys(&loaded, &wrong(&loaded.settings.dashboard.keys))
}

fn wrong_keys(loaded: &Loaded, wrong: &[(String, String)]) -> Result<(), Failure> {
    const KEY: &str = "dashboard.keys";
    let errors = wrong.iter().map(|(action, message)| SettingError {
        origin: loaded.origin_of(KEY, action),
        key: Some(format!("{KEY}.{action}")),
        message: message.clone(),
        allowed: Some("`db-taxi config keys` lists actions and keys".to_owned()),
    });
    let errors: Vec<SettingError> = errors.collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(failure(&SettingsErrors(errors)))
}

fn tell_checked(loaded: &Loaded, output: Output) -> Result<(), Failure> {
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    if output.json {
        return output.json(&json!({"ok": true, "file": file, "warnings": warnings}));
    }
    for warning in &warnings {
        output.warn(&format!("warning: {warning}"));
    }
    output.done(&match file {
        Some(file) => format!("ok: {file}"),
        None => "ok: no settings file; defaults and environment".to_owned(),
    })
}

fn failure(errors: &SettingsErrors) -> Failure {
    let mut failure = Failure::new(Exit::Invalid, "validation_failed", errors.to_string())
        .hint("`db-taxi config template` prints every key with its meaning");
    failure.told = errors.0.iter().map(ToString::to_string).collect();
    failure.details = errors.0.iter().map(SettingError::to_finding).collect();
    failure
}

/// `HOST:PORT`, `[::1]:PORT`.
fn host_and_port(text: &str) -> Result<(String, u16), Failure> {
    let wrong = || {
        Failure::invalid(format!(
            "--listen: {text:?} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"
        ))
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or_else(wrong)?,
        None if host.contains(':') => return Err(wrong()),
        None => host,
    };
    let port = port.parse().map_err(|_| wrong())?;
    if host.is_empty() {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_both_families() {
        assert_eq!(
            host_and_port("127.0.0.1:80"),
            Ok(("127.0.0.1".to_owned(), 80))
        );
        assert_eq!(host_and_port("[::1]:0"), Ok(("::1".to_owned(), 0)));
        for wrong in ["8080", ":8080", "::1:80", "[::1:80", "a:b", "a:99999"] {
            assert_eq!(host_and_port(wrong).unwrap_err().exit.code(), 2, "{wrong}");
        }
    }
}
