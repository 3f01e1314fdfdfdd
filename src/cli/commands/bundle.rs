//! `status --bundle`: everything that a report of a fault needs, in one JSON file, passwords masked.
//!
//! What can't be had is in it as the reason, so that it can be made while things are broken: that is
//! when it is asked for.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Context;
use crate::cli::args::Cli;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::options;
use crate::logging::redacted;
use crate::model::command::Refusal;
use crate::model::job::JobFilter;
use crate::model::log::LogFilter;
use crate::model::mapping::{config_to_json, connection_to_json};
use crate::settings::{self, Settings};
use crate::system;

/// Jobs that are told of, with their tables and logs; the newest.
const JOBS: u32 = 20;
/// Lines of the log of each; the newest.
const LINES: u32 = 300;
/// Bytes of this program's own newest log file; the end of it.
const LOG_BYTES: u64 = 256 << 10;
/// A source that does not answer must not hold the file up.
const PLAN_TIME: Duration = Duration::from_secs(20);

/// Names of fields whose values are never told.
const SECRET: [&str; 6] = [
    "password",
    "secret",
    "token",
    "api_token",
    "mask_key",
    "webhook",
];

/// Writes the file with all that the services know.
pub async fn write(context: &Context<'_>, file: &Path) -> Result<(), Failure> {
    let mut bundle = of_process(context.typed, context.settings).await;
    let services = &context.services;
    let mut put = |name: &str, value: Value| bundle.insert(name.to_owned(), value);
    put("status", told(services.monitoring.status().await));
    put("instances", told(services.monitoring.instances().await));
    let connections = services.connections.list().await;
    let shown = |all: Vec<_>| all.iter().map(connection_to_json).collect::<Vec<Value>>();
    put("connections", told(connections.map(shown)));
    let configs = services.configs.list(None).await;
    let shown = |all: &Vec<_>| all.iter().map(config_to_json).collect::<Vec<Value>>();
    put("configs", told(configs.as_ref().map(shown)));
    let mut plans = Vec::new();
    for config in configs.unwrap_or_default() {
        let plan = services.configs.plan(config.id, &[], false);
        let plan = match tokio::time::timeout(PLAN_TIME, plan).await {
            Ok(plan) => told(plan),
            Err(_) => json!({"error": format!("no plan within {} s", PLAN_TIME.as_secs())}),
        };
        plans.push(json!({"config": config.spec.name, "plan": plan}));
    }
    put("plans", Value::Array(plans));
    let filter = JobFilter {
        limit: Some(JOBS),
        ..JobFilter::default()
    };
    let mut jobs = Vec::new();
    for job in services.jobs.list(&filter).await.unwrap_or_default() {
        let lines = LogFilter {
            limit: Some(LINES),
            ..LogFilter::default()
        };
        jobs.push(json!({
            "job": told(services.jobs.get(&job.id.to_string()).await),
            "log": told(services.jobs.logs(job.id, &lines).await),
        }));
    }
    put("jobs", Value::Array(jobs));
    save(context.output, bundle, file)
}

/// Writes the file while the control database can't be used.
pub async fn write_without_database(
    typed: &Cli,
    settings: &Settings,
    output: Output,
    why: &Refusal,
    file: &Path,
) -> Result<(), Failure> {
    let mut bundle = of_process(typed, settings).await;
    bundle.insert("status".to_owned(), json!({"error": why.to_string()}));
    save(output, bundle, file)
}

/// What is known without the control database.
async fn of_process(typed: &Cli, settings: &Settings) -> Map<String, Value> {
    let loaded = settings::load(&options(typed));
    let shown = loaded.as_ref().map(settings::show);
    let paths = settings::paths(&options(typed), loaded.as_ref().ok());
    let mut bundle = Map::new();
    let mut put = |name: &str, value: Value| bundle.insert(name.to_owned(), value);
    put("made_at", json!(Utc::now()));
    put("version", json!(env!("CARGO_PKG_VERSION")));
    put(
        "system",
        json!({"os": std::env::consts::OS, "architecture": std::env::consts::ARCH}),
    );
    put("settings", told(shown));
    put("paths", json!(paths));
    put("migrations", told(system::migration_status(settings).await));
    put("log_file", newest_log(settings));
    bundle
}

