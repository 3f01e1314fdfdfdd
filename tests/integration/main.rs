//! Integration tests: the real program and library against real servers, both flavours.
//!
//! Run by `scripts/test.sh`, which starts the servers. By hand:
//!
//! ```text
//! scripts/servers.sh up /tmp/taxi-servers
//! DB_TAXI_TEST_SERVERS=/tmp/taxi-servers/servers.env cargo test --test integration
//! scripts/servers.sh down /tmp/taxi-servers
//! ```
//!
//! One module per subject, one line per module below.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod support;

mod api;
mod conflicts;
mod connect;
mod crash;
mod crew;
mod dashboard;
mod fidelity;
mod harness;
mod incremental;
mod jobs;
mod operations;
mod probe;
mod protect;
mod safety;
mod services;
mod store;
