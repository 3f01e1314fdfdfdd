//! `/api/sync/connections`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::Api;
use super::answer::{self, Answer};
use super::caller::Caller;
use super::input::{self, IfMatch, PathId, Query};
use super::page::Page;
use crate::http::problem::Problem;
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::ids::ConnectionId;
use crate::model::mapping::connection_to_json;
use crate::model::token::Scope;
use crate::services::Connections;

fn shown(status: StatusCode, connection: &Connection) -> Response {
    answer::tagged(status, connection_to_json(connection), connection.version)
}

async fn found(connections: &Connections, id: &str) -> Result<Connection, Problem> {
    let id: ConnectionId = input::id("connection", id)?;
    Ok(connections.get(&id.to_string()).await?)
}

/// The connection, if it is the one that the client has seen, and its version where that matters.
async fn expected(
    connections: &Connections,
    id: &str,
    headers: &HeaderMap,
) -> Result<(Connection, Option<u64>), Problem> {
    let wanted = IfMatch::of(headers);
    let connection = found(connections, id).await?;
    let version = wanted.version(connection.version)?;
    Ok((connection, version))
}

/// Files and variables of the service are for those who administer it.
fn refuse_foreign_secrets(spec: &ConnectionSpec, caller: &Caller) -> Result<(), Problem> {
    let reference = spec
        .password
        .as_ref()
        .is_some_and(|p| p.reference().is_some());
    let files = [&spec.ssl.ca, &spec.ssl.cert, &spec.ssl.key];
    if caller.scope < Scope::Admin && (reference || files.iter().any(|file| file.is_some())) {
        return Err(Problem::forbidden(
            "a password by reference and files of the service need a token with the scope admin",
        ));
    }
    Ok(())
}

pub async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    let name = query.take("name");
    query.end()?;
    let all = api.services()?.connections.list().await?;
    let wanted = all
        .into_iter()
        .filter(|c| name.as_ref().is_none_or(|name| c.spec.name == *name));
    answer::ok(page.of_all(wanted, |c| c.spec.name.clone(), |c| connection_to_json(&c)))
}

pub async fn create(State(api): State<Arc<Api>>, headers: HeaderMap, body: Body) -> Answer {
    let bytes = api.bytes(body).await?;
    let spec: ConnectionSpec = input::object(&headers, &bytes)?;
    let made = api.services()?.connections.create(spec).await?;
    let path = format!("/api/sync/connections/{}", made.id);
    Ok(answer::at(shown(StatusCode::CREATED, &made), &path))
}

pub async fn show(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let connection = found(&api.services()?.connections, &id).await?;
    Ok(shown(StatusCode::OK, &connection))
}

pub async fn replace(
    State(api): State<Arc<Api>>,
    PathId(id): PathId,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = api.bytes(body).await?;
    let spec: ConnectionSpec = input::object(&headers, &bytes)?;
    let connections = api.services()?.connections;
    let (present, version) = expected(&connections, &id, &headers).await?;
    let changed = connections.update(present.id, spec, version).await?;
    Ok(shown(StatusCode::OK, &changed))
}

pub async fn remove(State(api): State<Arc<Api>>, PathId(id): PathId, headers: HeaderMap) -> Answer {
    let connections = api.services()?.connections;
    let (present, version) = expected(&connections, &id, &headers).await?;
    connections.delete_if(present.id, version).await?;
    answer::nothing()
}

pub async fn test(State(api): State<Arc<Api>>, PathId(id): PathId) -> Answer {
    let connections = api.services()?.connections;
    let connection = found(&connections, &id).await?;
    answer::ok(answer::json(&connections.test(connection.id).await?)?)
}

pub async fn test_unsaved(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let bytes = api.bytes(body).await?;
    let spec: ConnectionSpec = input::object(&headers, &bytes)?;
    refuse_foreign_secrets(&spec, &caller)?;
    let report = api.services()?.connections.test_spec(&spec, None).await?;
    answer::ok(answer::json(&report)?)
}

pub async fn tables(State(api): State<Arc<Api>>, PathId(id): PathId, uri: Uri) -> Answer {
    let mut query = Query::of(&uri)?;
    let page = Page::of(&mut query)?;
    query.end()?;
    let connections = api.services()?.connections;
    let connection = found(&connections, &id).await?;
    let mut tables = connections.tables(connection.id).await?;
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    answer::ok(page.of_all(
        tables.into_iter(),
        |table| table.name.clone(),
        |table| serde_json::to_value(table).unwrap_or_default(),
    ))
}
