//! A small checker of JSON Schema: the words that our OpenAPI document uses, and one rule more. A
//! field that no schema names is a fault, so what the service answers and what is documented can't
//! drift apart.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::{Map, Value};

/// Words that are known; any other in a schema is a fault of the test.
const WORDS: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "format",
    "allOf",
    "anyOf",
    "oneOf",
    "description",
    "examples",
    "default",
    "readOnly",
];

/// The schemas of one document.
#[derive(Debug, Clone)]
pub struct Schemas(pub Value);

impl Schemas {
    /// What is wrong with `value`; empty when it fits.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.node(schema, value, "", &mut faults);
        faults
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let target = self.0.pointer(reference.trim_start_matches('#'));
                self.resolved(target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
            None => schema,
        }
    }

    /// A value in a place of its own: every field of it must be named somewhere.
    fn node(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        self.part(schema, value, path, faults);
        if let Value::Object(map) = value {
            let mut named = BTreeSet::new();
            if !self.names(schema, value, &mut named) && !named.is_empty() {
                for key in map.keys().filter(|key| !named.contains(key.as_str())) {
                    faults.push(format!("{path}/{key} is not documented"));
                }
            }
        }
    }

    /// The fields that a schema names; `true` when it lets others pass.
    fn names<'a>(&'a self, schema: &'a Value, value: &Value, into: &mut BTreeSet<&'a str>) -> bool {
        let schema = self.resolved(schema);
        let mut open = !matches!(
            schema["additionalProperties"],
            Value::Null | Value::Bool(false)
        );
        if let Value::Object(properties) = &schema["properties"] {
            into.extend(properties.keys().map(String::as_str));
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            for inner in schema[word].as_array().into_iter().flatten() {
                if word == "allOf" || self.fits(inner, value) {
                    open |= self.names(inner, value, into);
                }
            }
        }
        open
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut faults = Vec::new();
        self.part(schema, value, "", &mut faults);
        faults.is_empty()
    }

    fn part(&self, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
        let schema = self.resolved(schema);
        let empty = Map::new();
        let words = schema.as_object().unwrap_or(&empty);
        for word in words.keys() {
            assert!(
                WORDS.contains(&word.as_str()),
                "the checker does not know {word}"
            );
        }
        let mut fault = |text: String| faults.push(format!("{path}: {text}"));
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is(name, value)) {
            fault(format!("{value} is no {}", types.join(" or ")));
        }
        if let Value::Array(allowed) = &schema["enum"]
            && !allowed.contains(value)
        {
            fault(format!("{value} is none of {}", schema["enum"]));
        }
        if !schema["const"].is_null() && schema["const"] != *value {
            fault(format!("{value} is not {}", schema["const"]));
        }
        let number = value.as_f64();
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), number)
            && number < least
        {
            fault(format!("{number} is less than {least}"));
        }
        if let (Some(most), Some(number)) = (schema["maximum"].as_f64(), number)
            && number > most
        {
            fault(format!("{number} is more than {most}"));
        }
        let size = match value {
            Value::String(text) => Some(("Length", text.chars().count())),
            Value::Array(list) => Some(("Items", list.len())),
            Value::Object(map) => Some(("Properties", map.len())),
            _ => None,
        };
        if let Some((what, size)) = size {
            let size = u64::try_from(size).unwrap();
            let limit = |word: &str| schema[format!("{word}{what}").as_str()].as_u64();
            if limit("min").is_some_and(|least| size < least)
                || limit("max").is_some_and(|most| size > most)
            {
                fault(format!("{what} {size} is out of range"));
            }
        }
        if let (Some(format), Value::String(text)) = (schema["format"].as_str(), value) {
            let good = match format {
                "uuid" => is_uuid(text),
                "date-time" => {
                    DateTime::parse_from_rfc3339(text).is_ok()
                        && text.ends_with('Z')
                        && text.len() == 24
                }
                other => panic!("the checker does not know the format {other}"),
            };
            if !good {
                fault(format!("{text} is no {format}"));
            }
        }
        if let Value::Object(map) = value {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !map.contains_key(name.as_str().unwrap()) {
                    fault(format!("{name} is missing"));
                }
            }
        }
        for (word, least, most) in [
            ("allOf", usize::MAX, usize::MAX),
            ("anyOf", 1, usize::MAX),
            ("oneOf", 1, 1),
        ] {
            let Value::Array(all) = &schema[word] else {
                continue;
            };
            if word == "allOf" {
                for inner in all {
                    self.part(inner, value, path, faults);
                }
                continue;
            }
            let fitting = all.iter().filter(|inner| self.fits(inner, value)).count();
            if fitting < least || fitting > most {
                faults.push(format!("{path}: {value} fits {fitting} of {word}"));
            }
        }
        match value {
            Value::Array(list) if !schema["items"].is_null() => {
                for (index, item) in list.iter().enumerate() {
                    self.node(&schema["items"], item, &format!("{path}/{index}"), faults);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let path = format!("{path}/{key}");
                    match (
                        &schema["properties"][key.as_str()],
                        &schema["additionalProperties"],
                    ) {
                        (Value::Null, Value::Bool(false)) => {
                            faults.push(format!("{path} is not allowed"));
                        }
                        (Value::Null, other @ Value::Object(_)) => {
                            self.node(other, item, &path, faults)
                        }
                        (Value::Null, _) => {}
                        (known, _) => self.node(known, item, &path, faults),
                    }
                }
            }
            _ => {}
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the checker does not know the type {other}"),
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
