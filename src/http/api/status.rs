//! `/api/status`, `/api/sync/status`, `/api/sync/stats`, `/api/sync/instances`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::Api;
use super::answer::{self, Answer};
use super::input::Query;
use super::page::Page;
use crate::http::problem::Problem;

/// The OpenAPI document.
pub async fn document(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(api.document.clone())
}

/// 503 while the control database does not answer: what keeps it is in the body.
pub async fn status(State(api): State<Arc<Api>>) -> Answer {
    let system = api.service.system.get().ok_or_else(Problem::no_database)?;
    let status = system.status().await;
    let connected = status.database.connected;
    Ok(answer::at_present(connected, answer::json(&status)?))
}

/// 503 while the control database does not answer, as [`status`].
pub async fn sync_status(State(api): State<Arc<Api>>) -> Answer {
    if !api.service.settings.sync.enabled {
        return Err(Problem::sync_disabled());
    }
    let system = api.service.system.get().ok_or_else(Problem::no_database)?;
    let status = system.status().await;
    let connected = status.database.connected;
    Ok(answer::at_present(connected, answer::json(&status.sync)?))
}

pub async fn stats(State(api): State<Arc<Api>>) -> Answer {
    answer::ok(answer::json(&api.services()?.monitoring.stats().await?)?)
}

pub async fn instances(State(api): State<Arc<Api>>, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    query.end()?;
    let mut all = api.services()?.monitoring.instances().await?;
    all.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    answer::ok(page.of_all(
        all.into_iter(),
        |one| format!("{} {}", one.name, one.id),
        |one| serde_json::to_value(one).unwrap_or(json!(null)),
    ))
}
