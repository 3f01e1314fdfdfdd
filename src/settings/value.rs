//! One value of one key: read from a text or from the file by the kind of its key, and shown.
//!
//! A text key takes what was typed, whatever it looks like: `12345`, `1e5`, `true`, `null`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{Document, Node};
use super::errors::key_shown;
use super::keys::Kind;
use super::notifications;
use super::web::origin;
use crate::model::connection::{Ssl, SslMode};
use crate::model::cron::Zone;
use crate::model::duration::{format_duration, format_size, parse_duration, parse_size};
use crate::model::log::{LOG_MODULES, Level};
use crate::model::mapping::parse_throttle;
use crate::model::names::check_name;
use crate::model::notification::NotificationRule;
use crate::model::secret::Secret;
use crate::model::throttle::ThrottleSpec;

/// The value of a key, checked by the key's kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, said explicitly or by default.
    Unset,
    /// Text, names, words and paths.
    Text(String),
    /// A secret.
    Secret(Secret),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(u64),
    /// A duration.
    Duration(Duration),
    /// Bytes.
    Size(u64),
    /// A list of texts.
    List(Vec<String>),
    /// Transport security.
    Ssl(Ssl),
    /// Levels by module.
    Levels(BTreeMap<String, Level>),
    /// Keys by action.
    Keys(BTreeMap<String, Vec<String>>),
    /// A time zone.
    Zone(Zone),
    /// Limits on a server.
    Throttle(ThrottleSpec),
    /// Whom to tell of what.
    Notifications(Vec<NotificationRule>),
}

/// Why a value of the file was refused.
pub(super) struct Refused {
    /// Where below the key, as positions; empty is the key itself.
    pub(super) path: Vec<usize>,
    /// The same in words: `.mode`, `[2]`.
    pub(super) below: String,
    /// What is wrong; never holds a secret.
    pub(super) message: String,
}

