//! Filling a shadow: ranges are found ahead of the workers, read, written, and compared at once.
//!
//! The next range is asked for while the last one is still written and compared, so that the way to
//! the source is never idle: a piece of work passes its place on before it has ended.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::copy::copy_range;
use super::super::error::SyncError;
use super::super::hooks;
use super::super::key::{KeySpec, KeyTuple};
use super::super::meter::TableMeter;
use super::super::servers::WriterKind;
use super::super::shared::TableShared;
use super::super::walk::{Front, Walk};
use super::Load;
use super::compare::compare_range;
use super::ranges::{Finder, Found, new_range};
use crate::model::log::Level;
use crate::model::table_run::Phase;
use crate::mysql::TableRef;
use crate::mysql::rows::{AnyWriter, InsertWriter, LoadWriter};
use crate::store::checkpoints::Step;
use crate::store::ranges::{RangeRow, RangeState};

/// What every range of a copy needs.
#[derive(Clone)]
struct Way {
    shadow: TableRef,
    writer: AnyWriter,
    whole: bool,
}

impl Load {
    /// Copies every range that is not copied yet.
    pub(super) async fn copy(&mut self) -> Result<(), SyncError> {
        let table = Arc::clone(&self.table);
        let ranges = table.job.context.store.ranges(table.table_run).await?;
        let shadow = self.shadow();
        let way = Way {
            writer: self.writer(&shadow),
            shadow,
            whole: self.is_whole(),
        };
        let last = ranges.iter().max_by_key(|r| r.range_no);
        // The last range is open: nothing is left to plan, whether or not that was recorded.
        let planned = matches!(self.checkpoint.step, Step::Copy { planned: true })
            || last.is_some_and(|last| last.upper.is_none());
        let next_no = last.map_or(0, |last| last.range_no) + 1;
        let lower = match last {
            Some(last) => last.upper.as_deref().map(KeyTuple::from_text).transpose()?,
            None => None,
        };
        self.tell_begin(&ranges);
        let mut queue: VecDeque<Found> = ranges
            .into_iter()
            .filter(|r| r.state == RangeState::Planned)
            .map(|range| Found { range, rows: None })
            .collect();
        if way.whole && (!planned || !queue.is_empty()) {
            self.checkpoint.snapshot = Some(table.snapshots.current().await?.id.clone());
        }
        let mut walk = Walk::new(&table);
        let mut finder = (!planned && !way.whole).then(|| Finder::begin(&table, lower, next_no));
        if way.whole && !planned {
            if queue.is_empty() {
                let whole = Found {
                    range: new_range(0, None, None),
                    rows: None,
                };
                self.take_in(vec![whole], &mut queue).await?;
            }
            self.all_planned().await?;
        }
        loop {
            if let Err(reason) = table.check() {
                walk.note(reason);
            }
            while walk.has_room()
                && let Some(found) = queue.pop_front()
            {
                let way = way.clone();
                walk.begin(move |table, front| copy_and_compare(table, front, found, way));
            }
            let finds = walk.is_well() && queue.len() < table.job.workers();
            tokio::select! {
                found = next_of(&mut finder), if finds && finder.is_some() => {
                    if let Err(error) = self.found(found, &mut finder, &mut queue).await {
                        walk.note(error);
                    }
                }
                _ = walk.next(), if !walk.is_idle() => {}
                else => break,
            }
        }
        if let Some(finder) = finder {
            finder.end().await;
        }
        walk.finish().await
    }

    /// Shows where a copy begins or goes on.
    fn tell_begin(&self, ranges: &[RangeRow]) {
        let table = &self.table;
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
    }

    /// Stores ranges that were found, and queues them; the end of them is recorded.
    async fn found(
        &mut self,
        found: Option<Result<Found, SyncError>>,
        finder: &mut Option<Finder>,
        queue: &mut VecDeque<Found>,
    ) -> Result<(), SyncError> {
        let mut fresh = Vec::new();
        let mut failure = None;
        let mut next = found;
        while let Some(found) = next {
            match found {
                Ok(found) => fresh.push(found),
                Err(error) => failure = Some(error),
            }
            next = finder.as_mut().and_then(Finder::at_once);
        }
        let all = fresh.last().is_some_and(|last| last.range.upper.is_none());
        self.take_in(fresh, queue).await?;
        if let Some(error) = failure {
            *finder = None;
            return Err(error);
        }
        if all {
            *finder = None;
            self.all_planned().await?;
        }
        Ok(())
    }

    async fn take_in(
        &self,
        fresh: Vec<Found>,
        queue: &mut VecDeque<Found>,
    ) -> Result<(), SyncError> {
        let table = &self.table;
        let rows: Vec<RangeRow> = fresh.iter().map(|found| found.range.clone()).collect();
        let store = &table.job.context.store;
        store
            .add_ranges(table.table_run, table.fence(), &rows)
            .await?;
        queue.extend(fresh);
        Ok(())
    }

    async fn all_planned(&mut self) -> Result<(), SyncError> {
        hooks::reach("copy.planned");
        self.checkpoint.step = Step::Copy { planned: true };
        let store = &self.table.job.context.store;
        Ok(store.save_checkpoint(&self.checkpoint).await?)
    }

    /// Whether the table is copied as one range in one transaction.
    fn is_whole(&self) -> bool {
        !self
            .table
            .plan
            .key
            .as_ref()
            .is_some_and(KeySpec::is_chunkable)
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

async fn next_of(finder: &mut Option<Finder>) -> Option<Result<Found, SyncError>> {
    match finder {
        Some(finder) => finder.next().await,
        None => None,
    }
}

async fn copy_and_compare(
    table: Arc<TableShared>,
    front: Front,
    found: Found,
    way: Way,
) -> Result<(), SyncError> {
    let Found { range, rows } = found;
    let chunk = table.meter.moved.chunk(Phase::Copy);
    let copied = copy_range(
        &table,
        &range,
        (front, rows),
        &way.shadow,
        &way.writer,
        way.whole,
    );
    let copied = copied.await?;
    chunk.done(copied.rows);
    let indexed = table
        .plan
        .key
        .as_ref()
        .is_some_and(|k| k.index == "PRIMARY");
    if way.whole || !table.plan.comparable || !indexed || table.check().is_err() {
        return Ok(());
    }
    // At once, while both servers have its pages at hand; the comparison before the swap then finds
    // it done, if the snapshot is still the same.
    let range = RangeRow {
        rows: range.rows + copied.rows,
        ..range
    };
    let _room = table.job.ahead.compare().await?;
    compare_range(&table, &range, &way.shadow, &copied.snapshot).await
}
