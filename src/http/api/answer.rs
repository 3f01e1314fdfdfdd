//! Answers that are no errors.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::http::problem::RETRY_AFTER;

/// What a handler gives.
pub type Answer = Result<Response, crate::http::problem::Problem>;

/// 200 with a body.
pub fn ok(body: Value) -> Answer {
    Ok(Json(body).into_response())
}

/// 200, or 503 with the same body as long as it is not `well`.
pub fn at_present(well: bool, body: Value) -> Response {
    if well {
        return Json(body).into_response();
    }
    let head = [(header::RETRY_AFTER, RETRY_AFTER)];
    (StatusCode::SERVICE_UNAVAILABLE, head, Json(body)).into_response()
}

/// An object with its version as `ETag`.
pub fn tagged(status: StatusCode, body: Value, version: u64) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The same where a new object was made at `path`.
pub fn at(mut response: Response, path: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// 204.
pub fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Something that serde can write.
pub fn json<T: serde::Serialize>(body: &T) -> Result<Value, crate::http::problem::Problem> {
    serde_json::to_value(body).map_err(|error| {
        crate::model::command::Refusal::Internal(format!("can't write JSON: {error}")).into()
    })
}
