//! `/api/sync/configs`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;

use super::Api;
use super::answer::{self, Answer};
use super::input::{self, Fields, IfMatch, PathId, Query};
use super::page::Page;
use crate::http::problem::Problem;
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::finding::Finding;
use crate::model::ids::{ConfigId, ConnectionId};
use crate::model::mapping::config_to_json;
use crate::services::{Configs, Services};

fn shown(status: StatusCode, config: &Config) -> Response {
    answer::tagged(status, config_to_json(config), config.version)
}

async fn found(configs: &Configs, id: &str) -> Result<Config, Problem> {
    let id: ConfigId = input::id("config", id)?;
    Ok(configs.get(&id.to_string()).await?)
}

/// The config, if it is the one that the client has seen, and its version where that matters.
async fn expected(
    configs: &Configs,
    id: &str,
    headers: &HeaderMap,
) -> Result<(Config, Option<u64>), Problem> {
    let wanted = IfMatch::of(headers);
    let config = found(configs, id).await?;
    let version = wanted.version(config.version)?;
    Ok((config, version))
}

/// A body may hold both `connection_id` and `connection`, as answers do, if they name the same one.
async fn refuse_two_connections(
    services: &Services,
    bytes: &Bytes,
    spec: &ConfigSpec,
) -> Result<(), Problem> {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let Some(id) = body["connection_id"].as_str() else {
        return match &body["connection_id"] {
            Value::Null => Ok(()),
            _ => Err(wrong_id("connection_id must be the id of a connection")),
        };
    };
    let id: ConnectionId = id
        .parse()
        .map_err(|_| wrong_id("connection_id must be the id of a connection"))?;
    match services.connections.get(&id.to_string()).await {
        Ok(named) if body["connection"].is_null() || named.spec.name == spec.connection => Ok(()),
        Ok(named) => Err(wrong_id(&format!(
            "connection_id is that of {}, connection is {}: give one of the two",
            named.spec.name, spec.connection
        ))),
        Err(Refusal::NotFound { .. }) => Err(wrong_id("there is no connection with this id")),
        Err(other) => Err(other.into()),
    }
}

fn wrong_id(message: &str) -> Problem {
    Problem::invalid(vec![Finding::new("connection_id", message)])
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
    let bytes = api.bytes(body).await?;
    let spec: ConfigSpec = input::object(&headers, &bytes)?;
    let services = api.services()?;
    refuse_two_connections(&services, &bytes, &spec).await?;
    let made = services.configs.create(spec).await?;
    let path = format!("/api/sync/configs/{}", made.id);
    Ok(answer::at(shown(StatusCode::CREATED, &made), &path))
}

pub async fn show(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let config = found(&api.services()?.configs, &id).await?;
    Ok(shown(StatusCode::OK, &config))
}

pub async fn replace(
    State(api): State<Arc<Api>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = api.bytes(body).await?;
    let spec: ConfigSpec = input::object(&headers, &bytes)?;
    let services = api.services()?;
    let configs = &services.configs;
    let (present, version) = expected(configs, &id, &headers).await?;
    refuse_two_connections(&services, &bytes, &spec).await?;
    let changed = configs.update(present.id, spec, version).await?;
    Ok(shown(StatusCode::OK, &changed))
}

pub async fn remove(State(api): State<Arc<Api>>, PathId(id): PathId, headers: HeaderMap) -> Answer {
    let configs = api.services()?.configs;
    let (present, version) = expected(&configs, &id, &headers).await?;
    configs.delete_if(present.id, version).await?;
    answer::nothing()
}

pub async fn plan(
    State(api): State<Arc<Api>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = api.bytes(body).await?;
    let mut fields = Fields::of(&headers, &bytes, true)?;
    let tables = fields.texts("tables");
    fields.end()?;
    let configs = api.services()?.configs;
    let config = found(&configs, &id).await?;
    let plan = configs.plan(config.id, &tables, false).await?;
    answer::ok(answer::json(&plan)?)
}
