//! Connections, configs and test reports as text.

use serde_json::Value;

use crate::cli::output::number::{bytes, time};
use crate::cli::output::table::{Table, fields};
use crate::model::config::Config;
use crate::model::connection::{Connection, HealthState, SslMode};
use crate::model::report::TestReport;
use crate::model::rule::TableSelect;

/// Connections, one a line.
#[must_use]
pub fn connections(connections: &[Connection]) -> String {
    let mut table = Table::new(&[
        "NAME", "SERVER", "USER", "DATABASE", "TARGET", "TLS", "CHECKED", "HEALTH",
    ]);
    for connection in connections {
        let spec = &connection.spec;
        table.row([
            spec.name.clone(),
            server(connection),
            spec.username.clone(),
            spec.database.clone(),
            spec.target_database().to_owned(),
            tls(spec.ssl.mode).to_owned(),
            time(connection.health.checked_at),
            health(connection),
        ]);
    }
    table.render()
}

/// Configs, one a line.
#[must_use]
pub fn configs(configs: &[Config]) -> String {
    let mut table = Table::new(&[
        "NAME",
        "CONNECTION",
        "ENABLED",
        "NEXT RUN",
        "TABLES",
        "LAST JOB",
        "FINISHED",
    ]);
    for config in configs {
        let spec = &config.spec;
        let names: Vec<&str> = spec
            .tables
            .iter()
            .map(|rule| match &rule.select {
                TableSelect::Source(name) | TableSelect::Match(name) => name.as_str(),
            })
            .collect();
        let last = config.last_job.as_ref();
        table.row([
            spec.name.clone(),
            spec.connection.clone(),
            if spec.enabled { "yes" } else { "no" }.to_owned(),
            time(config.next_runs.first().copied()),
            shortened(&names),
            last.map_or_else(String::new, |job| job.state.as_str().replace('_', " ")),
            time(last.and_then(|job| job.finished_at)),
        ]);
    }
    table.render()
}

/// An object in its JSON form as `name  value` lines; lists and objects as YAML.
#[must_use]
pub fn object(object: &Value) -> String {
    let Some(map) = object.as_object() else {
        return object.to_string();
    };
    let pairs: Vec<(&str, String)> = map
        .iter()
        .map(|(name, value)| (name.as_str(), shown(&without_empty(value))))
        .collect();
    fields(&pairs)
}

/// A value without the parts that say nothing: nulls, empty lists and objects mean the default.
#[must_use]
pub fn without_empty(value: &Value) -> Value {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), without_empty(value)))
            .filter(|(_, value)| says_something(value))
            .collect(),
        Value::Array(items) => items.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(map) if map.is_empty() => String::new(),
        Value::Array(_) | Value::Object(_) => {
            serde_yaml::to_string(value).unwrap_or_else(|_| value.to_string())
        }
    }
}

/// What a test found, ended by the verdict.
#[must_use]
pub fn report(name: &str, report: &TestReport) -> String {
    let server = match (&report.flavour, &report.version) {
        (Some(flavour), Some(version)) => format!("{} {version}", flavour.as_str()),
        _ => String::new(),
    };
    let tls = match (report.tls.used, &report.tls.version, report.tls.verified) {
        (false, ..) => "not used".to_owned(),
        (true, version, verified) => format!(
            "{}, certificate {}",
            version.as_deref().unwrap_or("used"),
            if verified { "verified" } else { "not verified" }
        ),
    };
    let binlog = match (report.binlog.enabled, &report.binlog.format) {
        (Some(true), Some(format)) => format!("on, {format}"),
        (Some(true), None) => "on".to_owned(),
        (Some(false), _) => "off".to_owned(),
        (None, _) => String::new(),
    };
    let milliseconds =
        |value: Option<f64>| value.map_or_else(String::new, |ms| format!("{ms:.2} ms"));
    let mut out = String::new();
    if report.address.is_some() || report.version.is_some() {
        out.push_str(&fields(&[
            ("address", report.address.clone().unwrap_or_default()),
            ("server", server),
            ("latency", milliseconds(report.latency_ms)),
            ("TLS", tls),
            ("binlog", binlog),
            (
                "local_infile",
                report
                    .local_infile
                    .map_or_else(String::new, |on| if on { "on" } else { "off" }.to_owned()),
            ),
            ("clock skew", milliseconds(report.clock_skew_ms)),
            (
                "max packet",
                report
                    .max_allowed_packet_bytes
                    .map_or_else(String::new, bytes),
            ),
        ]));
    }
    for missing in &report.privileges.missing {
        out.push_str(&format!(
            "missing: {} (for {})\n  to do: {}\n",
            missing.privilege, missing.needed_for, missing.grant
        ));
    }
    for warning in &report.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    match (&report.error, report.ok) {
        (Some(error), _) => {
            // Messages of the server begin with the connection's name already.
            let error = error.strip_prefix(&format!("{name}: ")).unwrap_or(error);
            out.push_str(&format!("{name}: failed: {error}"));
        }
        (None, true) => out.push_str(&format!("{name}: ok")),
        (None, false) => out.push_str(&format!("{name}: failed")),
    }
    out
}

fn server(connection: &Connection) -> String {
    let spec = &connection.spec;
    match &spec.socket {
        Some(path) => path.clone(),
        // Each of several may have a port of its own, and a service has none.
        None if spec.host.contains([',', ':']) || spec.host.starts_with('_') => spec.host.clone(),
        None => format!("{}:{}", spec.host, spec.port),
    }
}

fn tls(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disabled => "no",
        mode => mode.as_str(),
    }
}

fn health(connection: &Connection) -> String {
    let health = &connection.health;
    match health.state {
        HealthState::Unknown => "not tested".to_owned(),
        HealthState::Ok => health
            .server
            .as_ref()
            .map_or_else(|| "ok".to_owned(), |server| format!("ok, {server}")),
        HealthState::Failed => health
            .error
            .as_ref()
            .map_or_else(|| "failed".to_owned(), |error| format!("failed: {error}")),
    }
}

/// The first names of a list that fit 40 characters, then how many more.
fn shortened(names: &[&str]) -> String {
    let mut out = String::new();
    for (i, name) in names.iter().enumerate() {
        if i > 0 && out.chars().count() + name.chars().count() > 38 {
            out.push_str(&format!(" +{}", names.len() - i));
            break;
        }
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
    }
    out
}
