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

mod backoff;
mod board;
mod cell;
mod claimed;
mod core;
mod elsewhere;
mod engine;
mod events;
mod gauge;
mod housekeeping;
mod journal;
mod leases;
mod ledger;
mod live;
mod masks;
mod notes;
mod options;
mod outcome;
mod pulse;
mod queue;
mod rates;
mod reporter;
mod run;
mod runner;
mod scheduler;
mod shared;
mod slots;
mod spans;
mod standing;
mod stop;
mod table;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use elsewhere::Elsewhere;
pub use engine::Engine;
pub use events::{EventHub, EventStream};
pub use masks::with_masks;
pub use options::{Endpoints, EngineOptions, QueueMode, StopHow, Tuning};
pub use tally::{Dropped, Names, OfConfig, Tally, Totals};
