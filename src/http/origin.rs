//! Where a request comes from, as far as a browser tells: `Host` must name this service, `Origin` a
//! page that may call it.
//!
//! Both keep pages of elsewhere out, which a browser would let call a service on this machine. The
//! answers tell browsers what allowed pages may see; none ever allows credentials of the browser's
//! own, tokens go in `Authorization`.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, If-Match, Idempotency-Key, X-Request-Id, traceparent",
);
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Location, Retry-After, X-Request-Id, traceparent");
/// For how many seconds a browser may keep the answer to a preflight.
const KEPT: HeaderValue = HeaderValue::from_static("600");

/// From where requests may come.
pub struct Origins {
    /// What `Host` may say beside addresses and `localhost`, in lower case.
    names: Vec<String>,
    /// Setting `server.cors_origins`, as it is at present.
    pages: RwLock<Vec<String>>,
}

impl Origins {
    /// No page yet; `names` in any case, empty ones are none.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let names = names.iter().filter(|name| !name.is_empty());
        Self {
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
            pages: RwLock::default(),
        }
    }

    /// These pages from here on.
    pub fn set(&self, pages: &[String]) {
        let mut now = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        now.clear();
        now.extend_from_slice(pages);
    }

    fn allow(&self, page: &str) -> bool {
        let now = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        now.iter().any(|one| one == page)
    }
}

/// Whether a path is for anybody: load balancers, probes.
pub fn is_for_anybody(path: &str) -> bool {
    matches!(path, "/health" | "/health/live" | "/health/ready")
}

/// Refuses what is not meant for this service or comes from a page that may not call it; answers
/// preflights; tells browsers what a page may see.
pub async fn check(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_for_anybody(request.uri().path())
        && let Err(problem) = check_host(&origins.names, request.uri(), headers)
    {
        return problem.into_response();
    }
    let Some(origin) = headers.get(header::ORIGIN).cloned() else {
        let mut response = next.run(request).await;
        vary(&mut response);
        return response;
    };
    let listed = origin.to_str().is_ok_and(|text| origins.allow(text));
    if !listed && !is_own(&origin, headers) {
        let mut response = Problem::forbidden(format!(
            "pages of {origin:?} may not call this service (setting server.cors_origins)"
        ))
        .into_response();
        vary(&mut response);
        return response;
    }
    let preflight = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let told = response.headers_mut();
        told.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        told.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        told.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT);
        response
    } else {
        let mut response = next.run(request).await;
        let told = response.headers_mut();
        told.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        response
    };
    let told = response.headers_mut();
    told.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    vary(&mut response);
    response
}

/// Caches keep what one page was told from others.
fn vary(response: &mut Response) {
    let origin = HeaderValue::from_static("Origin");
    response.headers_mut().append(header::VARY, origin);
}

/// Whether the page is of this very service.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = origin.to_str().unwrap_or_default();
    let page = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    matches!((page, host), (Some(page), Some(host)) if page.eq_ignore_ascii_case(host))
}

/// `Host` names this machine: a page of somewhere else that had its name point here does not get
/// through.
fn check_host(names: &[String], uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::HOST).iter();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) => "",
        (Some(_), Some(_)) => return Err(Problem::bad_request("there are two Host headers")),
    };
    let fits = |text: &str| {
        text.parse::<Authority>().is_ok_and(|authority| {
            let name = authority.host().to_ascii_lowercase();
            let address = name
                .strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
                .unwrap_or(&name);
            !text.contains('@')
                && (address.parse::<IpAddr>().is_ok()
                    || name == "localhost"
                    || names.contains(&name))
        })
    };
    let absolute = uri.authority().map(Authority::as_str);
    if fits(host) && absolute.is_none_or(fits) {
        return Ok(());
    }
    let named = absolute.unwrap_or(host);
    Err(Problem::forbidden(format!(
        "this service is not {named:?}: call it by its address, as localhost, or by its name \
         (setting instance.name)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let names = ["db1".to_owned()];
        for (host, well) in [
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("db1:8080", true),
            ("evil.example.com", false),
            ("db1.example.com", false),
            ("localhost.evil.example.com", false),
            ("127.0.0.1.evil.example.com", false),
            ("evil@127.0.0.1", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let uri = Uri::from_static("/api/status");
            assert_eq!(check_host(&names, &uri, &headers).is_ok(), well, "{host}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost".parse().unwrap());
        let elsewhere = Uri::from_static("http://evil.example.com/api/status");
        assert!(check_host(&names, &elsewhere, &headers).is_err());
        headers.append(header::HOST, "evil.example.com".parse().unwrap());
        let uri = Uri::from_static("/api/status");
        assert!(check_host(&names, &uri, &headers).is_err());
    }

    #[test]
    fn a_page_of_the_service_itself_is_no_stranger() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:8080".parse().unwrap());
        for (origin, own) in [
            ("http://localhost:8080", true),
            ("https://localhost:8080", true),
            ("http://localhost:3000", false),
            ("http://localhost", false),
            ("null", false),
        ] {
            assert_eq!(is_own(&origin.parse().unwrap(), &headers), own, "{origin}");
        }
    }
}
