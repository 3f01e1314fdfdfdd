//! Each request: its id and trace, one line in the log, and an answer even when a handler panics.
//!
//! The line has the route's template, never the path, the query or a token.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::origin::is_for_anybody;
use super::problem::Problem;
use crate::logging::{SPANS, join_trace};
use crate::model::command::Refusal;
use crate::model::trace::Trace;

/// Names a request in the log of caller and service.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The caller's trace, as <https://www.w3.org/TR/trace-context/> has it.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Nothing here is a page, whatever it looks like, and nothing is to be kept on the way.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Longest id that is taken over.
const LONGEST: usize = 64;

/// Who asked, left by the guard in the answer.
#[derive(Clone)]
pub struct Actor(pub String);

/// The caller's id where it is harmless, else one of our own.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=LONGEST).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// What the caller says of its trace: one header, or nothing.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    match (given.next(), given.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}

/// A request as a collector gets it; nothing where nobody collects. Never part of a line.
fn traced(method: &Method, route: &str) -> Span {
    tracing::info_span!(
        target: SPANS,
        parent: None,
        "request",
        "otel.name" = format!("{method} {route}"),
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method.as_str(),
        "http.route" = route,
        "http.response.status_code" = Empty,
    )
}

/// The answer is known.
fn end_traced(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Answers a request and tells of it.
pub async fn tell(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let quiet = is_for_anybody(request.uri().path());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let traced = traced(&method, &route);
    let trace = join_trace(&traced, Trace::of(traceparent(request.headers())));
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        trace_id = %trace.trace_id,
        span_id = %trace.span_id,
        parent_id = trace.parent_id.as_deref(),
        method = %method,
        route = %route,
    );
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span)
        .await;
    let mut response = answered.unwrap_or_else(|_| {
        // The panic itself is in the log already.
        let what = "a request panicked".to_owned();
        Problem::from(Refusal::Internal(what)).into_response()
    });
    end_traced(&traced, response.status());
    let headers = response.headers_mut();
    for (name, value) in [(REQUEST_ID, &id), (TRACEPARENT, &trace.header())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let status = response.status().as_u16();
    let actor = response.extensions().get::<Actor>();
    let actor = actor.map_or("-", |actor| actor.0.as_str());
    let ms = begun.elapsed().as_millis();
    if quiet {
        tracing::debug!("{method} {route} {status} {ms} ms {actor} {id}");
    } else {
        tracing::info!("{method} {route} {status} {ms} ms {actor} {id}");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_headers_name_no_trace() {
        let mut headers = HeaderMap::new();
        assert_eq!(traceparent(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_static("one"));
        assert_eq!(traceparent(&headers), Some("one"));
        headers.append(TRACEPARENT, HeaderValue::from_static("two"));
        assert_eq!(traceparent(&headers), None);
    }

    #[test]
    fn only_harmless_ids_are_taken_over() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, text.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(id("build-7.retry_2"), "build-7.retry_2");
        for wrong in ["", "a b", "x\"y", &"a".repeat(65)] {
            assert!(Uuid::parse_str(&id(wrong)).is_ok(), "{wrong}");
        }
    }
}
