//! A load: a shadow is made, filled range by range, given its keys, compared, and swapped in.
//!
//! Each step is recorded under the lease's fence before it is done and can be repeated after a
//! crash: what has happened is read from the dictionary, not believed from the record.

mod compare;
mod constraints;
mod fill;
mod keys;
mod names;
mod ranges;

use std::sync::Arc;

use constraints::Names;
use names::{key_name, rename_check};

use super::closing::close;
use super::error::SyncError;
use super::meter::Waiting;
use super::place::{Place, table_type};
use super::shared::TableShared;
use super::{ddl, hooks, swap, watermark};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::ddl::CreateTable;
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, Session, SessionKind, TableRef};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;

/// A load under way.
pub struct Load {
    table: Arc<TableShared>,
    place: Place,
    checkpoint: Checkpoint,
}

impl Load {
    /// Begins a load from the start.
    ///
    /// # Errors
    /// Why the shadow could not be made.
    pub async fn begin(
        table: &Arc<TableShared>,
        place: Place,
        mut checkpoint: Checkpoint,
    ) -> Result<Self, SyncError> {
        table.observer.phase(Phase::Schema);
        let store = &table.job.context.store;
        checkpoint.generation += 1;
        let name = place.shadow_name(checkpoint.generation, checkpoint.number, table.fence());
        checkpoint.table_run_id = Some(table.table_run);
        checkpoint.shadow_table = Some(name.clone());
        checkpoint.source_schema.loaded = Some(table.plan.fingerprint());
        checkpoint.step = Step::Create;
        if table.plan.mode.watermark().is_some() {
            // Before anything is read: whatever comes later lies behind it.
            let force = table.snapshots.current().await?;
            checkpoint.marks.next = watermark::after_comparison(table, &force, &checkpoint.marks);
        }
        store.save_checkpoint(&checkpoint).await?;
        place.list(table, &name, Purpose::Stage).await?;
        hooks::reach("load.create");
        let load = Self {
            table: Arc::clone(table),
            place,
            checkpoint,
        };
        load.create_shadow().await?;
        hooks::reach("load.created");
        load.enter(Step::Copy { planned: false }).await
    }

    /// Goes on with a load that the checkpoint describes.
    #[must_use]
    pub fn resume(table: &Arc<TableShared>, place: Place, checkpoint: Checkpoint) -> Self {
        Self {
            table: Arc::clone(table),
            place,
            checkpoint,
        }
    }

    /// Does every step that is left. Returns what was compared.
    ///
    /// # Errors
    /// Why it ended; what was committed is kept.
    pub async fn run(mut self) -> Result<Verified, SyncError> {
        if self.checkpoint.step == Step::Create {
            self.create_shadow().await?;
            self = self.enter(Step::Copy { planned: false }).await?;
        }
        if matches!(self.checkpoint.step, Step::Copy { .. }) {
            self.table.observer.phase(Phase::Copy);
            self.copy().await?;
            self = self.enter(Step::Keys).await?;
        }
        hooks::reach("load.copied");
        if self.checkpoint.step == Step::Keys {
            self.table.observer.phase(Phase::Index);
            self.add_keys().await?;
            hooks::reach("load.keyed");
            self.add_foreign_keys().await?;
            hooks::reach("load.bound");
            self = self.enter(Step::Compare).await?;
        }
        hooks::reach("load.compare");
        self.table.observer.phase(Phase::Verify);
        let mut verified = match self.compare().await {
            Err(error) if self.may_have_changed(&error).await => {
                discard(&self.table, &self.place, &mut self.checkpoint).await?;
                return Err(ErrorInfo::new(
                    ErrorCode::SchemaChanged,
                    "a table without a key changed between its copy and its comparison: it is loaded again",
                )
                .transient()
                .into());
            }
            other => other?,
        };
        hooks::reach("load.compared");
        self.check_source().await?;
        verified.as_of.watermark = watermark::shown(self.checkpoint.marks.next.as_ref());
        self.checkpoint.verified = Some(verified.clone());
        self.table.observer.phase(Phase::Swap);
        {
            let _permit = self.table.job.permit().await?;
            swap::swap(&self.table, &mut self.checkpoint, &self.place).await?;
        }
        self.checkpoint.marks.accept();
        self.checkpoint.source_schema.seen = self.table.plan.seen();
        close(&self.table, &mut self.checkpoint).await?;
        Ok(verified)
    }

