//! How a table's runs find what changed: all of it, by a watermark, or by comparison; and why.

use super::planned::{ByWatermark, Mode, PlannedTable};
use super::strategy::{against_in_place, refuse_triggers};
use crate::model::error::ErrorCode;
use crate::model::incremental::{DetectDeletes, IncrementalStrategy, LagWindow, WATERMARK_PROMISE};
use crate::model::plan::Severity;
use crate::model::rule::{SyncMode, Verify};
use crate::mysql::Ident;
use crate::mysql::column::Column;
use crate::mysql::kind::Kind;
use crate::mysql::schema::{TableSchema, same_name};
use crate::sync::bound::Sight;
use crate::sync::key::KeySpec;
use crate::sync::rules::Chosen;

pub(super) fn choose_mode(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let rule = &chosen.rule.incremental;
    if chosen.rule.sync_mode.unwrap_or_default() == SyncMode::Full {
        return;
    }
    match (rule.strategy, &chosen.rule.watermark_column) {
        (IncrementalStrategy::Checksum, _) => {
            plan.mode = Mode::Checksum;
            plan.mode_reason = "compared each time, as asked for".to_owned();
        }
        (IncrementalStrategy::Auto, None) => {
            plan.mode = Mode::Checksum;
            plan.mode_reason =
                "compared each time, since the rule names no watermark_column".to_owned();
        }
        (_, Some(name)) => {
            let why = format!("by the watermark {name}, which the rule names");
            match schema.column(name) {
                Some(column) => by_watermark(plan, chosen, schema, column, why),
                None => {
                    plan.stop_risk(
                        ErrorCode::RuleInvalid,
                        format!("{} has no column {name}", plan.source.shown()),
                    );
                }
            }
        }
        (IncrementalStrategy::Watermark, None) => match found(plan, schema) {
            Some((column, why)) => {
                let column = column.clone();
                by_watermark(plan, chosen, schema, &column, why);
            }
            None => {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    "strategy: watermark finds neither an indexed ON UPDATE CURRENT_TIMESTAMP column nor a whole-number AUTO_INCREMENT key",
                )
                .remedy = Some("name a watermark_column, or use strategy: checksum".to_owned());
            }
        },
    }
}

/// The column that serves best where the rule names none.
fn found<'s>(plan: &PlannedTable, schema: &'s TableSchema) -> Option<(&'s Column, String)> {
    let arrives = |c: &&Column| !plan.gone.contains(&c.name);
    let moved = schema
        .columns
        .iter()
        .filter(arrives)
        .find(|c| c.on_update_now && index_of(schema, &c.name).is_some());
    if let Some(column) = moved {
        let why = format!(
            "by the watermark {}, which the source moves with each update",
            column.name.raw()
        );
        return Some((column, why));
    }
    let counter = schema
        .columns
        .iter()
        .filter(arrives)
        .find(|c| c.auto_increment && Kind::of(c) == Kind::Integer)?;
    index_of(schema, &counter.name)?;
    let why = format!(
        "by the watermark {}, the AUTO_INCREMENT key: append-only",
        counter.name.raw()
    );
    Some((counter, why))
}

fn index_of(schema: &TableSchema, column: &Ident) -> Option<String> {
    schema
        .keys
        .iter()
        .find(|key| {
            key.parts.first().is_some_and(|part| {
                !part.prefix
                    && part
                        .column
                        .as_ref()
                        .is_some_and(|c| same_name(c.raw(), column.raw()))
            })
        })
        .map(|key| key.name.raw().to_owned())
}

