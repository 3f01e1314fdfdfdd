//! The door: who may come in, before any handler is asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;

use super::Api;
use super::caller::{self, Caller, needed};
use super::failures::Failures;
use super::operations::METRICS_PATH;
use crate::http::origin::is_for_anybody;
use crate::http::problem::Problem;
use crate::http::requests::Actor;
use crate::http::service::Service;
use crate::model::ids::TokenId;
use crate::model::token::{ApiToken, Scope, TokenHash};

/// Tokens are read again after this long: one that is revoked is refused from then on.
const FRESH: Duration = Duration::from_secs(1);
/// How long a request waits for them where they were known before.
const PATIENCE: Duration = Duration::from_secs(2);
/// The use of a token is noted as often as this.
const NOTED: Duration = Duration::from_secs(60);

/// The door of the API.
pub struct Guard {
    /// Gives the setting `security.api_token`.
    own: Box<dyn Fn() -> Option<TokenHash> + Send + Sync>,
    on_loopback: bool,
    known: Mutex<Known>,
    /// Held by who reads the tokens.
    reading: tokio::sync::Mutex<()>,
    failures: Failures,
}

#[derive(Default)]
struct Known {
    /// When they were last read.
    read_at: Option<Instant>,
    /// When that was last tried.
    tried_at: Option<Instant>,
    tokens: Vec<ApiToken>,
    noted: Vec<(TokenId, Instant)>,
}

/// A token that holds.
struct Holder {
    caller: Caller,
    /// Which one; `None` is that of the settings.
    id: Option<TokenId>,
}