    /// The source's table is still what it was planned by: a change that came between two snapshots
    /// shows nowhere else.
    async fn check_source(&self) -> Result<(), SyncError> {
        let context = &self.table.job.context;
        let plan = &self.table.plan;
        let mut session =
            Session::open(&context.source, SessionKind::Probe, context.lease_ttl).await?;
        let now = TableSchema::read(&mut session, &plan.source).await?;
        session.close().await;
        let planned = plan.source_schema.as_ref().map(TableSchema::fingerprint);
        if now.as_ref().map(TableSchema::fingerprint) == planned {
            return Ok(());
        }
        Err(ErrorInfo::new(
            ErrorCode::SchemaChanged,
            format!(
                "{} was changed on the source while it was copied: it is planned anew",
                plan.source.shown()
            ),
        )
        .transient()
        .into())
    }

    /// Whether a keyless table was copied in another snapshot than it was compared in.
    async fn may_have_changed(&self, error: &SyncError) -> bool {
        if self.table.plan.key.is_some()
            || error
                .info()
                .is_none_or(|info| info.code != ErrorCode::VerifyFailed)
        {
            return false;
        }
        let transactional = self
            .table
            .plan
            .source_schema
            .as_ref()
            .is_none_or(TableSchema::is_transactional);
        match self.table.snapshots.current().await {
            Ok(now) => !transactional || self.checkpoint.snapshot.as_ref() != Some(&now.id),
            Err(_) => true,
        }
    }

    async fn enter(mut self, step: Step) -> Result<Self, SyncError> {
        self.checkpoint.step = step;
        self.table
            .job
            .context
            .store
            .save_checkpoint(&self.checkpoint)
            .await?;
        Ok(self)
    }

    fn shadow(&self) -> TableRef {
        self.place
            .shadow(self.checkpoint.shadow_table.as_deref().unwrap_or_default())
    }

    fn definition(&self) -> Result<&CreateTable, SyncError> {
        self.table
            .plan
            .create
            .as_ref()
            .ok_or_else(|| SyncError::stop(ErrorCode::Unsupported, "the table has no definition"))
    }

    async fn create_shadow(&self) -> Result<(), SyncError> {
        let shadow = self.shadow();
        let mut session = self.table.session(SessionKind::Ddl).await?;
        if table_type(&mut session, &shadow).await?.is_some() {
            return Ok(());
        }
        let create = self.definition()?;
        let wished = create
            .checks
            .iter()
            .filter_map(|check| key_name(check).map(Ident::new))
            .collect();
        let mut names = self.constraint_names(wished);
        self.look_at_names(&mut session, &mut names).await?;
        let sql = |names: &Names| {
            let mut create = create.clone();
            for check in &mut create.checks {
                *check = rename_check(check, |name| names.of(name));
            }
            create.create_bare_sql(&shadow)
        };
        let clock = std::time::Instant::now();
        hooks::reach("load.creating");
        names.run(&mut session, sql).await?;
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        Ok(())
    }
}

/// Drops a shadow and forgets its ranges.
///
/// # Errors
/// When a server can't be reached, or the lease is lost.
pub async fn discard(
    table: &TableShared,
    place: &Place,
    checkpoint: &mut Checkpoint,
) -> Result<(), SyncError> {
    if let Some(name) = checkpoint.shadow_table.clone() {
        let mut session = table.session(SessionKind::Ddl).await?;
        let sql = format!("DROP TABLE IF EXISTS {}", place.shadow(&name));
        ddl::run(
            table,
            &mut session,
            &sql,
            std::time::Duration::from_secs(60),
        )
        .await?;
        place.unlist(table, &name, Purpose::Stage).await?;
    }
    close(table, checkpoint).await
}
