//! Leases: who may work on what.

use super::{Store, StoreError, stub};
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

impl Store {
    /// Claims a resource. `None`: somebody living holds it. The previous holder is given when it
    /// did not release the lease: its connections are to be killed before any work.
    ///
    /// # Errors
    /// When the control database does not answer; whether the claim happened is then not known, and
    /// it counts as not.
    pub async fn claim(
        &self,
        resource: &Resource,
        holder: InstanceId,
    ) -> Result<Option<(Lease, Option<PreviousHolder>)>, StoreError> {
        let _ = (resource, holder);
        Err(stub())
    }

    /// Renews leases; `false` for each that was lost.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn renew(&self, leases: &[Lease]) -> Result<Vec<bool>, StoreError> {
        let _ = leases;
        Err(stub())
    }

    /// Gives a lease up, after all work under it has ended.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let _ = lease;
        Err(stub())
    }

    /// Records the connections on the local server that work under a lease, in place of those
    /// recorded before.
    ///
    /// # Errors
    /// `LeaseLost` when somebody else holds it.
    pub async fn record_connections(&self, lease: &Lease, ids: &[u32]) -> Result<(), StoreError> {
        let _ = (lease, ids);
        Err(stub())
    }

    /// Kills the connections of a previous holder that are still there, and waits until they are
    /// gone. Returns how many there were.
    ///
    /// # Errors
    /// When the control database does not answer, or one does not end.
    pub async fn kill_previous(&self, previous: &PreviousHolder) -> Result<u32, StoreError> {
        let _ = previous;
        Err(stub())
    }
}
