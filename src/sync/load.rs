//! A load: a shadow is made, filled range by range, given its keys, compared, and swapped in.
//!
//! Each step is recorded under the lease's fence before it is done and can be repeated after a
//! crash: what has happened is read from the dictionary, not believed from the record.

mod compare;
mod keys;

use std::collections::VecDeque;
use std::sync::Arc;

pub use compare::comparer;

use compare::compare_range;
use keys::key_name;

use super::chunk::{next_boundary, range_rows};
use super::copy::copy_range;
use super::error::SyncError;
use super::key::KeyTuple;
use super::meter::{TableMeter, Waiting};
use super::place::{Place, table_type};
use super::servers::WriterKind;
use super::shared::TableShared;
use super::walk::Walk;
use super::{ddl, hooks, swap, watermark};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::model::table_run::{Phase, Verified};
use crate::mysql::ddl::CreateTable;
use crate::mysql::rows::{AnyWriter, InsertWriter, LoadWriter};
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, Session, SessionKind, TableRef};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;
use crate::store::ranges::{RangeRow, RangeState};

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
        let mut create = self.definition()?.clone();
        if self.place.is_inside() {
            for check in &mut create.checks {
                *check = rename_check(check, |name| {
                    self.place.constraint_name(name, self.checkpoint.generation)
                });
            }
        }
        let clock = std::time::Instant::now();
        hooks::reach("load.creating");
        session.run(&create.create_bare_sql(&shadow)).await?;
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        Ok(())
    }

    /// Whether the table is copied as one range in one transaction.
    fn is_whole(&self) -> bool {
        !self
            .table
            .plan
            .key
            .as_ref()
            .is_some_and(super::key::KeySpec::is_chunkable)
    }

    async fn copy(&mut self) -> Result<(), SyncError> {
        let table = Arc::clone(&self.table);
        let store = &table.job.context.store;
        let ranges = store.ranges(table.table_run).await?;
        let shadow = self.shadow();
        let writer = self.writer(&shadow);
        let whole = self.is_whole();
        let mut next_no = ranges.iter().map(|r| r.range_no).max().unwrap_or(0) + 1;
        let last = ranges.iter().max_by_key(|r| r.range_no);
        // The last range is open: nothing is left to plan, whether or not that was recorded.
        let mut planned = matches!(self.checkpoint.step, Step::Copy { planned: true })
            || last.is_some_and(|last| last.upper.is_none());
        let mut lower = match last {
            Some(last) => last.upper.as_deref().map(KeyTuple::from_text).transpose()?,
            None => None,
        };
        let done: u64 = ranges.iter().map(|r| r.rows).sum();
        let finished = ranges
            .iter()
            .filter(|r| r.state != RangeState::Planned)
            .count();
        let estimate = table
            .plan
            .source_schema
            .as_ref()
            .map_or(0, |s| s.rows_estimate);
        TableMeter::set(&table.meter.rows_done, done);
        TableMeter::set(&table.meter.rows_total, estimate.max(done));
        TableMeter::set(&table.meter.chunks_done, finished as u64);
        if done > 0 {
            table.log(
                Level::Info,
                format!("goes on after {done} rows that are copied already"),
            );
        }
        let mut queue: VecDeque<RangeRow> = ranges
            .into_iter()
            .filter(|r| r.state == RangeState::Planned)
            .collect();
        if whole && (!planned || !queue.is_empty()) {
            self.checkpoint.snapshot = Some(table.snapshots.current().await?.id.clone());
        }
        let mut walk = Walk::new(&table);
        loop {
            if let Err(reason) = table.check() {
                walk.note(reason);
            }
            if walk.is_well() && !planned && queue.len() < table.job.workers() {
                let fresh = if whole {
                    planned = true;
                    if queue.is_empty() {
                        vec![new_range(0, None, None)]
                    } else {
                        Vec::new()
                    }
                } else {
                    match self
                        .plan_ranges(&mut lower, &mut next_no, &mut planned)
                        .await
                    {
                        Ok(fresh) => fresh,
                        Err(error) => {
                            walk.note(error);
                            Vec::new()
                        }
                    }
                };
                match store
                    .add_ranges(table.table_run, table.fence(), &fresh)
                    .await
                {
                    Ok(()) => queue.extend(fresh),
                    Err(error) => walk.note(error.into()),
                }
                if planned && walk.is_well() {
                    hooks::reach("copy.planned");
                    self.checkpoint.step = Step::Copy { planned: true };
                    if let Err(error) = store.save_checkpoint(&self.checkpoint).await {
                        walk.note(error.into());
                    }
                }
            }
            while walk.has_room()
                && let Some(range) = queue.pop_front()
            {
                let (shadow, writer) = (shadow.clone(), writer.clone());
                walk.begin(move |table| async move {
                    let mut reader = table.snapshots.reader().await?;
                    let rows =
                        copy_range(&table, &range, &mut reader, &shadow, &writer, whole).await?;
                    let indexed = table
                        .plan
                        .key
                        .as_ref()
                        .is_some_and(|k| k.index == "PRIMARY");
                    if whole || !table.plan.comparable || !indexed {
                        return Ok(());
                    }
                    // At once, while both servers have its pages at hand; the comparison before
                    // the swap then finds it done, if the snapshot is still the same.
                    let force = reader.snapshot().id.clone();
                    drop(reader);
                    let copied = RangeRow {
                        rows: range.rows + rows,
                        ..range
                    };
                    compare_range(&table, &copied, &shadow, &force).await
                });
            }
            if !walk.next().await && (!walk.is_well() || (planned && queue.is_empty())) {
                break;
            }
        }
        walk.finish().await
    }

    /// The next few ranges, ahead of the workers.
    async fn plan_ranges(
        &self,
        lower: &mut Option<KeyTuple>,
        next_no: &mut u32,
        planned: &mut bool,
    ) -> Result<Vec<RangeRow>, SyncError> {
        let table = &self.table;
        let Some(key) = &table.plan.key else {
            return Ok(Vec::new());
        };
        let rows = range_rows(&table.plan, &table.meter, table.job.workers());
        let mut fresh = Vec::new();
        let mut reader = table.snapshots.reader().await?;
        for _ in 0..table.job.workers() * 2 {
            let clock = std::time::Instant::now();
            let found =
                next_boundary(reader.session(), &table.plan, key, lower.as_ref(), rows).await;
            table.meter.waited(Waiting::Source, clock.elapsed());
            if let Err(error) = &found {
                reader.failed(error);
            }
            let upper = found?;
            fresh.push(new_range(*next_no, lower.as_ref(), upper.as_ref()));
            *next_no += 1;
            match upper {
                Some(upper) => *lower = Some(upper),
                None => {
                    *planned = true;
                    break;
                }
            }
        }
        reader.release().await?;
        TableMeter::add(&table.meter.chunks_total, fresh.len() as u64);
        Ok(fresh)
    }

    fn writer(&self, shadow: &TableRef) -> AnyWriter {
        let pairs = &self.table.plan.pairs;
        let servers = &self.table.job.servers;
        match servers.writer {
            WriterKind::LoadData => AnyWriter::Load(LoadWriter::new(shadow, pairs)),
            WriterKind::Insert => AnyWriter::Insert(InsertWriter::new(
                shadow,
                pairs,
                self.table
                    .plan
                    .options
                    .batch_size
                    .unwrap_or(self.table.job.context.batch_size),
                servers.local_packet,
            )),
        }
    }
}

