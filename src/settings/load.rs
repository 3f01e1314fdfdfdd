//! Reading the layers and merging them key by key.
//!
//! Every value of every layer is checked, also those that a higher layer covers; all errors are
//! collected before anything is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::build;
use super::document::{Document, Node};
use super::errors::{SettingError, SettingsErrors, key_shown};
use super::file;
use super::keys::{KEYS, Key, LATER, OTHER_VARIABLES, SECTIONS, env_name};
use super::origin::Origin;
use super::types::Settings;
use super::value::Value;

/// What settings are read from; everything outside is handed in, so that tests can.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--set` and the flags that stand for a key, in the order of the command line; the last wins.
    pub sets: Vec<FlagValue>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// What relative paths start from.
    pub cwd: PathBuf,
}

impl LoadOptions {
    /// Environment and current folder of this process; `HOME` is filled in from the account where
    /// it is not set.
    #[must_use]
    pub fn of_process() -> Self {
        let mut env: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect();
        if !env.contains_key("HOME")
            && let Ok(home) = etcetera::home_dir()
        {
            env.insert("HOME".to_owned(), home.to_string_lossy().into_owned());
        }
        Self {
            env,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            ..Self::default()
        }
    }
}

/// One value from the command line.
#[derive(Clone)]
pub struct FlagValue {
    flag: String,
    key: String,
    value: Option<String>,
}

impl FlagValue {
    /// The argument of `--set`: `KEY=VALUE`.
    #[must_use]
    pub fn set(argument: &str) -> Self {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.to_owned())),
            None => (argument.trim(), None),
        };
        Self {
            flag: format!("--set {}", key_shown(key)),
            key: key.to_owned(),
            value,
        }
    }

    /// A flag that stands for a key: `--log-level` for `logging.level`.
    #[must_use]
    pub fn named(flag: &str, key: &str, value: impl Into<String>) -> Self {
        Self {
            flag: flag.to_owned(),
            key: key.to_owned(),
            value: Some(value.into()),
        }
    }
}

impl fmt::Debug for FlagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.flag)
    }
}

/// Settings that are in force.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Where each key came from.
    pub origins: BTreeMap<&'static str, Origin>,
    /// What is odd, but no error.
    pub warnings: Vec<Warning>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    pub(super) values: Values,
}

/// Something odd about the settings that is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub origin: Origin,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Values with their origin, by key.
pub(super) type Values = BTreeMap<&'static str, (Value, Origin)>;

/// Reads the settings: flags over environment over file over defaults, key by key.
///
/// # Errors
/// Everything that is wrong in any layer.
pub fn load(options: &LoadOptions) -> Result<Loaded, SettingsErrors> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let mut path = None;
    let from_file = file::locate(options)
        .and_then(|found| {
            path = found;
            path.as_deref().map(file::read).transpose()
        })
        .map(|text| {
            text.zip(path.as_deref())
                .map(|(text, path)| read_file(&text, path, &mut errors))
        })
        .unwrap_or_else(|error| {
            errors.push(error);
            None
        });
    let from_env = read_env(&options.env, &mut errors, &mut warnings);
    let from_flags = read_flags(&options.sets, &mut errors);
    let mut values = merge([
        build::defaults(&options.env),
        from_file.unwrap_or_default(),
        from_env,
        from_flags,
    ]);
    if errors.is_empty() {
        build::check(&mut values, &options.env, &mut errors);
    }
    if !errors.is_empty() {
        return Err(SettingsErrors(errors));
    }
    Ok(Loaded {
        settings: build::settings(&values),
        origins: values
            .iter()
            .map(|(key, (_, origin))| (*key, origin.clone()))
            .collect(),
        warnings,
        file: path,
        values,
    })
}

/// Later layers cover earlier ones, key by key.
fn merge(layers: [Values; 4]) -> Values {
    layers.into_iter().flatten().collect()
}

