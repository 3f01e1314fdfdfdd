//! The OpenAPI document: made from the list of operations and `openapi/parts.yaml`.
//!
//! Owns how an operation is written down. Must not know: what any operation does.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::operation::{Described, Given};

/// Schemas, parameters, headers and errors, as they are written by hand.
static PARTS: LazyLock<Value> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("openapi/parts.yaml")).unwrap_or_default());

/// Errors that every operation but the open ones can answer with.
const COMMON: [u16; 6] = [400, 401, 403, 429, 500, 503];

/// The OpenAPI document of these operations.
pub fn document(operations: &[Described]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths
            .entry(operation.path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), written(operation));
        }
    }
    let mut schemas = PARTS["schemas"].as_object().cloned().unwrap_or_default();
    for given in operations.iter().flat_map(|operation| &operation.answers) {
        if let Some(name) = given.schema
            && let Some(item) = name.strip_suffix("Page")
        {
            schemas.insert(name.to_owned(), page_of(item));
        }
    }
    let responses: Map<String, Value> = PARTS["errors"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, error)| (error_name(status), error_answer(error)))
        .collect();
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "DB-Taxi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Keeps local copies of remote MySQL and MariaDB tables in step with their source. \
                Every error has the body of the schema Error. Lists are pages: `next_cursor` is the `cursor` \
                of the next one, or null. Times are RFC 3339, UTC, with milliseconds; durations in are texts with \
                a unit, durations out are seconds. An unknown field or parameter is an error.",
            "license": {"name": "MIT", "identifier": "MIT"}
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of `db-taxi tokens create`, or the setting `security.api_token`. Not needed \
                    on loopback as long as there is no token. `x-scope` of an operation is the least scope: \
                    read, operate, admin."
            }},
            "parameters": PARTS["parameters"],
            "headers": PARTS["headers"],
            "responses": responses,
            "schemas": schemas
        }
    })
}

fn written(operation: &Described) -> Value {
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
    });
    let named = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    let mut parameters: Vec<Value> = Vec::new();
    if operation.path.contains("{id}") {
        parameters.push(named("id"));
    }
    parameters.extend(operation.query.iter().map(|name| named(name)));
    parameters.extend(operation.headers.iter().map(|name| named(name)));
    match operation.scope {
        None => out["security"] = json!([]),
        Some(scope) => out["x-scope"] = scope.as_str().into(),
    }
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    if let Some(body) = operation.body {
        let content: Map<String, Value> = body
            .media
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": schema(body.schema)})))
            .collect();
        out["requestBody"] = json!({"required": !body.optional, "content": content});
    }
    let mut responses: Map<String, Value> = Map::new();
    for given in &operation.answers {
        let entry = responses
            .entry(given.status.to_string())
            .or_insert_with(|| answer(operation, given));
        if let (Some(name), Value::Object(_)) = (given.schema, &entry) {
            entry["content"][given.media] = json!({"schema": schema(name)});
        }
    }
    let common: &[u16] = operation.scope.map_or(&[], |_| &COMMON);
    let mut errors: Vec<u16> = [common, &operation.errors[..]].concat();
    errors.sort_unstable();
    for status in errors {
        responses.entry(status.to_string()).or_insert_with(
            || json!({"$ref": format!("#/components/responses/{}", error_name(&status.to_string()))}),
        );
    }
    responses.sort_keys();
    out["responses"] = responses.into();
    out
}

fn answer(operation: &Described, given: &Given) -> Value {
    let description = match given.status {
        200 => operation.summary,
        201 => "It was made.",
        202 => "It was taken.",
        204 => "It is gone.",
        _ => "Not at present; the body says why.",
    };
    let mut out = json!({"description": description});
    if !given.headers.is_empty() {
        let headers: Map<String, Value> = given
            .headers
            .iter()
            .map(|name| {
                let named = json!({"$ref": format!("#/components/headers/{name}")});
                ((*name).to_owned(), named)
            })
            .collect();
        out["headers"] = headers.into();
    }
    out
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn page_of(item: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": schema(item)},
            "next_cursor": {"type": ["string", "null"]}
        }
    })
}

fn error_name(status: &str) -> String {
    format!("Error{status}")
}

fn error_answer(error: &Value) -> Value {
    let mut out = json!({
        "description": error["description"],
        "content": {"application/json": {"schema": schema("Error")}}
    });
    if let Some(name) = error["header"].as_str() {
        out["headers"] = json!({ name: {"$ref": format!("#/components/headers/{name}")} });
    }
    out
}
