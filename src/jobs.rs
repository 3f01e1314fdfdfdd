//! The job engine: queue, concurrency, retries, time-outs, leases kept alive, events.
//!
//! Owns when a job runs, how often a table is tried, in which state a job ends, and who hears of
//! it. Must not know: how rows move (`sync` does), what the control database looks like (`store`
//! does), settings, fronts. Called by `services` (queueing, stopping) and `system` (start, stop).
//!
//! One job, from the queue to its end:
//!
//! ```text
//!   queue ── claims the job's lease, a slot ──► run ── one task per table ──► table ── sync
//!                                                │                              │
//!                                   reporter: numbers, wishes          notes: what happened
//!                                                │                              │
//!                                                └───────► store, then events ◄─┘
//! ```

pub mod backoff;
mod engine;
mod events;
mod options;
pub mod outcome;
pub mod rates;

pub use engine::Engine;
pub use events::{EventHub, EventStream};
pub use options::{Endpoints, EngineOptions, QueueMode, StopHow};
