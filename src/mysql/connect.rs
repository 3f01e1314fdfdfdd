//! Connecting to a server: its addresses one after another, TLS, login.
//!
//! Must not know: what a connection is used for. Called by sessions and by migrations.

use std::time::Duration;

use mysql_async::Conn;

use super::address::{self, Address};
use super::endpoint::Endpoint;
use super::error::{ErrorClass, MysqlError};
use super::{login, srv, tls};
use crate::model::connection::SslMode;
use crate::model::duration::format_duration;
use crate::model::error::ErrorCode;

/// Connects to the first address that answers; tells which.
///
/// # Errors
/// When none can be reached in `connect_timeout` each, or the server refuses the login. Says what
/// to do about it.
pub(super) async fn connect(
    endpoint: &Endpoint,
    stmt_cache: usize,
) -> Result<(Conn, Address), MysqlError> {
    let mut failures: Vec<MysqlError> = Vec::new();
    for address in candidates(endpoint, &mut failures).await {
        match within_time(endpoint, &address, stmt_cache).await {
            Ok(conn) => {
                address::note(&address, true);
                return Ok((conn, address));
            }
            // The server answered: another address of the same service would say the same.
            Err(error) if is_final(&error) => {
                return Err(advised(endpoint, error));
            }
            Err(error) => {
                address::note(&address, false);
                failures.push(error);
            }
        }
    }
    Err(all_of(endpoint, failures))
}

/// Whether the server itself refused: other hosts would only hide why. Some refusals of an unknown
/// account have no number, since they name a plugin that the driver lacks.
fn is_final(error: &MysqlError) -> bool {
    error.class == ErrorClass::Stop
        && (error.number.is_some() || error.code == ErrorCode::AccessDenied)
}

/// Every address in the order in which to try them; SRV names stand for their hosts.
async fn candidates(endpoint: &Endpoint, failures: &mut Vec<MysqlError>) -> Vec<Address> {
    let mut addresses = Vec::new();
    for address in &endpoint.addresses {
        match address {
            Address::Service(name) => {
                let hosts = srv::hosts(name, endpoint.name_server);
                match tokio::time::timeout(patience(endpoint), hosts).await {
                    Ok(Ok(hosts)) => addresses.extend(hosts),
                    Ok(Err(error)) => failures.push(error),
                    Err(_) => failures.push(no_answer(
                        endpoint,
                        &format!("the name server, asked for {name},"),
                    )),
                }
            }
            address => addresses.push(address.clone()),
        }
    }
    address::by_hope(addresses)
}

/// `0s` is no limit.
fn patience(endpoint: &Endpoint) -> Duration {
    match endpoint.connect_timeout {
        Duration::ZERO => Duration::MAX,
        limit => limit,
    }
}

fn no_answer(endpoint: &Endpoint, who: &str) -> MysqlError {
    MysqlError::own(
        ErrorCode::Unreachable,
        ErrorClass::Wait,
        format!(
            "{who} did not answer within {}",
            format_duration(endpoint.connect_timeout)
        ),
    )
}

async fn within_time(
    endpoint: &Endpoint,
    address: &Address,
    stmt_cache: usize,
) -> Result<Conn, MysqlError> {
    let attempt = log_in(endpoint, address, stmt_cache);
    match tokio::time::timeout(patience(endpoint), attempt).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(mut error)) => {
            if error.is_connection_lost() {
                error.code = ErrorCode::Unreachable;
            }
            if error.number.is_none() && error.code == ErrorCode::Unreachable {
                error.message = format!("can't connect to {address}: {}", error.message);
            }
            Err(error)
        }
        Err(_) => Err(no_answer(endpoint, &address.to_string())),
    }
}

async fn log_in(
    endpoint: &Endpoint,
    address: &Address,
    stmt_cache: usize,
) -> Result<Conn, MysqlError> {
    let refused = |error| MysqlError::from_driver(error, &endpoint.label);
    let by_authority = endpoint.ssl.mode == SslMode::VerifyCa;
    let known = by_authority.then(|| tls::known_name(address)).flatten();
    let error = match Conn::new(endpoint.opts(address, stmt_cache, known)?).await {
        Ok(conn) => return Ok(conn),
        Err(error) => error,
    };
    let name = by_authority
        .then(|| tls::name_of_verified(&error))
        .flatten();
    let Some(name) = name else {
        return Err(refused(error));
    };
    let opts = endpoint.opts(address, stmt_cache, Some(name.clone()))?;
    let conn = Conn::new(opts).await.map_err(refused)?;
    tls::learn_name(address, name);
    Ok(conn)
}

/// The one failure, or all of them in one: any that may pass makes trying again worth while.
fn all_of(endpoint: &Endpoint, failures: Vec<MysqlError>) -> MysqlError {
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else {
        let none = MysqlError::own(
            ErrorCode::Unreachable,
            ErrorClass::Stop,
            "no address is given",
        );
        return advised(endpoint, none.at(&endpoint.label));
    };
    let mut all = advised(endpoint, first.at(&endpoint.label));
    for next in failures {
        let next = advised(endpoint, next);
        all.message = format!("{}; {}", all.message, next.message);
        if all.class == ErrorClass::Stop {
            all.class = next.class;
        }
        if all.hint != next.hint {
            all.hint = Some(
                [all.hint, next.hint]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; "),
            );
        }
    }
    all
}

/// The error with what to do about it, if that is known.
fn advised(endpoint: &Endpoint, mut error: MysqlError) -> MysqlError {
    if error.hint.is_none() {
        error.hint = login::advice(endpoint, &error);
    }
    error
}
