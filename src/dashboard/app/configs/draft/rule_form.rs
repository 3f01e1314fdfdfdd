//! The form of one table rule.

use serde_json::Value;

use super::fields::{Kind, put, shown};
use super::rule_name;
use crate::dashboard::app::form::{Field, Form, Problem, Purpose, Side};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::finding::Finding;
use crate::model::incremental::IncrementalStrategy;
use crate::model::mapping;
use crate::model::rule::{
    ConflictResolution, FullStrategy, Orphans, SyncMode, TableRule, TableSelect, TargetTriggers,
    Verify,
};

/// The rule that a form changes.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDraft {
    /// Its place in the config.
    pub place: usize,
    /// As it was when the form was opened.
    pub rule: TableRule,
    /// The config's mode, which holds where the rule names none.
    pub mode: SyncMode,
}

/// Every field with what its text stands for.
const FIELDS: &[(&str, Kind)] = &[
    ("target_table", Kind::Text),
    ("enabled", Kind::Flag),
    ("sync_mode", Kind::Text),
    ("where", Kind::Text),
    ("columns", Kind::List),
    ("exclude_columns", Kind::List),
    ("rename_columns", Kind::Object),
    ("mask", Kind::Object),
    ("key", Kind::List),
    ("strategy", Kind::Text),
    ("watermark_column", Kind::Text),
    ("lag_window", Kind::Number),
    ("detect_deletes", Kind::Text),
    ("conflict_resolution", Kind::Text),
    ("full_strategy", Kind::Text),
    ("verify", Kind::Text),
    ("quarantine", Kind::Text),
    ("max_delete_rows", Kind::Number),
    ("max_delete_percent", Kind::Number),
    ("batch_size", Kind::Number),
    ("swap_timeout", Kind::Text),
    ("orphans", Kind::Text),
    ("target_triggers", Kind::Text),
];

/// The form for the rule at `place`.
#[must_use]
pub fn form(place: usize, rule: &TableRule, mode: SyncMode) -> Form {
    let object = mapping::spec_to_json(rule);
    let text = |id: &str| shown(&object[id]);
    let exact = matches!(rule.select, TableSelect::Source(_));
    let mut fields = what_fields(&text, &object);
    fields.extend(how_fields(&text));
    fields.extend(rare_fields(&text));
    if !exact {
        fields.retain(|field| field.id != "target_table");
    }
    let draft = RuleDraft {
        place,
        rule: rule.clone(),
        mode,
    };
    let mut form = Form::new(
        Purpose::Rule(Box::new(draft)),
        format!("Rule {}", rule_name(rule)),
        fields,
    )
    .ruled(rules)
    .adapting(adapt);
    form.verb = "take it";
    form.side = Some(Side::text(
        "Preview",
        vec![Line::of("reading the source …", Tone::Dim)],
    ));
    form
}

/// The words of an enum behind one for the config's own.
fn choice(id: &'static str, label: &str, words: &[&str], value: &str) -> Field {
    let mut options = vec![("", "as the config")];
    options.extend(words.iter().map(|word| (*word, *word)));
    Field::choice(id, label, &options, value)
}

fn what_fields(text: &dyn Fn(&str) -> String, object: &Value) -> Vec<Field> {
    let which = match (&object["columns"], &object["exclude_columns"]) {
        (Value::Array(_), _) => "only",
        (_, Value::Array(_)) => "except",
        _ => "all",
    };
    let ways = &[
        ("all", "all"),
        ("only", "only these"),
        ("except", "all but these"),
    ];
    vec![
        Field::text("target_table", "Target table", &text("target_table"))
            .under("What")
            .help("Its name on the local server."),
        Field::toggle("enabled", "Synced", object["enabled"] != Value::Bool(false))
            .help("Off: the table and its copy are left alone. space switches."),
        Field::text("where", "Where", &text("where"))
            .placeholder("all rows")
            .help("A condition on the source's columns. Rows that stop fitting are deleted by full runs."),
        Field::choice("which", "Columns", ways, which).help("Left and right choose."),
        Field::text("columns", "  only", &text("columns"))
            .help("Names by commas; key and watermark columns must be among them."),
        Field::text("exclude_columns", "  without", &text("exclude_columns"))
            .help("Names by commas."),
        Field::text("rename_columns", "Renamed", &text("rename_columns"))
            .placeholder("none")
            .help("source: target, source: target"),
        Field::text("mask", "Masked", &text("mask"))
            .placeholder("none")
            .help("email: hash, phone: {method: partial, keep_last: 2}; also nullify, constant, expression."),
        Field::text("key", "Key", &text("key"))
            .placeholder("primary key, or a unique one")
            .help("Columns that identify a row, by commas."),
    ]
}

fn how_fields(text: &dyn Fn(&str) -> String) -> Vec<Field> {
    let words = IncrementalStrategy::WORDS;
    let strategies: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
    vec![
        choice("sync_mode", "Mode", SyncMode::WORDS, &text("sync_mode"))
            .under("How")
            .help("full: the whole table each run. incremental: what changed."),
        Field::choice("strategy", "Strategy", &strategies, &text("strategy"))
            .help("watermark: rows whose column moved. checksum: compare the whole table. auto: see the preview."),
        Field::text("watermark_column", "Watermark", &text("watermark_column"))
            .placeholder("none")
            .help("A column that moves with each change, such as updated_at, or that only grows."),
        Field::text("lag_window", "Lag window", &text("lag_window"))
            .placeholder("5m, or 1000 of a number")
            .help("How far behind the last watermark is read again: 5m, or a number."),
        Field::text("detect_deletes", "Find deletes", &text("detect_deletes"))
            .help("never, every_run, or when to compare: 0 3 * * *"),
        choice(
            "conflict_resolution",
            "Conflicts",
            ConflictResolution::WORDS,
            &text("conflict_resolution"),
        )
        .help("What becomes of target rows that differ: newer compares the watermark."),
        choice("full_strategy", "Full by", FullStrategy::WORDS, &text("full_strategy"))
            .help("swap: load beside it and rename. in_place: change rows where they are."),
    ]
}

