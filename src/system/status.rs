//! The status of a process that stays, told in bounded time whatever is away.

use std::time::Duration;

use chrono::Utc;

use super::System;
use super::retry::LOOK;
use crate::model::status::Status;

/// The control database answers all checks within this, or counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

impl System {
    /// Status of this process and what it works with. Nothing is asked of a control database that is
    /// known to be away.
    pub async fn status(&self) -> Status {
        let mut known = self.database();
        let services = self.services().filter(|_| known.connected);
        let Some(services) = services else {
            return self.status_without_services();
        };
        if let Ok(Ok(mut status)) =
            tokio::time::timeout(PATIENCE, services.monitoring.status()).await
        {
            if !status.database.connected {
                status.database.retry_at = Some(Utc::now() + LOOK);
            }
            return status;
        }
        known.connected = false;
        known.error = Some(format!("no answer within {} s", PATIENCE.as_secs()));
        known.retry_at = Some(Utc::now() + LOOK);
        crate::services::status_without_database(&self.shared.facts, known)
    }
}
