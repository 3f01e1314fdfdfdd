//! Endpoints: where a server is and how to log in, with the password resolved.

use std::fmt;
use std::time::Duration;

use mysql_async::{ClientIdentity, Compression, OptsBuilder, SslOpts};
use secrecy::{ExposeSecret, SecretString};

use super::error::MysqlError;
use super::mask::MaskKey;
use crate::model::connection::{ConnectionSpec, Ssl, SslMode};

/// Where one address of a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Path of a Unix socket.
    Socket(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => f.write_str(path),
        }
    }
}

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
            None => tcp_addresses(&spec.host, spec.port),
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
        }
    }

    /// Driver options for one address. Never logged: the driver prints passwords in `Debug`.
    pub(super) fn opts(
        &self,
        address: &Address,
        stmt_cache: usize,
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
            .max_allowed_packet(Some(1 << 30));
        opts = match address {
            Address::Tcp(host, port) => opts.ip_or_hostname(host.clone()).tcp_port(*port),
            Address::Socket(path) => opts.socket(Some(path.clone())),
        };
        if self.compression {
            opts = opts.compression(Compression::fast());
        }
        if self.ssl.mode != SslMode::Disabled && matches!(address, Address::Tcp(..)) {
            opts = opts.ssl_opts(Some(self.ssl_opts()?));
        }
        Ok(opts)
    }

    fn ssl_opts(&self) -> Result<SslOpts, MysqlError> {
        install_crypto();
        let mut ssl = SslOpts::default();
        if let Some(ca) = &self.ssl.ca {
            readable(ca, "ca")?;
            ssl = ssl
                .with_root_certs(vec![std::path::PathBuf::from(ca).into()])
                .with_disable_built_in_roots(true);
        }
        if let (Some(cert), Some(key)) = (&self.ssl.cert, &self.ssl.key) {
            readable(cert, "cert")?;
            readable(key, "key")?;
            ssl = ssl.with_client_identity(Some(ClientIdentity::new(
                std::path::PathBuf::from(cert).into(),
                std::path::PathBuf::from(key).into(),
            )));
        }
        Ok(match self.ssl.mode {
            SslMode::Disabled | SslMode::VerifyIdentity => ssl,
            SslMode::Required => ssl.with_danger_accept_invalid_certs(true),
            // Released drivers ignore their own "skip name check"; this one only takes effect
            // with those that honour it and is refused, not weakened, by the others.
            SslMode::VerifyCa => ssl.with_danger_skip_domain_validation(true),
        })
    }
}

/// Comma-separated hosts in order of failover, each with its own port or the default one.
fn tcp_addresses(hosts: &str, port: u16) -> Vec<Address> {
    hosts
        .split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .map(|host| {
            if let Some((inner, rest)) = host.strip_prefix('[').and_then(|h| h.split_once(']')) {
                let port = rest
                    .strip_prefix(':')
                    .and_then(|p| p.parse().ok())
                    .unwrap_or(port);
                return Address::Tcp(inner.to_owned(), port);
            }
            match host.split_once(':') {
                Some((name, p)) if !p.contains(':') => {
                    Address::Tcp(name.to_owned(), p.parse().unwrap_or(port))
                }
                _ => Address::Tcp(host.to_owned(), port),
            }
        })
        .collect()
}

fn readable(path: &str, field: &str) -> Result<(), MysqlError> {
    std::fs::File::open(path)
        .map(|_| ())
        .map_err(|e| MysqlError::setup(format!("ssl.{field}: can't read {path}: {e}")))
}

/// Installs the process's TLS provider once.
fn install_crypto() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // An error means that one is installed already, which is as good.
        let _already = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_keep_their_order_and_ports() {
        let shown: Vec<String> = tcp_addresses("db1, db2:3307,[::1]:4,::1", 3306)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["db1:3306", "db2:3307", "[::1]:4", "[::1]:3306"]);
    }

    #[test]
    fn debug_hides_the_password() {
        let spec = ConnectionSpec::new("c", "u", "d");
        let endpoint = Endpoint::of_connection(&spec, SecretString::from("canary"));
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}
