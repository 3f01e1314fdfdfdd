//! Stand-ins for the control database and for the work, for tests of the engine's rules.

mod ledger;
mod work;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

pub use ledger::FakeLedger;
pub use work::{FakeWork, Step, transient};

use super::core::{Limits, Setup};
use super::engine::Engine;
use super::events::EventHub;
use crate::model::cron::Zone;
use crate::model::ids::InstanceId;
use crate::model::status::{Instance, InstanceState};

/// How long a lease lasts in tests.
pub const TTL: Duration = Duration::from_secs(15);

/// The parts of an engine with limits that no test reaches by chance.
pub fn setup() -> Setup {
    Setup {
        description: Instance {
            name: "here".to_owned(),
            id: InstanceId::generate(),
            version: "0".to_owned(),
            roles: Vec::new(),
            labels: Vec::new(),
            address: None,
            state: InstanceState::Alive,
            started_at: Utc::now(),
            seen_at: Utc::now(),
            jobs: Vec::new(),
        },
        limits: Limits {
            retry_attempts: 3,
            retry_delay: Duration::from_secs(1),
            job_timeout: Duration::ZERO,
            stop_timeout: Duration::from_secs(30),
            cleanup_age: Duration::from_hours(1),
            batch_size: 1000,
            timezone: Zone::UTC,
            waits_for_source: true,
        },
        max_concurrency: 5,
        lease_ttl: TTL,
        hub: EventHub::default(),
        schedules: None,
    }
}

/// An engine over fakes.
pub fn engine(setup: Setup, ledger: &Arc<FakeLedger>, work: &Arc<FakeWork>) -> Arc<Engine> {
    let ledger: Arc<FakeLedger> = Arc::clone(ledger);
    let work: Arc<FakeWork> = Arc::clone(work);
    Engine::over(setup, ledger, work)
}
