//! The control database on real servers.

mod keys;
mod leases;
mod migrations;
mod objects;
mod queue;
mod silence;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use db_taxi::model::config::{Config, ConfigSpec};
use db_taxi::model::connection::{Connection, ConnectionSpec, Health, HealthState};
use db_taxi::model::error::{ErrorCode, ErrorInfo};
use db_taxi::model::ids::{InstanceId, JobId};
use db_taxi::model::job::{Job, JobFilter, JobRequest, JobState, JobWish};
use db_taxi::model::log::{Difference, DifferenceKind, DifferencePage, Level, LogEntry, LogFilter};
use db_taxi::model::rule::TableRule;
use db_taxi::model::secret::Secret;
use db_taxi::model::status::{Instance, InstanceState};
use db_taxi::model::table_run::{TableRun, TableState};
use db_taxi::mysql::{Session, SessionKind, TableRef};
use db_taxi::store::keys::KeyRing;
use db_taxi::store::leases::Resource;
use db_taxi::store::{NewJob, Store, StoreError, StoreOptions, migration_status, schema_version};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::both_flavours;
use crate::support::Pair;

/// 32 bytes each, in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn options(pair: &Pair, key: KeyRing) -> StoreOptions {
    StoreOptions {
        endpoint: pair.local.endpoint(),
        database: pair.control_db(),
        max_open: 10,
        max_idle: 10,
        lease_ttl: Duration::from_secs(60),
        key,
    }
}

async fn open(pair: &Pair) -> Store {
    Store::open(options(pair, KeyRing::from_base64(KEY).unwrap()))
        .await
        .unwrap()
}

fn control(pair: &Pair, sql: &str) -> String {
    pair.local.sql(&format!("USE {}; {sql}", pair.control_db()))
}

fn connection_spec(name: &str, target: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new(name, "reader", "shop");
    spec.local_db_name = Some(target.to_owned());
    spec
}

fn with_password(mut spec: ConnectionSpec, password: &str) -> ConnectionSpec {
    spec.password = Some(Secret::parse(password));
    spec
}

fn config_spec(name: &str, connection: &str, tables: &[&str]) -> ConfigSpec {
    ConfigSpec::new(
        name,
        connection,
        tables.iter().map(|t| TableRule::of_table(t)).collect(),
    )
}

async fn connection_and_config(store: &Store) -> (Connection, Config) {
    let connection = store
        .create_connection(&connection_spec("prod", "copy"))
        .await
        .unwrap();
    let config = store
        .create_config(&config_spec("users", "prod", &["users"]))
        .await
        .unwrap();
    (connection, config)
}

async fn new_job(
    store: &Store,
    connection: &Connection,
    config: &Config,
) -> Result<Job, StoreError> {
    let request = JobRequest {
        requested_by: "me@here".to_owned(),
        ..JobRequest::default()
    };
    store
        .create_job(&NewJob {
            config,
            connection,
            request: &request,
            retry_of: None,
        })
        .await
}

fn instance(name: &str) -> Instance {
    Instance {
        name: name.to_owned(),
        id: InstanceId::generate(),
        version: "1".to_owned(),
        roles: vec!["worker".to_owned()],
        labels: vec![],
        address: None,
        state: InstanceState::Alive,
        started_at: Utc::now(),
        seen_at: Utc::now(),
        jobs: vec![],
    }
}

fn conflict(result: Result<impl Sized, StoreError>) -> (&'static str, String) {
    match result {
        Err(StoreError::Conflict { code, message }) => (code, message),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

fn wrong_key(result: Result<impl Sized, StoreError>) -> String {
    match result {
        Err(StoreError::WrongKey(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

fn line(job: Option<JobId>, level: Level, message: &str) -> LogEntry {
    LogEntry {
        id: 0,
        time: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        level,
        job_id: job,
        table: None,
        instance: "here".to_owned(),
        message: message.to_owned(),
        fields: serde_json::Map::new(),
    }
}

fn messages(lines: &[LogEntry]) -> Vec<&str> {
    lines.iter().map(|line| line.message.as_str()).collect()
}
