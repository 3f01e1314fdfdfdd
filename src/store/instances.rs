//! Instances and statistics.

use super::{Store, StoreError, stub};
use crate::model::ids::{InstanceId, JobId};
use crate::model::status::{Instance, Stats};

impl Store {
    /// Enters this process; its name gets a number where a living instance has it. Returns the
    /// instance as stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn register_instance(&self, instance: &Instance) -> Result<Instance, StoreError> {
        let _ = instance;
        Err(stub())
    }

    /// Says that an instance lives and what it works on.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn heartbeat(&self, id: InstanceId, jobs: &[JobId]) -> Result<(), StoreError> {
        let _ = (id, jobs);
        Err(stub())
    }

    /// Says that an instance ended in order.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn stop_instance(&self, id: InstanceId) -> Result<(), StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Instances: the living first, then those seen last.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_instances(&self) -> Result<Vec<Instance>, StoreError> {
        Err(stub())
    }

    /// Statistics over everything that is stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        Err(stub())
    }
}
