//! `/api/sync/mappings`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::Api;
use super::answer::{self, Answer};
use super::input::{self, Query};
use crate::http::problem::Problem;
use crate::model::mapping::Format;

/// A document may be this many times as large as any other body.
const LARGER: u64 = 16;

pub async fn import(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let mut query = Query::of(&uri)?;
    let dry_run = query.flag("dry_run")?.unwrap_or_default();
    query.end()?;
    let bytes = api.bytes_of_more(body, LARGER).await?;
    let (text, format) = input::text(&headers, &bytes, true)?;
    let outcome = api
        .services()?
        .mappings
        .import(&text, format, dry_run)
        .await?;
    answer::ok(answer::json(&outcome)?)
}

/// Holds a document, or without a body what is stored, against the servers.
pub async fn check(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Answer {
    let bytes = api.bytes_of_more(body, LARGER).await?;
    let mappings = api.services()?.mappings;
    let findings = if bytes.is_empty() {
        mappings.check(None).await?
    } else {
        let (text, format) = input::text(&headers, &bytes, true)?;
        mappings.check(Some((&text, format))).await?
    };
    if !findings.is_empty() {
        return Err(Problem::invalid(findings));
    }
    answer::ok(json!({"created": [], "updated": [], "unchanged": [], "diff": ""}))
}

pub async fn export(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Answer {
    Query::of(&uri)?.end()?;
    let json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("json"));
    let (format, kind) = if json {
        (Format::Json, "application/json")
    } else {
        (Format::Yaml, "application/yaml")
    };
    let text = api.services()?.mappings.export(&[], false, format).await?;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
