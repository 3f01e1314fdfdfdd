//! `/health`: whether the process lives, and whether it can work.
//!
//! The only routes that anybody may ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Whether the service can do what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The control database answers and the engine runs.
    Ready,
    /// Why not: `starting database_unavailable shutting_down`.
    NotReady(&'static str),
}

/// Tells at each request how things stand.
pub type Probe = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Every route, and JSON errors for all that is none.
pub fn router(probe: Probe) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .method_not_allowed_fallback(|| async {
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route does not take that method",
            )
        })
        .fallback(|| async { error(StatusCode::NOT_FOUND, "not_found", "there is no such route") })
        .with_state(probe)
}

/// 200 while the process serves, so that nobody restarts it for a database that is down.
async fn live(State(probe): State<Probe>) -> Json<Value> {
    let status = match probe() {
        Readiness::Ready => "ok",
        Readiness::NotReady(_) => "degraded",
    };
    Json(json!({"status": status}))
}

async fn ready(State(probe): State<Probe>) -> (StatusCode, Json<Value>) {
    match probe() {
        Readiness::Ready => (StatusCode::OK, Json(json!({"status": "ready"}))),
        Readiness::NotReady(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"status": "not_ready", "reason": reason})),
        ),
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> (StatusCode, Json<Value>) {
    let body = json!({"error": {"code": code, "message": message, "details": []}});
    (status, Json(body))
}
