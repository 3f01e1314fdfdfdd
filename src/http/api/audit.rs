//! `/api/sync/audit`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use chrono::{DateTime, Utc};

use super::Api;
use super::answer::{self, Answer};
use super::input::Query;
use super::page::Page;
use crate::model::audit::{AuditFilter, is_action};

/// Who changed what, newest first.
pub async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let filter = AuditFilter {
        actor: query.take("actor"),
        action: query.parsed(
            "action",
            "an action such as job.stop, or a kind such as job",
            |text| is_action(text).then(|| text.to_owned()),
        )?,
        object: query.take("object"),
        object_id: query.take("object_id"),
        since: query.parsed("since", "a time such as 2026-01-31T12:00:00Z", |text| {
            let time = DateTime::parse_from_rfc3339(text).ok()?;
            Some(time.with_timezone(&Utc))
        })?,
        before: page.place()?,
        limit: Some(page.look()),
    };
    query.end()?;
    let entries = api.open_services()?.audit.list(&filter).await?;
    answer::ok(page.of_items(
        entries,
        |entry| entry.id.to_string(),
        |entry| serde_json::to_value(entry).unwrap_or_default(),
    ))
}
