//! Between the fields of a form and the JSON object that they describe: what a form does not show
//! stays as it is.

use serde_json::{Map, Value};

use crate::dashboard::app::form::Form;

/// What a field's text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; empty is none.
    Text,
    /// A number; what is none stays text, so that the object's own rules refuse it.
    Number,
    /// `true` or `false`.
    Flag,
    /// Texts by commas.
    List,
    /// A YAML object without its braces.
    Object,
}

/// The text of a value in a field.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{}: {}", word(key), flow(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

/// A mask with its method alone is told by it.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Object(map) if map.len() == 1 => match map.get("method") {
            Some(Value::String(method)) => method.clone(),
            _ => value.to_string(),
        },
        Value::Object(map) => {
            let inner: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", word(key), flow(value)))
                .collect();
            format!("{{{}}}", inner.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text as YAML reads it back as text.
fn word(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text);
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// The value that a field's text stands for.
///
/// # Errors
/// A sentence, when an object can't be read.
pub fn value(kind: Kind, text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    Ok(match kind {
        Kind::Text => text.into(),
        Kind::Number => text
            .parse::<u64>()
            .map_or_else(|_| text.into(), Value::from),
        Kind::Flag => (text == "true").into(),
        Kind::List => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(Value::from)
            .collect::<Vec<_>>()
            .into(),
        Kind::Object => object(text)?,
    })
}

fn object(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let braced = if text.starts_with('{') {
        text.to_owned()
    } else {
        format!("{{{text}}}")
    };
    serde_yaml::from_str::<Map<String, Value>>(&braced)
        .map(Value::Object)
        .map_err(|_| "not understood: write NAME: VALUE, NAME: VALUE".to_owned())
}

/// Puts the fields of `form` over `object`; a dotted id is a path.
///
/// # Errors
/// What can't be read, by the id of its field.
pub fn put(
    form: &Form,
    object: &mut Value,
    fields: &[(&str, Kind)],
) -> Result<(), (String, String)> {
    for (id, kind) in fields {
        let value = value(*kind, &form.text(id)).map_err(|why| ((*id).to_owned(), why))?;
        let mut at = &mut *object;
        for step in id.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[step];
        }
        *at = value;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_reads_back_the_same() {
        let masks = json!({"email": {"method": "hash"}, "e-mail 2": {"method": "constant", "value": "a, {b}: c"}});
        let text = shown(&masks);
        assert!(text.starts_with("email: hash, "), "{text}");
        let read = value(Kind::Object, &text).unwrap();
        assert_eq!(read["email"], "hash");
        assert_eq!(read["e-mail 2"], masks["e-mail 2"]);
        let renames = json!({"no": "yes", "a": "b c"});
        assert_eq!(value(Kind::Object, &shown(&renames)).unwrap(), renames);
        let list = json!(["a", "b"]);
        assert_eq!(value(Kind::List, &shown(&list)).unwrap(), list);
    }

    #[test]
    fn what_cannot_be_read_is_told_or_left_to_the_objects_rules() {
        assert!(value(Kind::Object, "email: [").is_err());
        assert_eq!(value(Kind::Number, "12").unwrap(), json!(12));
        assert_eq!(value(Kind::Number, "many").unwrap(), json!("many"));
        assert_eq!(value(Kind::Text, "").unwrap(), Value::Null);
    }
}
