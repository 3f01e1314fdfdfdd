//! Endpoints: where a server is and how to log in, with the password resolved.

use std::fmt;
use std::time::Duration;

use mysql_async::{Compression, OptsBuilder};
use secrecy::{ExposeSecret, SecretString};

use super::address::parse_hosts;
use super::budget::{Budget, Seat};
use super::error::MysqlError;
use super::mask::MaskKey;
use super::session_kind::SessionKind;
use super::srv::NameServer;
use super::tls;
use crate::model::connection::{ConnectionSpec, Ssl, SslMode};

pub use super::address::Address;

/// A server and the account to use on it.
#[derive(Clone)]
pub struct Endpoint {
    /// What it is called in messages: a connection's name or `local server`.
    pub label: String,
    /// Tried in order.
    pub addresses: Vec<Address>,
    /// Account.
    pub username: String,
    /// Its password; never shown.
    pub password: SecretString,
    /// Default database of sessions.
    pub database: Option<String>,
    /// Transport security.
    pub ssl: Ssl,
    /// Per address.
    pub connect_timeout: Duration,
    /// Compressed protocol.
    pub compression: bool,
    /// Whether rows hold values that nobody may see: errors of the server are told without them.
    pub hides_values: bool,
    /// What sessions that read here hash masked columns by.
    pub mask_key: Option<MaskKey>,
    /// Whom SRV names are asked of.
    pub name_server: NameServer,
    /// How many sessions this process may have there, whoever opens them; `None` is no limit.
    pub budget: Option<Budget>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("label", &self.label)
            .field("addresses", &self.addresses)
            .field("username", &self.username)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The endpoint that a connection describes. Sessions have no default database: every
    /// statement names its tables in full.
    #[must_use]
    pub fn of_connection(spec: &ConnectionSpec, password: SecretString) -> Self {
        let addresses = match &spec.socket {
            Some(path) => vec![Address::Socket(path.clone())],
            None => parse_hosts(&spec.host, spec.port),
        };
        Self {
            label: spec.name.clone(),
            addresses,
            username: spec.username.clone(),
            password,
            database: None,
            ssl: spec.ssl.clone(),
            connect_timeout: spec.connect_timeout,
            compression: false,
            hides_values: false,
            mask_key: None,
            name_server: NameServer::System,
            budget: None,
        }
    }

    /// The same account on another server: sessions there don't count here.
    #[must_use]
    pub fn elsewhere(&self, addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            budget: None,
            ..self.clone()
        }
    }

    /// The right to one session of this kind; `None` where there is no limit.
    ///
    /// # Errors
    /// When the limit is reached and waiting for others would not end.
    pub(super) async fn seat(&self, kind: SessionKind) -> Result<Option<Seat>, MysqlError> {
        match &self.budget {
            Some(budget) => budget.seat(kind).await.map(Some),
            None => Ok(None),
        }
    }

    /// Rights to `most` sessions that read, fewer as the limit and others demand, at least one;
    /// waits for that one.
    pub async fn seats(&self, most: usize) -> Vec<Option<Seat>> {
        match &self.budget {
            Some(budget) => budget.seats(most).await.into_iter().map(Some).collect(),
            None => (0..most).map(|_| None).collect(),
        }
    }

    /// Whether somebody waits for a first session: who has several is to close one.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.budget.as_ref().is_some_and(Budget::is_wanted)
    }

    /// Driver options for one address; `name` is the one that the certificate must have instead of
    /// the host's. Never logged: the driver prints passwords in `Debug`.
    pub(super) fn opts(
        &self,
        address: &Address,
        stmt_cache: usize,
        name: Option<String>,
    ) -> Result<OptsBuilder, MysqlError> {
        let mut opts = OptsBuilder::default()
            .user(Some(self.username.clone()))
            .pass(Some(self.password.expose_secret()))
            .db_name(self.database.clone())
            // The driver would otherwise move a loopback TCP connection to the server's socket.
            .prefer_socket(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .stmt_cache_size(stmt_cache)
            // The driver would ask the server for it: a round trip for what only its pool needs.
            .wait_timeout(Some(28_800))
            .max_allowed_packet(Some(1 << 30));
        opts = match address {
            Address::Tcp(host, port) => opts.ip_or_hostname(host.clone()).tcp_port(*port),
            Address::Socket(path) => opts.socket(Some(path.clone())),
            Address::Service(name) => {
                return Err(MysqlError::setup(format!("{name} is not looked up")));
            }
        };
        if self.compression {
            opts = opts.compression(Compression::fast());
        }
        if self.ssl.mode != SslMode::Disabled && matches!(address, Address::Tcp(..)) {
            opts = opts.ssl_opts(Some(tls::opts(&self.ssl, name)?));
        }
        Ok(opts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let spec = ConnectionSpec::new("c", "u", "d");
        let endpoint = Endpoint::of_connection(&spec, SecretString::from("canary"));
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}
