//! The audit log: who changed what. It is written where changes are stored, in their transaction.

use std::sync::Arc;

use super::ServicesOptions;
use super::refusal::{invalid, refuse};
use crate::model::audit::{Action, AuditEntry, AuditFilter, is_action};
use crate::model::command::Refusal;
use crate::model::finding::Finding;

/// Who changed what.
#[derive(Clone)]
pub struct Audit(pub(super) Arc<ServicesOptions>);

impl Audit {
    /// Entries that fit `filter`, newest first.
    ///
    /// # Errors
    /// `Invalid` for an action that there is not; when the control database does not answer.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Refusal> {
        if let Some(action) = filter.action.as_deref().filter(|word| !is_action(word)) {
            return Err(invalid(
                Finding::new("action", format!("there is no action {action:?}")).remedy(format!(
                    "one of {}, or a kind of them such as job",
                    Action::WORDS.join(", ")
                )),
            ));
        }
        self.0.store.list_audit(filter).await.map_err(refuse)
    }
}
