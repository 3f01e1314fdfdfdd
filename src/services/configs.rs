//! Configs: what is synced, and what a run would do.

mod draft;
mod script;

use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;

use super::ServicesOptions;
use super::refusal::{conflict, invalid, not_found, refuse, with_hint};
use super::targets::Wanted;
use crate::jobs::with_masks;
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::Connection;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::finding::Finding;
use crate::model::ids::{ConfigId, ConnectionId};
use crate::model::job::{JobLimits, JobRequest};
use crate::model::mapping;
use crate::model::plan::Plan;
use crate::model::schedule::Timetable;
use crate::sync::{JobContext, JobRun, StopSignal, SyncError, Throttles};

/// How many of its next runs a config shows.
const NEXT_RUNS: usize = 5;

/// What is synced.
#[derive(Clone)]
pub struct Configs(pub(super) Arc<ServicesOptions>);

impl Configs {
    /// All of them, or those of one connection, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list(&self, connection: Option<ConnectionId>) -> Result<Vec<Config>, Refusal> {
        let mut found = self
            .0
            .store
            .list_configs(connection)
            .await
            .map_err(refuse)?;
        for config in &mut found {
            self.0.foresee(config);
        }
        Ok(found)
    }

    /// The one with this name or id.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, name_or_id: &str) -> Result<Config, Refusal> {
        let mut config = self.0.config(name_or_id).await?;
        self.0.foresee(&mut config);
        Ok(config)
    }

    /// Stores a config. Its `connection` is a name or an id.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name_taken` or `target_taken`.
    pub async fn create(&self, spec: ConfigSpec) -> Result<Config, Refusal> {
        let spec = self.checked(spec).await?;
        Wanted::stored(&self.0).await?.refuse_taken(&spec)?;
        let mut config = self.0.store.create_config(&spec).await.map_err(refuse)?;
        self.0.foresee(&mut config);
        Ok(config)
    }

    /// Replaces a config. A job that runs goes on with what it began with.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `name_taken`, `target_taken`, or `precondition_failed`
    /// when its version is not `if_version`.
    pub async fn update(
        &self,
        id: ConfigId,
        spec: ConfigSpec,
        if_version: Option<u64>,
    ) -> Result<Config, Refusal> {
        let present = self.by_id(id).await?;
        let spec = self.checked(spec).await?;
        Wanted::stored(&self.0)
            .await?
            .without_config(&present.spec.name)
            .refuse_taken(&spec)?;
        let updated = self.0.store.update_config(id, &spec, if_version).await;
        let mut config = updated.map_err(refuse)?;
        self.0.foresee(&mut config);
        Ok(config)
    }

    /// Removes a config with its checkpoints. Target tables stay.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `config_busy` while a job of it has not ended.
    pub async fn delete(&self, id: ConfigId) -> Result<(), Refusal> {
        self.delete_if(id, None).await
    }

    /// The same while its version is `if_version`.
    ///
    /// # Errors
    /// As [`Configs::delete`]; `Conflict` `precondition_failed`.
    pub async fn delete_if(&self, id: ConfigId, if_version: Option<u64>) -> Result<(), Refusal> {
        let deleted = self.0.store.delete_config_if(id, if_version).await;
        deleted.map_err(refuse)
    }

    /// Lets `run` and schedules start it, or not.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_enabled(&self, id: ConfigId, enabled: bool) -> Result<Config, Refusal> {
        // Somebody else may change the config between the two statements: then it is read again.
        for _ in 0..3 {
            let present = self.by_id(id).await?;
            if present.spec.enabled == enabled {
                return self.get(&id.to_string()).await;
            }
            let mut spec = present.spec;
            spec.enabled = enabled;
            let updated = self
                .0
                .store
                .update_config(id, &spec, Some(present.version))
                .await;
            match updated {
                Err(crate::store::StoreError::PreconditionFailed) => {}
                other => {
                    let mut config = other.map_err(refuse)?;
                    self.0.foresee(&mut config);
                    return Ok(config);
                }
            }
        }
        Err(refuse(crate::store::StoreError::PreconditionFailed))
    }

    /// What a run would do; writes nothing anywhere. `tables`: only these target tables; `exact`:
    /// existing targets are compared and what would be deleted is counted.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a table that the config does not write, or when source and target
    /// are the same; `SourceUnavailable`.
    pub async fn plan(
        &self,
        id: ConfigId,
        tables: &[String],
        exact: bool,
    ) -> Result<Plan, Refusal> {
        let config = self.by_id(id).await?;
        let connection = self.connection_of(&config).await?;
        super::jobs::refuse_unknown_tables(&config.spec, tables)?;
        let context = self.context(&config, &connection, tables).await?;
        self.0.refuse_itself(&connection, &context.source).await?;
        JobRun::plan(context, exact).await.map_err(refuse_sync)
    }

    /// Compares a config's targets with their sources and writes down the statements that repair
    /// them. Gives each table with its differences, or with the reason why it can't be repaired.
    ///
    /// # Errors
    /// `NotFound`; `SourceUnavailable`; when the statements can't be written.
    pub async fn repair_sql(
        &self,
        id: ConfigId,
        tables: &[String],
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<Vec<(String, Result<u64, ErrorInfo>)>, Refusal> {
        let config = self.by_id(id).await?;
        let connection = self.connection_of(&config).await?;
        super::jobs::refuse_unknown_tables(&config.spec, tables)?;
        let context = self.context(&config, &connection, tables).await?;
        self.0.refuse_itself(&connection, &context.source).await?;
        JobRun::script(context, StopSignal::default(), out)
            .await
            .map_err(refuse_sync)
    }

    async fn context(
        &self,
        config: &Config,
        connection: &Connection,
        tables: &[String],
    ) -> Result<JobContext, Refusal> {
        let shared = &self.0;
        let password = shared
            .store
            .connection_password(connection.id)
            .await
            .map_err(refuse)?;
        let compression = config.spec.options.enable_compression;
        let source = shared
            .endpoints
            .source(connection, password, compression)
            .map_err(|message| {
                Refusal::SourceUnavailable(format!("{}: {message}", connection.spec.name))
            })?;
        let source = with_masks(
            source,
            &config.spec,
            &shared.store,
            &*shared.endpoints,
            false,
        )
        .await
        .map_err(|message| invalid(Finding::new("security.mask_key", message)))?;
        let defaults = shared.defaults.get();
        Ok(JobContext {
            store: shared.store.clone(),
            source,
            local: shared.endpoints.local(),
            connection: connection.clone(),
            config: config.clone(),
            request: JobRequest {
                tables: tables.to_vec(),
                ..JobRequest::default()
            },
            limits: tokio::sync::watch::Sender::new(JobLimits::default()).subscribe(),
            job: None,
            instance: shared.instance,
            batch_size: defaults.batch_size,
            timezone: defaults.timezone,
            lease_ttl: shared.lease_ttl,
            throttles: Throttles::new(defaults.throttle),
        })
    }

    /// The spec with its connection's name, if all that can be checked without a source is right.
    async fn checked(&self, mut spec: ConfigSpec) -> Result<ConfigSpec, Refusal> {
        let json = mapping::spec_to_json(&spec);
        mapping::parse_config(&json).map_err(Refusal::Invalid)?;
        match self.0.connection(&spec.connection).await {
            Ok(connection) => spec.connection = connection.spec.name,
            Err(Refusal::NotFound { name, .. }) => {
                return Err(invalid(
                    Finding::new("connection", format!("there is no connection named {name}"))
                        .remedy("store the connection first"),
                ));
            }
            Err(other) => return Err(other),
        }
        Ok(spec)
    }

    async fn by_id(&self, id: ConfigId) -> Result<Config, Refusal> {
        self.0
            .store
            .config(id)
            .await
            .map_err(refuse)?
            .ok_or_else(|| not_found("config", id))
    }

    async fn connection_of(&self, config: &Config) -> Result<Connection, Refusal> {
        self.0
            .store
            .connection(config.connection_id)
            .await
            .map_err(refuse)?
            .ok_or_else(|| not_found("connection", &config.spec.connection))
    }
}

