//! The REST API: what is under `/api`, told as JSON.
//!
//! Owns the shapes of requests and answers on the wire, who may ask, and which status a refusal
//! has. Holds no rule of syncing: every handler asks one of the [`crate::services`].

mod answer;
mod audit;
mod caller;
mod configs;
mod connections;
mod discovery;
mod events;
mod failures;
mod guard;
mod input;
mod jobs;
mod mappings;
mod metrics;
mod operations;
mod page;
mod records;
mod status;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::middleware;
use serde_json::Value;

use self::guard::Guard;
use super::operation::{self, Described, Operation};
use super::problem::Problem;
use super::service::Service;
use crate::services::Services;

/// What every handler has.
pub struct Api {
    service: Arc<Service>,
    guard: Guard,
    /// The OpenAPI document.
    document: Value,
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
        let services = system
            .and_then(crate::system::System::services)
            .ok_or_else(Problem::no_database)?;
        Ok(match caller::actor() {
            Some(actor) => services.by(&actor),
            None => services,
        })
    }
}

impl Api {
    /// The bytes of a body of at most `server.max_body`.
    ///
    /// # Errors
    /// As [`input::bytes`].
    async fn bytes(&self, body: Body) -> Result<Bytes, Problem> {
        self.bytes_of_more(body, 1).await
    }

    /// The same where a body may be so many times as large.
    ///
    /// # Errors
    /// As [`input::bytes`].
    async fn bytes_of_more(&self, body: Body, times: u64) -> Result<Bytes, Problem> {
        input::bytes(body, self.service.settings.server.max_body * times).await
    }
}

/// What the document says of the operations here.
pub fn described() -> Vec<Described> {
    operation::described(&operations())
}

fn operations() -> Vec<Operation<Arc<Api>>> {
    operations::all()
        .into_iter()
        .map(|operation| {
            let (method, path) = operation.asked();
            operation.needs(caller::needed(&method, Some(path)))
        })
        .collect()
}

/// What handlers and guard of a service share; `document` is `/openapi.json`.
pub fn shared(service: &Arc<Service>, document: Value) -> Arc<Api> {
    Arc::new(Api {
        guard: Guard::new(service),
        service: Arc::clone(service),
        document,
    })
}

/// Lets only those in who may come, whatever the route, and if there is none.
pub fn guarded(router: Router, api: &Arc<Api>) -> Router {
    router.layer(middleware::from_fn_with_state(
        Arc::clone(api),
        guard::check,
    ))
}

/// Every operation under `/api`, `/metrics` and `/openapi.json`.
pub fn router(api: &Arc<Api>) -> Router {
    operation::router(operations()).with_state(Arc::clone(api))
}

/// What an instance without the role `api` serves beside its health.
pub fn metrics_alone(api: &Arc<Api>) -> Router {
    let mut served = operations();
    served.retain(|operation| operation.asked().1 == operations::METRICS_PATH);
    operation::router(served).with_state(Arc::clone(api))
}
