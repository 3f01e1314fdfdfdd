//! Each request: its id and trace, one line in the log, and an answer even when a handler panics.
//!
//! The line has the route's template, never the path, the query or a token.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::origin::is_for_anybody;
use super::problem::Problem;
use crate::model::command::Refusal;

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

/// The trace that a request belongs to, and its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// The caller's span, 16 digits; `None` where the trace begins here.
    pub parent_id: Option<String>,
    /// Our own span.
    pub span_id: String,
    /// Whether the caller records it.
    pub sampled: bool,
}

impl Trace {
    /// The trace that the caller names; a new one where it names none, or one against the rules.
    fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        let text = match (given.next(), given.next()) {
            (Some(one), None) => one.to_str().ok(),
            _ => None,
        };
        let span_id = random(8);
        match text.and_then(parse) {
            Some((trace_id, parent_id, sampled)) => Self {
                trace_id,
                parent_id: Some(parent_id),
                span_id,
                sampled,
            },
            None => Self {
                trace_id: random(16),
                parent_id: None,
                span_id,
                sampled: false,
            },
        }
    }

    /// As it is given back.
    fn header(&self) -> String {
        let flags = u8::from(self.sampled);
        format!("00-{}-{}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// So many random bytes as hexadecimal digits, not all zero.
fn random(bytes: usize) -> String {
    let mut found = vec![0u8; bytes];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut found);
    found[0] |= 1;
    found.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trace, parent and whether it is recorded; `None` for anything against the rules.
fn parse(text: &str) -> Option<(String, String, bool)> {
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_set = |part: &str| part.bytes().any(|b| b != b'0');
    let mut parts = text.splitn(5, '-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next();
    let fits = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || more.is_none())
        && is_hex(trace, 32)
        && is_set(trace)
        && is_hex(parent, 16)
        && is_set(parent)
        && is_hex(flags, 2);
    let flags = u8::from_str_radix(flags, 16).ok().filter(|_| fits)?;
    Some((trace.to_owned(), parent.to_owned(), flags & 1 == 1))
}

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

/// Answers a request and tells of it.
pub async fn tell(mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let trace = Trace::of(request.headers());
    let method = request.method().clone();
    let quiet = is_for_anybody(request.uri().path());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        trace_id = %trace.trace_id,
        span_id = %trace.span_id,
        parent_id = trace.parent_id.as_deref(),
        method = %method,
        route = %route,
    );
    let given_back = trace.header();
    request.extensions_mut().insert(trace);
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span)
        .await;
    let mut response = answered.unwrap_or_else(|_| {
        // The panic itself is in the log already.
        let what = "a request panicked".to_owned();
        Problem::from(Refusal::Internal(what)).into_response()
    });
    let headers = response.headers_mut();
    for (name, value) in [(REQUEST_ID, &id), (TRACEPARENT, &given_back)] {
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

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_trace_is_taken_by_the_letter() {
        let good = format!("00-{TRACE}-{PARENT}-01");
        assert_eq!(
            parse(&good),
            Some((TRACE.to_owned(), PARENT.to_owned(), true))
        );
        assert!(parse(&format!("cc-{TRACE}-{PARENT}-00-what-comes")).is_some());
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-+1"),
            format!(" 00-{TRACE}-{PARENT}-01"),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_given_back_goes_on_with_the_trace_under_a_span_of_its_own() {
        let mut headers = HeaderMap::new();
        headers.insert(
            TRACEPARENT,
            format!("00-{TRACE}-{PARENT}-01").parse().unwrap(),
        );
        let trace = Trace::of(&headers);
        assert_eq!(trace.parent_id.as_deref(), Some(PARENT));
        let (taken, parent, sampled) = parse(&trace.header()).unwrap();
        assert_eq!((taken.as_str(), sampled), (TRACE, true));
        assert_ne!(parent, PARENT);
        headers.append(TRACEPARENT, headers[TRACEPARENT].clone());
        let own = Trace::of(&headers);
        assert!(own.parent_id.is_none() && parse(&own.header()).is_some());
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