/// The end of the newest log file.
fn newest_log(settings: &Settings) -> Value {
    let Some(folder) = &settings.logging.directory else {
        return Value::Null;
    };
    let newest = fs::read_dir(folder).ok().and_then(|entries| {
        entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .max()
    });
    let Some((_, path)) = newest else {
        return json!({"error": format!("there is no log file in {}", folder.display())});
    };
    match end_of(&path) {
        Ok(text) => json!({"path": path, "lines": text.lines().collect::<Vec<_>>()}),
        Err(error) => json!({"error": format!("{}: {error}", path.display())}),
    }
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn told<T: Serialize, E: std::fmt::Display>(outcome: Result<T, E>) -> Value {
    match outcome {
        Ok(value) => {
            serde_json::to_value(value).unwrap_or_else(|error| json!({"error": error.to_string()}))
        }
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// Takes out what must not leave: passwords wherever they stand, values of rows, ways into web hooks.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_ways(&redacted(&text))),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let secret = SECRET.contains(&name.as_str());
                let value = match value {
                    Value::Null | Value::Bool(_) => value,
                    // A reference says where the secret is, not what it is.
                    Value::String(text) if secret && !text.starts_with("${") => json!("***"),
                    // The key of a row, in an error.
                    Value::Object(key) if name == "key" => Value::Object(
                        key.into_iter()
                            .map(|(column, _)| (column, json!("***")))
                            .collect(),
                    ),
                    other if secret && !other.is_string() => json!("***"),
                    other => masked(other),
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        other => other,
    }
}

/// Addresses of the web lose what follows the host: it may be a secret by itself.
fn without_ways(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = |c: char| c.is_whitespace() || "\"'<>,;)]}".contains(c);
        let whole = after.find(end).unwrap_or(after.len());
        let (address, behind) = after.split_at(whole);
        let host = address.find(['/', '?', '#']).unwrap_or(address.len());
        // What stands before the host is a login.
        let (host, way) = address.split_at(host);
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        out.push_str(host);
        if way.len() > 1 {
            out.push_str("/***");
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn save(output: Output, bundle: Map<String, Value>, file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::invalid(format!("{} can't be written: {error}", file.display()))
    };
    let text = serde_json::to_string_pretty(&masked(Value::Object(bundle)))
        .map_err(|error| Failure::internal(error.to_string()))?;
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    made.write_all(text.as_bytes()).map_err(failed)?;
    made.write_all(b"\n").map_err(failed)?;
    output.note(&format!(
        "{} holds settings, checks, configs, plans, the last jobs and logs, with passwords and keys of rows masked. \
         Names of hosts, tables and columns are in it, and lines of logs: read it before you send it.",
        file.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_their_names_and_references_stay() {
        let before = json!({
            "password": "canary", "has_password": true, "api_token": "${file:/x}", "secret": null,
            "items": [{"webhook": "https://canary.example.com/canary", "key": {"id": "canary"}}],
            "key": "security.api_token"
        });
        let after = masked(before);
        assert!(!after.to_string().contains("canary"), "{after}");
        assert_eq!(after["api_token"], "${file:/x}");
        assert_eq!(after["has_password"], true);
        assert_eq!(after["items"][0]["key"]["id"], "***");
        assert_eq!(after["key"], "security.api_token");
    }

    #[test]
    fn an_address_keeps_its_host() {
        for (text, kept) in [
            (
                "see https://hooks.example.com/T0/B1/xyz, then",
                "see https://hooks.example.com/***, then",
            ),
            ("mysql://root:pw@db1:3306/shop", "mysql://db1:3306/***"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("no address: a//b", "no address: a//b"),
        ] {
            assert_eq!(without_ways(text), kept);
        }
    }
}