fn read_file(text: &str, path: &Path, errors: &mut Vec<SettingError>) -> Values {
    let origin = |line: Option<usize>| Origin::File {
        path: path.to_owned(),
        line,
    };
    let mut values = Values::new();
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let error = SettingError::new(
                origin(error.line),
                None,
                format!("is not YAML: {}", error.message),
            )
            .allowed("indent with blanks, and put texts with special characters in quotes");
            errors.push(error);
            return values;
        }
    };
    let reader = FileReader {
        document: &document,
        origin: &origin,
    };
    match &document.root {
        Node::Null => {}
        Node::Map(sections) => reader.sections(sections, &mut values, errors),
        other => errors.push(
            SettingError::new(
                origin(Some(1)),
                None,
                format!("the file is {}", other.kind()),
            )
            .allowed(format!("expected the sections {}", SECTIONS.join(", "))),
        ),
    }
    values
}

struct FileReader<'a> {
    document: &'a Document<'a>,
    origin: &'a dyn Fn(Option<usize>) -> Origin,
}

impl FileReader<'_> {
    fn at(&self, path: &[usize]) -> Origin {
        (self.origin)(self.document.line(path))
    }

    fn sections(
        &self,
        sections: &[(String, Node)],
        values: &mut Values,
        errors: &mut Vec<SettingError>,
    ) {
        self.duplicates(sections, &[], "", errors);
        for (i, (name, node)) in sections.iter().enumerate() {
            if later(name).is_some() {
                self.later(name, node, &[i], errors);
            } else if !SECTIONS.contains(&name.as_str()) {
                let error = SettingError::new(
                    self.at(&[i]),
                    Some(&key_shown(name)),
                    "there is no such section",
                );
                errors.push(error.allowed(unknown(name, SECTIONS.iter().copied())));
            } else {
                match node {
                    Node::Null => {}
                    Node::Map(entries) => self.keys(name, entries, i, values, errors),
                    other => errors.push(
                        SettingError::new(
                            self.at(&[i]),
                            Some(name),
                            format!("is {}", other.kind()),
                        )
                        .allowed("expected keys, each on a line of its own, indented"),
                    ),
                }
            }
        }
    }

    fn keys(
        &self,
        section: &str,
        entries: &[(String, Node)],
        position: usize,
        values: &mut Values,
        errors: &mut Vec<SettingError>,
    ) {
        self.duplicates(entries, &[position], section, errors);
        for (i, (short, node)) in entries.iter().enumerate() {
            let path = [position, i];
            let name = format!("{section}.{short}");
            if later(&name).is_some() {
                self.later(&name, node, &path, errors);
                continue;
            }
            let Some(key) = Key::find(&name) else {
                errors.push(unknown_key(self.at(&path), &name));
                continue;
            };
            match Value::from_file(key.kind, self.document, node, &path) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    values.insert(key.name, (value, self.at(&path)));
                }
                Err(refused) => {
                    let place = [&path[..], &refused.path].concat();
                    let name = format!("{}{}", key.name, refused.below);
                    errors.push(
                        SettingError::new(self.at(&place), Some(&name), refused.message)
                            .allowed(format!("expected {}", key.kind.allowed())),
                    );
                }
            }
        }
    }

    fn later(&self, name: &str, node: &Node, path: &[usize], errors: &mut Vec<SettingError>) {
        let accepted = match node {
            Node::Null => true,
            Node::Text(text) => later(name) == Some(text),
            Node::List(items) => items.is_empty(),
            Node::Map(entries) => entries.is_empty(),
            _ => false,
        };
        if !accepted {
            errors.push(not_available(self.at(path), name));
        }
    }

    fn duplicates(
        &self,
        entries: &[(String, Node)],
        path: &[usize],
        section: &str,
        errors: &mut Vec<SettingError>,
    ) {
        for (i, (name, _)) in entries.iter().enumerate() {
            let Some(first) = entries[..i].iter().position(|(earlier, _)| earlier == name) else {
                continue;
            };
            let line = |i: usize| self.document.line(&[path, &[i]].concat());
            let full = [section, name].join(".");
            let key = key_shown(full.trim_start_matches('.'));
            let message = match line(first) {
                Some(line) => format!("is there twice, first in line {line}"),
                None => "is there twice".to_owned(),
            };
            errors.push(
                SettingError::new((self.origin)(line(i)), Some(&key), message)
                    .allowed("remove one"),
            );
        }
    }
}

