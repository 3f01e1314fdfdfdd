//! `/api/sync/configs`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::Api;
use super::answer::{self, Answer};
use super::input::{self, Fields, Query};
use super::page::Page;
use crate::http::problem::Problem;
use crate::model::config::{Config, ConfigSpec};
use crate::model::ids::{ConfigId, ConnectionId};
use crate::model::mapping::config_to_json;
use crate::services::Configs;

fn shown(status: StatusCode, config: &Config) -> Response {
    answer::tagged(status, config_to_json(config), config.version)
}

async fn found(configs: &Configs, id: &str) -> Result<Config, Problem> {
    let id: ConfigId = input::id("config", id)?;
    Ok(configs.get(&id.to_string()).await?)
}

/// The config, if it is the one that the client has seen.
async fn expected(
    configs: &Configs,
    id: &str,
    headers: &HeaderMap,
) -> Result<(Config, Option<u64>), Problem> {
    let version = input::if_match(headers)?;
    let config = found(configs, id).await?;
    if version.is_some_and(|version| version != config.version) {
        return Err(Problem::precondition_failed());
    }
    Ok((config, version))
}

pub async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let name = query.take("name");
    let enabled = query.flag("enabled")?;
    let connection: Option<ConnectionId> =
        query.parsed("connection_id", "the id of a connection", |t| {
            t.parse().ok()
        })?;
    query.end()?;
    let all = api.services()?.configs.list(connection).await?;
    let wanted = all.into_iter().filter(|config| {
        name.as_ref().is_none_or(|name| config.spec.name == *name)
            && enabled.is_none_or(|enabled| config.spec.enabled == enabled)
    });
    answer::ok(page.of_all(
        wanted,
        |config| config.spec.name.clone(),
        |config| config_to_json(&config),
    ))
}

pub async fn create(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Answer {
    let bytes = input::bytes(body, api.service.settings.server.max_body).await?;
    let spec: ConfigSpec = input::object(&headers, &bytes)?;
    let made = api.services()?.configs.create(spec).await?;
    let path = format!("/api/sync/configs/{}", made.id);
    Ok(answer::at(shown(StatusCode::CREATED, &made), &path))
}

pub async fn show(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Answer {
    let config = found(&api.services()?.configs, &id).await?;
    Ok(shown(StatusCode::OK, &config))
}

pub async fn replace(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = input::bytes(body, api.service.settings.server.max_body).await?;
    let spec: ConfigSpec = input::object(&headers, &bytes)?;
    let configs = api.services()?.configs;
    let (present, version) = expected(&configs, &id, &headers).await?;
    let changed = configs.update(present.id, spec, version).await?;
    Ok(shown(StatusCode::OK, &changed))
}

pub async fn remove(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let configs = api.services()?.configs;
    let (present, _) = expected(&configs, &id, &headers).await?;
    configs.delete(present.id).await?;
    answer::nothing()
}

pub async fn plan(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = input::bytes(body, api.service.settings.server.max_body).await?;
    let mut fields = Fields::of(&headers, &bytes, true)?;
    let tables = fields.texts("tables");
    fields.end()?;
    let configs = api.services()?.configs;
    let config = found(&configs, &id).await?;
    let plan = configs.plan(config.id, &tables, false).await?;
    answer::ok(answer::json(&plan)?)
}
