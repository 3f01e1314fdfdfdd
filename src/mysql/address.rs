//! Addresses of a server: how they are written, and in which order they are tried.
//!
//! Must not know: accounts, TLS. Called by endpoints and by whoever connects.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For so long an address that did not answer is tried after the others.
const AVOIDED: Duration = Duration::from_secs(30);

/// Where one address of a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Path of a Unix socket.
    Socket(String),
    /// A DNS SRV name, which stands for the hosts and ports of its records.
    Service(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => f.write_str(path),
            Self::Service(name) => f.write_str(name),
        }
    }
}

/// Comma-separated hosts in order of failover, each with its own port or the default one; a name
/// that begins with `_` is an SRV name, which has no port of its own.
#[must_use]
pub fn parse_hosts(hosts: &str, port: u16) -> Vec<Address> {
    hosts
        .split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .map(|host| {
            if host.starts_with('_') {
                return Address::Service(host.to_owned());
            }
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

/// When addresses failed to answer, for the whole process: a job that opens hundreds of sessions
/// must not wait `connect_timeout` for a dead first host each time.
static FAILED: LazyLock<Mutex<HashMap<Address, Instant>>> = LazyLock::new(Mutex::default);

fn failed() -> MutexGuard<'static, HashMap<Address, Instant>> {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The order in which to try: as given, those that failed lately last. All of them are there.
pub(super) fn by_hope(addresses: Vec<Address>) -> Vec<Address> {
    if addresses.len() < 2 {
        return addresses;
    }
    let failed = failed();
    let lately = |address: &Address| failed.get(address).is_some_and(|at| at.elapsed() < AVOIDED);
    let (last, first): (Vec<_>, Vec<_>) = addresses.into_iter().partition(lately);
    first.into_iter().chain(last).collect()
}

/// Notes whether an address answered.
pub(super) fn note(address: &Address, answered: bool) {
    let mut failed = failed();
    if answered {
        failed.remove(address);
    } else {
        failed.retain(|_, at| at.elapsed() < AVOIDED);
        failed.insert(address.clone(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_keep_their_order_and_ports() {
        let hosts = "db1, db2:3307,[::1]:4,::1,_mysql._tcp.example.com";
        let shown: Vec<String> = parse_hosts(hosts, 3306)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "db1:3306",
                "db2:3307",
                "[::1]:4",
                "[::1]:3306",
                "_mysql._tcp.example.com"
            ]
        );
        assert!(matches!(
            parse_hosts(hosts, 3306).last(),
            Some(Address::Service(_))
        ));
    }

    #[test]
    fn a_host_that_failed_is_tried_last_until_it_answers() {
        let hosts = parse_hosts("hope-a,hope-b,hope-c", 1);
        note(&hosts[0], false);
        let order = by_hope(hosts.clone());
        assert_eq!(
            order,
            [hosts[1].clone(), hosts[2].clone(), hosts[0].clone()]
        );
        note(&hosts[0], true);
        assert_eq!(by_hope(hosts.clone()), hosts);
    }
}
