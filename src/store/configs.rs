//! Configs: stored as their spec, the table rules in rows of their own.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::audit::Changes;
use super::targets::{name_taken, record_change, targets_are_unique, unreadable};
use super::transaction::{
    id, json, not_deleted, opt_id, parsed, transaction, values, violates, word,
};
use super::{Store, StoreError};
use crate::model::audit::Action;
use crate::model::config::{Config, ConfigSpec, LastJob};
use crate::model::ids::{ConfigId, ConnectionId};
use crate::model::job::JobState;
use crate::model::mapping;
use crate::model::rule::TableSelect;
use crate::mysql::{MysqlError, Row, Session, Value};

const SELECT: &str = "SELECT c.id, c.name, c.connection_id, n.name AS connection, c.version, \
     c.spec, c.created_at, c.updated_at, j.id AS job_id, j.state AS job_state, j.finished_at AS job_finished_at, \
     t.spec AS rule \
     FROM sync_configs c JOIN sync_connections n ON n.id = c.connection_id \
     LEFT JOIN sync_tables t ON t.config_id = c.id \
     LEFT JOIN sync_jobs j ON j.id = (SELECT x.id FROM sync_jobs x WHERE x.config_id = c.id \
     ORDER BY x.created_at DESC, x.id DESC LIMIT 1)";