impl ServicesOptions {
    /// Fills in when the config's schedule starts it next.
    fn foresee(&self, config: &mut Config) {
        let schedule = config.spec.schedule.as_ref();
        let table =
            schedule.map(|one| Timetable::new(one, self.defaults.get().timezone, config.id));
        config.zone = table.map(|table| table.zone());
        config.next_runs = match table {
            Some(table) if config.spec.enabled => table.upcoming(Utc::now(), NEXT_RUNS),
            _ => Vec::new(),
        };
    }

    /// The config with this name or id.
    pub(super) async fn config(&self, name_or_id: &str) -> Result<Config, Refusal> {
        let found = match ConfigId::from_str(name_or_id) {
            Ok(id) => self.store.config(id).await,
            Err(_) => self.store.config_named(name_or_id).await,
        };
        found
            .map_err(refuse)?
            .ok_or_else(|| not_found("config", name_or_id))
    }
}

fn refuse_sync(error: SyncError) -> Refusal {
    let Some(info) = error.info() else {
        return conflict("invalid_state", "the plan was stopped");
    };
    let message = with_hint(&info.to_string(), info.hint.as_deref());
    match info.code {
        ErrorCode::Unreachable | ErrorCode::ConnectionLost | ErrorCode::AccessDenied => {
            Refusal::SourceUnavailable(message)
        }
        ErrorCode::RuleInvalid | ErrorCode::SourceMissing | ErrorCode::Unsupported => {
            invalid(Finding::new("", message))
        }
        _ => Refusal::Internal(message),
    }
}
