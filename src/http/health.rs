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
    /// Why not: `starting database_unavailable engine_stuck shutting_down`.
    NotReady(&'static str),
}

/// Tells at each request how things stand.
pub type Probe = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Its routes.
pub fn router(probe: Probe) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
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
