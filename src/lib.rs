//! DB-Taxi keeps local copies of remote MySQL and MariaDB tables in step with their source.
//!
//! The house has floors; a lower floor never imports a higher one (`tests/architecture.rs`):
//!
//! ```text
//!   7  cli        dashboard        http        fronts: hold no rules, never import each other
//!                     │
//!   6               system                     wires the floors below, starts and stops them
//!                     │
//!   5         services       notify             what every front can ask for; who is told outside
//!                     │
//!   4                jobs                      queue, workers, retries, leases kept alive
//!                     │
//!   3                sync                      plan, copy, compare, repair, swap
//!                     │
//!   2               store                      control database: repository, leases, checkpoints
//!                     │
//!   1   mysql      settings      logging       servers; configuration; logs
//!                     │
//!   0               model                      plain data and rules
//! ```
//!
//! Start reading with [`model`] for the words, then [`sync`] for how rows move.

pub mod cli;
pub mod dashboard;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod model;
pub mod mysql;
pub mod notify;
pub mod services;
pub mod settings;
pub mod store;
pub mod sync;
pub mod system;
