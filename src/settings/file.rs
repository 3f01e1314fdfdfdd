//! Where files lie: the settings file, the folders of this program, the key file, the logs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::errors::SettingError;
use super::given::{LoadOptions, Loaded};
use super::origin::Origin;

/// No settings file is larger; something else was named by mistake.
const MOST_BYTES: u64 = 1 << 20;

const PROGRAM: &str = "db-taxi";
const FILE: &str = "config.yaml";
const KEY_FILE: &str = "secret.key";
/// Without a home folder (a service without one) and without `$STATE_DIRECTORY`.
const SYSTEM_STATE: &str = "/var/lib/db-taxi";

/// A path that this program looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathEntry {
    /// What lies there.
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Which rule leads there, or whether it is in use.
    pub note: String,
}

/// Every path, in the order of looking: settings files, then what the settings lead to.
///
/// Works without valid settings: `loaded` is `None` then, and what defaults lead to is shown.
#[must_use]
pub fn paths(options: &LoadOptions, loaded: Option<&Loaded>) -> Vec<PathEntry> {
    let used = locate(options).ok().flatten();
    let mut entries: Vec<_> = candidates(options)
        .into_iter()
        .map(|(path, rule, _)| {
            let state = if used.as_deref() == Some(&path) {
                "in use"
            } else if path.exists() {
                "not used"
            } else {
                "not there"
            };
            PathEntry {
                what: "settings file",
                note: format!("{rule}; {state}"),
                path,
            }
        })
        .collect();
    if let Some(path) = config_folder(&options.env) {
        entries.push(PathEntry {
            what: "config folder",
            path,
            note: "$XDG_CONFIG_HOME".to_owned(),
        });
    }
    let origin = |key: &str| {
        loaded
            .and_then(|loaded| loaded.origins.get(key))
            .map_or_else(|| "default".to_owned(), ToString::to_string)
    };
    let key_file = loaded.map_or_else(
        || key_file(&options.env).0,
        |loaded| loaded.settings.security.key_file.clone(),
    );
    entries.push(PathEntry {
        what: "key file",
        path: key_file,
        note: origin("security.key_file"),
    });
    let logs = match loaded {
        Some(loaded) => loaded.settings.logging.directory.clone(),
        None => log_folder(&options.env).map(|(path, _)| path),
    };
    if let Some(path) = logs {
        entries.push(PathEntry {
            what: "log files",
            path,
            note: origin("logging.directory"),
        });
    }
    if let Some((path, rule)) = state_folder(&options.env) {
        entries.push(PathEntry {
            what: "state folder",
            path,
            note: rule.to_owned(),
        });
    }
    entries
}

/// `(path, the rule that names it, whether it must exist)`, first match first.
fn candidates(options: &LoadOptions) -> Vec<(PathBuf, &'static str, bool)> {
    let mut list = Vec::new();
    if let Some(path) = &options.file {
        list.push((options.cwd.join(path), "--config", true));
    }
    if let Some(path) = options.env.get("DBT_CONFIG").filter(|p| !p.is_empty()) {
        list.push((options.cwd.join(path), "DBT_CONFIG", true));
    }
    list.push((options.cwd.join(FILE), "current folder", false));
    if let Some(folder) = config_folder(&options.env) {
        list.push((folder.join(FILE), "$XDG_CONFIG_HOME", false));
    }
    list
}

/// The settings file in use; `None` where there is none and none was asked for.
pub(super) fn locate(options: &LoadOptions) -> Result<Option<PathBuf>, SettingError> {
    for (path, rule, required) in candidates(options) {
        let there = path
            .try_exists()
            .map_err(|error| unreadable(&path, &error))?;
        if there {
            return Ok(Some(path));
        }
        if required {
            let origin = match rule {
                "DBT_CONFIG" => Origin::Env(rule.to_owned()),
                _ => Origin::Flag(rule.to_owned()),
            };
            let message = format!("there is no file {}", path.display());
            return Err(SettingError::new(origin, None, message)
                .allowed("create it with `db-taxi config template`, or leave this out"));
        }
    }
    Ok(None)
}

