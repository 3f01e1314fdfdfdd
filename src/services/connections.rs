//! Connections: what is stored, whether it works, what is on the other side.

use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;

use super::ServicesOptions;
use super::endpoints::itself;
use super::refusal::{conflict, not_found, refuse, refuse_source};
use super::targets::Wanted;
use crate::model::command::Refusal;
use crate::model::connection::{Connection, ConnectionSpec, Health, HealthState};
use crate::model::ids::ConnectionId;
use crate::model::job::{JobFilter, JobState};
use crate::model::mapping;
use crate::model::report::{Flavour, SourceTable, TableInfo, TestReport};
use crate::mysql::probe::{self, Depth, Needs};
use crate::mysql::schema::TableSchema;
use crate::mysql::{Endpoint, Session, SessionKind, TableRef};

/// Sources.
#[derive(Clone)]
pub struct Connections(pub(super) Arc<ServicesOptions>);

impl Connections {
    /// All of them, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list(&self) -> Result<Vec<Connection>, Refusal> {
        self.0.store.list_connections().await.map_err(refuse)
    }

    /// The one with this name or id.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, name_or_id: &str) -> Result<Connection, Refusal> {
        self.0.connection(name_or_id).await
    }

    /// Stores a connection. Whether it works is for [`Connections::test`] to say.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name_taken`.
    pub async fn create(&self, spec: ConnectionSpec) -> Result<Connection, Refusal> {
        self.validate(&spec)?;
        self.0.store.create_connection(&spec).await.map_err(refuse)
    }

    /// Replaces a connection; without a password it keeps the stored one.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `name_taken`, `target_taken` when its configs would write
    /// target tables of others, or `precondition_failed` when its version is not `if_version`.
    pub async fn update(
        &self,
        id: ConnectionId,
        spec: ConnectionSpec,
        if_version: Option<u64>,
    ) -> Result<Connection, Refusal> {
        self.validate(&spec)?;
        let present = self.by_id(id).await?;
        if present.spec.target_database() != spec.target_database() {
            let mut wanted = Wanted::stored(&self.0).await?;
            let name = present.spec.name.clone();
            wanted.connections.insert(name.clone(), spec.clone());
            wanted.refuse_moved(&name)?;
        }
        self.0
            .store
            .update_connection(id, &spec, if_version)
            .await
            .map_err(refuse)
    }

    /// Removes a connection that nothing needs.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `in_use` that names its dependents.
    pub async fn delete(&self, id: ConnectionId) -> Result<(), Refusal> {
        self.delete_if(id, None).await
    }

    /// The same while its version is `if_version`.
    ///
    /// # Errors
    /// As [`Connections::delete`]; `Conflict` `precondition_failed`.
    pub async fn delete_if(
        &self,
        id: ConnectionId,
        if_version: Option<u64>,
    ) -> Result<(), Refusal> {
        let connection = self.by_id(id).await?;
        let dependents = self.dependents(id).await?;
        if !dependents.is_empty() {
            return Err(conflict(
                "in_use",
                format!(
                    "the connection {} is used by {}",
                    connection.spec.name,
                    dependents.join(", ")
                ),
            ));
        }
        let deleted = self.0.store.delete_connection_if(id, if_version).await;
        deleted.map_err(refuse)
    }

    /// What uses a connection: its configs and its jobs that have not ended.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn dependents(&self, id: ConnectionId) -> Result<Vec<String>, Refusal> {
        let store = &self.0.store;
        let mut names: Vec<String> = store
            .list_configs(Some(id))
            .await
            .map_err(refuse)?
            .iter()
            .map(|config| format!("config {}", config.spec.name))
            .collect();
        for state in [JobState::Running, JobState::Pending, JobState::Paused] {
            let filter = JobFilter {
                state: Some(state),
                connection_id: Some(id),
                ..JobFilter::default()
            };
            let jobs = store.list_jobs(&filter).await.map_err(refuse)?;
            names.extend(jobs.iter().map(|job| format!("job {}", job.id)));
        }
        Ok(names)
    }

    /// Tests a stored connection and stores the result as its health.
    ///
    /// # Errors
    /// `NotFound`, or when the control database does not answer. A source that can't be used is no
    /// error but a report.
    pub async fn test(&self, id: ConnectionId) -> Result<TestReport, Refusal> {
        let connection = self.by_id(id).await?;
        let password = self.0.store.connection_password(id).await.map_err(refuse)?;
        let needs = self.needs(id).await?;
        let report = match self.0.source_with(&connection, password) {
            Ok(endpoint) => self.report(&connection.spec, &endpoint, needs).await,
            Err(refusal) => failed(&refusal),
        };
        let health = health_of(&report);
        self.0
            .store
            .set_connection_health(id, &health)
            .await
            .map_err(refuse)?;
        Ok(report)
    }

    /// Tests a connection that is not stored; `stored` lends its password where the spec has none.
    ///
    /// # Errors
    /// `Invalid`, or when the control database does not answer.
    pub async fn test_spec(
        &self,
        spec: &ConnectionSpec,
        stored: Option<ConnectionId>,
    ) -> Result<TestReport, Refusal> {
        self.validate(spec)?;
        let password = match (&spec.password, stored) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(id)) => self.0.store.connection_password(id).await.map_err(refuse)?,
            (None, None) => None,
        };
        let connection = unsaved(spec);
        Ok(match self.0.source_with(&connection, password) {
            Ok(endpoint) => self.report(spec, &endpoint, Needs::default()).await,
            Err(refusal) => failed(&refusal),
        })
    }

    /// The base tables of a source.
    ///
    /// # Errors
    /// `NotFound`; `SourceUnavailable`.
    pub async fn tables(&self, id: ConnectionId) -> Result<Vec<SourceTable>, Refusal> {
        let connection = self.by_id(id).await?;
        let endpoint = self.0.source_of(&connection).await?;
        let mut session = self.0.open_source(&endpoint).await?;
        let tables = probe::source_tables(&mut session, &connection.spec.database)
            .await
            .map_err(|error| refuse_source(&error));
        session.close().await;
        tables
    }

    /// Columns, keys and definition of one table of a source.
    ///
    /// # Errors
    /// `NotFound`; `SourceUnavailable`.
    pub async fn table(&self, id: ConnectionId, name: &str) -> Result<TableInfo, Refusal> {
        let connection = self.by_id(id).await?;
        let endpoint = self.0.source_of(&connection).await?;
        let mut session = self.0.open_source(&endpoint).await?;
        let table = TableRef::new(connection.spec.database.as_str(), name);
        let read = TableSchema::read(&mut session, &table).await;
        session.close().await;
        read.map_err(|error| refuse_source(&error))?
            .map(|schema| schema.info())
            .ok_or_else(|| not_found("table", name))
    }

    /// What the configs of a connection ask for beside reading.
    async fn needs(&self, id: ConnectionId) -> Result<Needs, Refusal> {
        let configs = self.0.store.list_configs(Some(id)).await.map_err(refuse)?;
        Ok(Needs {
            read_lock: configs.iter().any(|config| {
                mapping::config_to_json(config)["options"]["snapshot_lock"] == "ftwrl"
            }),
        })
    }

    fn validate(&self, spec: &ConnectionSpec) -> Result<(), Refusal> {
        let json = mapping::spec_to_json(spec);
        mapping::parse_connection(&json).map_err(Refusal::Invalid)?;
        self.0.refuse_control_database(spec)
    }

    async fn by_id(&self, id: ConnectionId) -> Result<Connection, Refusal> {
        self.0
            .store
            .connection(id)
            .await
            .map_err(refuse)?
            .ok_or_else(|| not_found("connection", id))
    }

    /// The probe's report, held against the local server.
    async fn report(
        &self,
        spec: &ConnectionSpec,
        endpoint: &Arc<Endpoint>,
        needs: Needs,
    ) -> TestReport {
        let mut report = probe::probe(endpoint, &spec.database, Depth::Everything(needs)).await;
        if !report.ok {
            return report;
        }
        match self.same_as_target(spec, endpoint).await {
            Ok(true) => {
                report.ok = false;
                report.error = Some(itself(spec.target_database()).to_string());
            }
            Ok(false) => {}
            Err(message) => report.warnings.push(format!(
                "the local server could not be looked at, so source and target were not compared: \
                 {message}"
            )),
        }
        report
    }

    async fn same_as_target(
        &self,
        spec: &ConnectionSpec,
        endpoint: &Arc<Endpoint>,
    ) -> Result<bool, String> {
        let lease = self.0.lease_ttl;
        let open = async |endpoint: &Arc<Endpoint>| {
            Session::open(endpoint, SessionKind::Probe, lease)
                .await
                .map_err(|error| error.to_string())
        };
        let mut source = open(endpoint).await?;
        let mut local = open(&self.0.endpoints.local()).await?;
        let same = probe::same_database(
            &mut source,
            &spec.database,
            &mut local,
            spec.target_database(),
        )
        .await
        .map_err(|error| error.to_string());
        source.close().await;
        local.close().await;
        same
    }
}

