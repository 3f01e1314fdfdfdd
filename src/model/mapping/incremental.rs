//! The fields of a table rule that are about incremental sync alone.

use serde_json::Value;

use super::reader::Object;
use super::writer::Fields;
use crate::model::cron::Cron;
use crate::model::duration::format_duration;
use crate::model::incremental::{DetectDeletes, IncrementalRule, IncrementalStrategy, LagWindow};

/// Reads them.
pub(super) fn read(object: &Object<'_>) -> IncrementalRule {
    IncrementalRule {
        strategy: object
            .word(
                "strategy",
                IncrementalStrategy::WORDS,
                &["binlog"],
                IncrementalStrategy::parse,
            )
            .unwrap_or_default(),
        lag_window: read_lag(object),
        detect_deletes: read_detect(object).unwrap_or_default(),
    }
}

/// A duration, or a whole number of the column's units.
fn read_lag(object: &Object<'_>) -> Option<LagWindow> {
    match object.get("lag_window")? {
        Value::Number(_) => object
            .number("lag_window", 0..=i64::MAX.unsigned_abs())
            .map(LagWindow::Units),
        Value::String(_) => object.duration("lag_window").map(LagWindow::Time),
        other => {
            object.wrong_type("lag_window", "a duration such as 5m, or a number", other);
            None
        }
    }
}

fn read_detect(object: &Object<'_>) -> Option<DetectDeletes> {
    let text = object.text("detect_deletes")?;
    match text.as_str() {
        "never" => Some(DetectDeletes::Never),
        "every_run" => Some(DetectDeletes::EveryRun),
        _ => match Cron::parse(&text) {
            Ok(cron) => Some(DetectDeletes::Due(cron)),
            Err((why, remedy)) => {
                let remedy = format!("give never, every_run or a cron expression: {remedy}");
                object.problem("detect_deletes", why, remedy);
                None
            }
        },
    }
}

/// Writes them.
pub(super) fn print(rule: &IncrementalRule, out: &mut Fields) {
    let strategy = rule.strategy;
    out.put(
        "strategy",
        strategy.as_str(),
        strategy == IncrementalStrategy::Auto,
    );
    out.maybe(
        "lag_window",
        rule.lag_window.map(|lag| match lag {
            LagWindow::Time(time) => Value::from(format_duration(time)),
            LagWindow::Units(units) => Value::from(units),
        }),
    );
    out.put(
        "detect_deletes",
        rule.detect_deletes.as_str(),
        rule.detect_deletes == DetectDeletes::Never,
    );
}
