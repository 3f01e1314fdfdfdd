//! The exact plan: an existing target compared, and counted what would change. Writes nothing.

use super::apply::policy;
use super::chunk::{RANGE_ROWS, next_boundary};
use super::compare::Comparer;
use super::context::JobContext;
use super::error::SyncError;
use super::key::KeyRange;
use super::meter::TableMeter;
use super::servers::Servers;
use super::snapshot::{Manner, Snapshots};
use super::stop::StopSignal;
use super::table::PlannedTable;
use crate::model::log::DifferenceKind;
use crate::model::plan::{PlannedDeletes, TablePlan};
use crate::mysql::{Session, SessionKind};

/// Rows compared at a time: a plan is in no hurry.
const ROWS: u64 = RANGE_ROWS / 4;

/// Compares a table and writes what it found into its plan.
///
/// # Errors
/// When a server can't be reached or refuses.
pub async fn count(
    context: &JobContext,
    _servers: &Servers,
    plan: &PlannedTable,
    shown: &mut TablePlan,
) -> Result<(), SyncError> {
    let source = std::sync::Arc::clone(&context.source);
    let snapshots = Snapshots::new(source, 1, Manner::default(), StopSignal::default());
    let mut target = Session::open(
        &context.local,
        SessionKind::Apply,
        std::time::Duration::from_secs(3600),
    )
    .await?;
    let meter = TableMeter::default();
    let comparer = Comparer {
        plan,
        other: plan.target.clone(),
        other_index: String::new(),
        checksum: context.config.spec.options.checksum,
    };
    let key = plan
        .key
        .as_ref()
        .filter(|k| k.is_chunkable() && plan.comparable);
    let (mut missing, mut changed, mut extra, mut kept, mut equal) = (0, 0, 0, 0, true);
    let mut lower = None;
    {
        let mut reader = snapshots.reader_of(plan.source.table.raw()).await?;
        loop {
            let upper = match key {
                Some(key) => {
                    next_boundary(reader.session(), plan, key, lower.as_ref(), ROWS).await?
                }
                None => None,
            };
            let range = KeyRange {
                lower: lower.take(),
                upper: upper.clone(),
                bucket: None,
            };
            let (source, here) = comparer
                .range(&mut reader, &mut target, &range, &meter)
                .await?;
            if source != here {
                equal = false;
                if key.is_some() {
                    let rows = comparer.rows(&mut reader, &mut target, &range).await?;
                    let (rows, left) =
                        policy::leave(&comparer, &mut reader, &mut target, rows).await?;
                    kept += left;
                    for row in rows {
                        match row.kind {
                            DifferenceKind::Missing => missing += 1,
                            DifferenceKind::Changed => changed += 1,
                            DifferenceKind::Extra => extra += 1,
                        }
                    }
                } else {
                    extra += here.rows.saturating_sub(source.rows);
                }
            }
            match upper {
                Some(upper) => lower = Some(upper),
                None => break,
            }
        }
    }
    snapshots.close().await;
    target.close().await;
    shown.deletes = PlannedDeletes {
        rows: Some(extra),
        exact: key.is_some() || equal,
    };
    shown.reason = if equal {
        "equal to its source: nothing would be written".to_owned()
    } else if key.is_some() {
        format!(
            "{missing} rows to insert, {changed} to update, {extra} to delete{}; {}",
            if kept > 0 {
                format!(", {kept} kept as they are")
            } else {
                String::new()
            },
            shown.reason
        )
    } else {
        format!("differs from its source; {}", shown.reason)
    };
    Ok(())
}