/// Ends a run in the checkpoint: nothing is left of it but what was compared.
///
/// # Errors
/// When the control database can't be written, or the lease is lost.
pub async fn close(table: &TableShared, checkpoint: &mut Checkpoint) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    store.delete_ranges(table.table_run, table.fence()).await?;
    hooks::reach("load.closing");
    checkpoint.step = Step::Idle;
    checkpoint.shadow_table = None;
    checkpoint.marks.next = None;
    checkpoint.table_run_id = None;
    checkpoint.snapshot = None;
    Ok(store.save_checkpoint(checkpoint).await?)
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

fn new_range(range_no: u32, lower: Option<&KeyTuple>, upper: Option<&KeyTuple>) -> RangeRow {
    RangeRow {
        range_no,
        lower: lower.map(KeyTuple::to_text),
        upper: upper.map(KeyTuple::to_text),
        position: None,
        seq: 0,
        state: RangeState::Planned,
        compared_in: None,
        rows: 0,
    }
}

fn rename_check(check: &str, rename: impl Fn(&Ident) -> Ident) -> String {
    match (check.strip_prefix("CONSTRAINT "), key_name(check)) {
        (Some(rest), Some(name)) => {
            let quoted = Ident::new(name);
            let text = quoted.to_string();
            match rest.strip_prefix(&text) {
                Some(tail) => format!("CONSTRAINT {}{tail}", rename(&quoted)),
                None => check.to_owned(),
            }
        }
        _ => check.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_read() {
        assert_eq!(key_name("UNIQUE KEY `a``b` (`x`)").as_deref(), Some("a`b"));
        assert_eq!(key_name("PRIMARY KEY (`x`)"), None);
        assert_eq!(
            rename_check("CONSTRAINT `c` CHECK (`a` > 0)", |n| Ident::new(format!(
                "{}_1",
                n.raw()
            ))),
            "CONSTRAINT `c_1` CHECK (`a` > 0)"
        );
    }
}
