//! `/health`: whether the process lives, and whether it can work.
//!
//! The only routes that anybody may ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::operation::{self, Described, Operation};

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
    operation::router(operations()).with_state(probe)
}

/// What the document says of them.
pub fn described() -> Vec<Described> {
    operation::described(&operations())
}

fn operations() -> Vec<Operation<Probe>> {
    let health = |path, id, summary| {
        Operation::new("get", path, id, get(live))
            .about("health", summary)
            .open()
            .gives(200, "HealthState")
    };
    vec![
        health(
            "/health",
            "health",
            "Whether the process serves, and whether it can work",
        ),
        health(
            "/health/live",
            "health_live",
            "As /health: for a restart, 200 is enough",
        ),
        Operation::new("get", "/health/ready", "health_ready", get(ready))
            .about("health", "Whether it can work: for load balancers")
            .open()
            .gives(200, "Ready")
            .gives(503, "Ready"),
    ]
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
