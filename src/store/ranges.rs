//! Ranges of an unfinished table run: checkpoint and fence in one row each.
//!
//! The last statement of every data transaction is [`Store::range_fence`] on the writer's own
//! session; it must change exactly one row, else the transaction is rolled back. Nothing reads a
//! fence before it writes.

use std::time::Duration;

use super::checkpoints::Checkpoint;
use super::fence::Fence;
use super::transaction::transaction;
use super::{Store, StoreError};
use crate::model::ids::TableRunId;
use crate::mysql::{Session, Value, literal};

/// How far a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeState {
    /// Not all of it is copied.
    Planned,
    /// All of it is copied.
    Copied,
    /// It equals the source in the snapshot `compared_in`.
    Compared,
}

impl RangeState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Copied => "copied",
            Self::Compared => "compared",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "planned" => Ok(Self::Planned),
            "copied" => Ok(Self::Copied),
            "compared" => Ok(Self::Compared),
            _ => Err(StoreError::Corrupt("sync_ranges.state".to_owned())),
        }
    }
}

/// A range `(lower, upper]` in key order; `None` is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeRow {
    /// Its number; 0 is the table itself.
    pub range_no: u32,
    /// Key before its first, as text.
    pub lower: Option<String>,
    /// Its last key, as text.
    pub upper: Option<String>,
    /// Last key covered, as text; `None` before the first transaction.
    pub position: Option<String>,
    /// Grows with each transaction.
    pub seq: u64,
    /// How far it is.
    pub state: RangeState,
    /// The snapshot it was found equal in.
    pub compared_in: Option<String>,
    /// Rows copied.
    pub rows: u64,
}

/// What a data transaction changes in its range row.
#[derive(Debug, Clone, Copy)]
pub struct RangeCommit<'a> {
    /// The run.
    pub table_run: TableRunId,
    /// The range.
    pub range_no: u32,
    /// The table lease's fence.
    pub fence: u64,
    /// Last key covered; `None` leaves it.
    pub position: Option<&'a str>,
    /// The state from now on.
    pub state: RangeState,
    /// The snapshot it was found equal in; `None` forgets it.
    pub compared_in: Option<&'a str>,
    /// Rows added, or found to be fewer.
    pub rows: i64,
}

impl Store {
    /// The ranges of a run, by number.
    ///
    /// # Errors
    /// When the control database can't be read.
    pub async fn ranges(&self, table_run: TableRunId) -> Result<Vec<RangeRow>, StoreError> {
        let sql = format!(
            "SELECT range_no, `lower` AS lo, `upper` AS up, `position` AS pos, seq, state, \
             compared_in, `rows` AS n FROM {}.sync_ranges WHERE table_run_id = ? ORDER BY range_no",
            self.database()
        );
        let rows = self.rows(&sql, vec![table_run.to_string().into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(RangeRow {
                    range_no: u32::try_from(row.u64("range_no")?)
                        .map_err(|_| StoreError::Corrupt("sync_ranges.range_no".to_owned()))?,
                    lower: row.opt_text("lo")?,
                    upper: row.opt_text("up")?,
                    position: row.opt_text("pos")?,
                    seq: row.u64("seq")?,
                    state: RangeState::parse(&row.text("state")?)?,
                    compared_in: row.opt_text("compared_in")?,
                    rows: row.u64("n")?,
                })
            })
            .collect()
    }

    /// Adds planned ranges, if the table's fence is still in force.
    ///
    /// # Errors
    /// `LeaseLost` when it is not.
    pub async fn add_ranges(
        &self,
        table_run: TableRunId,
        fence: u64,
        ranges: &[RangeRow],
    ) -> Result<(), StoreError> {
        if ranges.is_empty() {
            return Ok(());
        }
        let db = self.database().clone();
        let opt = |text: &Option<String>| text.clone().map_or(Value::NULL, Value::from);
        let marks = vec!["(?, ?, ?, ?, 0, ?, 0, 'planned', 0)"; ranges.len()].join(", ");
        let insert = format!(
            "INSERT INTO {db}.sync_ranges \
             (table_run_id, range_no, `lower`, `upper`, seq, fence, claim, state, `rows`) \
             VALUES {marks}"
        );
        let params: Vec<Value> = ranges
            .iter()
            .flat_map(|range| {
                [
                    table_run.to_string().into(),
                    range.range_no.into(),
                    opt(&range.lower),
                    opt(&range.upper),
                    fence.into(),
                ]
            })
            .collect();
        let touch = format!(
            "UPDATE {db}.sync_checkpoints \
             SET updated_at = GREATEST(UTC_TIMESTAMP(3), updated_at + INTERVAL 1000 MICROSECOND) \
             WHERE table_run_id = ? AND fence = ?"
        );
        transaction!(self, |session| {
            session.exec(&insert, params.clone()).await?;
            let done = session
                .exec(&touch, vec![table_run.to_string().into(), fence.into()])
                .await?;
            if done.affected == 1 {
                Ok(())
            } else {
                Err(StoreError::LeaseLost)
            }
        })
    }