impl Value {
    /// Reads a value of the environment or of a flag.
    pub(super) fn from_text(kind: Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Text if text.is_empty() => Err("is empty".to_owned()),
            Kind::Text => Ok(Self::Text(text.to_owned())),
            Kind::OptionalText if text.is_empty() => Ok(Self::Unset),
            Kind::OptionalText => Ok(Self::Text(text.to_owned())),
            Kind::Name => check_name(text).map(|()| Self::Text(text.to_owned())),
            Kind::Word(words) => word(words, text).map(Self::Text),
            Kind::Secret if text.is_empty() => Ok(Self::Unset),
            Kind::Secret => Ok(Self::Secret(Secret::parse(text))),
            Kind::Flag => flag(text).map(Self::Flag),
            Kind::Number { min, max } => number(text)
                .and_then(|n| within(n, min, max, u64::to_string))
                .map(Self::Number),
            Kind::Duration { min, max } => parse_duration(text)
                .map_err(|error| first_part(&error))
                .and_then(|d| within(d, min, max, |d| format_duration(*d)))
                .map(Self::Duration),
            Kind::Size { min, max } => parse_size(text)
                .map_err(|error| first_part(&error))
                .and_then(|n| within(n, min, max, |n| format_size(*n)))
                .map(Self::Size),
            Kind::List => Ok(Self::List(split(text))),
            Kind::Origins => split(text)
                .iter()
                .map(|item| origin(item))
                .collect::<Result<_, _>>()
                .map(Self::List),
            Kind::Words(words) => list_of(words, split(text)).map(Self::List),
            Kind::Ssl => match text {
                "true" => Ok(Self::Ssl(ssl(SslMode::Required))),
                "false" => Ok(Self::Ssl(Ssl::default())),
                other => ssl_mode(other).map(|mode| Self::Ssl(ssl(mode))),
            },
            Kind::Zone => Zone::parse(text).map(Self::Zone),
            Kind::Levels | Kind::Keys | Kind::Notifications => {
                Err("can be set in the file only".to_owned())
            }
            Kind::Throttle => ThrottleSpec::parse(text)
                .map(Self::Throttle)
                .ok_or_else(|| format!("{} is not known", quoted(text))),
        }
    }

    /// Reads a value of the file; `path` leads to it. `None` is a key without a value: as if it were absent.
    pub(super) fn from_file(
        kind: Kind,
        document: &Document<'_>,
        node: &Node,
        path: &[usize],
    ) -> Result<Option<Self>, Refused> {
        let here = |message: String| Refused {
            path: Vec::new(),
            below: String::new(),
            message,
        };
        let value = match (kind, node) {
            (_, Node::Null) => return Ok(None),
            (Kind::Flag, Node::Flag(value)) => Self::Flag(*value),
            (Kind::Number { min, max }, Node::Number(value)) => {
                within(*value, min, max, u64::to_string)
                    .map(Self::Number)
                    .map_err(here)?
            }
            (Kind::Number { .. }, Node::OtherNumber) => {
                return Err(here(format!("is {}", node.kind())));
            }
            (Kind::Flag | Kind::Number { .. }, Node::Text(text)) => {
                return Err(here(not_typed(kind, text)));
            }
            (Kind::Size { .. }, Node::Number(value)) => {
                Self::from_text(kind, &value.to_string()).map_err(here)?
            }
            (Kind::List | Kind::Origins | Kind::Words(_), Node::List(items)) => {
                texts(kind, document, items, path)?
            }
            (Kind::Ssl, Node::Flag(on)) => Self::Ssl(ssl(if *on {
                SslMode::Required
            } else {
                SslMode::Disabled
            })),
            (Kind::Ssl, Node::Map(entries)) => ssl_object(document, entries, path)?,
            (Kind::Levels, Node::Map(entries)) => levels(entries)?,
            (Kind::Keys, Node::Map(entries)) => keys(document, entries, path)?,
            (Kind::Throttle, Node::Map(_)) => throttle(document, node, path)?,
            (
                Kind::Text
                | Kind::OptionalText
                | Kind::Name
                | Kind::Word(_)
                | Kind::Secret
                | Kind::Duration { .. }
                | Kind::Size { .. }
                | Kind::Zone
                | Kind::Throttle
                | Kind::Ssl,
                Node::Text(_) | Node::Number(_) | Node::OtherNumber | Node::Flag(_),
            ) => {
                let typed = document.verbatim(path).unwrap_or_default();
                Self::from_text(kind, &typed).map_err(here)?
            }
            (_, other) => return Err(here(format!("is {}", other.kind()))),
        };
        Ok(Some(value))
    }

    /// As it may be shown to anyone: secrets masked.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Unset => "none".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Secret(secret) => secret.masked(),
            Self::Flag(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Duration(value) => format_duration(*value),
            Self::Size(value) => format_size(*value),
            Self::List(items) if items.is_empty() => "[]".to_owned(),
            Self::List(items) => items.join(", "),
            Self::Notifications(rules) => notifications::shown(rules),
            Self::Ssl(ssl) => show_ssl(ssl),
            Self::Zone(zone) => zone.to_string(),
            Self::Throttle(spec) => spec.shown(),
            Self::Keys(keys) => {
                let parts: Vec<_> = keys
                    .iter()
                    .map(|(action, keys)| format!("{action}: [{}]", keys.join(", ")))
                    .collect();
                format!("{{{}}}", parts.join(", "))
            }
            Self::Levels(levels) => {
                let parts: Vec<_> = levels
                    .iter()
                    .map(|(module, level)| format!("{module}: {}", level.as_str()))
                    .collect();
                format!("{{{}}}", parts.join(", "))
            }
        }
    }
}

/// The start of a text in quotes, for messages.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() > MOST {
        let start: String = text.chars().take(MOST).collect();
        format!("{start:?}…")
    } else {
        format!("{text:?}")
    }
}

/// The messages of `model::duration` end in what is expected; errors here say that by themselves.
fn first_part(message: &str) -> String {
    message
        .split("; expected ")
        .next()
        .unwrap_or(message)
        .to_owned()
}

fn within<T: PartialOrd>(
    value: T,
    min: T,
    max: T,
    show: impl Fn(&T) -> String,
) -> Result<T, String> {
    if value < min {
        Err(format!("{} is too small", show(&value)))
    } else if value > max {
        Err(format!("{} is too large", show(&value)))
    } else {
        Ok(value)
    }
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("{} is neither", quoted(other))),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return Err(format!("{} is not a whole number", quoted(text)));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!(
            "{} begins with a zero, which some read as octal",
            quoted(text)
        ));
    }
    text.parse()
        .map_err(|_| format!("{} is too large", quoted(text)))
}