fn rare_fields(text: &dyn Fn(&str) -> String) -> Vec<Field> {
    let own = |id: &'static str, label: &str, help: &str| {
        Field::text(id, label, &text(id))
            .rare()
            .placeholder("as the config")
            .help(help)
    };
    vec![
        Field::fold("More: comparing, limits of deletes, batches")
            .help("space or enter shows and hides them."),
        choice("verify", "Compare", Verify::WORDS, &text("verify"))
            .rare()
            .help("What is compared after writing."),
        own(
            "quarantine",
            "Quarantine",
            "none, or how long deleted rows are kept: 7d",
        ),
        own(
            "max_delete_rows",
            "Most deletes",
            "A run that would delete more stops first.",
        ),
        own(
            "max_delete_percent",
            "  in percent",
            "The same, of the target's rows.",
        ),
        own("batch_size", "Batch", "Most rows of one INSERT."),
        own(
            "swap_timeout",
            "Swap wait",
            "How long a swap waits for readers: 10m",
        ),
        choice("orphans", "Orphans", Orphans::WORDS, &text("orphans"))
            .rare()
            .help("Rows whose foreign key finds no parent."),
        choice(
            "target_triggers",
            "Triggers",
            TargetTriggers::WORDS,
            &text("target_triggers"),
        )
        .rare()
        .help("A target with triggers, written in place."),
    ]
}

fn adapt(form: &mut Form) {
    let Purpose::Rule(draft) = &form.purpose else {
        return;
    };
    let mode = match form.text("sync_mode").as_str() {
        "" => draft.mode.as_str().to_owned(),
        own => own.to_owned(),
    };
    let incremental = mode == SyncMode::Incremental.as_str();
    let compares = form.text("strategy") == IncrementalStrategy::Checksum.as_str();
    let newer = form.text("conflict_resolution") == ConflictResolution::Newer.as_str();
    let which = form.text("which");
    for field in &mut form.fields {
        field.shown = match field.id.as_str() {
            "columns" => which == "only",
            "exclude_columns" => which == "except",
            "strategy" => incremental,
            "lag_window" | "detect_deletes" => incremental && !compares,
            "watermark_column" => newer || incremental && !compares,
            _ => true,
        };
    }
}

fn rules(form: &Form) -> Vec<Problem> {
    match rule(form) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(Problem::of).collect(),
    }
}

/// The rule that the fields describe, checked by the rules of the mapping file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn rule(form: &Form) -> Result<TableRule, Vec<Finding>> {
    let Purpose::Rule(draft) = &form.purpose else {
        return Err(Vec::new());
    };
    let mut object = mapping::spec_to_json(&draft.rule);
    put(form, &mut object, FIELDS).map_err(|(id, why)| vec![Finding::new(id, why)])?;
    // A mask that is told by its method alone.
    if let Value::Object(masks) = &mut object["mask"] {
        for mask in masks.values_mut() {
            if let Value::String(method) = mask {
                *mask = serde_json::json!({"method": method});
            }
        }
    }
    if let TableSelect::Match(_) = draft.rule.select {
        object["target_table"] = Value::Null;
    }
    mapping::spec_from_json(&object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mask::Mask;

    fn typed(form: &mut Form, id: &str, text: &str) {
        if let Some(field) = form.field_mut(id) {
            field.paste(text);
        }
    }

    #[test]
    fn an_untouched_form_describes_the_rule_it_was_made_from() {
        let mut whole = TableRule::of_table("orders");
        whole.target_table = Some("copies".to_owned());
        whole.where_clause = Some("a, b > ''".to_owned());
        whole.columns = crate::model::rule::ColumnSelect::Except(vec!["note".to_owned()]);
        whole.mask = [("email".to_owned(), Mask::Hash { length: 20 })].into();
        whole.rename_columns = [("a".to_owned(), "b c".to_owned())].into();
        whole.options.max_delete_rows = Some(7);
        whole.options.allow_cascade = Some(true);
        whole.enabled = Some(false);
        for rule_ in [TableRule::of_table("x"), TableRule::of_pattern("a*"), whole] {
            for mode in [SyncMode::Full, SyncMode::Incremental] {
                let form = form(0, &rule_, mode);
                assert_eq!(rule(&form), Ok(rule_.clone()));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field() {
        let mut form = form(0, &TableRule::of_table("orders"), SyncMode::Full);
        typed(&mut form, "where", "id > 1; DROP TABLE x");
        typed(&mut form, "mask", "email: scramble");
        assert!(!form.check());
        for id in ["where", "mask"] {
            assert!(form.field(id).unwrap().error.is_some(), "{id}");
        }
    }

    #[test]
    fn fields_of_incremental_sync_are_there_when_it_is() {
        let shown = |mode| {
            let form = form(0, &TableRule::of_table("orders"), mode);
            form.field("watermark_column").unwrap().shown
        };
        assert!(shown(SyncMode::Incremental));
        assert!(!shown(SyncMode::Full));
    }
}
