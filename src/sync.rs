//! The sync engine: plans, copies, compares, repairs and swaps tables.
//!
//! Owns the protocol by which rows move without being lost, doubled, half seen, or written by two.
//! Must not know: queues, retries, schedules, fronts. Called by `jobs` (runs) and `services` (plans).
//! Uses `store` for checkpoints and fences, `mysql` for everything that talks to a server.

pub mod ahead;
pub mod apply;
pub mod bound;
pub mod chunk;
pub mod claim;
pub mod closing;
mod commit;
pub mod compare;
pub mod context;
pub mod copy;
pub mod course;
pub mod ddl;
pub mod deletes;
pub mod equal;
pub mod error;
pub mod exact;
pub mod fencing;
pub mod few;
pub mod full;
pub mod guard;
pub mod history;
pub mod hooks;
pub mod in_place;
pub mod key;
pub mod link;
pub mod load;
pub mod meter;
pub mod moved;
pub mod order;
pub mod orphans;
pub mod place;
pub mod preview;
pub mod quarantine;
pub mod repair;
pub mod report;
pub mod rules;
pub mod run;
pub mod script;
pub mod servers;
pub mod shared;
pub mod snapshot;
pub mod stop;
pub mod survey;
pub mod swap;
pub mod table;
pub mod takeover;
pub mod telling;
pub mod throttle;
pub mod undo;
pub mod verify;
pub mod walk;
pub mod watch;
pub mod watermark;
pub mod workers;

pub use context::{JobContext, TableLease, TableOutcome, TableTask};
pub use error::SyncError;
pub use history::Expected;
pub use meter::{TableMeter, TableObserver};
pub use moved::{MovedSoFar, SPANS};
pub use preview::preview_rule;
pub use run::JobRun;
pub use stop::StopSignal;
pub use throttle::Throttles;
pub use undo::UndoRun;
