//! Stored objects as the REST API and `--json` show them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::writer::{Form, Passwords};
use super::{config, connection};
use crate::model::config::Config;
use crate::model::connection::Connection;

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
    crate::model::time::text(time)
}
