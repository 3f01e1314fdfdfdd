//! Leases: who may work on what.
//!
//! A claim is one conditional UPDATE that raises the fence, alone in a short transaction, and is
//! believed only after COMMIT returned (on a cluster it may fail there). Times are the server's.
//! Rows are never deleted, so a fence only grows.

use super::previous::Recorded;
use super::transaction::{json, marks, micros, parsed, transaction, values};
use super::{Store, StoreError};
use crate::model::ids::{InstanceId, JobId};
use crate::mysql::{TableRef, Value};

pub use super::previous::PreviousHolder;

/// Leases renewed by one statement at most; who keeps leases hands over as many at a time.
pub const BATCH: usize = 100;

/// What a lease is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A job: its queue entry and its states.
    Job(JobId),
    /// A target table: its plan, definition and swap.
    Table(TableRef),
    /// The schedules: who starts configs that are due.
    Scheduler,
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
        let key = self.resource_text(resource);
        let store = self.for_leases();
        let held = store
            .rows(
                "SELECT holder_instance_id IS NOT NULL AND expires_at > UTC_TIMESTAMP(3) AS held \
                 FROM sync_leases WHERE resource = ?",
                values![key.as_str()],
            )
            .await?;
        match held.first() {
            // Spares a write where nothing can be won; the UPDATE below is what decides.
            Some(row) if row.bool("held")? => return Ok(None),
            Some(_) => {}
            None => {
                store
                    .exec(
                        "INSERT IGNORE INTO sync_leases (resource, fence, expires_at) \
                     VALUES (?, 0, UTC_TIMESTAMP(3))",
                        values![key.as_str()],
                    )
                    .await?;
            }
        }
        let row = transaction!(store, |session| {
            // Assigned from left to right: `previous` sees the old holder.
            let claimed = session
                    .exec(
                        "UPDATE sync_leases SET previous = IF(holder_instance_id IS NULL, NULL, \
                         CONCAT_WS('\\n', previous, CONCAT_WS(' ', holder_instance_id, connections))), \
                         connections = NULL, holder_instance_id = ?, fence = fence + 1, \
                         renewals = renewals + 1, \
                         expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
                         WHERE resource = ? \
                         AND (holder_instance_id IS NULL OR expires_at <= UTC_TIMESTAMP(3))",
                        values![holder.to_string(), micros(self.lease_ttl()), key.as_str()],
                    )
                    .await?;
            if claimed.affected != 1 {
                return Ok(None);
            }
            // Whatever became of the UPDATE: what is not ours now was not won.
            let sql = "SELECT fence, previous FROM sync_leases \
                       WHERE resource = ? AND holder_instance_id = ?";
            Ok(session
                .exec_rows(sql, values![key.as_str(), holder.to_string()])
                .await?
                .into_iter()
                .next())
        })?;
        let Some(row) = row else { return Ok(None) };
        let lease = Lease {
            resource: resource.clone(),
            holder,
            fence: row.u64("fence")?,
        };
        let previous = row
            .opt_text("previous")?
            .as_deref()
            .map(super::previous::read)
            .transpose()?;
        Ok(Some((lease, previous)))
    }

    /// Renews leases; `false` for each that was lost.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn renew(&self, leases: &[Lease]) -> Result<Vec<bool>, StoreError> {
        let mut held = Vec::with_capacity(leases.len());
        for batch in leases.chunks(BATCH) {
            held.extend(self.renew_batch(batch).await?);
        }
        Ok(held)
    }

    async fn renew_batch(&self, leases: &[Lease]) -> Result<Vec<bool>, StoreError> {
        let store = self.for_leases();
        let keys: Vec<String> = leases
            .iter()
            .map(|l| self.resource_text(&l.resource))
            .collect();
        let mut params = values![micros(self.lease_ttl())];
        params.extend(keys.iter().map(Value::from));
        for (lease, key) in leases.iter().zip(&keys) {
            params.extend(values![key, lease.holder.to_string(), lease.fence]);
        }
        let ours = vec!["(resource = ? AND holder_instance_id = ? AND fence = ?)"; leases.len()];
        let renewed = store
            .exec(
                &format!(
                    "UPDATE sync_leases SET renewals = renewals + 1, \
                     expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
                     WHERE resource IN ({}) AND ({})",
                    marks(keys.len()),
                    ours.join(" OR ")
                ),
                params,
            )
            .await?;
        if usize::try_from(renewed.affected).is_ok_and(|n| n == leases.len()) {
            return Ok(vec![true; leases.len()]);
        }
        let sql = format!(
            "SELECT resource, holder_instance_id, fence FROM sync_leases WHERE resource IN ({})",
            marks(keys.len())
        );
        let rows = store
            .rows(&sql, keys.iter().map(Value::from).collect())
            .await?;
        let mut now = std::collections::HashMap::new();
        for row in &rows {
            let holder = row.opt_text("holder_instance_id")?;
            now.insert(row.text("resource")?, (holder, row.u64("fence")?));
        }
        Ok(leases
            .iter()
            .zip(&keys)
            .map(|(lease, key)| {
                now.get(key) == Some(&(Some(lease.holder.to_string()), lease.fence))
            })
            .collect())
    }

    /// Gives a lease up, after all work under it has ended.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.exec(
            "UPDATE sync_leases SET holder_instance_id = NULL, connections = NULL, \
             previous = NULL, expires_at = UTC_TIMESTAMP(3) \
             WHERE resource = ? AND holder_instance_id = ? AND fence = ?",
            values![
                self.resource_text(&lease.resource),
                lease.holder.to_string(),
                lease.fence
            ],
        )
        .await?;
        Ok(())
    }

    /// Records the connections on the local server that work under a lease, in place of those
    /// recorded before.
    ///
    /// # Errors
    /// `LeaseLost` when somebody else holds it.
    pub async fn record_connections(&self, lease: &Lease, ids: &[u32]) -> Result<(), StoreError> {
        let recorded = Recorded {
            server_started: self.server_start().await?,
            ids: ids.to_vec(),
        };
        let done = self
            .exec(
                "UPDATE sync_leases SET connections = ?, renewals = renewals + 1 \
                 WHERE resource = ? AND holder_instance_id = ? AND fence = ?",
                values![
                    json(&recorded)?,
                    self.resource_text(&lease.resource),
                    lease.holder.to_string(),
                    lease.fence
                ],
            )
            .await?;
        if done.affected == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost)
        }
    }

    /// The connections that were recorded under a lease since it was claimed; `None` before the
    /// first.
    ///
    /// # Errors
    /// `LeaseLost` when somebody else holds it.
    pub async fn recorded_connections(
        &self,
        lease: &Lease,
    ) -> Result<Option<PreviousHolder>, StoreError> {
        let rows = self
            .rows(
                "SELECT connections FROM sync_leases \
                 WHERE resource = ? AND holder_instance_id = ? AND fence = ?",
                values![
                    self.resource_text(&lease.resource),
                    lease.holder.to_string(),
                    lease.fence
                ],
            )
            .await?;
        let row = rows.first().ok_or(StoreError::LeaseLost)?;
        let Some(text) = row.opt_text("connections")? else {
            return Ok(None);
        };
        let recorded: Recorded = parsed(&text, "sync_leases.connections")?;
        Ok(Some(PreviousHolder {
            holder: lease.holder,
            connections: recorded.ids,
            server_started: recorded.server_started,
        }))
    }

    /// How a resource is written in the table. Where the server takes two spellings for one table,
    /// both are one resource. (A dot inside a name may make two resources one; then one waits.)
    pub(super) fn resource_text(&self, resource: &Resource) -> String {
        match resource {
            Resource::Job(id) => format!("job:{id}"),
            Resource::Scheduler => "scheduler".to_owned(),
            Resource::Table(table) if self.0.folds_names => {
                format!("table:{}", table.shown().to_lowercase())
            }
            Resource::Table(table) => format!("table:{}", table.shown()),
        }
    }
}
