//! Connections: stored as their spec, the password sealed or as a reference.

use serde_json::Value as Json;

use super::audit::{Changes, given_connection, stored_connection};
use super::targets::{name_taken, record_change, targets_are_unique};
use super::transaction::{id, json, not_deleted, parsed, transaction, values};
use super::{Store, StoreError};
use crate::model::audit::Action;
use crate::model::connection::{Connection, ConnectionSpec, Health};
use crate::model::ids::ConnectionId;
use crate::model::mapping;
use crate::model::secret::Secret;
use crate::mysql::{Row, Session};
use secrecy::ExposeSecret;

const SELECT: &str = "SELECT id, name, version, spec, password_sealed IS NOT NULL AS sealed, \
                      health, created_at, updated_at FROM sync_connections";

impl Store {
    /// All connections, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_connections(&self) -> Result<Vec<Connection>, StoreError> {
        let rows = self
            .rows(&format!("{SELECT} ORDER BY name"), vec![])
            .await?;
        rows.iter().map(read).collect()
    }

    /// The connection with this id.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
        let rows = self
            .rows(&format!("{SELECT} WHERE id = ?"), values![id.to_string()])
            .await?;
        rows.first().map(read).transpose()
    }

    /// The connection with this name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn connection_named(&self, name: &str) -> Result<Option<Connection>, StoreError> {
        let rows = self
            .rows(&format!("{SELECT} WHERE name = ?"), values![name])
            .await?;
        rows.first().map(read).transpose()
    }

    /// Stores a connection; text passwords are sealed, references stored as written.
    ///
    /// # Errors
    /// `Conflict` `name_taken`; `WrongKey` when the password can't be sealed.
    pub async fn create_connection(&self, spec: &ConnectionSpec) -> Result<Connection, StoreError> {
        let id = ConnectionId::generate();
        transaction!(self, |session| {
            record_change(session).await?;
            let mut changes = self.changes();
            self.insert_connection(session, id, spec, &mut changes)
                .await?;
            changes.tell(session).await
        })?;
        self.stored_connection(id).await
    }

    /// Replaces a connection; without a password it keeps the stored one.
    ///
    /// # Errors
    /// `NotFound`; `PreconditionFailed` when its version is not `if_version`; `Conflict`
    /// `name_taken` or `target_taken`.
    pub async fn update_connection(
        &self,
        id: ConnectionId,
        spec: &ConnectionSpec,
        if_version: Option<u64>,
    ) -> Result<Connection, StoreError> {
        transaction!(self, |session| {
            record_change(session).await?;
            let mut changes = self.changes();
            self.replace_connection(session, id, spec, if_version, &mut changes)
                .await?;
            targets_are_unique(session).await?;
            changes.tell(session).await
        })?;
        self.stored_connection(id).await
    }

    /// Removes a connection.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `in_use` that names its configs and active jobs.
    pub async fn delete_connection(&self, id: ConnectionId) -> Result<(), StoreError> {
        self.delete_connection_if(id, None).await
    }

    /// The same while its version is `if_version`.
    ///
    /// # Errors
    /// As [`Self::delete_connection`]; `PreconditionFailed`.
    pub async fn delete_connection_if(
        &self,
        id: ConnectionId,
        if_version: Option<u64>,
    ) -> Result<(), StoreError> {
        transaction!(self, |session| {
            record_change(session).await?;
            let key = id.to_string();
            let users = session
                .exec_rows(
                    "SELECT CONCAT('config ', name) AS user FROM sync_configs \
                     WHERE connection_id = ? \
                     UNION ALL \
                     SELECT CONCAT('job ', id) FROM sync_jobs \
                     WHERE connection_id = ? AND active_config IS NOT NULL",
                    values![key.as_str(), key.as_str()],
                )
                .await?;
            if !users.is_empty() {
                let names: Result<Vec<_>, _> = users.iter().map(|row| row.text("user")).collect();
                return Err(StoreError::conflict(
                    "in_use",
                    format!("the connection is used by {}", names?.join(", ")),
                ));
            }
            let sql = "SELECT name, spec, password_sealed IS NOT NULL AS sealed \
                       FROM sync_connections WHERE id = ?";
            let stored = session.exec_rows(sql, values![key.as_str()]).await?;
            let gone = session
                .exec(
                    "DELETE FROM sync_connections WHERE id = ? AND (? IS NULL OR version = ?)",
                    values![key.as_str(), if_version, if_version],
                )
                .await?;
            let stored = stored.first().filter(|_| gone.affected == 1);
            let Some(stored) = stored else {
                return Err(not_deleted(session, "sync_connections", "connection", &key).await?);
            };
            let name = stored.text("name")?;
            let before = stored_connection(spec_of(stored)?, stored.bool("sealed")?);
            let mut changes = self.changes();
            changes.note(Action::ConnectionDelete, (&name, id), Some(before), None);
            changes.tell(session).await
        })
    }

    /// The password of a connection: unsealed text, or a reference as written.
    ///
    /// # Errors
    /// `NotFound`; `WrongKey` when it can't be unsealed.
    pub async fn connection_password(
        &self,
        id: ConnectionId,
    ) -> Result<Option<Secret>, StoreError> {
        let sql = "SELECT spec, password_sealed FROM sync_connections WHERE id = ?";
        let rows = self.rows(sql, values![id.to_string()]).await?;
        let row = rows
            .first()
            .ok_or_else(|| StoreError::not_found("connection", id))?;
        self.password_of(id, row)
    }

    /// Stores the result of a check; does not count as a change of the connection.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn set_connection_health(
        &self,
        id: ConnectionId,
        health: &Health,
    ) -> Result<(), StoreError> {
        self.exec(
            "UPDATE sync_connections SET health = ? WHERE id = ?",
            values![json(health)?, id.to_string()],
        )
        .await?;
        Ok(())
    }

    pub(super) async fn insert_connection(
        &self,
        session: &mut Session,
        id: ConnectionId,
        spec: &ConnectionSpec,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        let after = given_connection(spec, None);
        changes.note(
            Action::ConnectionCreate,
            (&spec.name, id),
            None,
            Some(after),
        );
        let (text, sealed) = self.stored_form(session, id, spec).await?;
        session
            .exec(
                "INSERT INTO sync_connections (id, name, target_database, version, spec, \
                 password_sealed, created_at, updated_at) \
                 VALUES (?, ?, ?, 1, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
                values![
                    id.to_string(),
                    spec.name.as_str(),
                    spec.target_database(),
                    text,
                    sealed
                ],
            )
            .await
            .map_err(|e| name_taken(e, "connection", &spec.name))?;
        Ok(())
    }

    pub(super) async fn replace_connection(
        &self,
        session: &mut Session,
        id: ConnectionId,
        spec: &ConnectionSpec,
        if_version: Option<u64>,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        let sql = "SELECT spec, version, password_sealed FROM sync_connections WHERE id = ? \
                   FOR UPDATE";
        let rows = session.exec_rows(sql, values![id.to_string()]).await?;
        let stored = rows
            .first()
            .ok_or_else(|| StoreError::not_found("connection", id))?;
        let version = stored.u64("version")?;
        if if_version.is_some_and(|wanted| wanted != version) {
            return Err(StoreError::PreconditionFailed);
        }
        let sealed = stored.opt_bytes("password_sealed")?.is_some();
        let before = stored_connection(spec_of(stored)?, sealed);
        let after = given_connection(spec, Some(&before));
        changes.note(
            Action::ConnectionUpdate,
            (&spec.name, id),
            Some(before),
            Some(after),
        );
        let (text, sealed) = if spec.password.is_some() {
            self.stored_form(session, id, spec).await?
        } else {
            let mut kept = spec.clone();
            kept.password = reference_of(&spec_of(stored)?);
            let (text, _) = self.stored_form(session, id, &kept).await?;
            (text, stored.opt_bytes("password_sealed")?)
        };
        session
            .exec(
                "UPDATE sync_connections SET name = ?, target_database = ?, spec = ?, \
                 password_sealed = ?, version = version + 1, updated_at = UTC_TIMESTAMP(3) \
                 WHERE id = ?",
                values![
                    spec.name.as_str(),
                    spec.target_database(),
                    text,
                    sealed,
                    id.to_string()
                ],
            )
            .await
            .map_err(|e| name_taken(e, "connection", &spec.name))?;
        Ok(())
    }

    /// Whether storing `spec` would change nothing.
    pub(super) fn is_same_connection(
        &self,
        id: ConnectionId,
        stored: &Row,
        spec: &ConnectionSpec,
    ) -> Result<bool, StoreError> {
        let stored_spec = spec_of(stored)?;
        let password = self.password_of(id, stored)?;
        let same_password = match &spec.password {
            None => true,
            Some(given) => match password {
                Some(stored) => *given == stored,
                None => is_empty(given),
            },
        };
        let mut wanted = spec.clone();
        wanted.password = None;
        let mut bare = stored_spec;
        if let Json::Object(map) = &mut bare {
            map.remove(PASSWORD);
        }
        Ok(same_password && mapping::spec_to_json(&wanted) == bare)
    }

    fn password_of(&self, id: ConnectionId, row: &Row) -> Result<Option<Secret>, StoreError> {
        if let Some(reference) = reference_of(&spec_of(row)?) {
            return Ok(Some(reference));
        }
        row.opt_bytes("password_sealed")?
            .map(|sealed| Ok(Secret::Text(self.keys().open(&id.to_string(), &sealed)?)))
            .transpose()
    }

    /// The `spec` column and the sealed password.
    async fn stored_form(
        &self,
        session: &mut Session,
        id: ConnectionId,
        spec: &ConnectionSpec,
    ) -> Result<(String, Option<Vec<u8>>), StoreError> {
        let mut bare = spec.clone();
        let password = bare.password.take();
        let mut form = mapping::spec_to_json(&bare);
        let mut sealed = None;
        match password {
            Some(Secret::Text(text)) if !text.expose_secret().is_empty() => {
                let key = self.sealing_key(session).await?;
                sealed = Some(key.seal(&id.to_string(), text.expose_secret())?);
            }
            Some(secret) => {
                if let (Json::Object(map), Some(reference)) = (&mut form, secret.reference()) {
                    map.insert(PASSWORD.to_owned(), reference.into());
                }
            }
            None => {}
        }
        Ok((json(&form)?, sealed))
    }

    async fn stored_connection(&self, id: ConnectionId) -> Result<Connection, StoreError> {
        self.connection(id)
            .await?
            .ok_or_else(|| StoreError::not_found("connection", id))
    }
}

const PASSWORD: &str = "password";

fn is_empty(secret: &Secret) -> bool {
    matches!(secret, Secret::Text(text) if text.expose_secret().is_empty())
}

fn spec_of(row: &Row) -> Result<Json, StoreError> {
    parsed(&row.text("spec")?, "sync_connections.spec")
}

fn reference_of(spec: &Json) -> Option<Secret> {
    spec.get(PASSWORD).and_then(Json::as_str).map(Secret::parse)
}

fn read(row: &Row) -> Result<Connection, StoreError> {
    let mut form = spec_of(row)?;
    let password = reference_of(&form);
    if let Json::Object(map) = &mut form {
        map.remove(PASSWORD);
    }
    let mut spec: ConnectionSpec = mapping::spec_from_json(&form)
        .map_err(|found| super::targets::unreadable("connection", row, &found))?;
    let has_password = password.is_some() || row.bool("sealed")?;
    spec.password = password;
    Ok(Connection {
        id: id(row, "id")?,
        spec,
        has_password,
        version: row.u64("version")?,
        health: row
            .opt_text("health")?
            .map(|text| parsed(&text, "sync_connections.health"))
            .transpose()?
            .unwrap_or_default(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
