//! The mapping document: connections and configs as YAML or JSON, read with every finding and
//! printed in one canonical form.
//!
//! Owns the names, types, ranges and exclusive fields of every public field of a connection, a
//! config and a table rule; the same objects are the REST bodies and the control database's `spec`.
//! Must not know: servers, files, stored objects (names that are stored are handed in). Called by
//! `store` (its `spec` columns), `services` and every front that reads or shows these objects.

mod check;
mod condition;
mod config;
mod connection;
mod diff;
mod document;
mod file;
mod incremental;
mod mask;
mod options;
mod reader;
mod rule;
#[cfg(test)]
mod tests;
mod throttle;
mod tree;
mod writer;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::config::{Config, ConfigSpec};
use super::connection::{Connection, ConnectionSpec};
use super::finding::Finding;
use super::rule::TableRule;
use reader::Found;
use writer::Form;

pub use check::{Claims, check_identifier};
pub use diff::diff;
pub use document::{Document, Source, parse_document, parse_object, print_document, print_object};
pub use file::{ImportOutcome, MappingFile};
pub use reader::suggestion;
pub use throttle::{parse_throttle, throttle_to_json};

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// YAML 1.2.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's name tells: `.json` is JSON, everything else YAML.
    #[must_use]
    pub fn of_path(path: &std::path::Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Which passwords a printed object shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passwords {
    /// None at all.
    Hidden,
    /// References as written, text never.
    References,
    /// References and text.
    All,
}

/// Reads one connection, as a REST body or an edited object gives it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_connection(value: &Value) -> Result<ConnectionSpec, Vec<Finding>> {
    let found = Found::default();
    let spec = connection::read(value, "", &found);
    found.result(spec)
}

/// Reads one config. `connection` is a name; where it is absent, `connection_id` stands in for it
/// (an id is never a name, so the services can tell them apart).
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_config(value: &Value) -> Result<ConfigSpec, Vec<Finding>> {
    let found = Found::default();
    let spec = config::read(value, "", true, &found);
    found.result(spec)
}

/// A stored connection with every field, as the REST API and `--json` show it.
#[must_use]
pub fn connection_to_json(connection: &Connection) -> Value {
    let mut map = Map::new();
    map.insert("id".to_owned(), connection.id.to_string().into());
    map.extend(connection::print(
        &connection.spec,
        Form::Full,
        Passwords::References,
    ));
    map.insert("has_password".to_owned(), connection.has_password.into());
    let health = &connection.health;
    let mut shown = Map::new();
    shown.insert(
        "state".to_owned(),
        serde_json::to_value(health.state).unwrap_or_default(),
    );
    shown.insert(
        "checked_at".to_owned(),
        health.checked_at.map(time_text).into(),
    );
    shown.insert("latency_ms".to_owned(), health.latency_ms.into());
    shown.insert("server".to_owned(), health.server.clone().into());
    shown.insert("error".to_owned(), health.error.clone().into());
    map.insert("health".to_owned(), shown.into());
    map.insert(
        "created_at".to_owned(),
        time_text(connection.created_at).into(),
    );
    map.insert(
        "updated_at".to_owned(),
        time_text(connection.updated_at).into(),
    );
    map.into()
}

/// A stored config with every field, as the REST API and `--json` show it.
#[must_use]
pub fn config_to_json(config: &Config) -> Value {
    let mut map = Map::new();
    map.insert("id".to_owned(), config.id.to_string().into());
    map.extend(config::print(&config.spec, Form::Full));
    map.insert(
        "connection_id".to_owned(),
        config.connection_id.to_string().into(),
    );
    let last_job = config.last_job.as_ref().map(|job| {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), job.id.to_string().into());
        shown.insert("state".to_owned(), job.state.as_str().into());
        shown.insert(
            "finished_at".to_owned(),
            job.finished_at.map(time_text).into(),
        );
        Value::from(shown)
    });
    map.insert("last_job".to_owned(), last_job.into());
    let next: Vec<String> = config
        .next_runs
        .iter()
        .map(|time| time_text(*time))
        .collect();
    map.insert("next_run_at".to_owned(), next.first().cloned().into());
    map.insert("next_runs".to_owned(), next.into());
    map.insert("created_at".to_owned(), time_text(config.created_at).into());
    map.insert("updated_at".to_owned(), time_text(config.updated_at).into());
    map.into()
}

/// RFC 3339, UTC, milliseconds, `Z`: how every time is shown.
#[must_use]
pub fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An object of the mapping file that the control database keeps as JSON.
pub trait Spec: Sized {
    /// Every field but a password.
    fn to_spec_json(&self) -> Value;
    /// The reverse.
    ///
    /// # Errors
    /// Everything that is wrong with it; a field of a later version is, since leaving it out could
    /// copy what it should hold back.
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>>;
    /// The canonical short form, passwords only where they are references.
    fn to_short_json(&self) -> Value;
}

impl Spec for ConnectionSpec {
    fn to_spec_json(&self) -> Value {
        connection::print(self, Form::Full, Passwords::Hidden).into()
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        parse_connection(value)
    }
    fn to_short_json(&self) -> Value {
        connection::print(self, Form::Short, Passwords::References).into()
    }
}

impl Spec for ConfigSpec {
    fn to_spec_json(&self) -> Value {
        config::print(self, Form::Full).into()
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        parse_config(value)
    }
    fn to_short_json(&self) -> Value {
        config::print(self, Form::Short).into()
    }
}

impl Spec for TableRule {
    fn to_spec_json(&self) -> Value {
        rule::print(self, Form::Full)
    }
    fn from_spec_json(value: &Value) -> Result<Self, Vec<Finding>> {
        let found = Found::default();
        let rule = rule::read(value, "", &found);
        found.result(rule)
    }
    fn to_short_json(&self) -> Value {
        rule::print(self, Form::Short)
    }
}

/// The JSON of a `spec` column: every field, never a password.
#[must_use]
pub fn spec_to_json<S: Spec>(spec: &S) -> Value {
    spec.to_spec_json()
}

/// The reverse of [`spec_to_json`].
///
/// # Errors
/// Everything that is wrong with it.
pub fn spec_from_json<S: Spec>(value: &Value) -> Result<S, Vec<Finding>> {
    S::from_spec_json(value)
}
