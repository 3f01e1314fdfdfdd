//! What one scrape sees: the same for all collectors.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::jobs::Totals;
use crate::services::Gauges;
use crate::system::System;

/// What one scrape sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// When.
    pub now: DateTime<Utc>,
    /// Whether the control database answers.
    pub database_up: bool,
    /// What is stored, as of a few seconds ago, or of when the control database last answered.
    pub stored: Option<Arc<Gauges>>,
    /// What this process has done.
    pub totals: Totals,
    /// Binary log that is not applied yet, by config that is followed here.
    pub follow_lag_bytes: Vec<(String, u64)>,
    /// Sessions: name of the pool, idle, in use.
    pub pools: Vec<Pool>,
    /// Leases that are held.
    pub leases: u64,
    /// Leases that were lost.
    pub leases_lost: u64,
}

/// Sessions on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// `control`, or the connection's name.
    pub name: String,
    /// Open or allowed, and not used.
    pub idle: u32,
    /// Used.
    pub in_use: u32,
}

impl Seen {
    /// What there is to see of a system at present.
    pub(super) fn of(
        system: Option<&System>,
        stored: Option<Arc<Gauges>>,
        database_up: bool,
    ) -> Self {
        let mut seen = Self {
            now: Utc::now(),
            database_up,
            stored,
            ..Self::default()
        };
        let Some(system) = system else { return seen };
        let hub = &system.shared.hub;
        seen.totals = hub.tally().totals();
        if let Some(stored) = &seen.stored {
            // From 0 on: a counter that appears with its first step hides that step.
            let enabled = stored.configs.iter().filter(|(_, config)| config.enabled);
            for (name, _) in enabled {
                seen.totals.configs.entry(name.clone()).or_default();
            }
            for name in stored.connections.values() {
                seen.totals.throttled.entry(name.clone()).or_default();
            }
        }
        seen.follow_lag_bytes = hub
            .active()
            .into_iter()
            .filter_map(|job| Some((job.config, job.progress.lag?.bytes)))
            .collect();
        let state = system.shared.lock();
        let Some(open) = &state.open else { return seen };
        let control = open.store.pool().status();
        seen.pools.push(Pool {
            name: "control".to_owned(),
            idle: control.idle,
            in_use: control.in_use,
        });
        if let Some(stored) = &seen.stored {
            let mut sources: Vec<Pool> = open
                .servers
                .sessions()
                .into_iter()
                .filter_map(|(id, in_use, idle)| {
                    let name = stored.connections.get(&id)?.clone();
                    Some(Pool { name, idle, in_use })
                })
                // A connection of this name would hide the control database's.
                .filter(|pool| pool.name != "control")
                .collect();
            sources.sort_by(|a, b| a.name.cmp(&b.name));
            seen.pools.extend(sources);
        }
        (seen.leases, seen.leases_lost) = open
            .engine
            .as_ref()
            .map_or((0, 0), |engine| engine.leases());
        seen
    }
}
