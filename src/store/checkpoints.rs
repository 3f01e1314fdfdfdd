//! Checkpoints: the durable position of a config's table, fenced by its lease.
//!
//! Every write names the lease's fence and must change exactly one row: a process that was taken
//! over changes none and learns that it lost.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::fence::Fence;
use super::marks::{Marks, Window};
use super::{Store, StoreError};
use crate::model::ids::{ConfigId, TableRunId};
use crate::model::seen::SeenTable;
use crate::model::table_run::Verified;
use crate::mysql::{MysqlError, TableRef, Value, literal};

/// The durable position of a config's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its number: part of the names of its shadows.
    pub number: u64,
    /// The config.
    pub config_id: ConfigId,
    /// The target table.
    pub target: TableRef,
    /// Grows with each load from the start.
    pub generation: u64,
    /// The run that is not finished yet.
    pub table_run_id: Option<TableRunId>,
    /// Up to where its watermark column has been synced.
    pub marks: Marks,
    /// The snapshot that comparisons of the run hold for.
    pub snapshot: Option<String>,
    /// What was noted of the source's table.
    pub source_schema: SourceSchema,
    /// What the last finished run compared.
    pub verified: Option<Verified>,
    /// What is done and what is to be done.
    pub step: Step,
    /// Name of the shadow.
    pub shadow_table: Option<String>,
    /// The lease's fence.
    pub fence: u64,
}

/// What is noted of a source's table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceSchema {
    /// Fingerprint of its definition and of the rule, as of the load that was begun last.
    pub loaded: Option<String>,
    /// The table as the last finished run found it.
    pub seen: Option<SeenTable>,
}

impl SourceSchema {
    /// The column's text; earlier versions stored nothing but the fingerprint.
    fn read(text: Option<String>) -> Result<Self, StoreError> {
        match text {
            Some(text) if !text.starts_with('{') => Ok(Self {
                loaded: Some(text),
                seen: None,
            }),
            text => Ok(from_json(text.as_deref(), "source_schema")?.unwrap_or_default()),
        }
    }
}

/// How far a load is; the dictionary says whether the step it names has happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// No load is under way.
    #[default]
    Idle,
    /// The shadow is being made.
    Create,
    /// Ranges are being copied.
    Copy {
        /// Whether every range is planned.
        planned: bool,
    },
    /// Keys are to be added.
    Keys,
    /// Ranges are being compared.
    Compare,
    /// The swap is about to happen.
    SwapIntended {
        /// Name of the replaced table in the helper database; `None` when there was no target.
        old: Option<String>,
    },
    /// The swap has happened; the replaced table is to be dropped.
    Swapped {
        /// Name of the replaced table in the helper database.
        old: Option<String>,
        /// Whether its rows that vanished by the swap are in quarantine.
        #[serde(default)]
        quarantined: bool,
    },
    /// Rows whose watermark moved are being written in place.
    Watermark {
        /// What is read.
        window: Window,
        /// Whether every range is stored.
        planned: bool,
    },
}

impl Store {
    /// The checkpoint of a target table under `fence`, made when there is none. A checkpoint of an
    /// older fence is taken over; waits for whoever is writing it.
    ///
    /// # Errors
    /// `LeaseLost` when the checkpoint has a newer fence.
    pub async fn open_checkpoint(
        &self,
        config: ConfigId,
        target: &TableRef,
        fence: u64,
    ) -> Result<Checkpoint, StoreError> {
        let db = self.database();
        let mut session = self.pool().get().await?;
        session
            .exec(
                &format!(
                    "INSERT IGNORE INTO {db}.sync_checkpoints \
                     (config_id, target_database, target_table, generation, fence, updated_at) \
                     VALUES (?, ?, ?, 0, 0, UTC_TIMESTAMP(3))"
                ),
                vec![
                    config.to_string().into(),
                    target.database.raw().into(),
                    target.table.raw().into(),
                ],
            )
            .await?;
        session
            .exec(
                &format!(
                    "UPDATE {db}.sync_checkpoints SET fence = ?, updated_at = UTC_TIMESTAMP(3) \
                     WHERE config_id = ? AND target_table = ? AND fence < ?"
                ),
                vec![
                    fence.into(),
                    config.to_string().into(),
                    target.table.raw().into(),
                    fence.into(),
                ],
            )
            .await?;
        drop(session);
        let mut checkpoint = self
            .checkpoint(config, target.table.raw())
            .await?
            .ok_or_else(|| StoreError::Corrupt("a checkpoint vanished".to_owned()))?;
        if checkpoint.fence != fence {
            return Err(StoreError::LeaseLost);
        }
        checkpoint.target = target.clone();
        Ok(checkpoint)
    }

