//! How many requests there were, and how long they took.
//!
//! A request is told by the route that it matched, never by its path: whoever asks for what is not
//! there makes no new series.

use std::collections::BTreeMap;
use std::fmt::Result;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::model::histogram::Histogram;
use crate::system::metrics::{Collector, HTTP_REQUEST_SECONDS, HTTP_REQUESTS, Page, Seen};

/// Upper bounds of the seconds of a request.
const BOUNDS: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What matched no route.
const NO_ROUTE: &str = "none";

/// Requests since the process began.
#[derive(Default)]
pub struct Requests(Mutex<BTreeMap<String, OfRoute>>);

/// Requests of one route.
struct OfRoute {
    by_status: BTreeMap<u16, u64>,
    seconds: Histogram,
}

impl Requests {
    /// A request was answered.
    fn answered(&self, route: &str, status: u16, took: Duration) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            let fresh = OfRoute {
                by_status: BTreeMap::new(),
                seconds: Histogram::new(BOUNDS),
            };
            routes.insert(route.to_owned(), fresh);
        }
        if let Some(route) = routes.get_mut(route) {
            *route.by_status.entry(status).or_default() += 1;
            route.seconds.observe(took.as_secs_f64());
        }
    }
}

/// Counts every request to these routes.
pub fn measured(routes: Router, requests: &Arc<Requests>) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::clone(requests), count))
}

async fn count(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let response = next.run(request).await;
    requests.answered(route, response.status().as_u16(), began.elapsed());
    response
}

/// Exports them.
pub struct RequestCounts(pub Arc<Requests>);

impl Collector for RequestCounts {
    fn collect(&self, _: &Seen, page: &mut Page<'_, '_>) -> Result {
        let routes = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<(&str, String, u64)> = routes
            .iter()
            .flat_map(|(route, of)| {
                let by_status = of.by_status.iter();
                by_status.map(move |(status, n)| (route.as_str(), status.to_string(), *n))
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a sample is a float")]
        let counts = counts
            .iter()
            .map(|(route, status, n)| ([*route, status.as_str()], *n as f64));
        page.numbers(&HTTP_REQUESTS, counts)?;
        let seconds = routes
            .iter()
            .map(|(route, of)| ([route.as_str()], &of.seconds));
        page.histograms(&HTTP_REQUEST_SECONDS, seconds)
    }
}
