//! Servers and how to log in to them, from settings and stored connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::jobs::Endpoints;
use crate::logging::register_secret;
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::ids::ConnectionId;
use crate::model::secret::Secret;
use crate::mysql::{Budget, Endpoint};
use crate::settings::{DatabaseSettings, secrets};

/// The local server, as the settings name it; its password is resolved at each call.
///
/// # Errors
/// A sentence that names the variable or file of a password that can't be resolved.
pub fn local(settings: &DatabaseSettings) -> Result<Endpoint, String> {
    let mut spec = ConnectionSpec::new("local server", &settings.username, "");
    spec.host.clone_from(&settings.host);
    spec.port = settings.port;
    spec.socket = settings
        .socket
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    spec.ssl = settings.ssl.clone();
    spec.connect_timeout = settings.connect_timeout;
    let password = password(settings.password.as_ref())?;
    Ok(Endpoint::of_connection(&spec, password))
}

/// Sources by their stored connection, beside one local server.
pub struct Servers {
    local: Arc<Endpoint>,
    mask_key: Option<Secret>,
    /// One for each stored connection: all its sessions of this process share it.
    budgets: Mutex<HashMap<ConnectionId, Budget>>,
}

impl Servers {
    /// Sources beside this local server; `mask_key` is the setting `security.mask_key`.
    #[must_use]
    pub fn new(local: Arc<Endpoint>, mask_key: Option<Secret>) -> Self {
        Self {
            local,
            mask_key,
            budgets: Mutex::default(),
        }
    }

    /// Sessions of each connection that was used: id, taken, free to be opened.
    #[must_use]
    pub fn sessions(&self) -> Vec<(ConnectionId, u32, u32)> {
        let budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets
            .iter()
            .map(|(id, budget)| {
                let (taken, free) = budget.seats_taken();
                (*id, taken, free)
            })
            .collect()
    }

    /// The budget of a connection, as large as it says at present. One that is not stored has its
    /// own.
    fn budget(&self, connection: &Connection) -> Budget {
        let most = connection.spec.max_connections;
        if connection.version == 0 {
            return Budget::new(most);
        }
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(connection.id)
            .or_insert_with(|| Budget::new(most));
        budget.resize(most);
        budget.clone()
    }
}

impl Endpoints for Servers {
    fn source(
        &self,
        connection: &Connection,
        stored: Option<Secret>,
        compression: bool,
    ) -> Result<Arc<Endpoint>, String> {
        let known = stored.as_ref().or(connection.spec.password.as_ref());
        let mut endpoint = Endpoint::of_connection(&connection.spec, password(known)?);
        endpoint.compression = compression;
        endpoint.budget = Some(self.budget(connection));
        Ok(Arc::new(endpoint))
    }

    fn local(&self) -> Arc<Endpoint> {
        Arc::clone(&self.local)
    }

    fn mask_secret(&self) -> Result<Option<SecretString>, String> {
        let Some(secret) = &self.mask_key else {
            return Ok(None);
        };
        password(Some(secret)).map(Some)
    }

    fn conceal(&self, secret: &SecretString) {
        register_secret(secret);
    }
}

/// The password itself, known to the log's redaction from here on.
fn password(secret: Option<&Secret>) -> Result<SecretString, String> {
    let Some(secret) = secret else {
        return Ok(SecretString::from(String::new()));
    };
    let password = secrets::resolve(secret)?;
    register_secret(&password);
    Ok(password)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::model::connection::Health;
    use crate::mysql::endpoint::Address;
    use chrono::Utc;
    use secrecy::ExposeSecret;

    fn connection() -> Connection {
        Connection {
            id: ConnectionId::generate(),
            spec: ConnectionSpec::new("shop", "reader", "shop"),
            has_password: true,
            version: 1,
            health: Health::default(),
            created_at: Utc::now(),
            updated_at: Utc::now(),
        }
    }

    fn servers() -> Servers {
        let spec = ConnectionSpec::new("local server", "root", "");
        let local = Endpoint::of_connection(&spec, SecretString::from(String::new()));
        Servers::new(Arc::new(local), None)
    }

    #[test]
    fn the_stored_password_is_used_and_redacted_from_then_on() {
        let stored = Some(Secret::parse("canary-of-endpoints"));
        let endpoint = servers().source(&connection(), stored, true).unwrap();
        assert_eq!(endpoint.password.expose_secret(), "canary-of-endpoints");
        assert!(endpoint.compression);
        assert_eq!(
            endpoint.addresses,
            [Address::Tcp("localhost".to_owned(), 3306)]
        );
        let line = crate::logging::redacted("login with canary-of-endpoints failed");
        assert!(!line.contains("canary-of-endpoints"), "{line}");
    }

    #[test]
    fn every_endpoint_of_a_connection_has_the_same_budget_as_large_as_it_says() {
        let servers = servers();
        let mut connection = connection();
        connection.version = 1;
        connection.spec.max_connections = 3;
        let budget = |connection: &Connection, compression| {
            let endpoint = servers.source(connection, None, compression).unwrap();
            endpoint.budget.clone().unwrap()
        };
        let first = budget(&connection, false);
        let mut seats = first.seats(9).now_or_never().unwrap();
        assert_eq!(seats.len(), 2);
        let second = budget(&connection, true);
        assert!(second.seats(1).now_or_never().is_none());
        connection.spec.max_connections = 5;
        budget(&connection, false);
        seats.extend(second.seats(9).now_or_never().unwrap());
        assert_eq!(seats.len(), 4);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        let stored = Some(Secret::parse("${env:DB_TAXI_TEST_NO_SUCH_VARIABLE}"));
        let error = servers().source(&connection(), stored, false).unwrap_err();
        assert!(error.contains("DB_TAXI_TEST_NO_SUCH_VARIABLE"), "{error}");
    }
}
