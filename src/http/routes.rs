//! Every route of the service, and what is told where there is none.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;

use super::api;
use super::health::{self, Probe};
use super::measure;
use super::problem::Problem;
use super::service::Service;

/// The routes of a service.
pub fn of(service: &Arc<Service>) -> Router {
    let asked = Arc::clone(service);
    let probe: Probe = Arc::new(move || asked.readiness());
    let routes = complete(health::router(probe).merge(api::router(service)));
    measure::measured(routes, &service.requests)
}

/// JSON errors for all that is no route.
pub fn complete(router: Router) -> Router {
    router
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route does not take that method",
            )
        })
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
        })
}