    /// The checkpoint of a config's target table.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn checkpoint(
        &self,
        config: ConfigId,
        target_table: &str,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let sql = format!(
            "SELECT number, target_database, target_table, generation, table_run_id, watermark, snapshot, \
             source_schema, verified, pending_ddl, shadow_table, fence \
             FROM {}.sync_checkpoints WHERE config_id = ? AND target_table = ?",
            self.database()
        );
        let rows = self
            .rows(&sql, vec![config.to_string().into(), target_table.into()])
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Checkpoint {
            number: row.u64("number")?,
            config_id: config,
            target: TableRef::new(row.text("target_database")?, row.text("target_table")?),
            generation: row.u64("generation")?,
            table_run_id: row
                .opt_text("table_run_id")?
                .map(|id| id.parse().map_err(|_| corrupt("table_run_id")))
                .transpose()?,
            marks: from_json(row.opt_text("watermark")?.as_deref(), "watermark")?
                .unwrap_or_default(),
            snapshot: row.opt_text("snapshot")?,
            source_schema: SourceSchema::read(row.opt_text("source_schema")?)?,
            verified: from_json(row.opt_text("verified")?.as_deref(), "verified")?,
            step: from_json(row.opt_text("pending_ddl")?.as_deref(), "pending_ddl")?
                .unwrap_or_default(),
            shadow_table: row.opt_text("shadow_table")?,
            fence: row.u64("fence")?,
        }))
    }

    /// Writes a checkpoint, if its fence is still in force.
    ///
    /// # Errors
    /// `LeaseLost` when it is not.
    pub async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let opt = |text: &Option<String>| text.clone().map_or(Value::NULL, Value::from);
        let sql = format!(
            "UPDATE {}.sync_checkpoints SET generation = ?, table_run_id = ?, watermark = ?, snapshot = ?, \
             source_schema = ?, verified = ?, pending_ddl = ?, shadow_table = ?, \
             updated_at = GREATEST(UTC_TIMESTAMP(3), updated_at + INTERVAL 1000 MICROSECOND) \
             WHERE config_id = ? AND target_table = ? AND fence = ?",
            self.database()
        );
        let done = self
            .exec(
                &sql,
                vec![
                    checkpoint.generation.into(),
                    checkpoint
                        .table_run_id
                        .map_or(Value::NULL, |id| id.to_string().into()),
                    if checkpoint.marks.is_empty() {
                        Value::NULL
                    } else {
                        json(&checkpoint.marks).into()
                    },
                    opt(&checkpoint.snapshot),
                    json(&checkpoint.source_schema).into(),
                    checkpoint
                        .verified
                        .as_ref()
                        .map_or(Value::NULL, |v| json(v).into()),
                    json(&checkpoint.step).into(),
                    opt(&checkpoint.shadow_table),
                    checkpoint.config_id.to_string().into(),
                    checkpoint.target.table.raw().into(),
                    checkpoint.fence.into(),
                ],
            )
            .await?;
        if done.affected == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost)
        }
    }

    /// The last statement of a transaction that goes with the checkpoint's step.
    #[must_use]
    pub fn step_fence(&self, checkpoint: &Checkpoint) -> Fence {
        let step = format!("pending_ddl = {}, ", literal::text(&json(&checkpoint.step)));
        let row = format!(
            "number = {} AND fence = {}",
            checkpoint.number, checkpoint.fence
        );
        self.fence_by_time(&step, &row)
    }

    /// The same for a transaction that changes nothing in the checkpoint.
    #[must_use]
    pub fn checkpoint_fence(&self, config: ConfigId, target_table: &str, fence: u64) -> Fence {
        let row = format!(
            "config_id = '{config}' AND target_table = {} AND fence = {fence}",
            literal::text(target_table)
        );
        self.fence_by_time("", &row)
    }

    /// Under one fence `updated_at` only grows: in microseconds it is the row's number.
    fn fence_by_time(&self, sets: &str, row: &str) -> Fence {
        let checkpoints = format!("{}.sync_checkpoints", self.database());
        let update = format!(
            "UPDATE {checkpoints} SET {sets}updated_at = TIMESTAMP('1970-01-01') \
             + INTERVAL LAST_INSERT_ID(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', \
             GREATEST(UTC_TIMESTAMP(3), updated_at + INTERVAL 1000 MICROSECOND))) MICROSECOND \
             WHERE {row}"
        );
        let look = format!(
            "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', updated_at) AS n \
             FROM {checkpoints} WHERE {row}"
        );
        Fence::new(self, update, &look)
    }

    /// What the last finished run of each target table of a config noted of its source.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn seen_tables(
        &self,
        config: ConfigId,
    ) -> Result<HashMap<String, SeenTable>, StoreError> {
        let sql = format!(
            "SELECT target_table, source_schema FROM {}.sync_checkpoints WHERE config_id = ?",
            self.database()
        );
        let rows = self.rows(&sql, vec![config.to_string().into()]).await?;
        let mut seen = HashMap::new();
        for row in &rows {
            let noted = SourceSchema::read(row.opt_text("source_schema")?)?;
            if let Some(table) = noted.seen {
                seen.insert(row.text("target_table")?, table);
            }
        }
        Ok(seen)
    }

    /// The target databases and tables whose checkpoints name a shadow or a replaced table.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn unfinished_checkpoints(&self) -> Result<Vec<(ConfigId, String)>, StoreError> {
        let sql = format!(
            "SELECT config_id, target_table FROM {}.sync_checkpoints \
             WHERE table_run_id IS NOT NULL OR shadow_table IS NOT NULL",
            self.database()
        );
        let rows = self.rows(&sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.text("config_id")?
                        .parse()
                        .map_err(|_| corrupt("config_id"))?,
                    row.text("target_table")?,
                ))
            })
            .collect()
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn from_json<T: serde::de::DeserializeOwned>(
    text: Option<&str>,
    column: &str,
) -> Result<Option<T>, StoreError> {
    text.map(|text| serde_json::from_str(text).map_err(|_| corrupt(column)))
        .transpose()
}

fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt(format!("sync_checkpoints.{column}"))
}

impl StoreError {
    /// Whether trying the same again may help.
    #[must_use]
    pub fn is_lock_wait(&self) -> bool {
        matches!(
            self,
            Self::Mysql(MysqlError {
                number: Some(1205 | 1213),
                ..
            })
        )
    }
}
