//! A load: a shadow is made, filled range by range, given its keys, compared, and swapped in.
//!
//! Each step is recorded under the lease's fence before it is done and can be repeated after a
//! crash: what has happened is read from the dictionary, not believed from the record.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chunk::{next_boundary, range_rows};
use super::compare::Comparer;
use super::copy::{copy_range, whole_of};
use super::error::SyncError;
use super::hooks;
use super::key::{KeyRange, KeyTuple};
use super::meter::{TableMeter, Waiting};
use super::place::{Place, table_type};
use super::servers::WriterKind;
use super::shared::TableShared;
use super::swap;
use super::walk::Walk;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::Level;
use crate::model::table_run::{Phase, Verified, VerifiedScope};
use crate::mysql::ddl::{CreateTable, ForeignKeyDef};
use crate::mysql::rows::{AnyWriter, InsertWriter, LoadWriter};
use crate::mysql::schema::{TableSchema, foreign_key_parents};
use crate::mysql::{Ident, SessionKind, TableRef};
use crate::store::checkpoints::{Checkpoint, Step};
use crate::store::helpers::Purpose;
use crate::store::ranges::{RangeCommit, RangeRow, RangeState};

/// Differences repaired in one transaction.
const REPAIR: usize = 2_000;

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
        checkpoint.source_schema = Some(table.plan.fingerprint());
        checkpoint.step = Step::Create;
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
            self = self.enter(Step::Compare).await?;
        }
        hooks::reach("load.compare");
        self.table.observer.phase(Phase::Verify);
        let verified = match self.compare().await {
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
        self.checkpoint.verified = Some(verified.clone());
        self.table.observer.phase(Phase::Swap);
        {
            let _permit = self.table.job.permit().await?;
            swap::swap(&self.table, &mut self.checkpoint, &self.place).await?;
        }
        close(&self.table, &mut self.checkpoint).await?;
        Ok(verified)
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
                    self.place.constraint_name(name, self.table.fence())
                });
            }
        }
        let clock = std::time::Instant::now();
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
        let mut planned = matches!(self.checkpoint.step, Step::Copy { planned: true });
        let mut next_no = ranges.iter().map(|r| r.range_no).max().unwrap_or(0) + 1;
        let mut lower = match ranges.iter().max_by_key(|r| r.range_no) {
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
                    copy_range(&table, &range, &mut reader, &shadow, &writer, whole).await
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

    /// Adds the keys that the shadow lacks, in one statement.
    async fn add_keys(&self) -> Result<(), SyncError> {
        let shadow = self.shadow();
        let definition = self.definition()?;
        let _permit = self.table.job.permit().await?;
        let mut session = self.table.session(SessionKind::Load).await?;
        let present = TableSchema::read(&mut session, &shadow)
            .await?
            .ok_or_else(|| {
                SyncError::stop(
                    ErrorCode::Internal,
                    format!("the shadow {} is gone", shadow.shown()),
                )
            })?;
        let mut missing = definition.clone();
        missing.keys.retain(|key| {
            let name = key_name(&key.text);
            !present
                .keys
                .iter()
                .any(|k| Some(k.name.raw()) == name.as_deref())
                && definition.deferred_keys().contains(&key)
        });
        let Some(sql) = (!missing.keys.is_empty()).then(|| {
            let adds: Vec<String> = missing
                .keys
                .iter()
                .map(|k| format!("ADD {}", k.text))
                .collect();
            format!("ALTER TABLE {shadow} {}", adds.join(", "))
        }) else {
            return Ok(());
        };
        self.table
            .log(Level::Info, format!("builds {} keys", missing.keys.len()));
        // Building keys of a large table takes longer than a lease's silence.
        session.run("SET SESSION wait_timeout = 3600").await?;
        let clock = std::time::Instant::now();
        let built = until_stopped(&self.table, session.run(&sql)).await;
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        session.abandon();
        built?;
        Ok(())
    }

    /// Adds the foreign keys that the shadow lacks, once their parents hold their rows.
    async fn add_foreign_keys(&self) -> Result<(), SyncError> {
        let wanted = self.definition()?.foreign_keys.clone();
        let name = self.table.plan.target.table.raw().to_owned();
        self.table.job.order.parents_ready(&name).await;
        self.table.check()?;
        if wanted.is_empty() {
            return Ok(());
        }
        let _permit = self.table.job.permit().await?;
        let shadow = self.shadow();
        let mut session = self.table.session(SessionKind::Load).await?;
        let present = foreign_key_parents(&mut session, &shadow).await?;
        let mut adds = Vec::new();
        for key in &wanted {
            let constraint = self.place.constraint_name(&key.name, self.table.fence());
            if present.iter().any(|(name, _)| *name == constraint) {
                continue;
            }
            let Some(parent) = self.parent_of(key) else {
                self.table.warn(
                    "foreign_key_left_out",
                    format!("the foreign key {} is left out: its parent is in another database of the source", key.name.raw()),
                    None,
                );
                continue;
            };
            // Onto itself it must point at the shadow: it then follows the swap.
            let parent = if parent == self.table.plan.target {
                shadow.clone()
            } else {
                parent
            };
            adds.push(key.add_clause_to(&constraint, &parent));
        }
        if adds.is_empty() {
            return Ok(());
        }
        session.run("SET SESSION wait_timeout = 3600").await?;
        let clock = std::time::Instant::now();
        let added = session
            .run(&format!("ALTER TABLE {shadow} {}", adds.join(", ")))
            .await;
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        session.abandon();
        added?;
        Ok(())
    }

    /// Where a foreign key's parent is on the local server.
    fn parent_of(&self, key: &ForeignKeyDef) -> Option<TableRef> {
        let plan = &self.table.plan;
        let target = &plan.target.database;
        if plan.target_schema.is_some() {
            return match key.parent.as_slice() {
                [database, table] => Some(TableRef::new(database.clone(), table.clone())),
                [table] => Some(TableRef::new(target.clone(), table.clone())),
                _ => None,
            };
        }
        let table = match key.parent.as_slice() {
            [table] => table,
            [database, table] if *database == plan.source.database => table,
            _ => return None,
        };
        let renamed = self.table.job.target_of(table.raw());
        Some(TableRef::new(
            target.clone(),
            renamed.map_or_else(|| table.clone(), Ident::new),
        ))
    }

    /// Compares every range with the source in the snapshot in force, and repairs from it.
    async fn compare(&self) -> Result<Verified, SyncError> {
        let table = &self.table;
        let store = &table.job.context.store;
        let shadow = self.shadow();
        for _ in 0..100 {
            table.check()?;
            let force = table.snapshots.current().await?;
            let ranges = store.ranges(table.table_run).await?;
            let todo: Vec<RangeRow> = ranges
                .iter()
                .filter(|r| {
                    !(r.state == RangeState::Compared && r.compared_in.as_ref() == Some(&force.id))
                })
                .cloned()
                .collect();
            if todo.is_empty() {
                let rows = ranges.iter().map(|r| r.rows).sum();
                return Ok(Verified {
                    scope: VerifiedScope::Table,
                    as_of: force.as_of.clone(),
                    rows,
                    differences: 0,
                    whole_table_at: force.as_of.time,
                });
            }
            TableMeter::set(&table.meter.chunks_total, ranges.len() as u64);
            TableMeter::set(&table.meter.chunks_done, (ranges.len() - todo.len()) as u64);
            if table.plan.key.is_some() && !table.plan.comparable {
                self.compare_whole(&todo, &shadow).await?;
                continue;
            }
            let mut walk = Walk::new(table);
            let mut queue: VecDeque<RangeRow> = todo.into();
            loop {
                if let Err(reason) = table.check() {
                    walk.note(reason);
                }
                while walk.has_room()
                    && let Some(range) = queue.pop_front()
                {
                    let (shadow, force) = (shadow.clone(), force.id.clone());
                    walk.begin(move |table| async move {
                        compare_range(&table, &range, &shadow, &force).await
                    });
                }
                if !walk.next().await && (!walk.is_well() || queue.is_empty()) {
                    break;
                }
            }
            walk.finish().await?;
        }
        Err(ErrorInfo::new(
            ErrorCode::ConnectionLost,
            "the source's snapshot was lost again and again while the copy was compared",
        )
        .transient()
        .into())
    }

    /// Ranges of keys that the two servers order differently are compared as one.
    async fn compare_whole(&self, todo: &[RangeRow], shadow: &TableRef) -> Result<(), SyncError> {
        let table = &self.table;
        let _permit = table.job.permit().await?;
        let mut reader = table.snapshots.reader().await?;
        let mut session = table.session(SessionKind::Load).await?;
        let comparer = comparer(table, shadow);
        let all = KeyRange::default();
        let (source, target) = comparer
            .range(&mut reader, &mut session, &all, &table.meter)
            .await?;
        if source != target {
            return Err(SyncError::stop(
                ErrorCode::VerifyFailed,
                "the copy differs from its source, and the two order the key differently, so rows can't be matched by ranges",
            ));
        }
        let force = reader.snapshot().id.clone();
        for range in todo {
            session = mark(table, session, range, range.rows, &force).await?;
        }
        Ok(())
    }
}

