//! The field `mask` of a table rule.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::check_identifier;
use super::condition::{check_condition, outside_quotes};
use super::reader::{Object, kind};
use super::writer::{Fields, Form};
use crate::model::finding::Finding;
use crate::model::mask::{Mask, MaskMethod};
use crate::model::rule::{ColumnSelect, TableRule};

/// Most characters that `partial` keeps at one end.
const MOST_KEPT: u32 = 1000;

/// Functions that give another value each time: a copy of them could never be compared.
const UNSTABLE: [&str; 17] = [
    "rand",
    "random_bytes",
    "uuid",
    "uuid_short",
    "now",
    "sysdate",
    "current_timestamp",
    "current_date",
    "current_time",
    "curdate",
    "curtime",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "connection_id",
];

pub(super) fn read(object: &Object<'_>) -> BTreeMap<String, Mask> {
    let mut masks = BTreeMap::new();
    let Some(inner) = object.object("mask") else {
        return masks;
    };
    for (column, value) in inner.entries() {
        if let Err(message) = check_identifier(column, "column") {
            inner.problem(column, message, "");
        }
        let path = inner.path_of(column);
        let Some(fields) = Object::open(value, &path, "a mask", inner.found()) else {
            continue;
        };
        if let Some(mask) = read_one(&fields) {
            masks.insert(column.clone(), mask);
        }
        fields.finish();
    }
    masks
}

fn read_one(fields: &Object<'_>) -> Option<Mask> {
    if fields.get("method").is_none() {
        fields.problem(
            "method",
            "method is required",
            format!("allowed: {}", MaskMethod::WORDS.join(", ")),
        );
        return None;
    }
    let method = fields.word("method", MaskMethod::WORDS, &[], MaskMethod::parse)?;
    Some(match method {
        MaskMethod::Nullify => Mask::Nullify,
        MaskMethod::Constant => Mask::Constant(read_constant(fields)?),
        MaskMethod::Hash => Mask::Hash {
            length: fields
                .number_u32("length", 16..=64)
                .unwrap_or(Mask::DEFAULT_LENGTH),
        },
        MaskMethod::Partial => Mask::Partial {
            keep_first: fields.number_u32("keep_first", 0..=MOST_KEPT).unwrap_or(0),
            keep_last: fields.number_u32("keep_last", 0..=MOST_KEPT).unwrap_or(0),
            fill: read_fill(fields),
        },
        MaskMethod::Expression => Mask::Expression(read_expression(fields)?),
    })
}

/// Numbers and truth values stand for their text: the column's type says what they are.
fn read_constant(fields: &Object<'_>) -> Option<String> {
    match fields.get("value") {
        Some(Value::String(text)) if text.contains('\0') => {
            fields.problem("value", "holds a NUL character", "");
            None
        }
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(flag)) => Some(u8::from(*flag).to_string()),
        Some(other) => {
            fields.problem(
                "value",
                format!("must be text or a number, not {}", kind(other)),
                "",
            );
            None
        }
        None => {
            fields.problem(
                "value",
                "value is required by constant",
                "for NULL use nullify",
            );
            None
        }
    }
}

fn read_fill(fields: &Object<'_>) -> char {
    let Some(text) = fields.text("fill") else {
        return Mask::DEFAULT_FILL;
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(fill), None) if !fill.is_whitespace() && !fill.is_control() => fill,
        _ => {
            fields.problem(
                "fill",
                "fill is one character, and no blank",
                "write fill: \"*\"",
            );
            Mask::DEFAULT_FILL
        }
    }
}

fn read_expression(fields: &Object<'_>) -> Option<String> {
    if fields.get("sql").is_none() {
        fields.problem("sql", "sql is required by expression", "");
        return None;
    }
    let text = fields.filled("sql")?;
    if let Err(message) = check_condition(&text) {
        fields.problem(
            "sql",
            message.replace("a condition", "an expression"),
            "give one expression without a statement around it",
        );
        return None;
    }
    let plain = outside_quotes(&text).to_lowercase();
    if plain.contains('@') {
        fields.problem("sql", "an expression can't use variables (@)", "");
    }
    let words: Vec<&str> = plain
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .collect();
    if let Some(word) = UNSTABLE.iter().find(|word| words.contains(word)) {
        fields.problem(
            "sql",
            format!("{word} gives another value each time, so a copy could not be compared"),
            "derive the value from the row's columns",
        );
    }
    Some(text)
}

/// What a mask can't be on, as far as the rule tells.
pub(super) fn check(object: &Object<'_>, rule: &TableRule) {
    for (column, mask) in &rule.mask {
        let same = |other: &String| other.to_lowercase() == column.to_lowercase();
        let problem = |message: &str, remedy: &str| {
            let path = format!("{}.{column}", object.path_of("mask"));
            object
                .found()
                .add(Finding::new(path, message).remedy(remedy));
        };
        let twice = rule.mask.keys().filter(|other| same(other)).count() > 1;
        if twice {
            problem(
                "the column is masked twice (names of columns have no case)",
                "remove one",
            );
        }
        let in_key = rule.key.iter().flatten().any(same);
        if in_key && mask.method() != MaskMethod::Hash {
            problem(
                "a column of the key can only be masked by hash: rows could not be told apart",
                "use hash, or choose another key",
            );
        }
        let left_out = match &rule.columns {
            ColumnSelect::All => false,
            ColumnSelect::Only(only) => !only.is_empty() && !only.iter().any(same),
            ColumnSelect::Except(except) => except.iter().any(same),
        };
        if left_out {
            problem(
                "the column is left out, so there is nothing to mask",
                "remove the mask, or keep the column",
            );
        }
    }
}

pub(super) fn print(masks: &BTreeMap<String, Mask>, form: Form) -> Map<String, Value> {
    masks
        .iter()
        .map(|(column, mask)| (column.clone(), print_one(mask, form).into()))
        .collect()
}

fn print_one(mask: &Mask, form: Form) -> Map<String, Value> {
    let mut out = Fields::new(form);
    out.always("method", mask.method().as_str());
    match mask {
        Mask::Nullify => {}
        Mask::Constant(value) => out.always("value", value.as_str()),
        Mask::Hash { length } => out.put("length", *length, *length == Mask::DEFAULT_LENGTH),
        Mask::Partial {
            keep_first,
            keep_last,
            fill,
        } => {
            out.put("keep_first", *keep_first, *keep_first == 0);
            out.put("keep_last", *keep_last, *keep_last == 0);
            out.put("fill", fill.to_string(), *fill == Mask::DEFAULT_FILL);
        }
        Mask::Expression(sql) => out.always("sql", sql.as_str()),
    }
    out.into_map()
}
