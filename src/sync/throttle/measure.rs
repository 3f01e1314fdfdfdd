//! Measuring a server against its limits: load, replication delay, a query of the owner's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::duration::format_duration;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::throttle::{Limits, ThrottleSpec};
use crate::mysql::activity::{Delay, Process};
use crate::mysql::endpoint::Address;
use crate::mysql::{Endpoint, MysqlError, Session, SessionKind};
use crate::sync::error::SyncError;

/// How long a session that only looks may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures one server and the replicas that count for it.
pub struct Measure {
    endpoint: Arc<Endpoint>,
    replicas: HashMap<String, Session>,
}

impl Measure {
    /// Of the server behind `endpoint`.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            replicas: HashMap::new(),
        }
    }

    /// Why work has to pause; `None` lets it go on.
    ///
    /// # Errors
    /// The loss of the session.
    pub async fn look(
        &mut self,
        spec: &ThrottleSpec,
        session: &mut Session,
        processes: &[Process],
    ) -> Result<Option<String>, MysqlError> {
        let limits = spec.limits();
        if let Some(most) = limits.max_threads_running {
            let ours = session.our_ids();
            let of_ours = processes
                .iter()
                .filter(|p| ours.contains(&p.id) && p.command != "Sleep")
                .count() as u64;
            let others = session.threads_running().await?.saturating_sub(of_ours);
            if others > u64::from(most) {
                return Ok(Some(format!(
                    "{}: {others} threads are running, max_threads_running is {most}",
                    self.endpoint.label
                )));
            }
        }
        if let Some(most) = limits.max_lag
            && let Some(reason) = self.lag(spec, &limits, most, session).await?
        {
            return Ok(Some(reason));
        }
        match &limits.query {
            Some(query) => self.ask(query, session).await,
            None => Ok(None),
        }
    }

    async fn lag(
        &mut self,
        spec: &ThrottleSpec,
        limits: &Limits,
        most: Duration,
        session: &mut Session,
    ) -> Result<Option<String>, MysqlError> {
        let lenient = *spec == ThrottleSpec::Standard;
        let too_late = |name: &str, delay: Result<Delay, MysqlError>| match delay {
            Ok(Delay::Seconds(seconds)) if seconds > most.as_secs() => Some(format!(
                "{name} is {seconds} s behind, max_lag is {}",
                format_duration(most)
            )),
            Ok(Delay::Stopped) if !lenient => Some(format!(
                "{name} is a replica whose replication does not run, so its lag is not known"
            )),
            Err(error) if !lenient => Some(format!("the lag of {name} can't be read: {error}")),
            _ => None,
        };
        let own = session.replication_delay().await;
        if let Err(error) = &own
            && error.is_connection_lost()
        {
            return Err(error.clone());
        }
        if let Some(reason) = too_late(&self.endpoint.label, own) {
            return Ok(Some(reason));
        }
        self.replicas
            .retain(|name, _| limits.replicas.contains(name));
        for name in &limits.replicas {
            let delay = self.delay_of(name).await;
            if let Some(reason) = too_late(name, delay) {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    async fn delay_of(&mut self, name: &str) -> Result<Delay, MysqlError> {
        let mut session = match self.replicas.remove(name) {
            Some(session) if session.is_usable() => session,
            _ => open_replica(&self.endpoint, name).await?,
        };
        let delay = session.replication_delay().await;
        if session.is_usable() {
            self.replicas.insert(name.to_owned(), session);
        }
        // What is no replica can't be behind, which is not what its owner thinks of it.
        match delay? {
            Delay::NoReplica => Ok(Delay::Stopped),
            other => Ok(other),
        }
    }

    /// The owner's own question. It is prepared, so that it is one statement, and runs where
    /// nothing can be written.
    async fn ask(&self, query: &str, session: &mut Session) -> Result<Option<String>, MysqlError> {
        session.run("START TRANSACTION READ ONLY").await?;
        let rows = session.exec_rows(query, Vec::new()).await;
        session.run("ROLLBACK").await?;
        match rows {
            Ok(rows) => Ok(rows
                .first()
                .and_then(|row| row.bytes_at(0))
                .map(|value| String::from_utf8_lossy(&value).trim().to_owned())
                .filter(|value| holds(value))
                .map(|value| {
                    format!(
                        "{}: the throttle's query says {value:?}",
                        self.endpoint.label
                    )
                })),
            Err(error) if error.is_connection_lost() => Err(error),
            Err(error) => Ok(Some(format!("the throttle's query fails: {error}"))),
        }
    }
}

/// Whether the first value of the query is a reason to pause.
fn holds(value: &str) -> bool {
    !value.is_empty() && !value.parse::<f64>().is_ok_and(|number| number == 0.0)
}

async fn open_replica(endpoint: &Endpoint, name: &str) -> Result<Session, MysqlError> {
    let (host, port) = name.rsplit_once(':').unwrap_or((name, "3306"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = Address::Tcp(host.to_owned(), port.parse().unwrap_or(3306));
    let mut replica = endpoint.elsewhere(vec![address]);
    replica.label = format!("replica {name}");
    Session::open(&Arc::new(replica), SessionKind::Probe, PATIENCE).await
}

/// Reads every lag once, before a job begins: what can't be read is a warning with `standard`; with
/// any other limits the job does not start.
///
/// # Errors
/// Why a lag can't be read that the owner asked for, or that the throttle's query fails.
pub async fn check_lag(
    spec: &ThrottleSpec,
    endpoint: &Arc<Endpoint>,
    session: &mut Session,
) -> Result<Vec<String>, SyncError> {
    let limits = spec.limits();
    let mut measure = Measure::new(Arc::clone(endpoint));
    let mut warnings = Vec::new();
    if limits.max_lag.is_some() {
        let mut delays = vec![(endpoint.label.clone(), session.replication_delay().await)];
        for name in &limits.replicas {
            delays.push((name.clone(), measure.delay_of(name).await));
        }
        for (name, delay) in delays {
            let why = match delay {
                Ok(Delay::Stopped) => "its replication does not run".to_owned(),
                Ok(_) => continue,
                Err(error) if error.is_connection_lost() && name == endpoint.label => {
                    return Err(error.into());
                }
                Err(error) => error.advised(),
            };
            let message = format!("the replication lag of {name} can't be read: {why}");
            if *spec != ThrottleSpec::Standard {
                let hint = format!("{}; or leave max_lag out of the throttle", remedy(session));
                return Err(ErrorInfo::new(ErrorCode::Unsupported, message)
                    .hint(hint)
                    .into());
            }
            warnings.push(format!(
                "{message}; max_lag of the standard throttle is not held ({})",
                remedy(session)
            ));
        }
    }
    if let Some(query) = &limits.query {
        let asked = measure.ask(query, session).await?;
        if let Some(reason) =
            asked.filter(|reason| reason.starts_with("the throttle's query fails"))
        {
            return Err(ErrorInfo::new(ErrorCode::RuleInvalid, reason)
                .hint("give one statement that reads, such as SELECT COUNT(*) > 100 FROM queue")
                .into());
        }
    }
    Ok(warnings)
}

fn remedy(session: &Session) -> &'static str {
    if session.server().is_mariadb() {
        "start replication there, or GRANT REPLICA MONITOR ON *.* to the account"
    } else {
        "start replication there, or GRANT REPLICATION CLIENT ON *.* to the account"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_zero_and_empty_go_on() {
        for value in ["", "0", "0.0", "0.00", "-0"] {
            assert!(!holds(value), "{value:?}");
        }
        for value in ["1", "busy", "0.5", "-1", "zero"] {
            assert!(holds(value), "{value:?}");
        }
    }
}
