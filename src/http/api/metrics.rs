//! `/metrics`: what the service is measured by, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::Api;
use super::answer::Answer;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers at once, whatever else is down.
pub async fn page(State(api): State<Arc<Api>>) -> Answer {
    let service = &api.service;
    let text = service.metrics.text(service.system.get()).await;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