/// A long definition ends when the job is stopped: dropped, it is killed, and the next run finds
/// in the dictionary that it has not happened.
async fn until_stopped<T>(
    table: &TableShared,
    work: impl Future<Output = Result<T, crate::mysql::MysqlError>>,
) -> Result<T, SyncError> {
    tokio::select! {
        biased;
        () = table.job.stop.soft.cancelled() => Err(SyncError::Stopped),
        done = work => Ok(done?),
    }
}

async fn compare_range(
    table: &Arc<TableShared>,
    range: &RangeRow,
    shadow: &TableRef,
    force: &str,
) -> Result<(), SyncError> {
    let mut reader = table.snapshots.reader().await?;
    if reader.snapshot().id != force {
        // A later snapshot came: the caller looks again which ranges it covers.
        return Ok(());
    }
    let bounds = whole_of(range)?;
    let comparer = comparer(table, shadow);
    let mut session = table.session(SessionKind::Load).await?;
    let (mut source, mut target) = comparer
        .range(&mut reader, &mut session, &bounds, &table.meter)
        .await?;
    // A source without transactions goes on changing under the comparison.
    let stable = table
        .plan
        .source_schema
        .as_ref()
        .is_none_or(TableSchema::is_transactional);
    let mut rounds = if stable { 1 } else { 10 };
    while source != target {
        if table.plan.key.is_none() {
            return Err(differs_without_key(table));
        }
        let differences = comparer.rows(&mut reader, &mut session, &bounds).await?;
        if rounds == 0 {
            return Err(match differences.first() {
                Some(row) => comparer.refuse(&mut reader, &mut session, row).await,
                None => SyncError::stop(
                    ErrorCode::VerifyFailed,
                    "a range differs from its source, but no row of it does",
                ),
            });
        }
        rounds -= 1;
        table.log(
            Level::Info,
            format!(
                "range {}: {} rows differ from the snapshot in force and are repaired",
                range.range_no,
                differences.len()
            ),
        );
        for batch in differences.chunks(REPAIR) {
            table.check()?;
            super::apply::repair_shadow(table, &comparer, &mut reader, range.range_no, batch)
                .await?;
        }
        (source, target) = comparer
            .range(&mut reader, &mut session, &bounds, &table.meter)
            .await?;
    }
    let rows = source.rows;
    mark(table, session, range, rows, force).await?;
    TableMeter::add(&table.meter.chunks_done, 1);
    Ok(())
}

