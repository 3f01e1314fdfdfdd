//! Where deleted rows are kept.

use std::time::Duration;

use crate::mysql::{Ident, TableRef};

/// Where the rows go that one run of one table deletes.
#[derive(Debug)]
pub struct Quarantine {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) table: TableRef,
    pub(super) columns: Vec<Ident>,
    pub(super) keep: Duration,
}
