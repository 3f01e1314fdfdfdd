//! The door: who may come in, before any handler is asked.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;

use super::Api;
use super::caller::{Caller, needed};
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::model::token::{ApiToken, Scope, TokenHash};

/// Failures in [`WINDOW`] before an address is told to wait.
const FAILURES: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered; above it the oldest are forgotten.
const ADDRESSES: usize = 10_000;
/// Tokens are read again after this long, and at an unknown one after the second.
const FRESH: Duration = Duration::from_secs(5);
const FRESH_ENOUGH: Duration = Duration::from_secs(1);

/// The door of the API.
pub struct Guard {
    /// Gives the setting `security.api_token`.
    own: Box<dyn Fn() -> Option<TokenHash> + Send + Sync>,
    /// The instance's name, as `Host` may say it.
    name: String,
    on_loopback: bool,
    known: Mutex<Known>,
    failures: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
}

#[derive(Default)]
struct Known {
    read_at: Option<Instant>,
    tokens: Vec<ApiToken>,
}

impl Guard {
    /// The door that the service's settings describe.
    pub fn new(service: &Arc<Service>) -> Self {
        let settings = Arc::clone(&service.settings);
        let service = Arc::clone(service);
        let host = settings.server.host.as_str();
        let on_loopback = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        Self {
            own: Box::new(move || service.own_token()),
            name: settings.instance.name.to_ascii_lowercase(),
            on_loopback,
            known: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// `Host` names this machine: a page of somewhere else that had its name point here does not
    /// get through.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if is_address || name == "localhost" || name == self.name {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "this service is not {host:?}: call it by its address, as localhost, or by its name \
             (setting instance.name)"
        )))
    }

    /// Notes a failure; an error from the one after the last that is allowed.
    fn failed(&self, from: IpAddr, now: Instant) -> Result<(), Problem> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES {
            failures.retain(|_, times| times.back().is_some_and(|last| now - *last < WINDOW));
            if failures.len() >= ADDRESSES {
                failures.clear();
            }
        }
        let times = failures.entry(from).or_default();
        while times.front().is_some_and(|first| now - *first >= WINDOW) {
            times.pop_front();
        }
        if times.len() >= FAILURES {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many requests with a wrong token: wait a minute",
            ));
        }
        times.push_back(now);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token with this hash, if it holds.
    fn holder(&self, hash: &TokenHash) -> Option<Caller> {
        if (self.own)().is_some_and(|own| own.is(hash)) {
            return Some(Caller::of_token("settings", Scope::Admin));
        }
        let now = Utc::now();
        let known = self.known();
        // All of them are looked at: how long it takes tells nothing.
        let mut found = None;
        for token in &known.tokens {
            if token.hash.is(hash) && token.expires_at.is_none_or(|end| now < end) {
                found = Some(Caller::of_token(&token.name, token.scope));
            }
        }
        found
    }

    /// Whether nobody needs a token; `None` while that is not known.
    fn is_open(&self) -> Option<bool> {
        if !self.on_loopback || (self.own)().is_some() {
            return Some(false);
        }
        let known = self.known();
        known.read_at.map(|_| known.tokens.is_empty())
    }
}

impl Api {
    /// Reads the tokens again where what is known is older than `age`.
    async fn read_tokens(&self, age: Duration) -> Result<(), Problem> {
        let old = |known: &Known| known.read_at.is_none_or(|at| at.elapsed() >= age);
        if !old(&self.guard.known()) {
            return Ok(());
        }
        let tokens = match self.open_services() {
            Ok(services) => services.tokens.list().await.map_err(Problem::from),
            Err(problem) => Err(problem),
        };
        let mut known = self.guard.known();
        match tokens {
            Ok(tokens) => {
                known.tokens = tokens;
                known.read_at = Some(Instant::now());
                Ok(())
            }
            // What was known goes on to hold while the control database is away.
            Err(_) if known.read_at.is_some() => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    async fn caller(&self, headers: &HeaderMap, from: IpAddr) -> Result<Caller, Problem> {
        let unknown = self.read_tokens(FRESH).await;
        let Some(secret) = bearer(headers) else {
            return match (self.guard.is_open(), unknown) {
                (Some(true), _) => Ok(Caller::on_loopback(from)),
                (None, Err(problem)) => Err(problem),
                _ => Err(Problem::unauthorized(
                    "a token is needed: Authorization: Bearer TOKEN (db-taxi tokens create makes one)",
                )),
            };
        };
        let hash = TokenHash::of(secret);
        if let Some(caller) = self.guard.holder(&hash) {
            return Ok(caller);
        }
        // It may have been made a moment ago.
        self.read_tokens(FRESH_ENOUGH).await?;
        self.guard
            .holder(&hash)
            .ok_or_else(|| Problem::unauthorized("this token is unknown, expired or revoked"))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ').unwrap_or((value, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(secret.trim())
}

/// Lets a request through to its handler, or not.
pub async fn check(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = peer.ip().to_canonical();
    let headers = request.headers().clone();
    let needed = needed(request.method(), request.uri().path());
    let admitted = async {
        api.guard.check_host(&headers)?;
        let caller = match api.caller(&headers, from).await {
            Err(problem) if problem.is_unauthorized() => {
                api.guard.failed(from, Instant::now())?;
                return Err(problem);
            }
            other => other?,
        };
        if caller.scope < needed {
            return Err(Problem::forbidden(format!(
                "this needs a token with the scope {}",
                needed.as_str()
            )));
        }
        Ok(caller)
    }
    .await;
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            own: Box::new(|| None),
            name: "db1".to_owned(),
            on_loopback: true,
            known: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let guard = guard();
        for (host, well) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("db1:8080", true),
            ("evil.example.com", false),
            ("db1.example.com", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(guard.check_host(&headers).is_ok(), well, "{host}");
        }
    }

    #[test]
    fn the_eleventh_failure_of_a_minute_is_told_to_wait() {
        let guard = guard();
        let from: IpAddr = "10.0.0.1".parse().unwrap();
        let begin = Instant::now();
        for n in 0..10 {
            assert!(guard.failed(from, begin + Duration::from_secs(n)).is_ok());
        }
        assert!(guard.failed(from, begin + Duration::from_secs(10)).is_err());
        assert!(guard.failed("10.0.0.2".parse().unwrap(), begin).is_ok());
        assert!(guard.failed(from, begin + Duration::from_secs(61)).is_ok());
    }

    #[test]
    fn nobody_gets_in_without_a_token_before_it_is_known_that_there_is_none() {
        let guard = guard();
        assert_eq!(guard.is_open(), None);
        guard.known().read_at = Some(Instant::now());
        assert_eq!(guard.is_open(), Some(true));
        let mut outside = guard;
        outside.on_loopback = false;
        assert_eq!(outside.is_open(), Some(false));
    }
}
