//! Column types whose values or definitions can't be carried over as they are, found out before
//! anything is written.

use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::mysql::column::Column;
use crate::mysql::kind::{Kind, members};
use crate::mysql::{Session, literal};
use crate::sync::error::SyncError;

/// Documents looked at for JSON types that have no text of their own.
const DOCUMENTS: u32 = 100;

/// Looks for what this module knows.
pub(super) async fn check(
    plan: &mut PlannedTable,
    source: &mut Session,
    local: &mut Session,
) -> Result<(), SyncError> {
    for pair in plan.pairs.clone() {
        match Kind::of(&pair.target) {
            Kind::Enum | Kind::Set => check_members(plan, &pair.target, local).await?,
            Kind::Json if pair.masked.is_none() => {
                check_documents(plan, &pair.source, source).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A lenient server lets members be equal under the column's collation; a strict one refuses such
/// a table (1291), and by its text the second member would arrive as the first.
async fn check_members(
    plan: &mut PlannedTable,
    column: &Column,
    local: &mut Session,
) -> Result<(), SyncError> {
    let (Some(charset), Some(collation)) = (&column.charset, &column.collation) else {
        return Ok(());
    };
    let all = members(&column.column_type);
    if all.len() < 2 || charset == "binary" {
        return Ok(());
    }
    let rows: Vec<String> = all
        .iter()
        .map(|member| format!("SELECT {} AS m", literal::text(member)))
        .collect();
    let sql = format!(
        "SELECT COUNT(DISTINCT CONVERT(m USING {charset}) COLLATE {collation}) AS n FROM ({}) x",
        rows.join(" UNION ALL ")
    );
    let row = match local.first(&sql).await {
        Ok(row) => row,
        // A charset that the local server lacks is told when the table is made.
        Err(error) if error.number.is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let different = row.map(|row| row.u64("n")).transpose()?.unwrap_or(0);
    if different < all.len() as u64 {
        plan.stop_risk(
            ErrorCode::Unsupported,
            format!(
                "column {}: members of {} are equal under the collation {collation}, and a strict server does not make such a table",
                column.name.raw(),
                column.column_type
            ),
        )
        .remedy = Some(format!(
            "make the target table yourself with another collation for {} (one that ends in _bin), or leave the column out",
            column.name.raw()
        ));
    }
    Ok(())
}

/// A document of MySQL's may hold dates, times and exact decimals, which only SQL functions put
/// there. Its text has no such types: dates arrive as strings of the same text, decimals as
/// doubles, whose text can be another one; then the comparison stops the table.
async fn check_documents(
    plan: &mut PlannedTable,
    column: &Column,
    source: &mut Session,
) -> Result<(), SyncError> {
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT {0} AS j FROM {1} WHERE {0} IS NOT NULL LIMIT {DOCUMENTS}) d \
         WHERE j <> CAST(CAST(j AS CHAR) AS JSON) \
         OR CAST(j AS CHAR) <> CAST(CAST(CAST(j AS CHAR) AS JSON) AS CHAR)",
        column.name, plan.source
    );
    let found = match source.first(&sql).await {
        Ok(row) => row.map(|row| row.u64("n")).transpose()?.unwrap_or(0),
        Err(error) if error.number.is_some() => 0,
        Err(error) => return Err(error.into()),
    };
    if found > 0 {
        plan.risk(
            "json_types",
            Severity::Warning,
            format!(
                "column {}: JSON documents hold dates, times or exact decimals ({found} of the first {DOCUMENTS}): dates and times arrive as strings, decimals as doubles; one whose text changes stops the table",
                column.name.raw()
            ),
        )
        .remedy = Some(
            "store such values as JSON strings on the source, or leave the column out".to_owned(),
        );
    }
    Ok(())
}