    /// The last statement of a data transaction.
    #[must_use]
    pub fn range_fence(&self, commit: &RangeCommit<'_>) -> Fence {
        let text = |value: Option<&str>| value.map_or("NULL".to_owned(), literal::text);
        let position = match commit.position {
            Some(key) => format!("`position` = {}, ", literal::text(key)),
            None => String::new(),
        };
        let row = format!(
            "table_run_id = '{}' AND range_no = {} AND fence = {} AND claim = 0",
            commit.table_run, commit.range_no, commit.fence
        );
        let ranges = format!("{}.sync_ranges", self.database());
        let update = format!(
            "UPDATE {ranges} SET {position}seq = LAST_INSERT_ID(seq + 1), state = '{}', \
             compared_in = {}, `rows` = `rows` + {} WHERE {row}",
            commit.state.as_str(),
            text(commit.compared_in),
            commit.rows,
        );
        let look = format!("SELECT seq AS n FROM {ranges} WHERE {row}");
        Fence::new(self, update, &look)
    }

    /// Takes the ranges of the run that `checkpoint` names over for `new`, and names it there, both or
    /// neither; waits for whoever writes them.
    ///
    /// # Errors
    /// When the control database can't be written; `LeaseLost` when a newer fence holds them.
    pub async fn adopt_ranges(
        &self,
        checkpoint: &mut Checkpoint,
        new: TableRunId,
    ) -> Result<(), StoreError> {
        let Some(old) = checkpoint.table_run_id else {
            return Ok(());
        };
        // A frozen owner's transaction holds its row until it is killed or times out.
        let mut tries = 0_u32;
        loop {
            let mut session = self.pool().get().await?;
            session
                .run("SET SESSION innodb_lock_wait_timeout = 1")
                .await?;
            session.begin().await?;
            let outcome = match self.adopt(&mut session, checkpoint, old, new).await {
                Ok(()) => session.commit().await.map_err(StoreError::from),
                Err(error) => {
                    session.roll_back().await;
                    Err(error)
                }
            };
            // A session that can't be given back as it was is given up with its error.
            let given_back = session
                .run("SET SESSION innodb_lock_wait_timeout = 5")
                .await;
            match outcome {
                Ok(()) => {
                    given_back?;
                    checkpoint.table_run_id = Some(new);
                    return Ok(());
                }
                Err(error) if error.is_lock_wait() && tries < 600 => {
                    tries += 1;
                    drop(session);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn adopt(
        &self,
        session: &mut Session,
        checkpoint: &Checkpoint,
        old: TableRunId,
        new: TableRunId,
    ) -> Result<(), StoreError> {
        let db = self.database();
        let fence = checkpoint.fence;
        let named = session
            .exec(
                &format!(
                    "UPDATE {db}.sync_checkpoints SET table_run_id = ?, \
                     updated_at = GREATEST(UTC_TIMESTAMP(3), updated_at + INTERVAL 1000 MICROSECOND) \
                     WHERE number = ? AND fence = ?"
                ),
                vec![
                    new.to_string().into(),
                    checkpoint.number.into(),
                    fence.into(),
                ],
            )
            .await?;
        if named.affected != 1 {
            return Err(StoreError::LeaseLost);
        }
        session
            .exec(
                &format!(
                    "UPDATE {db}.sync_ranges SET fence = ?, claim = 0, table_run_id = ? \
                     WHERE table_run_id = ? AND fence <= ?"
                ),
                vec![
                    fence.into(),
                    new.to_string().into(),
                    old.to_string().into(),
                    fence.into(),
                ],
            )
            .await?;
        let newer = format!(
            "SELECT COUNT(*) AS n FROM {db}.sync_ranges WHERE table_run_id IN (?, ?) AND fence > ?"
        );
        let rows = session
            .exec_rows(
                &newer,
                vec![old.to_string().into(), new.to_string().into(), fence.into()],
            )
            .await?;
        let left = rows.first().map(|row| row.u64("n")).transpose()?;
        match left {
            None | Some(0) => Ok(()),
            Some(_) => Err(StoreError::LeaseLost),
        }
    }

    /// Forgets the ranges of a run.
    ///
    /// # Errors
    /// When the control database can't be written.
    pub async fn delete_ranges(&self, table_run: TableRunId, fence: u64) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM {}.sync_ranges WHERE table_run_id = ? AND fence <= ?",
            self.database()
        );
        self.exec(&sql, vec![table_run.to_string().into(), fence.into()])
            .await?;
        Ok(())
    }
}
