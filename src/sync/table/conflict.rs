//! The column that says which of two rows is later.

use super::columns::renamed;
use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::rule::ConflictResolution;
use crate::mysql::ddl::CreateTable;
use crate::mysql::kind::Kind;
use crate::mysql::schema::{TableSchema, same_name};
use crate::sync::rules::Chosen;

/// The rule's `watermark_column`, or, where `conflict_resolution: newer` needs one, the column that
/// the source stamps with each change.
pub(super) fn choose_watermark(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let newer = plan.options.conflict_resolution == ConflictResolution::Newer;
    let named = chosen.rule.watermark_column.clone();
    if !newer && named.is_none() {
        return;
    }
    let Some(name) = named.or_else(|| stamped(schema)) else {
        plan.stop_risk(
            ErrorCode::RuleInvalid,
            format!(
                "conflict_resolution: newer needs a watermark_column: {} has no column that is stamped with each change",
                plan.source.shown()
            ),
        )
        .remedy = Some("name one with watermark_column, or choose another policy".to_owned());
        return;
    };
    let at = plan
        .pairs
        .iter()
        .position(|pair| same_name(pair.source.name.raw(), &name));
    let Some(at) = at else {
        let why = match schema.column(&name) {
            Some(_) => format!(
                "the watermark column {} does not arrive on the target",
                renamed(&chosen.rule, &name)
            ),
            None => format!(
                "{} has no column {name} (watermark_column)",
                plan.source.shown()
            ),
        };
        plan.stop_risk(ErrorCode::RuleInvalid, why).remedy =
            Some("name a column that is synced".to_owned());
        return;
    };
    let kind = plan.pairs[at].kind();
    if newer && !matches!(kind, Kind::Integer | Kind::Decimal | Kind::Temporal) {
        plan.stop_risk(
            ErrorCode::RuleInvalid,
            format!(
                "conflict_resolution: newer can't tell by {name} which row is later: it is {}",
                plan.pairs[at].source.column_type
            ),
        )
        .remedy = Some("name a number, date or time with watermark_column".to_owned());
        return;
    }
    plan.watermark = Some(at);
}

fn stamped(schema: &TableSchema) -> Option<String> {
    let create = CreateTable::parse(&schema.create_sql).ok()?;
    let column = create.columns.iter().find(|column| column.is_stamped())?;
    Some(column.name.raw().to_owned())
}
