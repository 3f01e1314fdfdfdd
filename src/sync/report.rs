//! A planned table as people see it.

use super::chunk::RANGE_BYTES;
use super::servers::Servers;
use super::table::{PlannedTable, Strategy};
use crate::model::incremental::DetectDeletes;
use crate::model::plan::{PlannedDeletes, TablePlan};
use crate::model::rule::SyncMode;
use crate::mysql::TableRef;
use crate::mysql::ddl::CreateTable;

/// Rows a second that a plan reckons with, until a table has a history of its own.
const RECKONED_BYTES_PER_SECOND: f64 = 15_000_000.0;

/// What would be done to a table, in the words of the plan.
#[must_use]
pub fn table_plan(plan: &PlannedTable, servers: &Servers, workers: usize, full: bool) -> TablePlan {
    let strategy = plan.mode.strategy().filter(|_| !full);
    // Such a run changes single rows, and deletes none.
    let in_place = plan
        .mode
        .watermark()
        .filter(|_| plan.full_because.is_none());
    let reason = match (strategy, in_place) {
        (None, _) => plan.reason.clone(),
        (_, Some(_)) => format!("{}; what moved is written in place", plan.mode_reason),
        _ => match plan.full_because {
            Some(why) => format!(
                "{}; {why}, so this one is full: {}",
                plan.mode_reason, plan.reason
            ),
            None => format!("{}; {}", plan.mode_reason, plan.reason),
        },
    };
    let no_delete = in_place.is_some_and(|by| by.detect == DetectDeletes::Never);
    let (rows, bytes) = plan
        .source_schema
        .as_ref()
        .map_or((0, 0), |s| (s.rows_estimate, s.data_bytes));
    let chunks = if plan
        .key
        .as_ref()
        .is_some_and(super::key::KeySpec::is_chunkable)
    {
        (bytes / RANGE_BYTES).max(rows / 200_000) + 1
    } else {
        1
    };
    let mut ddl = Vec::new();
    if plan.strategy == Strategy::Swap
        && plan.target_schema.is_none()
        && let Some(create) = &plan.create
    {
        if !servers.target_exists {
            ddl.push(format!(
                "CREATE DATABASE IF NOT EXISTS {}",
                servers.target_database
            ));
        }
        ddl.push(create.create_bare_sql(&plan.target));
        ddl.extend(CreateTable::add_keys_sql(
            &plan.target,
            &create.deferred_keys(),
        ));
        ddl.extend(create.foreign_keys.iter().filter_map(|key| {
            let parent = key.parent.last()?;
            let parent = TableRef::new(servers.target_database.clone(), parent.clone());
            Some(format!(
                "ALTER TABLE {} {}",
                plan.target,
                key.add_clause_to(&key.name, &parent)
            ))
        }));
    }
    TablePlan {
        source_table: plan.source.table.raw().to_owned(),
        target_table: plan.target.table.raw().to_owned(),
        sync_mode: match strategy {
            Some(_) => SyncMode::Incremental,
            None => SyncMode::Full,
        },
        strategy: strategy.map(str::to_owned),
        reason,
        full_strategy: in_place
            .is_none()
            .then(|| plan.strategy.as_str().to_owned()),
        writer: Some(servers.writer.as_str().to_owned()),
        key: plan
            .key
            .as_ref()
            .map(|k| k.columns.iter().map(|c| c.name.raw().to_owned()).collect())
            .unwrap_or_default(),
        chunks,
        rows_estimate: rows,
        bytes_estimate: bytes,
        eta_seconds: Some(estimate(bytes, workers)),
        ddl,
        deletes: PlannedDeletes {
            rows: (plan.target_schema.is_none() || no_delete).then_some(0),
            exact: plan.target_schema.is_none() || no_delete,
        },
        risks: plan.risks.clone(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn estimate(bytes: u64, workers: usize) -> f64 {
    let speedup = (workers.max(1) as f64).sqrt();
    (bytes as f64 / (RECKONED_BYTES_PER_SECOND * speedup)).ceil()
}
