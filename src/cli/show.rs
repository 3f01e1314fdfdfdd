//! Objects as text: jobs, plans, connections, configs, reports, status.
//!
//! Pure: takes what the services gave, returns lines. `output` writes them.

pub mod connection;
pub mod difference;
pub mod instance;
pub mod job;
pub mod plan;
pub mod status;
