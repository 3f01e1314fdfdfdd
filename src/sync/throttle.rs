//! Throttles: limits on what a job does to the source and to the local server, held at batch
//! boundaries and replaceable while it runs.
//!
//! What is measured on a server (its load, its lag, a query) comes from a watcher that looks each
//! second; rates are kept by a bucket that all jobs of the process share for a server. Must not
//! know: what the work is. Called by whoever begins a piece of work.

mod bucket;
mod measure;
mod pause;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

pub use bucket::Bucket;
pub use measure::{Measure, check_lag};
pub use pause::Turn;

use crate::model::connection::Connection;
use crate::model::event::Side;
use crate::model::ids::ConnectionId;
use crate::model::throttle::{Limits, ThrottleSpec};

/// What the jobs of one process share to hold limits; clones share it.
#[derive(Clone, Default)]
pub struct Throttles {
    local: Arc<Mutex<Local>>,
    rates: Arc<Mutex<RatesOf>>,
}

/// Limits on the local server, and the throttles of the jobs that hold them.
#[derive(Default)]
struct Local {
    spec: ThrottleSpec,
    held: Vec<Weak<Throttle>>,
}

/// The rates of each source, and of the local server.
type RatesOf = HashMap<Option<ConnectionId>, Arc<Mutex<Rates>>>;

/// The buckets of one server.
#[derive(Debug, Default)]
struct Rates {
    rows: Bucket,
    bytes: Bucket,
}

impl Throttles {
    /// With these limits for the local server.
    #[must_use]
    pub fn new(local: ThrottleSpec) -> Self {
        let local = Local {
            spec: local,
            held: Vec::new(),
        };
        Self {
            local: Arc::new(Mutex::new(local)),
            rates: Arc::default(),
        }
    }

    /// The limits on the local server.
    #[must_use]
    pub fn local_spec(&self) -> ThrottleSpec {
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        local.spec.clone()
    }

    /// Puts other limits on the local server in force, also for jobs that run.
    pub fn set_local(&self, spec: ThrottleSpec) {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if local.spec == spec {
            return;
        }
        for held in local.held.iter().filter_map(Weak::upgrade) {
            held.replace(spec.clone());
        }
        local.spec = spec;
    }

    /// A job's throttle for its source.
    #[must_use]
    pub fn source(&self, connection: &Connection) -> Arc<Throttle> {
        let rates = self.rates(Some(connection.id));
        Arc::new(Throttle::new(
            Side::Source,
            connection.spec.throttle.clone(),
            rates,
        ))
    }

    /// A job's throttle for the local server.
    #[must_use]
    pub fn target(&self) -> Arc<Throttle> {
        let rates = self.rates(None);
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let throttle = Arc::new(Throttle::new(Side::Target, local.spec.clone(), rates));
        local.held.retain(|held| held.strong_count() > 0);
        local.held.push(Arc::downgrade(&throttle));
        throttle
    }

    fn rates(&self, of: Option<ConnectionId>) -> Arc<Mutex<Rates>> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rates.entry(of).or_default())
    }
}

/// The limits of one job on one server.
pub struct Throttle {
    side: Side,
    spec: watch::Sender<ThrottleSpec>,
    /// Why work pauses, as measured last.
    reason: watch::Sender<Option<String>>,
    rates: Arc<Mutex<Rates>>,
    told: Mutex<pause::Told>,
}

impl Throttle {
    fn new(side: Side, spec: ThrottleSpec, rates: Arc<Mutex<Rates>>) -> Self {
        Self {
            side,
            spec: watch::Sender::new(spec),
            reason: watch::Sender::new(None),
            rates,
            told: Mutex::default(),
        }
    }

    /// Puts other limits in force, from the next batch and the next look on.
    pub fn replace(&self, spec: ThrottleSpec) {
        self.spec.send_replace(spec);
        // What was measured held against limits that are gone.
        self.reason.send_replace(None);
    }

    /// The limits in force.
    #[must_use]
    pub fn spec(&self) -> ThrottleSpec {
        self.spec.borrow().clone()
    }

    /// The single limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.spec.borrow().limits()
    }

    /// Which server it is about.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// What was measured: `None` lets work go on.
    pub fn measured(&self, reason: Option<String>) {
        self.reason.send_if_modified(|known| {
            let changed = *known != reason;
            *known = reason;
            changed
        });
    }

    /// Counts what a piece of work moved against the rates.
    pub fn charge(&self, rows: u64, bytes: u64) {
        let limits = self.limits();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let now = std::time::Instant::now();
        rates.rows.charge(now, limits.max_rows_per_second, rows);
        rates.bytes.charge(now, limits.bytes_per_second(), bytes);
    }
}
