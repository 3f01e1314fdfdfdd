//! The layers one by one: file, environment, flags. Each gives checked values with their origin.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{Document, Node};
use super::errors::{SettingError, key_shown};
use super::given::{FlagValue, Values, Warning};
use super::keys::{KEYS, Key, Kind, LATER, OTHER_VARIABLES, SECTIONS, env_name};
use super::nearest::{nearest, unknown};
use super::notifications;
use super::origin::Origin;
use super::value::Value;
use crate::model::secret::Secret;

/// The values of the file `path`, whose text is `text`.
pub(super) fn read_file(text: &str, path: &Path, errors: &mut Vec<SettingError>) -> Values {
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
            if let Some(key) = Key::find(name) {
                self.whole(key, node, i, values, errors);
            } else if later(name).is_some() {
                self.later(name, node, &[i], errors);
            } else if !SECTIONS.contains(&name.as_str()) {
                let error = SettingError::new(
                    self.at(&[i]),
                    Some(&key_shown(name)),
                    "there is no such section",
                );
                let known = SECTIONS.iter().copied().chain([notifications::KEY]);
                errors.push(error.allowed(unknown(name, known)));
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

    /// A key that stands at the top.
    fn whole(
        &self,
        key: &'static Key,
        node: &Node,
        position: usize,
        values: &mut Values,
        errors: &mut Vec<SettingError>,
    ) {
        if *node == Node::Null {
            return;
        }
        match notifications::read(self.document, node, &[position]) {
            Ok(value) => {
                values.insert(key.name, (value, self.at(&[position])));
            }
            Err(faults) => errors.extend(faults.into_iter().map(|fault| {
                let place = [&[position][..], &fault.path].concat();
                let name = format!("{}{}", key.name, fault.below);
                SettingError::new(self.at(&place), Some(&name), fault.message)
            })),
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

/// The values of the variables that begin with `DBT_`.
pub(super) fn read_env(
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

/// The values of the command line.
pub(super) fn read_flags(sets: &[FlagValue], errors: &mut Vec<SettingError>) -> Values {
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
            if matches!(key.kind, Kind::Secret)
                && !text.is_empty()
                && Secret::parse(text).reference().is_none()
            {
                errors.push(
                    SettingError::new(
                        origin,
                        Some(key.name),
                        "a secret can't be an argument, since every account of the machine sees it",
                    )
                    .allowed(format!(
                        "set it in the file or by {}, or give ${{env:NAME}} or ${{file:PATH}}",
                        env_name(key.name)
                    )),
                );
                continue;
            }
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