impl Guard {
    /// The door of a service.
    pub fn new(service: &Arc<Service>) -> Self {
        let asked = Arc::clone(service);
        Self {
            own: Box::new(move || asked.own_token()),
            on_loopback: service.on_loopback,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            failures: Failures::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token with this hash, if it holds.
    fn holder(&self, hash: &TokenHash) -> Option<Holder> {
        if (self.own)().is_some_and(|own| own.is(hash)) {
            return Some(Holder {
                caller: Caller::of_token("settings", Scope::Admin),
                id: None,
            });
        }
        let now = Utc::now();
        let known = self.known();
        // All of them are looked at: how long it takes tells nothing.
        let mut found = None;
        for token in &known.tokens {
            if token.hash.is(hash) && token.expires_at.is_none_or(|end| now < end) {
                found = Some(Holder {
                    caller: Caller::of_token(&token.name, token.scope),
                    id: Some(token.id),
                });
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

    fn was_tried(&self) -> bool {
        let tried = self.known().tried_at;
        tried.is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Whether the use of a token is to be noted; once a minute.
    fn notes(&self, id: TokenId) -> bool {
        let mut known = self.known();
        let now = Instant::now();
        known
            .noted
            .retain(|(_, at)| now.duration_since(*at) < NOTED);
        if known.noted.iter().any(|(noted, _)| *noted == id) {
            return false;
        }
        known.noted.push((id, now));
        true
    }
}

impl Api {
    /// Reads the tokens again where what is known is old. One request reads, the others wait for it.
    async fn read_tokens(&self) -> Result<(), Problem> {
        let guard = &self.guard;
        if !guard.was_tried() {
            let _reading = guard.reading.lock().await;
            if !guard.was_tried() {
                let tokens = match self.open_services() {
                    Ok(services) => {
                        let listed = tokio::time::timeout(PATIENCE, services.tokens.list()).await;
                        listed
                            .map_err(|_| Problem::no_database())
                            .and_then(|listed| Ok(listed?))
                    }
                    Err(problem) => Err(problem),
                };
                let mut known = guard.known();
                let now = Instant::now();
                known.tried_at = Some(now);
                match tokens {
                    Ok(tokens) => {
                        known.tokens = tokens;
                        known.read_at = Some(now);
                    }
                    // What was known goes on to hold while the control database is away.
                    Err(_) if known.read_at.is_some() => {}
                    Err(problem) => return Err(problem),
                }
            }
        }
        if guard.known().read_at.is_some() {
            Ok(())
        } else {
            self.open_services()?;
            Err(Problem::no_database())
        }
    }

    /// Who asks, as far as the headers prove it.
    async fn caller(&self, request: &Asked<'_>) -> Result<Caller, Problem> {
        let read = self.read_tokens().await;
        let Some(secret) = bearer(request.headers) else {
            return match (self.guard.is_open(), read) {
                (Some(true), _) => Ok(Caller::on_loopback(request.from, Scope::Admin)),
                // That the tokens can't be read, and why, is told here, and nothing else is known yet.
                (None, Err(_)) if tells_of_itself(request) => {
                    Ok(Caller::on_loopback(request.from, Scope::Read))
                }
                (None, Err(problem)) => Err(problem),
                _ => Err(Problem::unauthorized(
                    "a token is needed: Authorization: Bearer TOKEN (db-taxi tokens create makes one)",
                )),
            };
        };
        let Some(holder) = self.guard.holder(&TokenHash::of(secret)) else {
            read?;
            return Err(Problem::unauthorized(
                "this token is unknown, expired or revoked",
            ));
        };
        match holder.id {
            // A person chose this one, so whoever guesses must not learn that a guess was right.
            None => {
                if let Some(wait) = self.guard.failures.wait(request.from, Instant::now()) {
                    return Err(Problem::rate_limited(wait));
                }
            }
            Some(id) if self.guard.notes(id) => {
                if let Ok(services) = self.open_services() {
                    let noted = tokio::time::timeout(PATIENCE, services.tokens.used(id)).await;
                    if !matches!(noted, Ok(Ok(()))) {
                        tracing::debug!("the use of a token was not noted");
                    }
                }
            }
            Some(_) => {}
        }
        Ok(holder.caller)
    }
}

/// What the door looks at.
struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
    from: IpAddr,
}

/// Whether the status or the metrics are asked for.
fn tells_of_itself(request: &Asked<'_>) -> bool {
    request.method.is_safe() && matches!(request.path, "/api/status" | METRICS_PATH)
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
    if is_for_anybody(request.uri().path()) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let headers = request.headers().clone();
    let path = request.uri().path().to_owned();
    let asked = Asked {
        method: &method,
        path: &path,
        headers: &headers,
        from: peer.ip().to_canonical(),
    };
    let caller = match api.caller(&asked).await {
        Ok(caller) => caller,
        Err(problem) if problem.is_unauthorized() => {
            let wait = api.guard.failures.note(asked.from, Instant::now());
            return wait.map_or(problem, Problem::rate_limited).into_response();
        }
        Err(problem) => return problem.into_response(),
    };
    let route = request.extensions().get::<MatchedPath>();
    let needed = needed(&method, route.map(MatchedPath::as_str));
    let actor = Actor(caller.name.clone());
    let mut response = if caller.scope < needed {
        let what = format!("this needs a token with the scope {}", needed.as_str());
        Problem::forbidden(what).into_response()
    } else {
        request.extensions_mut().insert(caller);
        caller::acting(&actor.0, next.run(request)).await
    };
    response.extensions_mut().insert(actor);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(on_loopback: bool) -> Guard {
        Guard {
            own: Box::new(|| None),
            on_loopback,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            failures: Failures::default(),
        }
    }

    fn token(name: &str, secret: &str, expires_in: Option<i64>) -> ApiToken {
        ApiToken {
            id: TokenId::generate(),
            name: name.to_owned(),
            scope: Scope::Operate,
            created_by: "me@here".to_owned(),
            created_at: Utc::now(),
            expires_at: expires_in.map(|ms| Utc::now() + chrono::Duration::milliseconds(ms)),
            last_used_at: None,
            hash: TokenHash::of(secret),
        }
    }

    #[test]
    fn nobody_gets_in_without_a_token_before_it_is_known_that_there_is_none() {
        let guard_here = guard(true);
        assert_eq!(guard_here.is_open(), None);
        guard_here.known().read_at = Some(Instant::now());
        assert_eq!(guard_here.is_open(), Some(true));
        // One that has expired closes the door, too.
        guard_here.known().tokens = vec![token("old", "x", Some(-1))];
        assert_eq!(guard_here.is_open(), Some(false));
        assert_eq!(guard(false).is_open(), Some(false));
        let mut own = guard(true);
        own.own = Box::new(|| Some(TokenHash::of("a secret of the settings")));
        own.known().read_at = Some(Instant::now());
        assert_eq!(own.is_open(), Some(false));
    }

    #[test]
    fn a_token_holds_until_its_end_and_its_use_is_noted_once_a_minute() {
        let guard = guard(false);
        guard.known().tokens = vec![
            token("good", "good", Some(60_000)),
            token("over", "over", Some(-1)),
        ];
        let holder = |secret: &str| guard.holder(&TokenHash::of(secret));
        let good = holder("good").unwrap();
        assert_eq!(good.caller.name, "token:good");
        assert!(holder("over").is_none() && holder("good ").is_none());
        let id = good.id.unwrap();
        assert!(guard.notes(id) && !guard.notes(id));
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        for (value, secret) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Bearer", Some("")),
            ("Basic abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), secret, "{value}");
        }
    }
}
