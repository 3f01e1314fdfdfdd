//! How a table's target is reached, and what forbids one way or the other.

use super::planned::{PlannedTable, Strategy};
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::model::rule::{ConflictResolution, FullStrategy, Quarantine, TargetTriggers};
use crate::mysql::Ident;
use crate::mysql::column::Column;
use crate::mysql::schema::TableSchema;

/// What forbids to write a table that is there row by row.
#[must_use]
pub fn in_place_obstacles(plan: &PlannedTable) -> Vec<String> {
    let Some(target) = &plan.target_schema else {
        return vec!["it is not there".to_owned()];
    };
    let mut found = against_in_place(plan, target);
    if !target.triggers.is_empty() && plan.options.target_triggers == TargetTriggers::Refuse {
        found.push(format!(
            "its triggers ({}) would fire on our writes, which target_triggers: fire allows",
            target.triggers.join(", ")
        ));
    }
    found
}

pub(super) fn choose_strategy(plan: &mut PlannedTable) {
    let Some(target) = plan.target_schema.clone() else {
        plan.strategy = Strategy::Swap;
        plan.reason = "the target is missing: a shadow is loaded and put in its place".to_owned();
        if plan.options.full_strategy == FullStrategy::InPlace {
            plan.reason = "the target is missing: it is loaded as a shadow, in_place counts from the next run on".to_owned();
        }
        return;
    };
    let unfilled: Vec<Column> = target
        .columns
        .iter()
        .filter(|c| !c.generated && !plan.pairs.iter().any(|p| p.target.name == c.name))
        .cloned()
        .collect();
    let mut against_swap = Vec::new();
    if let Some(key) = plan.inbound.first() {
        against_swap.push(format!(
            "{} refers to it by a foreign key",
            key.table.shown()
        ));
    }
    if let Some(trigger) = target.triggers.first() {
        against_swap.push(format!("it has the trigger {trigger}"));
    }
    if let Some(column) = unfilled.first() {
        against_swap.push(format!("nothing fills its column {}", column.name.raw()));
        if let Some(column) = unfilled.iter().find(|c| !c.has_default) {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!(
                    "nothing fills the target's column {}, which has no default",
                    column.name.raw()
                ),
            )
            .remedy = Some("give it a default, or drop it".to_owned());
        }
    }
    let policy = plan.options.conflict_resolution;
    if policy != ConflictResolution::Overwrite {
        against_swap.push(format!(
            "conflict_resolution is {}, and a swap would overwrite",
            policy.as_str()
        ));
    }
    let against_in_place = against_in_place(plan, &target);
    if plan.options.quarantine != Quarantine::None && plan.target_key.is_none() {
        plan.stop_risk(
            ErrorCode::NoKey,
            "quarantine: without a key nobody can tell which rows a swap lets vanish",
        )
        .remedy = Some("use quarantine: none for this table, or give it a key".to_owned());
    }
    let wish = plan.options.full_strategy;
    let in_place = wish == FullStrategy::InPlace || !against_swap.is_empty();
    if wish == FullStrategy::Swap && !against_swap.is_empty() {
        plan.stop_risk(
            ErrorCode::Unsupported,
            format!(
                "full_strategy: swap can't be done: {}",
                against_swap.join("; ")
            ),
        )
        .remedy = Some("use full_strategy: auto".to_owned());
    }
    if in_place && !against_in_place.is_empty() {
        plan.stop_risk(
            ErrorCode::Unsupported,
            format!(
                "the target can be neither swapped ({}) nor written in place ({})",
                if against_swap.is_empty() {
                    "in_place is asked for".to_owned()
                } else {
                    against_swap.join("; ")
                },
                against_in_place.join("; ")
            ),
        );
    }
    if in_place {
        refuse_triggers(plan, &target);
        plan.strategy = Strategy::InPlace;
        plan.reason = if against_swap.is_empty() {
            "in place, as asked for".to_owned()
        } else {
            format!("in place: {}", against_swap.join("; "))
        };
        plan.risk(
            "in_place",
            Severity::Info,
            "where much differs, readers may see ranges change one after another",
        );
    } else {
        plan.strategy = Strategy::Swap;
        plan.reason = if wish == FullStrategy::Swap {
            "a shadow is loaded and swapped in, as asked for".to_owned()
        } else {
            "compared first: few differences are applied in one transaction, many by a swap"
                .to_owned()
        };
    }
}

/// What forbids changes of single rows of a target.
pub(super) fn against_in_place(plan: &PlannedTable, target: &TableSchema) -> Vec<String> {
    let mut against = Vec::new();
    if !target.is_transactional() {
        against.push(format!("its engine {} has no transactions", target.engine));
    }
    let unique_here = plan.target_key.as_ref().is_some_and(|key| {
        let names: Vec<Ident> = key.columns.iter().map(|c| c.name.clone()).collect();
        target.unique_key_on(&names).is_some()
    });
    if !unique_here {
        against.push("it has no usable key in common with the source".to_owned());
    }
    against
}

/// Triggers would fire on changes of single rows: they stop the table, unless they may; once.
pub(super) fn refuse_triggers(plan: &mut PlannedTable, target: &TableSchema) {
    let told = plan
        .risks
        .iter()
        .any(|risk| risk.message.contains("has triggers"));
    if target.triggers.is_empty() || told || plan.options.target_triggers != TargetTriggers::Refuse
    {
        return;
    }
    plan.stop_risk(
        ErrorCode::Unsupported,
        format!(
            "the target has triggers ({}), which would fire on our writes",
            target.triggers.join(", ")
        ),
    )
    .remedy = Some("target_triggers: fire lets them; or drop them".to_owned());
}
