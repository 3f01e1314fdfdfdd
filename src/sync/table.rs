//! One table, planned: definitions of both sides, columns, key, strategy, and what could go wrong.

use crate::model::config::Options;
use crate::model::error::ErrorCode;
use crate::mysql::schema::{TableSchema, inbound_foreign_keys};
use crate::mysql::{MaskKey, Session, TableRef};

mod columns;
mod conflict;
mod key;
mod mask;
mod mode;
mod oddities;
mod planned;
mod shadow;
mod source;
mod strategy;

pub use columns::renamed;
pub use planned::{ByWatermark, Mode, PlannedTable, Strategy};
pub use source::account;

use columns::match_columns;
use conflict::choose_watermark;
use key::choose_key;
use mode::choose_mode;
use shadow::shape_shadow;
use source::{check_filter, read_source};
use strategy::choose_strategy;
pub use strategy::in_place_obstacles;

use super::error::SyncError;
use super::rules::Chosen;
use super::servers::Servers;

/// Plans one table. What stops it is a risk, not an error.
///
/// # Errors
/// When a server can't be reached.
pub async fn plan_table(
    chosen: &Chosen,
    options: &Options,
    servers: &Servers,
    source: &mut Session,
    local: &mut Session,
) -> Result<PlannedTable, SyncError> {
    let mut plan = PlannedTable {
        source: TableRef::new(
            servers.source_database.clone(),
            chosen.source_table.as_str(),
        ),
        target: TableRef::new(
            servers.target_database.clone(),
            chosen.target_table.as_str(),
        ),
        source_schema: None,
        target_schema: None,
        options: chosen.rule.options.over(&options.table),
        where_sql: chosen.rule.where_clause.clone(),
        pairs: Vec::new(),
        key: None,
        target_key: None,
        watermark: None,
        comparable: true,
        create: None,
        mode: Mode::Full,
        mode_reason: String::new(),
        full_because: None,
        strategy: Strategy::Swap,
        reason: String::new(),
        inbound: Vec::new(),
        risks: Vec::new(),
        gone: Vec::new(),
        left_out: Vec::new(),
        redefined: Vec::new(),
        mask_key: source.endpoint().mask_key.as_ref().map(MaskKey::id),
        mask_probes: Vec::new(),
    };
    if source.server().flavour != local.server().flavour {
        plan.stop_risk(
            ErrorCode::Unsupported,
            "the source and the local server are of different flavours (MySQL, MariaDB): not available in this version",
        );
        return Ok(plan);
    }
    let Some(schema) = read_source(&mut plan, source).await? else {
        return Ok(plan);
    };
    plan.target_schema = TableSchema::read(local, &plan.target).await?;
    plan.inbound = inbound_foreign_keys(local, &plan.target)
        .await?
        .into_iter()
        .filter(|key| key.table != plan.target)
        .collect();
    if let Some(target) = &plan.target_schema
        && target.table_type != "BASE TABLE"
    {
        let message = format!(
            "{} is a {}, not a base table",
            plan.target.shown(),
            target.table_type.to_lowercase()
        );
        plan.stop_risk(ErrorCode::Unsupported, message);
        return Ok(plan);
    }
    match_columns(&mut plan, chosen, &schema);
    choose_key(&mut plan, chosen, &schema, source).await?;
    mask::check_keys(&mut plan, chosen, &schema);
    choose_watermark(&mut plan, chosen, &schema);
    shape_shadow(&mut plan, chosen, &schema);
    choose_strategy(&mut plan);
    choose_mode(&mut plan, chosen, &schema);
    check_filter(&mut plan, source).await?;
    mask::check_values(&mut plan, chosen, source).await?;
    oddities::check(&mut plan, source, local).await?;
    plan.source_schema = Some(schema);
    Ok(plan)
}
