//! Tokens of the REST API: made, listed, revoked.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

use super::ServicesOptions;
use super::refusal::{invalid, refuse};
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::ids::TokenId;
use crate::model::names::check_name;
use crate::model::token::{ApiToken, Scope, TokenHash};

/// Bytes of a secret.
const LENGTH: usize = 32;
/// What every secret begins with, so that it is known for what it is wherever it turns up.
const PREFIX: &str = "dbt_";

/// The name of the token in the settings, in logs and the audit log.
const OF_SETTINGS: &str = "settings";

/// Tokens of the REST API.
#[derive(Clone)]
pub struct Tokens(pub(super) Arc<ServicesOptions>);

impl Tokens {
    /// All of them, by name; also those that have expired.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list(&self) -> Result<Vec<ApiToken>, Refusal> {
        self.0.store.list_tokens().await.map_err(refuse)
    }

    /// Makes a token. Its secret is given this once and stored nowhere.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name_taken`.
    pub async fn create(
        &self,
        name: &str,
        scope: Scope,
        expires_in: Option<Duration>,
        created_by: &str,
    ) -> Result<(ApiToken, SecretString), Refusal> {
        if let Err(why) = check_name(name) {
            return Err(invalid(Finding::new("name", why)));
        }
        if name == OF_SETTINGS {
            return Err(invalid(Finding::new(
                "name",
                "settings names the token of the setting security.api_token",
            )));
        }
        if expires_in.is_some_and(|age| age.is_zero()) {
            return Err(invalid(Finding::new(
                "expires",
                "it must be longer than 0s",
            )));
        }
        let mut bytes = [0u8; LENGTH];
        rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let token = self
            .0
            .store
            .create_token(name, scope, TokenHash::of(&secret), expires_in, created_by)
            .await
            .map_err(refuse)?;
        Ok((token, SecretString::from(secret)))
    }

    /// Notes that a token was used, once a minute at most.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn used(&self, id: TokenId) -> Result<(), Refusal> {
        self.0.store.tokens_used(&[id]).await.map_err(refuse)
    }

    /// Removes a token, by name or id; whoever uses it is refused from then on.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke(&self, name_or_id: &str) -> Result<(), Refusal> {
        self.0.store.delete_token(name_or_id).await.map_err(refuse)
    }
}