/// A text where the file should hold a number or `true`/`false`.
fn not_typed(kind: Kind, text: &str) -> String {
    if let Ok(value) = Value::from_text(kind, text) {
        return format!(
            "is the text {}; write {} without quotes",
            quoted(text),
            value.shown()
        );
    }
    match kind {
        Kind::Flag if is_old_flag(text) => {
            format!("{} is a text in YAML 1.2", quoted(text))
        }
        Kind::Number { .. } => match number(text) {
            Err(message) => message,
            Ok(value) => format!("{value} is out of range"),
        },
        _ => format!("is the text {}", quoted(text)),
    }
}

fn is_old_flag(text: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}

fn word(words: &[&str], text: &str) -> Result<String, String> {
    if words.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not known", quoted(text)))
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn list_of(words: &[&str], items: Vec<String>) -> Result<Vec<String>, String> {
    if items.is_empty() {
        return Err("is empty".to_owned());
    }
    for item in &items {
        word(words, item)?;
    }
    Ok(items)
}

fn texts(
    kind: Kind,
    document: &Document<'_>,
    items: &[Node],
    path: &[usize],
) -> Result<Value, Refused> {
    let mut list = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = |message: String| Refused {
            path: vec![i],
            below: format!("[{i}]"),
            message,
        };
        let typed = match item {
            Node::Null | Node::List(_) | Node::Map(_) | Node::Tagged => None,
            _ => document.verbatim(&[path, &[i]].concat()),
        };
        let Some(mut typed) = typed else {
            return Err(at(format!("is {}", item.kind())));
        };
        if typed.is_empty() {
            return Err(at("is empty".to_owned()));
        }
        match kind {
            Kind::Words(words) => word(words, &typed).map(drop).map_err(at)?,
            Kind::Origins => typed = origin(&typed).map_err(at)?,
            _ => {}
        }
        list.push(typed);
    }
    if let (Kind::Words(_), true) = (kind, list.is_empty()) {
        return Err(Refused {
            path: Vec::new(),
            below: String::new(),
            message: "is empty".to_owned(),
        });
    }
    Ok(Value::List(list))
}

fn ssl(mode: SslMode) -> Ssl {
    Ssl {
        mode,
        ..Ssl::default()
    }
}

fn ssl_mode(text: &str) -> Result<SslMode, String> {
    [
        SslMode::Disabled,
        SslMode::Required,
        SslMode::VerifyCa,
        SslMode::VerifyIdentity,
    ]
    .into_iter()
    .find(|mode| mode.as_str() == text)
    .ok_or_else(|| format!("{} is not a mode", quoted(text)))
}

fn ssl_object(
    document: &Document<'_>,
    entries: &[(String, Node)],
    path: &[usize],
) -> Result<Value, Refused> {
    let mut found = Ssl::default();
    let mut mode = None;
    for (i, (name, node)) in entries.iter().enumerate() {
        let at = |message: String| Refused {
            path: vec![i],
            below: format!(".{}", key_shown(name)),
            message,
        };
        if entries[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(at("is there twice".to_owned()));
        }
        let typed = match node {
            Node::Null => continue,
            Node::List(_) | Node::Map(_) | Node::Tagged => {
                return Err(at(format!("is {}", node.kind())));
            }
            _ => document
                .verbatim(&[path, &[i]].concat())
                .unwrap_or_default(),
        };
        match name.as_str() {
            "mode" => mode = Some(ssl_mode(&typed).map_err(at)?),
            "ca" => found.ca = Some(typed),
            "cert" => found.cert = Some(typed),
            "key" => found.key = Some(typed),
            _ => return Err(at("is not known".to_owned())),
        }
    }
    let whole = |message: &str| Refused {
        path: Vec::new(),
        below: String::new(),
        message: message.to_owned(),
    };
    found.mode = mode.ok_or_else(|| whole("has no mode"))?;
    if found.cert.is_some() != found.key.is_some() {
        return Err(whole("has cert or key alone; they go together"));
    }
    Ok(Value::Ssl(found))
}

fn show_ssl(ssl: &Ssl) -> String {
    if *ssl == Ssl::default() {
        return "false".to_owned();
    }
    let mut parts = vec![format!("mode: {}", ssl.mode.as_str())];
    for (name, value) in [("ca", &ssl.ca), ("cert", &ssl.cert), ("key", &ssl.key)] {
        parts.extend(value.iter().map(|path| format!("{name}: {path}")));
    }
    format!("{{{}}}", parts.join(", "))
}