fn by_watermark(
    plan: &mut PlannedTable,
    chosen: &Chosen,
    schema: &TableSchema,
    column: &Column,
    why: String,
) {
    let rule = &chosen.rule.incremental;
    let name = column.name.raw().to_owned();
    let takes_time = match column.data_type.as_str() {
        "date" | "datetime" | "timestamp" => true,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => false,
        other => {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!("the watermark column {name} is {other}: it must be DATE, DATETIME, TIMESTAMP or a whole number"),
            )
            .remedy = Some("name another watermark_column, or use strategy: checksum".to_owned());
            return;
        }
    };
    let lag = match (rule.lag_window, takes_time) {
        (None, true) => LagWindow::Time(LagWindow::DEFAULT_TIME),
        (None, false) => LagWindow::Units(LagWindow::DEFAULT_UNITS),
        (Some(lag @ LagWindow::Time(_)), true) | (Some(lag @ LagWindow::Units(_)), false) => lag,
        (Some(_), _) => {
            let (what, remedy) = if takes_time {
                (
                    "times, and the lag_window is a number",
                    "write a duration, such as 5m",
                )
            } else {
                (
                    "whole numbers, and the lag_window is a duration",
                    "write a number, such as 1000",
                )
            };
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!("the watermark column {name} holds {what}"),
            )
            .remedy = Some(remedy.to_owned());
            return;
        }
    };
    if super::mask::reached(plan, schema).contains(&column.name) {
        plan.stop_risk(
            ErrorCode::RuleInvalid,
            format!("the watermark column {name} is masked, or computed from a masked column: the values up to which a run has read are stored"),
        )
        .remedy = Some("name another watermark_column, or use strategy: checksum".to_owned());
        return;
    }
    if plan.gone.contains(&column.name) {
        plan.stop_risk(
            ErrorCode::RuleInvalid,
            format!("the watermark column {name} can't be left out"),
        );
        return;
    }
    if !plan.key.as_ref().is_some_and(KeySpec::is_chunkable) {
        plan.stop_risk(
            ErrorCode::NoKey,
            "a run by watermark needs a key whose values can be put in order",
        )
        .remedy =
            Some("add a primary key to the source's table, or use strategy: checksum".to_owned());
        return;
    }
    if let Some(target) = plan.target_schema.clone() {
        let against = against_in_place(plan, &target);
        if !against.is_empty() {
            plan.stop_risk(
                ErrorCode::Unsupported,
                format!(
                    "a run by watermark writes in place, and that can't be done here: {}",
                    against.join("; ")
                ),
            )
            .remedy = Some("use strategy: checksum".to_owned());
        }
        refuse_triggers(plan, &target);
    }
    let index = index_of(schema, &column.name);
    tell(plan, column, index.is_some());
    let detect = match plan.options.verify {
        Verify::Table => DetectDeletes::EveryRun,
        _ => rule.detect_deletes.clone(),
    };
    plan.mode_reason = why;
    plan.mode = Mode::Watermark(Box::new(ByWatermark {
        column: column.clone(),
        lag,
        index,
        detect,
    }));
}

/// What a person should know of runs by this column.
fn tell(plan: &mut PlannedTable, column: &Column, indexed: bool) {
    let name = column.name.raw().to_owned();
    plan.risk("watermark", Severity::Info, WATERMARK_PROMISE)
        .remedy = Some("detect_deletes: every_run compares the table as well".to_owned());
    if column.auto_increment {
        plan.risk(
            "append_only",
            Severity::Warning,
            format!(
                "{name} counts rows as they are added: changes of rows that are there are not seen"
            ),
        )
        .remedy = Some("name a watermark_column that moves with each change".to_owned());
    }
    if matches!(column.data_type.as_str(), "date" | "datetime") {
        plan.risk(
            "watermark_zone",
            Severity::Info,
            format!("{name} holds no time zone: its values are taken for the time of the source's own zone (@@global.time_zone)"),
        )
        .remedy = Some(
            "where they are written in another zone, widen lag_window by the difference, or use a TIMESTAMP column".to_owned(),
        );
    }
    if !indexed {
        plan.risk(
            "watermark_index",
            Severity::Warning,
            format!(
                "no key of the source begins with {name}: each run reads the whole table there"
            ),
        )
        .remedy = Some("add an index on it to the source's table".to_owned());
    }
}

impl PlannedTable {
    /// Adds what a run by watermark does without, since the account can't see it on the source.
    pub fn tell_sight(&mut self, sight: Sight) {
        if !sight.others {
            self.risk(
                "watermark_bound",
                Severity::Warning,
                "open transactions of others can't be seen: what commits later than the lag window is missed",
            )
            .remedy = Some("GRANT PROCESS ON *.* to the account of the connection".to_owned());
        }
        match sight.replica {
            Some(false) => {}
            Some(true) => {
                self.risk(
                    "watermark_replica",
                    Severity::Warning,
                    "the source is a replica: open transactions of its own source can't be seen, so what commits there later than the lag window is missed",
                )
                .remedy = Some("sync from the replica's source, or widen lag_window".to_owned());
            }
            None => {
                self.risk(
                    "watermark_replica",
                    Severity::Info,
                    "whether the source is a replica, and how far behind, can't be seen",
                )
                .remedy = Some(
                    "GRANT REPLICATION CLIENT (MySQL) or REPLICA MONITOR (MariaDB) ON *.* to the account of the connection".to_owned(),
                );
            }
        }
    }
}