/// The text of the settings file.
pub(super) fn read(path: &Path) -> Result<String, SettingError> {
    let refused = |message: String| {
        let origin = Origin::File {
            path: path.to_owned(),
            line: None,
        };
        SettingError::new(origin, None, message)
    };
    let size = std::fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if size > MOST_BYTES {
        return Err(refused(format!(
            "has {size} bytes, which no settings file has"
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..before]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        refused(format!("is not valid UTF-8 in line {line}"))
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> SettingError {
    let origin = Origin::File {
        path: path.to_owned(),
        line: None,
    };
    SettingError::new(origin, None, format!("can't be read: {error}"))
}

/// `$XDG_CONFIG_HOME/db-taxi`.
fn config_folder(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    base(env, "XDG_CONFIG_HOME", ".config").map(|base| base.join(PROGRAM))
}

/// `$VARIABLE`, else `below` in the home folder. A relative value is ignored, as the XDG
/// specification asks for.
fn base(env: &BTreeMap<String, String>, variable: &str, below: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        env.get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below)))
}

/// The first folder of a list that systemd hands over (`STATE_DIRECTORY=/a:/b`).
fn systemd_folder(env: &BTreeMap<String, String>, variable: &str) -> Option<PathBuf> {
    let first = env.get(variable)?.split(':').next()?;
    (!first.is_empty()).then(|| PathBuf::from(first))
}

/// Default of `security.key_file`, and where it comes from.
pub(super) fn key_file(env: &BTreeMap<String, String>) -> (PathBuf, &'static str) {
    if let Some(folder) = systemd_folder(env, "STATE_DIRECTORY") {
        (folder.join(KEY_FILE), "$STATE_DIRECTORY")
    } else if let Some(folder) = config_folder(env) {
        (folder.join(KEY_FILE), "the config folder")
    } else {
        (Path::new(SYSTEM_STATE).join(KEY_FILE), "no home folder")
    }
}

/// Default of `logging.directory`, and where it comes from; `None` where there is no place for files.
pub(super) fn log_folder(env: &BTreeMap<String, String>) -> Option<(PathBuf, &'static str)> {
    if let Some(folder) = systemd_folder(env, "LOGS_DIRECTORY") {
        return Some((folder, "$LOGS_DIRECTORY"));
    }
    let base = base(env, "XDG_STATE_HOME", ".local/state")?;
    Some((base.join(PROGRAM).join("logs"), "$XDG_STATE_HOME"))
}

/// What this program remembers for a person: when the dashboard was last looked at.
fn state_folder(env: &BTreeMap<String, String>) -> Option<(PathBuf, &'static str)> {
    if let Some(folder) = systemd_folder(env, "STATE_DIRECTORY") {
        return Some((folder, "$STATE_DIRECTORY"));
    }
    let base = base(env, "XDG_STATE_HOME", ".local/state")?;
    Some((base.join(PROGRAM), "$XDG_STATE_HOME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn the_first_place_that_has_a_file_wins() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        let at = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let mut options = LoadOptions {
            env: env(&[("HOME", home.to_str().unwrap())]),
            cwd: dir.path().join("here"),
            ..LoadOptions::default()
        };
        assert_eq!(locate(&options), Ok(None));
        let in_home = at("home/.config/db-taxi/config.yaml");
        assert_eq!(locate(&options), Ok(Some(in_home)));
        let in_xdg = at("xdg/db-taxi/config.yaml");
        let xdg = dir.path().join("xdg");
        options
            .env
            .insert("XDG_CONFIG_HOME".into(), xdg.to_str().unwrap().into());
        assert_eq!(locate(&options), Ok(Some(in_xdg)));
        let in_cwd = at("here/config.yaml");
        assert_eq!(locate(&options), Ok(Some(in_cwd)));
        let by_env = at("here/env.yaml");
        options.env.insert("DBT_CONFIG".into(), "env.yaml".into());
        assert_eq!(locate(&options), Ok(Some(by_env)));
        let by_flag = at("flag.yaml");
        options.file = Some("../flag.yaml".into());
        let found = locate(&options).unwrap().unwrap();
        assert_eq!(
            found.canonicalize().unwrap(),
            by_flag.canonicalize().unwrap()
        );
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let options = LoadOptions {
            file: Some("none.yaml".into()),
            cwd: dir.path().to_owned(),
            ..LoadOptions::default()
        };
        let error = locate(&options).unwrap_err().to_string();
        assert!(
            error.starts_with("--config: ") && error.contains("none.yaml"),
            "{error}"
        );
        let options = LoadOptions {
            env: env(&[("DBT_CONFIG", "none.yaml")]),
            cwd: dir.path().to_owned(),
            ..LoadOptions::default()
        };
        let error = locate(&options).unwrap_err().to_string();
        assert!(error.starts_with("DBT_CONFIG: "), "{error}");
    }

    #[test]
    fn folders_that_systemd_hands_over_come_before_the_home_folder() {
        let both = env(&[
            ("HOME", "/home/x"),
            ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"),
            ("LOGS_DIRECTORY", "/var/log/a"),
        ]);
        assert_eq!(key_file(&both).0, Path::new("/var/lib/a/secret.key"));
        assert_eq!(log_folder(&both).unwrap().0, Path::new("/var/log/a"));
        let home = env(&[("HOME", "/home/x"), ("XDG_CONFIG_HOME", "relative")]);
        assert_eq!(
            key_file(&home).0,
            Path::new("/home/x/.config/db-taxi/secret.key")
        );
        assert_eq!(
            log_folder(&home).unwrap().0,
            Path::new("/home/x/.local/state/db-taxi/logs")
        );
        assert_eq!(
            key_file(&env(&[])).0,
            Path::new("/var/lib/db-taxi/secret.key")
        );
        assert_eq!(log_folder(&env(&[])), None);
    }

    #[test]
    fn a_file_that_is_not_text_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml");
        std::fs::write(&path, b"a: 1\nb: \xff\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
