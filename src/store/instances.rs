//! Instances: the db-taxi processes that share this control database.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::transaction::{id, json, micros, parsed, transaction, values, violates};
use super::{Store, StoreError};
use crate::model::ids::{InstanceId, JobId};
use crate::model::status::{Instance, InstanceState};
use crate::mysql::Row;

/// Services that ended or were lost are listed for this long.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);
/// The same for commands and dashboards: a `run` each minute would fill the list.
const PASSING: Duration = Duration::from_hours(1);
/// Names tried for one instance.
const MOST_OF_A_NAME: u32 = 10_000;

impl Store {
    /// Enters this process, also again; its name gets a number where another living instance has it.
    /// Returns the instance as stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn register_instance(&self, instance: &Instance) -> Result<Instance, StoreError> {
        self.forget_instances().await?;
        for number in 1..=MOST_OF_A_NAME {
            let name = match number {
                1 => instance.name.clone(),
                n => format!("{}-{n}", instance.name),
            };
            if self.enter_as(instance, &name).await? {
                let rows = self
                    .rows(
                        &format!("{SELECT} WHERE id = ?"),
                        self.select(&instance.id.to_string()),
                    )
                    .await?;
                let row = rows
                    .first()
                    .ok_or_else(|| StoreError::not_found("instance", &name))?;
                return read(row);
            }
        }
        Err(StoreError::Setup(format!(
            "too many living instances are named {:?}; set instance.name",
            instance.name
        )))
    }

    /// Removes instances that have been silent for long.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn forget_instances(&self) -> Result<(), StoreError> {
        self.exec(
            "DELETE FROM instances WHERE seen_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND \
             OR (roles = '[]' AND seen_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND)",
            values![micros(REMEMBERED), micros(PASSING)],
        )
        .await?;
        Ok(())
    }

    /// Says that an instance lives, what it carries and what it works on.
    ///
    /// # Errors
    /// `NotFound` when it was never entered, or has been silent for so long that its name was given
    /// to another, or that it was forgotten: it is to be entered again.
    pub async fn heartbeat(
        &self,
        id: InstanceId,
        labels: &[String],
        jobs: &[JobId],
    ) -> Result<(), StoreError> {
        let beat = self
            .exec(
                "UPDATE instances SET seen_at = UTC_TIMESTAMP(3), labels = ?, jobs = ?, \
                 beats = beats + 1 WHERE id = ? AND living_name IS NOT NULL",
                values![json(&labels)?, json(&jobs)?, id.to_string()],
            )
            .await?;
        if beat.affected == 0 {
            return Err(StoreError::not_found("instance", id));
        }
        Ok(())
    }

    /// Says that an instance ended in order.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn stop_instance(&self, id: InstanceId) -> Result<(), StoreError> {
        self.exec(
            "UPDATE instances SET stopped_at = UTC_TIMESTAMP(3), living_name = NULL, jobs = '[]' \
             WHERE id = ?",
            values![id.to_string()],
        )
        .await?;
        Ok(())
    }

    /// Instances: the living first, then those seen last.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_instances(&self) -> Result<Vec<Instance>, StoreError> {
        let sql = format!("{SELECT} ORDER BY lives DESC, seen_at DESC, id");
        let params = values![micros(self.lease_ttl())];
        self.rows(&sql, params).await?.iter().map(read).collect()
    }

    /// Enters the instance under `name`; `false` when a living one has it.
    async fn enter_as(&self, instance: &Instance, name: &str) -> Result<bool, StoreError> {
        transaction!(self, |session| {
            session
                .exec(
                    "UPDATE instances SET living_name = NULL WHERE living_name = ? \
                     AND seen_at <= UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND",
                    values![name, micros(self.lease_ttl())],
                )
                .await?;
            let again = session
                .exec(
                    "UPDATE instances SET name = ?, living_name = ?, labels = ?, \
                     stopped_at = NULL, seen_at = UTC_TIMESTAMP(3), beats = beats + 1 WHERE id = ?",
                    values![name, name, json(&instance.labels)?, instance.id.to_string()],
                )
                .await;
            match again {
                Err(error) if violates(&error, "living_name") => return Ok(false),
                Ok(done) if done.affected == 0 => {}
                other => return Ok(other.map(|_| true)?),
            }
            let entered = session
                .exec(
                    "INSERT INTO instances (id, name, living_name, version, roles, labels, \
                     address, jobs, started_at, seen_at) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, '[]', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
                    values![
                        instance.id.to_string(),
                        name,
                        name,
                        instance.version.as_str(),
                        json(&instance.roles)?,
                        json(&instance.labels)?,
                        instance.address.as_deref(),
                    ],
                )
                .await;
            match entered {
                Err(error) if violates(&error, "living_name") => Ok(false),
                other => Ok(other.map(|_| true)?),
            }
        })
    }

    fn select(&self, id: &str) -> Vec<crate::mysql::Value> {
        values![micros(self.lease_ttl()), id]
    }
}

const SELECT: &str = "SELECT id, name, version, roles, labels, address, jobs, started_at, \
     seen_at, stopped_at, stopped_at IS NULL \
     AND seen_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND AS lives FROM instances";

fn read(row: &Row) -> Result<Instance, StoreError> {
    let stopped: Option<DateTime<Utc>> = row.opt_time("stopped_at")?;
    let state = match (stopped, row.bool("lives")?) {
        (Some(_), _) => InstanceState::Stopped,
        (None, true) => InstanceState::Alive,
        (None, false) => InstanceState::Lost,
    };
    Ok(Instance {
        name: row.text("name")?,
        id: id(row, "id")?,
        version: row.text("version")?,
        roles: parsed(&row.text("roles")?, "instances.roles")?,
        labels: parsed(&row.text("labels")?, "instances.labels")?,
        address: row.opt_text("address")?,
        state,
        started_at: row.time("started_at")?,
        seen_at: row.time("seen_at")?,
        jobs: parsed(&row.text("jobs")?, "instances.jobs")?,
    })
}
