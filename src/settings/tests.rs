//! The whole of the settings; here what the tests share.

mod layers;
mod live;
mod merge;
mod notifications;
mod refusals;
mod table;

use super::keys::{KEYS, Key, Kind, Preset};
use super::*;
use crate::model::connection::SslMode;
use crate::model::log::{Level, LogFormat};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings from the text of a file, the environment and `--set`.
fn options(file: &str, env: &[(&str, &str)], sets: &[&str]) -> (tempfile::TempDir, LoadOptions) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.yaml"), file).unwrap();
    let options = LoadOptions {
        file: None,
        sets: sets.iter().map(|set| FlagValue::set(set)).collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        cwd: dir.path().to_owned(),
    };
    (dir, options)
}

fn loaded(file: &str, env: &[(&str, &str)], sets: &[&str]) -> Loaded {
    let (_dir, options) = options(file, env, sets);
    load(&options).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The errors, with the folder of the file cut.
fn refused(file: &str, env: &[(&str, &str)], sets: &[&str]) -> Vec<String> {
    let (dir, options) = options(file, env, sets);
    let Err(errors) = load(&options) else {
        panic!("accepted: {file:?} {env:?} {sets:?}")
    };
    let folder = format!("{}/", dir.path().display());
    errors
        .to_string()
        .replace(&folder, "")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The only error.
fn refusal(file: &str, env: &[(&str, &str)], sets: &[&str]) -> String {
    let errors = refused(file, env, sets);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors[0].clone()
}

fn origin(loaded: &Loaded, key: &str) -> String {
    loaded.origins[key].to_string()
}