/// A table without a key that changed between its copy and its comparison is loaded again; one
/// that did not is a copy that is not faithful.
fn differs_without_key(table: &TableShared) -> SyncError {
    let info = ErrorInfo::new(
        ErrorCode::VerifyFailed,
        format!(
            "the copy of {} differs from its source, and without a key its rows can't be matched",
            table.plan.source.shown()
        ),
    )
    .hint("add a primary key to the source's table");
    info.into()
}

/// Records that a range equals the source in a snapshot.
async fn mark(
    table: &TableShared,
    mut session: super::shared::TargetSession,
    range: &RangeRow,
    rows: u64,
    force: &str,
) -> Result<super::shared::TargetSession, SyncError> {
    let fence = table.job.context.store.range_commit_sql(&RangeCommit {
        table_run: table.table_run,
        range_no: range.range_no,
        fence: table.fence(),
        position: None,
        state: RangeState::Compared,
        compared_in: Some(force),
        rows: i64::try_from(rows).unwrap_or(i64::MAX) - i64::try_from(range.rows).unwrap_or(0),
    });
    let begun = session
        .run("START TRANSACTION")
        .await
        .map(|_| ())
        .map_err(SyncError::from);
    Ok(session.end(begun, &fence).await?.0)
}

/// What compares a table's shadow with its source.
#[must_use]
pub fn comparer<'a>(table: &'a TableShared, other: &TableRef) -> Comparer<'a> {
    let index = match (&table.plan.target_schema, &table.plan.target_key) {
        (Some(schema), Some(key)) => {
            let names: Vec<Ident> = key.columns.iter().map(|c| c.name.clone()).collect();
            schema
                .unique_key_on(&names)
                .map(|k| k.name.raw().to_owned())
                .unwrap_or_default()
        }
        _ => table
            .plan
            .key
            .as_ref()
            .map(|k| k.index.clone())
            .unwrap_or_default(),
    };
    Comparer {
        plan: &table.plan,
        other: other.clone(),
        other_index: index,
        checksum: table.job.context.config.spec.options.checksum,
    }
}

/// Ends a run in the checkpoint: nothing is left of it but what was compared.
///
/// # Errors
/// When the control database can't be written, or the lease is lost.
pub async fn close(table: &TableShared, checkpoint: &mut Checkpoint) -> Result<(), SyncError> {
    let store = &table.job.context.store;
    store.delete_ranges(table.table_run, table.fence()).await?;
    checkpoint.step = Step::Idle;
    checkpoint.shadow_table = None;
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
        swap::retry_lock(
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

/// The name in `UNIQUE KEY `a` (…)`.
fn key_name(text: &str) -> Option<String> {
    let open = text.find('`')?;
    if text.find('(').is_some_and(|bracket| bracket < open) {
        return None;
    }
    let mut name = String::new();
    let mut chars = text[open + 1..].chars().peekable();
    while let Some(c) = chars.next() {
        if c == '`' {
            if chars.peek() != Some(&'`') {
                return Some(name);
            }
            chars.next();
        }
        name.push(c);
    }
    None
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
