//! The REST API: what is under `/api`, told as JSON.
//!
//! Owns the shapes of requests and answers on the wire, who may ask, and which status a refusal
//! has. Holds no rule of syncing: every handler asks one of the [`crate::services`].

mod answer;
mod caller;
mod configs;
mod connections;
mod discovery;
mod events;
mod guard;
mod input;
mod jobs;
mod mappings;
mod metrics;
mod page;
mod records;
mod status;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};

use self::guard::Guard;
use super::problem::Problem;
use super::service::Service;
use crate::services::Services;

/// What every handler has.
pub struct Api {
    service: Arc<Service>,
    guard: Guard,
}

impl Api {
    /// The services, for a route under `/api/sync`.
    ///
    /// # Errors
    /// When the control database has never answered, syncing is switched off, or the service stops.
    fn services(&self) -> Result<Services, Problem> {
        if !self.service.settings.sync.enabled {
            return Err(Problem::sync_disabled());
        }
        self.open_services()
    }

    /// The services, whether syncing is switched on or off.
    fn open_services(&self) -> Result<Services, Problem> {
        if self.service.stopping.load(Ordering::Relaxed) {
            return Err(Problem::shutting_down());
        }
        let system = self.service.system.get();
        system
            .and_then(crate::system::System::services)
            .ok_or_else(Problem::no_database)
    }
}

/// Every route under `/api`.
pub fn router(service: &Arc<Service>) -> Router {
    let api = Arc::new(Api {
        guard: Guard::new(service),
        service: Arc::clone(service),
    });
    let sync = Router::new()
        .route("/status", get(status::sync_status))
        .route("/stats", get(status::stats))
        .route("/instances", get(status::instances))
        .route("/events", get(events::all))
        .route(
            "/connections",
            get(connections::list).post(connections::create),
        )
        .route("/connections/test", post(connections::test_unsaved))
        .route(
            "/connections/{id}",
            get(connections::show)
                .put(connections::replace)
                .delete(connections::remove),
        )
        .route("/connections/{id}/test", post(connections::test))
        .route("/connections/{id}/tables", get(connections::tables))
        .route("/configs", get(configs::list).post(configs::create))
        .route(
            "/configs/{id}",
            get(configs::show)
                .put(configs::replace)
                .delete(configs::remove),
        )
        .route("/configs/{id}/plan", post(configs::plan))
        .route("/jobs", get(jobs::list).post(jobs::start))
        .route("/jobs/{id}", get(jobs::show).patch(jobs::change))
        .route("/jobs/{id}/stop", post(jobs::stop))
        .route("/jobs/{id}/pause", post(jobs::pause))
        .route("/jobs/{id}/resume", post(jobs::resume))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/jobs/{id}/undo", post(jobs::undo))
        .route("/jobs/{id}/logs", get(records::logs))
        .route("/jobs/{id}/differences", get(records::differences))
        .route("/jobs/{id}/events", get(events::of_job))
        .route("/mappings/import", post(mappings::import))
        .route("/mappings/check", post(mappings::check))
        .route("/mappings/export", get(mappings::export));
    Router::new()
        .route("/api/status", get(status::status))
        .route("/api/discovery/prometheus", get(discovery::prometheus))
        .route("/metrics", get(metrics::page))
        .nest("/api/sync", sync)
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&api),
            guard::check,
        ))
        .with_state(api)
}
