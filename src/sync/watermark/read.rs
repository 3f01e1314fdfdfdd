//! Reading what moved: how it is cut into ranges, the rows of one, and which of them the target
//! lacks or has otherwise.

use super::span::{Span, walk};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::mysql::value::{Side, row_hash_sql};
use crate::store::marks::Window;
use crate::sync::chunk::range_rows;
use crate::sync::compare::{Comparer, RowDifference, RowHash};
use crate::sync::error::SyncError;
use crate::sync::key::{KeyRange, KeySpec, KeyTuple};
use crate::sync::shared::TableShared;
use crate::sync::snapshot::Reader;
use crate::sync::table::{ByWatermark, PlannedTable};

/// Most rows of a range: what is held in memory of it.
const MOST: u64 = 10_000;
/// Keys per statement.
const KEYS: usize = 500;

/// A row of the source.
pub(super) struct Seen {
    source_key: KeyTuple,
    key: KeyTuple,
    hash: RowHash,
}

/// The ranges of everything that is to be read, and how many rows they hold.
pub(super) async fn spans(
    table: &TableShared,
    reader: &mut Reader,
    by: &ByWatermark,
    window: &Window,
) -> Result<(Vec<Span>, u64), SyncError> {
    let per = range_rows(&table.plan, &table.meter, 1).min(MOST);
    let (mut all, mut rows) = (Vec::new(), 0);
    for nulls in [false, true] {
        // Without an upper end no value is known to be complete.
        let is_empty = if nulls {
            !by.column.nullable
        } else {
            window.upper.is_none()
        };
        if is_empty {
            continue;
        }
        let (spans, found) = cut(&table.plan, reader, by, window, nulls, per).await?;
        all.extend(spans);
        rows += found;
    }
    Ok((all, rows))
}

async fn cut(
    plan: &PlannedTable,
    reader: &mut Reader,
    by: &ByWatermark,
    window: &Window,
    nulls: bool,
    per: u64,
) -> Result<(Vec<Span>, u64), SyncError> {
    let whole = Span {
        nulls,
        range: KeyRange::default(),
    };
    let walk = walk(plan, by, nulls);
    let sql = format!(
        "SELECT {} {} ORDER BY {}",
        walk.read_sql(),
        whole.rows_sql(plan, by, window),
        walk.list_sql()
    );
    let positions: Vec<usize> = (0..walk.columns.len()).collect();
    let (mut spans, mut lower, mut found) = (Vec::new(), None::<KeyTuple>, 0_u64);
    let mut rows = reader.session().stream(&sql).await?;
    while let Some(row) = rows.next().await? {
        found += 1;
        if found % per == 0 {
            let upper = KeyTuple::of_row(&row, &positions)?;
            spans.push(Span {
                nulls,
                range: KeyRange {
                    lower: lower.replace(upper.clone()),
                    upper: Some(upper),
                    bucket: None,
                },
            });
        }
    }
    // Rows that come into the window under a later snapshot are read too.
    spans.push(Span {
        nulls,
        range: KeyRange {
            lower,
            upper: None,
            bucket: None,
        },
    });
    Ok((spans, found))
}

/// The rows of a range, in its order.
pub(super) async fn rows(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    by: &ByWatermark,
    window: &Window,
    span: &Span,
) -> Result<Vec<Seen>, SyncError> {
    let plan = comparer.plan;
    let parts = plan.key.as_ref().map_or(0, |key| key.columns.len());
    let sql = format!(
        "SELECT {}, {}, LEFT({}, 32) {} ORDER BY {}",
        plan.key.as_ref().map(KeySpec::read_sql).unwrap_or_default(),
        comparer.matching_sql(Side::Source)?,
        row_hash_sql(&plan.pairs, Side::Source),
        span.rows_sql(plan, by, window),
        walk(plan, by, span.nulls).list_sql()
    );
    let own: Vec<usize> = (0..parts).collect();
    let matching: Vec<usize> = (parts..parts * 2).collect();
    let mut seen = Vec::new();
    let mut rows = reader.session().stream(&sql).await?;
    while let Some(row) = rows.next().await? {
        seen.push(Seen {
            source_key: KeyTuple::of_row(&row, &own)?,
            key: KeyTuple::of_row(&row, &matching)?,
            hash: row.get(parts * 2).unwrap_or_default().to_vec(),
        });
    }
    Ok(seen)
}

/// The rows that the target lacks or has otherwise, in the order of `seen`.
pub(super) async fn differing(
    comparer: &Comparer<'_>,
    session: &mut Session,
    seen: &[Seen],
) -> Result<Vec<RowDifference>, SyncError> {
    let mut found = Vec::new();
    for some in seen.chunks(KEYS) {
        let keys: Vec<&KeyTuple> = some.iter().map(|row| &row.key).collect();
        let mut here = comparer.target_hashes(session, &keys, false).await?;
        for row in some {
            let target = here.remove(&row.key);
            if target.as_ref() == Some(&row.hash) {
                continue;
            }
            found.push(RowDifference {
                kind: match target {
                    Some(_) => DifferenceKind::Changed,
                    None => DifferenceKind::Missing,
                },
                source_key: row.source_key.clone(),
                key: row.key.clone(),
                source: Some(row.hash.clone()),
                target,
            });
        }
    }
    Ok(found)
}
