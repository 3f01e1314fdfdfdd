//! What a job left behind: `/api/sync/jobs/:id/logs` and `…/differences`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde_json::Value;

use super::Api;
use super::answer::{self, Answer};
use super::input::{PathId, Query};
use super::jobs::job_id;
use super::page::Page;
use crate::model::log::{DifferencePage, Level, LogEntry, LogFilter};

/// Lines, newest first; with `after` what came since, oldest first.
pub async fn logs(
    State(api): State<Arc<Api>>,
    PathId(id): PathId,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let id = job_id(&id)?;
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let level = query.parsed("level", &Level::WORDS.join(", "), Level::parse)?;
    let table = query.take("table");
    let after = query.number("after", 0, u64::MAX)?;
    query.end()?;
    let place = page.place()?;
    let filter = LogFilter {
        level,
        table,
        after: after.map(|after| place.unwrap_or(after)),
        before: if after.is_none() { place } else { None },
        contains: Vec::new(),
        limit: Some(page.look()),
    };
    let mut lines = api.services()?.jobs.logs(id, &filter).await?;
    let plain = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.trim_start().starts_with("text/plain"));
    if plain {
        if lines.len() > page.limit as usize {
            // One more was read than is asked for: the oldest, or with `after` the newest.
            if after.is_some() {
                lines.pop();
            } else {
                lines.remove(0);
            }
        }
        let text: String = lines
            .iter()
            .map(|line| format!("{}\n", plain_line(line)))
            .collect();
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((kind, text).into_response());
    }
    if after.is_none() {
        lines.reverse();
    }
    answer::ok(page.of_items(
        lines,
        |line| line.id.to_string(),
        |line| serde_json::to_value(line).unwrap_or_default(),
    ))
}

fn plain_line(line: &LogEntry) -> String {
    let table = line.table.as_deref().unwrap_or("-");
    format!(
        "{} {} {} {}",
        crate::model::mapping::time_text(line.time),
        line.level.as_str(),
        table.escape_debug(),
        line.message.escape_debug()
    )
}

/// Differences in the order in which they were found; `table` names a target table.
pub async fn differences(State(api): State<Arc<Api>>, PathId(id): PathId, uri: Uri) -> Answer {
    let id = job_id(&id)?;
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let table = query.take("table");
    query.end()?;
    let wanted = DifferencePage {
        table,
        after: page.place()?,
        before: None,
        limit: page.look(),
    };
    let found = api.services()?.jobs.difference_page(id, wanted).await?;
    answer::ok(page.of_items(
        found,
        |(number, _)| number.to_string(),
        |(_, difference)| serde_json::to_value(difference).unwrap_or(Value::Null),
    ))
}