impl Store {
    /// All configs, or those of one connection, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_configs(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<Config>, StoreError> {
        match connection {
            None => self.configs_where("TRUE", vec![]).await,
            Some(id) => {
                self.configs_where("c.connection_id = ?", values![id.to_string()])
                    .await
            }
        }
    }

    /// Enabled configs that have a schedule.
    pub(super) async fn scheduled_configs(&self) -> Result<Vec<Config>, StoreError> {
        let likely =
            "c.enabled = 1 AND (c.spec LIKE '%\"schedule\":\"%' OR c.spec LIKE '%\"schedule\":{%')";
        let each = self.each_config_where(likely, vec![]).await?;
        // What only a later version can read is started by it.
        let known = each
            .into_iter()
            .filter(|one| !matches!(one, Err(StoreError::Corrupt(_))));
        let mut found = known.collect::<Result<Vec<Config>, _>>()?;
        found.retain(|config| config.spec.schedule.is_some());
        Ok(found)
    }

    /// The config with this id.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn config(&self, id: ConfigId) -> Result<Option<Config>, StoreError> {
        Ok(self
            .configs_where("c.id = ?", values![id.to_string()])
            .await?
            .pop())
    }

    /// The config with this name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn config_named(&self, name: &str) -> Result<Option<Config>, StoreError> {
        Ok(self.configs_where("c.name = ?", values![name]).await?.pop())
    }

    /// Stores a config.
    ///
    /// # Errors
    /// `NotFound` for its connection; `Conflict` `name_taken` or `target_taken`.
    pub async fn create_config(&self, spec: &ConfigSpec) -> Result<Config, StoreError> {
        let id = ConfigId::generate();
        transaction!(self, |session| {
            record_change(session).await?;
            let mut changes = self.changes();
            insert_configs(session, &[(id, spec)], &mut changes).await?;
            targets_are_unique(session).await?;
            changes.tell(session).await
        })?;
        self.stored_config(id).await
    }

    /// Replaces a config.
    ///
    /// # Errors
    /// `NotFound`; `PreconditionFailed` when its version is not `if_version`; `Conflict`
    /// `name_taken` or `target_taken`.
    pub async fn update_config(
        &self,
        id: ConfigId,
        spec: &ConfigSpec,
        if_version: Option<u64>,
    ) -> Result<Config, StoreError> {
        transaction!(self, |session| {
            record_change(session).await?;
            let mut changes = self.changes();
            replace_config(session, id, spec, if_version, &mut changes).await?;
            targets_are_unique(session).await?;
            changes.tell(session).await
        })?;
        self.stored_config(id).await
    }

    /// Removes a config with its checkpoints; its finished jobs stay until they are old.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `config_busy` that names the active job.
    pub async fn delete_config(&self, id: ConfigId) -> Result<(), StoreError> {
        self.delete_config_if(id, None).await
    }

    /// The same while its version is `if_version`.
    ///
    /// # Errors
    /// As [`Self::delete_config`]; `PreconditionFailed`.
    pub async fn delete_config_if(
        &self,
        id: ConfigId,
        if_version: Option<u64>,
    ) -> Result<(), StoreError> {
        transaction!(self, |session| {
            record_change(session).await?;
            let key = id.to_string();
            let mut changes = self.changes();
            if let Some((name, before)) = shown(session, &key, &changes).await? {
                changes.note(Action::ConfigDelete, (&name, id), Some(before), None);
            }
            // Removed first: a job that is being made waits here, or makes us wait.
            let gone = session
                .exec(
                    "DELETE FROM sync_configs WHERE id = ? AND (? IS NULL OR version = ?)",
                    values![key.as_str(), if_version, if_version],
                )
                .await?;
            if gone.affected == 0 {
                return Err(not_deleted(session, "sync_configs", "config", &key).await?);
            }
            super::jobs::refuse_busy(session, id).await?;
            for sql in [
                "DELETE FROM sync_tables WHERE config_id = ?",
                "DELETE r FROM sync_ranges r JOIN sync_checkpoints c \
                 ON c.table_run_id = r.table_run_id WHERE c.config_id = ?",
                "DELETE FROM sync_checkpoints WHERE config_id = ?",
            ] {
                session.exec(sql, values![key.as_str()]).await?;
            }
            changes.tell(session).await
        })
    }

    /// One that can't be read is told in its place.
    async fn each_config_where(
        &self,
        condition: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Result<Config, StoreError>>, StoreError> {
        // In one statement: a config is never shown with rules that it had at another time.
        let sql = format!("{SELECT} WHERE {condition} ORDER BY c.name, t.position");
        let rows = self.rows(&sql, params).await?;
        let mut configs: Vec<(&Row, String, Vec<Json>)> = Vec::new();
        for row in &rows {
            let id = row.text("id")?;
            if configs.last().is_none_or(|(_, last, _)| *last != id) {
                configs.push((row, id, Vec::new()));
            }
            if let (Some(rule), Some((_, _, rules))) = (row.opt_text("rule")?, configs.last_mut()) {
                rules.push(parsed(&rule, "sync_tables.spec")?);
            }
        }
        Ok(configs
            .into_iter()
            .map(|(row, _, rules)| read(row, rules))
            .collect())
    }

    async fn configs_where(
        &self,
        condition: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Config>, StoreError> {
        self.each_config_where(condition, params)
            .await?
            .into_iter()
            .collect()
    }

    async fn stored_config(&self, id: ConfigId) -> Result<Config, StoreError> {
        self.config(id)
            .await?
            .ok_or_else(|| StoreError::not_found("config", id))
    }
}

/// Stores configs, many in one statement.
pub(super) async fn insert_configs(
    session: &mut Session,
    configs: &[(ConfigId, &ConfigSpec)],
    changes: &mut Changes,
) -> Result<(), StoreError> {
    if changes.are_told() {
        for (id, spec) in configs {
            let after = mapping::spec_to_json(*spec);
            changes.note(Action::ConfigCreate, (&spec.name, id), None, Some(after));
        }
    }
    let mut connections: HashMap<&str, String> = HashMap::new();
    let mut rows = Batch::new(
        "INSERT INTO sync_configs (id, connection_id, name, enabled, version, spec, \
         created_at, updated_at) VALUES ",
        "(?, ?, ?, ?, 1, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
    );
    let taken = |error: MysqlError| match configs {
        [(_, only)] => name_taken(error, "config", &only.name),
        _ if violates(&error, "config_name") => StoreError::conflict(
            "name_taken",
            "somebody else stored one of these configs at the same time: import again",
        ),
        _ => error.into(),
    };
    for (id, spec) in configs {
        let name = spec.connection.as_str();
        let connection = match connections.get(name) {
            Some(connection) => connection.clone(),
            None => {
                let found = connection_id(session, name).await?;
                connections.insert(name, found.clone());
                found
            }
        };
        let form = json(&without_rules(spec))?;
        let bytes = form.len();
        let row = values![
            id.to_string(),
            connection,
            spec.name.as_str(),
            spec.enabled,
            form
        ];
        rows.push(session, row, bytes).await.map_err(taken)?;
    }
    rows.send(session).await.map_err(taken)?;
    let mut rules = Batch::rules();
    for (id, spec) in configs {
        insert_rules(session, &mut rules, *id, spec).await?;
    }
    Ok(rules.send(session).await?)
}

/// Rows of one INSERT, sent when there are many of them.
struct Batch {
    head: &'static str,
    row: &'static str,
    values: Vec<Value>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    const ROWS: usize = 500;
    const BYTES: usize = 1 << 20;

    fn new(head: &'static str, row: &'static str) -> Self {
        Self {
            head,
            row,
            values: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    fn rules() -> Self {
        Self::new(
            "INSERT INTO sync_tables (id, config_id, position, source_table, target_table, \
             spec) VALUES ",
            "(?, ?, ?, ?, ?, ?)",
        )
    }

    async fn push(
        &mut self,
        session: &mut Session,
        row: Vec<Value>,
        bytes: usize,
    ) -> Result<(), MysqlError> {
        if self.rows == Self::ROWS || self.bytes + bytes > Self::BYTES {
            self.send(session).await?;
        }
        self.values.extend(row);
        self.rows += 1;
        self.bytes += bytes;
        Ok(())
    }

    async fn send(&mut self, session: &mut Session) -> Result<(), MysqlError> {
        if self.rows == 0 {
            return Ok(());
        }
        let sql = format!("{}{}", self.head, vec![self.row; self.rows].join(", "));
        (self.rows, self.bytes) = (0, 0);
        session
            .exec(&sql, std::mem::take(&mut self.values))
            .await
            .map(|_| ())
    }
}

pub(super) async fn replace_config(
    session: &mut Session,
    id: ConfigId,
    spec: &ConfigSpec,
    if_version: Option<u64>,
    changes: &mut Changes,
) -> Result<(), StoreError> {
    let rows = session
        .exec_rows(
            "SELECT version FROM sync_configs WHERE id = ? FOR UPDATE",
            values![id.to_string()],
        )
        .await?;
    let stored = rows
        .first()
        .ok_or_else(|| StoreError::not_found("config", id))?;
    let version = stored.u64("version")?;
    if if_version.is_some_and(|wanted| wanted != version) {
        return Err(StoreError::PreconditionFailed);
    }
    if let Some((_, before)) = shown(session, &id.to_string(), changes).await? {
        let after = mapping::spec_to_json(spec);
        changes.note(
            Action::ConfigUpdate,
            (&spec.name, id),
            Some(before),
            Some(after),
        );
    }
    let connection = connection_id(session, &spec.connection).await?;
    session
        .exec(
            "UPDATE sync_configs SET connection_id = ?, name = ?, enabled = ?, spec = ?, \
             version = version + 1, updated_at = UTC_TIMESTAMP(3) WHERE id = ?",
            values![
                connection,
                spec.name.as_str(),
                spec.enabled,
                json(&without_rules(spec))?,
                id.to_string()
            ],
        )
        .await
        .map_err(|e| name_taken(e, "config", &spec.name))?;
    session
        .exec(
            "DELETE FROM sync_tables WHERE config_id = ?",
            values![id.to_string()],
        )
        .await?;
    let mut rules = Batch::rules();
    insert_rules(session, &mut rules, id, spec).await?;
    Ok(rules.send(session).await?)
}

/// Name and spec of a stored config as the audit log shows it; `None` where nobody wants to know.
async fn shown(
    session: &mut Session,
    id: &str,
    changes: &Changes,
) -> Result<Option<(String, Json)>, StoreError> {
    if !changes.are_told() {
        return Ok(None);
    }
    let sql = "SELECT f.name, f.spec, c.name AS connection FROM sync_configs f \
               JOIN sync_connections c ON c.id = f.connection_id WHERE f.id = ?";
    let rows = session.exec_rows(sql, values![id]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let mut form: Json = parsed(&row.text("spec")?, "sync_configs.spec")?;
    let sql = "SELECT spec FROM sync_tables WHERE config_id = ? ORDER BY position";
    let rules = session.exec_rows(sql, values![id]).await?;
    let rules: Vec<Json> = rules
        .iter()
        .map(|rule| parsed(&rule.text("spec")?, "sync_tables.spec"))
        .collect::<Result<_, _>>()?;
    if let Json::Object(fields) = &mut form {
        fields.insert("connection".to_owned(), row.text("connection")?.into());
        fields.insert(RULES.to_owned(), rules.into());
    }
    Ok(Some((row.text("name")?, form)))
}

/// Whether storing `spec` would change nothing.
pub(super) fn is_same_config(stored: &Config, spec: &ConfigSpec) -> bool {
    mapping::spec_to_json(&stored.spec) == mapping::spec_to_json(spec)
}

async fn insert_rules(
    session: &mut Session,
    batch: &mut Batch,
    id: ConfigId,
    spec: &ConfigSpec,
) -> Result<(), StoreError> {
    for (position, rule) in spec.tables.iter().enumerate() {
        let source = match &rule.select {
            TableSelect::Source(name) => Some(name.as_str()),
            TableSelect::Match(_) => None,
        };
        let target = source.map(|source| rule.target_table.as_deref().unwrap_or(source));
        let form = json(&mapping::spec_to_json(rule))?;
        let bytes = form.len();
        let row = values![
            uuid::Uuid::now_v7().to_string(),
            id.to_string(),
            u64::try_from(position).unwrap_or(u64::MAX),
            source,
            target,
            form
        ];
        batch.push(session, row, bytes).await?;
    }
    Ok(())
}

async fn connection_id(session: &mut Session, name: &str) -> Result<String, StoreError> {
    let sql = "SELECT id FROM sync_connections WHERE name = ?";
    let rows = session.exec_rows(sql, values![name]).await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::not_found("connection", name))?;
    Ok(row.text("id")?)
}

const RULES: &str = "tables";

fn without_rules(spec: &ConfigSpec) -> Json {
    let mut form = mapping::spec_to_json(spec);
    if let Json::Object(map) = &mut form {
        map.remove(RULES);
    }
    form
}

fn read(row: &Row, rules: Vec<Json>) -> Result<Config, StoreError> {
    let mut form: Json = parsed(&row.text("spec")?, "sync_configs.spec")?;
    if let Json::Object(map) = &mut form {
        map.insert(RULES.to_owned(), rules.into());
    }
    let mut spec: ConfigSpec =
        mapping::spec_from_json(&form).map_err(|found| unreadable("config", row, &found))?;
    // The connection may have been renamed since the config was stored.
    spec.connection = row.text("connection")?;
    let last_job = match opt_id(row, "job_id")? {
        None => None,
        Some(job) => Some(LastJob {
            id: job,
            state: word(row, "job_state", JobState::parse)?,
            finished_at: row.opt_time("job_finished_at")?,
        }),
    };
    Ok(Config {
        id: id(row, "id")?,
        connection_id: id(row, "connection_id")?,
        spec,
        version: row.u64("version")?,
        last_job,
        next_runs: Vec::new(),
        zone: None,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
