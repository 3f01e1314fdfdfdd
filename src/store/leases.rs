//! Leases: who may work on what.

use crate::model::ids::{InstanceId, JobId};
use crate::mysql::TableRef;

/// What a lease is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A job: its queue entry and its states.
    Job(JobId),
    /// A target table: its plan, definition and swap.
    Table(TableRef),
}

/// A lease that was held when it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is about.
    pub resource: Resource,
    /// Who holds it.
    pub holder: InstanceId,
    /// Grows with each claim of the resource.
    pub fence: u64,
}

/// Who held a lease before it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousHolder {
    /// The instance.
    pub holder: InstanceId,
    /// Ids of its connections on the local server.
    pub connections: Vec<u32>,
    /// Start of the local server when they were recorded; ids mean nothing after a restart.
    pub server_started: String,
}
