//! One quarantine table on its way back, batch by batch.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::kind::fits;
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, Session, TableRef};
use crate::store::Store;
use crate::store::fence::Fence;
use crate::store::quarantine::Deleted;
use crate::sync::commit::commit_fenced;
use crate::sync::error::SyncError;
use crate::sync::hooks;
use crate::sync::place::quarantine_table;
use crate::sync::quarantine::{COUNTER, exact};

/// Rows of one transaction.
const BATCH: u64 = 1_000;

/// What one transaction did.
pub(super) struct Done {
    pub(super) returned: u64,
    pub(super) kept: u64,
}

/// A quarantine table that fits its target.
pub(super) struct Return<'a> {
    deleted: &'a Deleted,
    quarantine: TableRef,
    counter: Ident,
    columns: String,
    /// That a row `t` of the target has the key of a row `q` of the quarantine.
    same_key: String,
    /// Number of the last row looked at.
    last: AtomicU64,
}

impl<'a> Return<'a> {
    /// Holds the quarantine's columns against the target as it is.
    pub(super) async fn new(
        session: &mut Session,
        deleted: &'a Deleted,
        schema: &TableSchema,
    ) -> Result<Self, SyncError> {
        let quarantine = quarantine_table(
            deleted.number,
            &deleted.target.database,
            &deleted.quarantine_table,
        );
        let Some(kept) = TableSchema::read(session, &quarantine).await? else {
            return Err(SyncError::stop(
                ErrorCode::Unsupported,
                format!("the quarantine table {} is gone", quarantine.shown()),
            ));
        };
        let changed = |why: String| {
            let info = ErrorInfo::new(
                ErrorCode::SchemaChanged,
                format!(
                    "the target {} changed since the rows were deleted: {why}",
                    deleted.target.shown()
                ),
            );
            SyncError::from(info.hint(format!(
                "the rows can be read from {} until {}",
                quarantine.shown(),
                deleted.expires_at.to_rfc3339()
            )))
        };
        let (mut counter, mut columns) = (None, Vec::new());
        for column in &kept.columns {
            let name = column.name.raw();
            if column.auto_increment && name.starts_with(COUNTER) {
                counter = Some(column.name.clone());
                continue;
            }
            let Some(own) = schema.column(name).filter(|c| !c.generated) else {
                return Err(changed(format!("it does not store {name} any more")));
            };
            fits(column, own).map_err(|why| changed(format!("column {name}: {why}")))?;
            columns.push(column.name.to_string());
        }
        let Some(counter) = counter else {
            return Err(changed("the quarantine is not one of ours".to_owned()));
        };
        let mut same_key = Vec::new();
        for name in &deleted.key_columns {
            if schema.column(name).is_none() {
                return Err(changed(format!("it has no column {name}")));
            }
            if kept.column(name).is_some() {
                let name = Ident::new(name.as_str());
                same_key.push(format!("t.{name} = q.{name}"));
            }
        }
        // A key that the server computes can't be asked for: its own index finds it.
        let same_key = if same_key.len() == deleted.key_columns.len() {
            same_key.join(" AND ")
        } else {
            "FALSE".to_owned()
        };
        Ok(Self {
            deleted,
            quarantine,
            counter,
            columns: columns.join(", "),
            same_key,
            last: AtomicU64::new(0),
        })
    }

    /// Puts the next rows back in one transaction; `None` when none is left. After an error the
    /// session must be given up; after a COMMIT it may be of no more use.
    pub(super) async fn next(
        &self,
        session: &mut Session,
        store: &Store,
        fence: &Fence,
    ) -> Result<Option<Done>, SyncError> {
        let counter = &self.counter;
        let last = self.last.load(Relaxed);
        let sql = format!(
            "SELECT MAX(n) AS last FROM (SELECT {counter} AS n FROM {} \
             WHERE {counter} > {last} ORDER BY {counter} LIMIT {BATCH}) x",
            self.quarantine
        );
        let row = session.first(&sql).await?;
        let Some(upto) = row.map(|row| row.opt_u64("last")).transpose()?.flatten() else {
            return Ok(None);
        };
        session.run("START TRANSACTION").await?;
        let done = self.batch(session, store, last, upto).await?;
        commit_fenced(session, fence).await?;
        hooks::reach("undo.batch");
        self.last.store(upto, Relaxed);
        Ok(Some(done))
    }

    /// Moves the rows numbered `(after, upto]`, as far as they can be.
    async fn batch(
        &self,
        session: &mut Session,
        store: &Store,
        after: u64,
        upto: u64,
    ) -> Result<Done, SyncError> {
        let counter = &self.counter;
        let sql = format!(
            "SELECT q.{counter} AS n, EXISTS(SELECT 1 FROM {} t WHERE {}) AS there FROM {} q \
             WHERE q.{counter} > {after} AND q.{counter} <= {upto} ORDER BY q.{counter}",
            self.deleted.target, self.same_key, self.quarantine
        );
        let (mut free, mut kept) = (Vec::new(), 0);
        for row in session.rows(&sql).await? {
            if row.bool("there")? {
                kept += 1;
            } else {
                free.push(row.u64("n")?);
            }
        }
        let moved = match self.insert(session, &free).await {
            Err(error) if is_duplicate(&error) => {
                let mut moved = Vec::new();
                for row in free {
                    match self.insert(session, &[row]).await {
                        Err(error) if is_duplicate(&error) => kept += 1,
                        done => {
                            done?;
                            moved.push(row);
                        }
                    }
                }
                moved
            }
            done => {
                done?;
                free
            }
        };
        let returned = moved.len() as u64;
        if returned > 0 {
            let sql = format!(
                "DELETE FROM {} WHERE {counter} IN ({})",
                self.quarantine,
                numbers(&moved)
            );
            session.run(&sql).await?;
            let rows = i64::try_from(returned).unwrap_or(i64::MAX);
            let (number, table) = (self.deleted.number, &self.deleted.quarantine_table);
            session
                .run(&store.count_deleted_sql(number, table, -rows, None))
                .await?;
        }
        Ok(Done { returned, kept })
    }

    async fn insert(&self, session: &mut Session, rows: &[u64]) -> Result<(), SyncError> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO {} ({columns}) SELECT {columns} FROM {} WHERE {counter} IN ({}) \
             ORDER BY {counter}",
            self.deleted.target,
            self.quarantine,
            numbers(rows),
            columns = self.columns,
            counter = self.counter,
        );
        let done = session.run(&sql).await?;
        exact(session, done.warnings).await?;
        if done.affected == rows.len() as u64 {
            return Ok(());
        }
        Err(SyncError::stop(
            ErrorCode::Internal,
            format!(
                "{} rows were to be put back, {} were",
                rows.len(),
                done.affected
            ),
        ))
    }
}

fn numbers(rows: &[u64]) -> String {
    let rows: Vec<String> = rows.iter().map(u64::to_string).collect();
    rows.join(", ")
}

fn is_duplicate(error: &SyncError) -> bool {
    error
        .info()
        .is_some_and(|info| info.code == ErrorCode::DuplicateKey)
}
