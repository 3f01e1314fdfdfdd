//! What the header tells: this process, its servers, the numbers.

use crate::model::status::{Check, DatabaseStatus, Instance, Stats};

/// This process and what it works with, as the header shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// Version of this program.
    pub version: String,
    /// Name of this instance.
    pub instance: String,
    /// The local server with the control database.
    pub database: DatabaseStatus,
    /// Numbers; `None` while the control database is down.
    pub stats: Option<Stats>,
    /// Names of the other processes that take jobs; `None` while that is not known.
    pub takers: Option<Vec<String>>,
    /// Every process that shares the control database, this one too.
    pub instances: Vec<Instance>,
    /// What was checked and is not well.
    pub checks: Vec<Check>,
}
