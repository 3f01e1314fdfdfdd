//! Rows that a run deletes, kept in a table of their own until their time has come.
//!
//! They are moved in the transaction that deletes them; those that vanish by a swap, in one that
//! comes before the replaced table is dropped.

pub mod kept;

pub use kept::Quarantine;

use super::compare::{Comparer, RowDifference};
use super::error::SyncError;
use super::key::KeyTuple;
use super::place::{Place, table_type};
use super::shared::TableShared;
use crate::model::error::ErrorCode;
use crate::model::rule::Quarantine as Policy;
use crate::mysql::ddl::CreateTable;
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, Session, SessionKind};
use crate::store::helpers::Purpose;
use crate::store::quarantine::Deleted;

/// Keys per statement.
const KEYS: usize = 500;

/// Name of the column that numbers the rows; with underscores behind it where the target has one of
/// that name.
pub const COUNTER: &str = "_dbtaxi_row";

impl TableShared {
    /// Where this run keeps the rows that it deletes; made with the first call. `None` where deleted
    /// rows are not kept.
    ///
    /// # Errors
    /// When it can't be made.
    pub async fn quarantine(&self) -> Result<Option<&Quarantine>, SyncError> {
        let made = self.quarantine.get_or_try_init(|| Quarantine::open(self));
        Ok(made.await?.as_ref())
    }
}

impl Quarantine {
    /// The quarantine of this run of a table, made when there is none; `None` where deleted rows are
    /// not kept.
    ///
    /// # Errors
    /// When the server refuses, or the control database can't be written.
    async fn open(table: &TableShared) -> Result<Option<Self>, SyncError> {
        let (Policy::Keep(keep), Some(key), Some(job)) = (
            table.plan.options.quarantine,
            &table.plan.target_key,
            table.job.context.job,
        ) else {
            return Ok(None);
        };
        let store = &table.job.context.store;
        let target = &table.plan.target;
        let place = Place::open(table).await?;
        let mut session = table.session(SessionKind::Ddl).await?;
        let (Some(schema), Some(checkpoint)) = (
            TableSchema::read(&mut session, target).await?,
            store
                .checkpoint(table.job.context.config.id, target.table.raw())
                .await?,
        ) else {
            return Ok(None);
        };
        let name = place.quarantine_name(checkpoint.number, table.fence());
        let deleted = Deleted {
            number: place.number,
            quarantine_table: name.clone(),
            job,
            target: target.clone(),
            key_columns: key
                .columns
                .iter()
                .map(|c| c.name.raw().to_owned())
                .collect(),
            rows: 0,
            expires_at: chrono::Utc::now(),
            is_expired: false,
            undone_at: None,
        };
        store.open_quarantine(&deleted, keep).await?;
        place.list(table, &name, Purpose::Quarantine).await?;
        let made = place.quarantine(&name);
        if table_type(&mut session, &made).await?.is_none() {
            let create = CreateTable::parse(&schema.create_sql)
                .map_err(|why| SyncError::stop(ErrorCode::Unsupported, why))?;
            session
                .run(&create.create_plain_sql(&made, &counter(&schema)))
                .await?;
        }
        super::hooks::reach("quarantine.made");
        Ok(Some(Self {
            number: place.number,
            name,
            table: made,
            columns: stored(&schema),
            keep,
        }))
    }

    /// Moves rows of a live target in, inside the transaction that deletes them.
    ///
    /// # Errors
    /// The server's refusal, or rows that could not be taken exactly as they are.
    pub async fn take_rows(
        &self,
        table: &TableShared,
        comparer: &Comparer<'_>,
        session: &mut Session,
        rows: &[RowDifference],
    ) -> Result<(), SyncError> {
        let Some(target_key) = &comparer.plan.target_key else {
            return Ok(());
        };
        for batch in rows.chunks(KEYS) {
            let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
            let select = format!(
                "FROM {} WHERE {}",
                comparer.other,
                target_key.any_of_sql(&keys)
            );
            let taken = self.take(table, session, "", &select).await?;
            if taken != batch.len() as u64 {
                return Err(SyncError::stop(
                    ErrorCode::Internal,
                    format!(
                        "{} rows were to be kept in quarantine, {taken} were",
                        batch.len()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Moves rows in, inside the caller's transaction; how many. `select` is what stands behind the
    /// columns of the SELECT that gives them, `prefix` what stands before each column.
    ///
    /// # Errors
    /// The server's refusal, or rows that could not be taken exactly as they are.
    pub async fn take(
        &self,
        table: &TableShared,
        session: &mut Session,
        prefix: &str,
        select: &str,
    ) -> Result<u64, SyncError> {
        let list = |prefix: &str| {
            let names: Vec<String> = self
                .columns
                .iter()
                .map(|c| format!("{prefix}{c}"))
                .collect();
            names.join(", ")
        };
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} {select}",
            self.table,
            list(""),
            list(prefix)
        );
        let done = session.run(&sql).await?;
        exact(session, done.warnings).await?;
        if done.affected == 0 {
            return Ok(0);
        }
        let rows = i64::try_from(done.affected).unwrap_or(i64::MAX);
        let store = &table.job.context.store;
        let counted = session
            .run(&store.count_deleted_sql(self.number, &self.name, rows, Some(self.keep)))
            .await?;
        if counted.affected == 1 {
            return Ok(done.affected);
        }
        Err(SyncError::stop(
            ErrorCode::Internal,
            "the quarantine table is not listed any more",
        ))
    }
}

/// The columns of a table that are stored, and not computed.
fn stored(schema: &TableSchema) -> Vec<Ident> {
    schema
        .columns
        .iter()
        .filter(|c| !c.generated)
        .map(|c| c.name.clone())
        .collect()
}

/// A name for the counter that no column of the table has.
fn counter(schema: &TableSchema) -> Ident {
    let mut name = COUNTER.to_owned();
    while schema.column(&name).is_some() {
        name.push('_');
    }
    Ident::new(name)
}

/// Fails when a statement that moved rows drew a warning about their values.
///
/// # Errors
/// `value_rejected`, with the server's words.
pub async fn exact(session: &mut Session, warnings: u16) -> Result<(), SyncError> {
    if warnings == 0 {
        return Ok(());
    }
    let found = session.warnings().await?;
    // Charsets that a later version of the server will not have; no value is changed.
    let about_values = found
        .iter()
        .find(|w| !matches!(w.number, 1287 | 1681 | 3719 | 3778));
    match about_values {
        None => Ok(()),
        Some(warning) => Err(SyncError::stop(
            ErrorCode::ValueRejected,
            format!("a row could not be moved as it is: {}", warning.message),
        )),
    }
}
