//! Starts that happen once, however often they are asked for.

use super::Jobs;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::job::{Job, JobRequest};
use crate::model::token::TokenHash;
use crate::services::refusal::{conflict, invalid, refuse};
use crate::store::idempotency::{Once, USED};

/// Where the key is given.
const FIELD: &str = "Idempotency-Key";
/// Most characters of a key.
const LONGEST: usize = 255;

impl Jobs {
    /// Starts a job, or finds the one that the caller started by the same key and the same request
    /// within 24 hours. A start that was refused leaves no key behind.
    ///
    /// # Errors
    /// As [`Jobs::start`]; `Invalid` for a key that is none or was used for another request;
    /// `Conflict` `invalid_state` when its job has been removed.
    pub async fn start_once(
        &self,
        config: &str,
        request: JobRequest,
        key: &str,
    ) -> Result<Job, Refusal> {
        let is_good = !key.is_empty()
            && key.len() <= LONGEST
            && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_good {
            return Err(invalid(Finding::new(
                FIELD,
                format!("a key has 1 to {LONGEST} printable ASCII characters"),
            )));
        }
        let actor = request.requested_by.clone();
        let asked = fingerprint(config, &request);
        let once = Once {
            actor: &actor,
            key,
            asked: &asked,
        };
        if let Some(job) = self.started(&once).await? {
            return Ok(job);
        }
        let started = match self.create(config, request, None, Some(&once)).await {
            // Somebody came first by a moment.
            Err(Refusal::Conflict { code: USED, .. }) => self
                .started(&once)
                .await?
                .ok_or_else(|| conflict("invalid_state", "the key was used a moment ago")),
            other => other,
        };
        // Who adds a key clears old ones away, so the table does not grow.
        if let Err(error) = self.0.store.sweep_keys().await {
            tracing::debug!("old idempotency keys were not removed: {error}");
        }
        started
    }

    async fn started(&self, once: &Once<'_>) -> Result<Option<Job>, Refusal> {
        let Some(found) = self.0.store.started_once(once).await.map_err(refuse)? else {
            return Ok(None);
        };
        if found.asked != once.asked {
            return Err(invalid(
                Finding::new(FIELD, "this key was used for another request")
                    .remedy("give each start a key of its own"),
            ));
        }
        match self.by_id(found.job).await {
            Err(Refusal::NotFound { .. }) => Err(conflict(
                "invalid_state",
                format!(
                    "the job {} that this key started has been removed",
                    found.job
                ),
            )),
            other => other.map(Some),
        }
    }
}

/// The same for two requests that ask for the same.
fn fingerprint(config: &str, request: &JobRequest) -> String {
    let asked = serde_json::to_string(&(config, request)).unwrap_or_default();
    TokenHash::of(&asked).to_hex()
}
