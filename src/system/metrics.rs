//! What the service is measured by, for Prometheus: one list of small collectors.
//!
//! Owns the reading of all sources once per scrape, the cache of what is stored, and the text. A scrape
//! never hurts: what is stored is read at most every [`FRESH`], by one scrape at a time, and not at
//! all while the control database is known to be away. Must not know: HTTP; that front adds a collector
//! of its own.

mod collectors;
mod names;
mod page;
mod seen;

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector as Encode;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

pub use self::names::{ALL, HTTP_REQUEST_SECONDS, HTTP_REQUESTS, Kind, Metric};
pub use self::page::Page;
pub use self::seen::Seen;
use super::System;
use crate::services::Gauges;

/// What is stored is read again after this long.
const FRESH: Duration = Duration::from_secs(5);
/// A scrape does not wait longer for the control database.
const PATIENCE: Duration = Duration::from_secs(2);

/// One metric, or a few that belong together.
pub trait Collector: Send + Sync {
    /// Writes what it has; `seen` is the same for all of a scrape.
    ///
    /// # Errors
    /// None but the page's own.
    fn collect(&self, seen: &Seen, page: &mut Page<'_, '_>) -> std::fmt::Result;
}

/// Every collector, and what was read last.
pub struct Metrics {
    collectors: Arc<Vec<Box<dyn Collector>>>,
    last: Mutex<Last>,
}

/// What is known of what is stored.
#[derive(Default)]
struct Last {
    /// When it was tried last.
    tried: Option<Instant>,
    /// Whether that succeeded.
    well: bool,
    gauges: Option<Arc<Gauges>>,
}

impl Metrics {
    /// Those of the system, and those of the front that serves them.
    #[must_use]
    pub fn new(of_the_front: Vec<Box<dyn Collector>>) -> Self {
        let mut collectors = collectors::all();
        collectors.extend(of_the_front);
        Self {
            collectors: Arc::new(collectors),
            last: Mutex::default(),
        }
    }

    /// The text of one scrape, in the format of OpenMetrics 1.0; `None` for a system that is not up yet.
    pub async fn text(&self, system: Option<&System>) -> String {
        let (gauges, up) = match system {
            Some(system) => self.stored(system).await,
            None => (None, false),
        };
        let scrape = Scrape {
            collectors: Arc::clone(&self.collectors),
            seen: Seen::of(system, gauges, up),
        };
        let mut registry = Registry::with_prefix(names::PREFIX);
        registry.register_collector(Box::new(scrape));
        let mut text = String::new();
        if let Err(error) = text::encode(&mut text, &registry) {
            tracing::error!(target: "db_taxi::system", "metrics could not be written: {error}");
        }
        text
    }

    /// What is stored, as it was read last, and whether the control database answers.
    async fn stored(&self, system: &System) -> (Option<Arc<Gauges>>, bool) {
        let connected = system.database().connected;
        // Whoever comes meanwhile has what the first one reads.
        let mut last = self.last.lock().await;
        let services = system.services().filter(|_| connected);
        let Some(services) = services else {
            return (last.gauges.clone(), false);
        };
        if last.tried.is_none_or(|at| at.elapsed() >= FRESH) {
            let counted = system.shared.hub.tally().names();
            let read = tokio::time::timeout(PATIENCE, services.monitoring.gauges()).await;
            last.tried = Some(Instant::now());
            last.well = false;
            match read {
                Ok(Ok(gauges)) => {
                    system.shared.hub.tally().forget(&gone(counted, &gauges));
                    last.well = true;
                    last.gauges = Some(Arc::new(gauges));
                }
                Ok(Err(error)) => {
                    tracing::debug!(target: "db_taxi::system", "gauges were not read: {error}");
                }
                Err(_) => {
                    tracing::debug!(
                        target: "db_taxi::system",
                        "gauges were not read within {} s",
                        PATIENCE.as_secs()
                    );
                }
            }
        }
        (last.gauges.clone(), last.well)
    }
}

/// What was counted before the names were read and is not among them.
fn gone(mut counted: crate::jobs::Names, stored: &Gauges) -> crate::jobs::Names {
    counted
        .configs
        .retain(|name| !stored.configs.contains_key(name));
    counted
        .connections
        .retain(|name| !stored.connections.values().any(|there| there == name));
    counted
}

/// One scrape.
struct Scrape {
    collectors: Arc<Vec<Box<dyn Collector>>>,
    seen: Seen,
}

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Encode for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let mut page = Page::new(&mut encoder);
        for collector in self.collectors.iter() {
            collector.collect(&self.seen, &mut page)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
