//! Stored secrets as a whole: another key for all of them.

use std::sync::Arc;

use super::ServicesOptions;
use super::refusal::refuse;
use crate::model::command::Refusal;
pub use crate::store::{Rekeyed, backup_advice};

/// Stored secrets.
#[derive(Clone)]
pub struct Secrets(pub(super) Arc<ServicesOptions>);

impl Secrets {
    /// Changes the key that seals stored secrets; see [`crate::store::Store::rekey`].
    ///
    /// # Errors
    /// When the key file can't be replaced, or its keys don't open what is stored.
    pub async fn rekey(&self, only_stage: bool) -> Result<Option<Rekeyed>, Refusal> {
        self.0.store.rekey(only_stage).await.map_err(refuse)
    }
}
