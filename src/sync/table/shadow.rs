//! The definition that a shadow gets: the target's own, or the source's where there is no target.

use super::columns::renamed;
use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::mysql::Ident;
use crate::mysql::ddl::CreateTable;
use crate::mysql::schema::TableSchema;
use crate::sync::rules::Chosen;

/// The shadow takes the target's own definition, or the source's where there is no target.
pub(super) fn shape_shadow(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let (sql, counter) = match &plan.target_schema {
        Some(target) => (
            target.create_sql.as_str(),
            CreateTable::parse(&schema.create_sql),
        ),
        None => (
            schema.create_sql.as_str(),
            CreateTable::parse(&schema.create_sql),
        ),
    };
    let mut create = match CreateTable::parse(sql) {
        Ok(create) => create,
        Err(why) => {
            plan.stop_risk(
                ErrorCode::Unsupported,
                format!("the definition can't be read: {why}"),
            );
            return;
        }
    };
    if plan.target_schema.is_none() {
        create.redefine(&plan.redefined);
        plan.left_out = create.select_columns(
            |name| !plan.gone.contains(name),
            |name| Ident::new(renamed(&chosen.rule, name.raw())),
        );
        for what in plan.left_out.clone() {
            plan.risk("left_out", Severity::Info, what);
        }
    }
    // The counter goes on from whichever side is further.
    if let Some(theirs) = counter.ok().and_then(|c| c.auto_increment()) {
        create.count_from(theirs);
    }
    if create.is_partitioned() && plan.target_schema.is_none() {
        plan.risk(
            "partitions",
            Severity::Info,
            "the source's partitioning is taken over",
        );
    }
    plan.create = Some(create);
}