fn levels(entries: &[(String, Node)]) -> Result<Value, Refused> {
    let mut levels = BTreeMap::new();
    for (i, (module, node)) in entries.iter().enumerate() {
        let at = |message: String| Refused {
            path: vec![i],
            below: format!(".{}", key_shown(module)),
            message,
        };
        if !LOG_MODULES.contains(&module.as_str()) {
            return Err(at("is not a module".to_owned()));
        }
        let level = match node {
            Node::Text(text) => {
                Level::parse(text).ok_or_else(|| at(format!("{} is not a level", quoted(text))))?
            }
            other => return Err(at(format!("is {}", other.kind()))),
        };
        if levels.insert(module.clone(), level).is_some() {
            return Err(at("is there twice".to_owned()));
        }
    }
    Ok(Value::Levels(levels))
}

/// Keys by action: one as a text or a number, or a list of them. Which actions and keys there are,
/// the dashboard knows.
fn keys(
    document: &Document<'_>,
    entries: &[(String, Node)],
    path: &[usize],
) -> Result<Value, Refused> {
    let mut all = BTreeMap::new();
    for (i, (action, node)) in entries.iter().enumerate() {
        let at = |message: String| Refused {
            path: vec![i],
            below: format!(".{}", key_shown(action)),
            message,
        };
        let own = [path, &[i]].concat();
        let list = match node {
            Node::List(items) => match texts(Kind::List, document, items, &own) {
                Ok(Value::List(list)) => list,
                Ok(_) => Vec::new(),
                Err(inner) => {
                    return Err(Refused {
                        path: [vec![i], inner.path].concat(),
                        below: format!(".{}{}", key_shown(action), inner.below),
                        message: inner.message,
                    });
                }
            },
            Node::Text(_) | Node::Number(_) => vec![document.verbatim(&own).unwrap_or_default()],
            other => return Err(at(format!("is {}", other.kind()))),
        };
        if all.insert(action.clone(), list).is_some() {
            return Err(at("is there twice".to_owned()));
        }
    }
    Ok(Value::Keys(all))
}

/// An object of limits: its rules are those of a connection's.
fn throttle(document: &Document<'_>, node: &Node, path: &[usize]) -> Result<Value, Refused> {
    let (value, places) = plain(document, node, path);
    for (i, (name, _)) in places.iter().enumerate() {
        if places[..i].iter().any(|(earlier, _)| earlier == name) {
            return Err(Refused {
                path: vec![i],
                below: format!(".{}", key_shown(name)),
                message: "is there twice".to_owned(),
            });
        }
    }
    parse_throttle(&value, "")
        .map(Value::Throttle)
        .map_err(|findings| {
            let first = findings.into_iter().next();
            let below = first.as_ref().map_or("", |f| f.path.as_str()).to_owned();
            let message = first.map_or_else(
                || "can't be read".to_owned(),
                |f| match f.remedy {
                    Some(remedy) => format!("{}; {remedy}", f.message),
                    None => f.message,
                },
            );
            let at = places
                .iter()
                .filter(|(name, _)| below.starts_with(name.as_str()))
                .map(|(_, at)| *at)
                .next();
            Refused {
                path: at.into_iter().collect(),
                below: if below.is_empty() {
                    below
                } else {
                    format!(".{}", key_shown(&below))
                },
                message,
            }
        })
}

/// The object as the mapping file's reader takes it, and where its fields are.
pub(super) fn plain(
    document: &Document<'_>,
    node: &Node,
    path: &[usize],
) -> (serde_json::Value, Vec<(String, usize)>) {
    let mut places = Vec::new();
    let value = match node {
        Node::Null | Node::Tagged => serde_json::Value::Null,
        Node::Flag(flag) => (*flag).into(),
        Node::Number(number) => (*number).into(),
        Node::Text(text) => text.as_str().into(),
        Node::OtherNumber => document.verbatim(path).unwrap_or_default().into(),
        Node::List(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| plain(document, item, &[path, &[i]].concat()).0)
            .collect(),
        Node::Map(entries) => {
            let mut map = serde_json::Map::new();
            for (i, (name, item)) in entries.iter().enumerate() {
                places.push((name.clone(), i));
                map.insert(
                    name.clone(),
                    plain(document, item, &[path, &[i]].concat()).0,
                );
            }
            map.into()
        }
    };
    (value, places)
}