fn read_env(
    env: &BTreeMap<String, String>,
    errors: &mut Vec<SettingError>,
    warnings: &mut Vec<Warning>,
) -> Values {
    let mut values = Values::new();
    for (name, text) in env {
        if !name.starts_with("DBT_") || OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let origin = Origin::Env(name.clone());
        if let Some(key) = KEYS.iter().find(|key| key.env_name() == *name) {
            take_text(key, text, origin, &mut values, errors);
        } else if let Some((later, accepted)) =
            LATER.iter().find(|(later, _)| env_name(later) == *name)
        {
            if !text.is_empty() && text != accepted {
                errors.push(not_available(origin, later));
            }
        } else if SECTIONS
            .iter()
            .any(|section| name.starts_with(&format!("{}_", env_name(section))))
        {
            let known: Vec<_> = KEYS.iter().map(Key::env_name).collect();
            let hint = nearest(name, known.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!("; did you mean {near}?"));
            warnings.push(Warning {
                origin,
                message: format!("no setting has this name, so it has no effect{hint}"),
            });
        }
    }
    values
}

fn read_flags(sets: &[FlagValue], errors: &mut Vec<SettingError>) -> Values {
    let mut values = Values::new();
    for set in sets {
        let origin = Origin::Flag(set.flag.clone());
        let Some(text) = &set.value else {
            errors.push(
                SettingError::new(origin, None, "there is no value")
                    .allowed("expected KEY=VALUE, such as sync.batch_size=500"),
            );
            continue;
        };
        if let Some(key) = Key::find(&set.key) {
            take_text(key, text, origin, &mut values, errors);
        } else if let Some(accepted) = later(&set.key) {
            if !text.is_empty() && text != accepted {
                errors.push(not_available(origin, &set.key));
            }
        } else {
            errors.push(unknown_key(origin, &set.key));
        }
    }
    values
}

fn take_text(
    key: &'static Key,
    text: &str,
    origin: Origin,
    values: &mut Values,
    errors: &mut Vec<SettingError>,
) {
    // Names and values that are no UTF-8 arrive with this sign in place of the odd bytes.
    let parsed = if text.contains(char::REPLACEMENT_CHARACTER) {
        Err("is not valid UTF-8".to_owned())
    } else {
        Value::from_text(key.kind, text)
    };
    match parsed {
        Ok(value) => {
            values.insert(key.name, (value, origin));
        }
        Err(message) => errors.push(
            SettingError::new(origin, Some(key.name), message)
                .allowed(format!("expected {}", key.kind.allowed())),
        ),
    }
}

fn later(name: &str) -> Option<&'static str> {
    LATER
        .iter()
        .find(|(later, _)| *later == name)
        .map(|(_, accepted)| *accepted)
}

fn not_available(origin: Origin, name: &str) -> SettingError {
    SettingError::new(origin, Some(name), "not available in this version").allowed("remove it")
}

fn unknown_key(origin: Origin, name: &str) -> SettingError {
    let section = name.split('.').next().unwrap_or_default();
    let same_section: Vec<_> = KEYS
        .iter()
        .map(|key| key.name)
        .filter(|known| known.split('.').next() == Some(section))
        .collect();
    let shown = key_shown(name);
    let error = SettingError::new(origin, Some(&shown), "there is no such key");
    if same_section.is_empty() {
        error.allowed(unknown(name, KEYS.iter().map(|key| key.name)))
    } else {
        error.allowed(unknown(name, same_section.into_iter()))
    }
}

/// What to say about a name nobody knows: the nearest, or all where there are few.
fn unknown(name: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean {near}?");
    }
    let all: Vec<_> = known.collect();
    if all.len() > 20 {
        "`db-taxi config template` prints every key".to_owned()
    } else {
        format!("expected one of {}", all.join(", "))
    }
}

/// The known name that differs in the fewest letters, if those are few.
fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    const MOST: usize = 3;
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= MOST)
        .map(|(_, candidate)| candidate)
}

/// Letters to add, drop or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    // Longer names are no typing errors.
    for (i, from) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
