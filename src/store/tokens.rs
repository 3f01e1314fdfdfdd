//! Tokens of the REST API.

use std::time::Duration;

use serde_json::json;

use super::audit::Changes;
use super::transaction::{id, micros, transaction, values, violates, word};
use super::{Store, StoreError};
use crate::model::audit::Action;
use crate::model::ids::TokenId;
use crate::model::token::{ApiToken, Scope, TokenHash};
use crate::mysql::Row;

const SELECT: &str = "SELECT id, name, hash, scope, created_by, created_at, expires_at, \
     last_used_at FROM api_tokens";

impl Store {
    /// Stores a token.
    ///
    /// # Errors
    /// `Conflict` `name_taken`.
    pub async fn create_token(
        &self,
        name: &str,
        scope: Scope,
        hash: TokenHash,
        expires_in: Option<Duration>,
        created_by: &str,
    ) -> Result<ApiToken, StoreError> {
        let new = TokenId::generate();
        let actor = self.actor().unwrap_or(created_by);
        transaction!(self, |session| {
            let made = session
                .exec(
                    "INSERT INTO api_tokens (id, name, hash, scope, created_by, created_at, \
                     expires_at) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3), \
                     UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND)",
                    values![
                        new.to_string(),
                        name,
                        hash.to_hex(),
                        scope.as_str(),
                        created_by,
                        expires_in.map(micros)
                    ],
                )
                .await;
            match made {
                Err(error) if violates(&error, "token_name") => {
                    let message = format!("there is a token named {name:?} already");
                    return Err(StoreError::conflict("name_taken", message));
                }
                other => other.map(|_| ())?,
            }
            let after = json!({
                "scope": scope.as_str(),
                "expires_in_seconds": expires_in.map(|age| age.as_secs()),
            });
            let mut changes = Changes::by(Some(actor));
            changes.note(Action::TokenCreate, (name, new), None, Some(after));
            changes.tell(session).await
        })?;
        let rows = self
            .rows(&format!("{SELECT} WHERE id = ?"), values![new.to_string()])
            .await?;
        let row = rows.first();
        read(row.ok_or_else(|| StoreError::not_found("token", name))?)
    }

    /// Every token, by name; also those that have expired.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let rows = self
            .rows(&format!("{SELECT} ORDER BY name"), vec![])
            .await?;
        rows.iter().map(read).collect()
    }

    /// Removes a token; whoever uses it is refused from then on.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_token(&self, name: &str) -> Result<(), StoreError> {
        transaction!(self, |session| {
            let sql = format!("{SELECT} WHERE name = ? OR id = ? FOR UPDATE");
            let rows = session.exec_rows(&sql, values![name, name]).await?;
            let row = rows.first();
            let token = read(row.ok_or_else(|| StoreError::not_found("token", name))?)?;
            let sql = "DELETE FROM api_tokens WHERE id = ?";
            session.exec(sql, values![token.id.to_string()]).await?;
            let before = json!({
                "scope": token.scope.as_str(),
                "expires_at": token.expires_at,
                "last_used_at": token.last_used_at,
            });
            let mut changes = self.changes();
            let object = (token.name.as_str(), token.id);
            changes.note(Action::TokenRevoke, object, Some(before), None);
            changes.tell(session).await
        })
    }

    /// Notes that tokens were used, once a minute at most.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn tokens_used(&self, used: &[TokenId]) -> Result<(), StoreError> {
        for token in used {
            self.exec(
                "UPDATE api_tokens SET last_used_at = UTC_TIMESTAMP(3) WHERE id = ? AND \
                 (last_used_at IS NULL OR last_used_at < UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE)",
                values![token.to_string()],
            )
            .await?;
        }
        Ok(())
    }
}

fn read(row: &Row) -> Result<ApiToken, StoreError> {
    let hash = row.text("hash")?;
    Ok(ApiToken {
        id: id(row, "id")?,
        name: row.text("name")?,
        scope: word(row, "scope", Scope::parse)?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        last_used_at: row.opt_time("last_used_at")?,
        hash: TokenHash::from_hex(&hash)
            .ok_or_else(|| StoreError::Corrupt("api_tokens.hash".to_owned()))?,
    })
}