impl ServicesOptions {
    /// The connection with this name or id.
    pub(super) async fn connection(&self, name_or_id: &str) -> Result<Connection, Refusal> {
        let found = match ConnectionId::from_str(name_or_id) {
            Ok(id) => self.store.connection(id).await,
            Err(_) => self.store.connection_named(name_or_id).await,
        };
        found
            .map_err(refuse)?
            .ok_or_else(|| not_found("connection", name_or_id))
    }
}

/// A connection as the endpoints want it, for a spec that is not stored.
pub(super) fn unsaved(spec: &ConnectionSpec) -> Connection {
    Connection {
        id: ConnectionId::generate(),
        spec: spec.clone(),
        has_password: spec.password.is_some(),
        version: 0,
        health: Health::default(),
        created_at: Utc::now(),
        updated_at: Utc::now(),
    }
}

fn failed(refusal: &Refusal) -> TestReport {
    TestReport {
        error: Some(refusal.to_string()),
        ..TestReport::default()
    }
}

pub(super) fn health_of(report: &TestReport) -> Health {
    let server = report.flavour.map(|flavour| {
        let name = match flavour {
            Flavour::Mysql => "MySQL",
            Flavour::Mariadb => "MariaDB",
        };
        format!("{name} {}", report.version.as_deref().unwrap_or_default())
    });
    Health {
        state: if report.ok {
            HealthState::Ok
        } else {
            HealthState::Failed
        },
        checked_at: Some(Utc::now()),
        latency_ms: report.latency_ms,
        server,
        error: report.error.clone(),
    }
}
