//! Reads the fields of one object and collects everything that is wrong with them.
//!
//! No message ever repeats a value: it could be a password in the wrong place.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::duration::parse_duration;
use crate::model::finding::Finding;

/// Everything found so far.
#[derive(Debug, Default)]
pub(super) struct Found(RefCell<Vec<Finding>>);

impl Found {
    pub(super) fn add(&self, finding: Finding) {
        self.0.borrow_mut().push(finding);
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.0.into_inner()
    }

    /// `value` where nothing is wrong.
    pub(super) fn result<T>(self, value: Option<T>) -> Result<T, Vec<Finding>> {
        match (self.into_vec(), value) {
            (findings, Some(value)) if findings.is_empty() => Ok(value),
            (findings, _) if findings.is_empty() => {
                Err(vec![Finding::new("", "the object can't be read")])
            }
            (findings, _) => Err(findings),
        }
    }
}

/// `parent.key`, or `key` at the top.
pub(super) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        key.to_owned()
    } else {
        format!("{parent}.{key}")
    }
}

/// One object of the input, with the fields that were asked for.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
    known: RefCell<Vec<&'static str>>,
    found: &'a Found,
}

impl<'a> Object<'a> {
    /// The object at `path`; anything else is a finding.
    pub(super) fn open(value: &'a Value, path: &str, what: &str, found: &'a Found) -> Option<Self> {
        if let Value::Object(map) = value {
            return Some(Self {
                map,
                path: path.to_owned(),
                known: RefCell::default(),
                found,
            });
        }
        found.add(Finding::new(
            path,
            format!("{what} is an object with named fields, not {}", kind(value)),
        ));
        None
    }

    pub(super) fn found(&self) -> &'a Found {
        self.found
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn problem(&self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let finding = Finding::new(self.path_of(key), message);
        let remedy = remedy.into();
        self.found.add(if remedy.is_empty() {
            finding
        } else {
            finding.remedy(remedy)
        });
    }

    /// The field, unless it is absent or null.
    pub(super) fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) if text.contains('\0') => {
                self.problem(key, "holds a NUL character", "");
                None
            }
            Value::String(text) => Some(text.clone()),
            other => {
                self.wrong_type(key, "text", other);
                None
            }
        }
    }

    /// Text that holds something; an empty one is a finding.
    pub(super) fn filled(&self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.problem(
                key,
                format!("{key} is empty"),
                "leave it out, or give it a value",
            );
            return None;
        }
        Some(text)
    }

    /// Text that must be there.
    pub(super) fn required(&self, key: &'static str) -> Option<String> {
        if self.get(key).is_none() {
            self.problem(key, format!("{key} is required"), "");
            return None;
        }
        self.filled(key)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                self.wrong_type(key, "true or false", other);
                None
            }
        }
    }

    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        let Value::Number(number) = value else {
            self.wrong_type(key, "a number", value);
            return None;
        };
        let number = number.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            let rule = if *most >= u64::from(u32::MAX) {
                format!("must be a whole number, at least {least}")
            } else {
                format!("must be a whole number from {least} to {most}")
            };
            self.problem(key, format!("{key} {rule}"), "");
        }
        number
    }

    pub(super) fn number_u32(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        self.number(key, range)
            .and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        match self.get(key)? {
            Value::String(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(message) => {
                    self.problem(key, message, "");
                    None
                }
            },
            Value::Number(_) => {
                self.problem(
                    key,
                    format!("{key} is a duration, and a duration needs a unit"),
                    "write 30s, 5m or 1h",
                );
                None
            }
            other => {
                self.wrong_type(key, "a duration such as 30s", other);
                None
            }
        }
    }

    /// One of `words`; one of `later` is refused by name.
    pub(super) fn word<T>(
        &self,
        key: &'static str,
        words: &[&str],
        later: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        if later.contains(&text.as_str()) {
            self.problem(
                key,
                format!("{key}: {text} is not available in this version"),
                format!("allowed: {}", words.join(", ")),
            );
            return None;
        }
        let word = parse(&text);
        if word.is_none() {
            let near = suggestion(&text, words.iter().copied())
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            self.problem(
                key,
                format!("{key} has an unknown value"),
                format!("{near}allowed: {}", words.join(", ")),
            );
        }
        word
    }

    pub(super) fn list(&self, key: &'static str) -> Option<&'a Vec<Value>> {
        match self.get(key)? {
            Value::Array(list) => Some(list),
            other => {
                self.wrong_type(key, "a list", other);
                None
            }
        }
    }

    /// A list of texts, none empty, none twice.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let mut texts: Vec<String> = Vec::new();
        for (index, item) in self.list(key)?.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(key));
            match item {
                Value::String(text) if text.is_empty() => {
                    self.found.add(Finding::new(path, "is empty"));
                }
                Value::String(text) if texts.contains(text) => {
                    self.found.add(
                        Finding::new(path, format!("{text} is in the list twice"))
                            .remedy("remove one"),
                    );
                }
                Value::String(text) => texts.push(text.clone()),
                other => self.found.add(type_finding(path, "text", other)),
            }
        }
        Some(texts)
    }

    pub(super) fn object(&self, key: &'static str) -> Option<Object<'a>> {
        let value = self.get(key)?;
        Object::open(value, &self.path_of(key), key, self.found)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }

    /// A field that later versions know: its default passes, anything else is refused by name.
    pub(super) fn later(&self, key: &'static str, default: &str, is_default: fn(&Value) -> bool) {
        if let Some(value) = self.get(key)
            && !is_default(value)
        {
            self.problem(
                key,
                format!("{key} is not available in this version"),
                format!("remove it, or leave it at its default ({default})"),
            );
        }
    }

    /// Fields that are shown but not set.
    pub(super) fn read_only(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(keys);
    }

    /// Reports the fields that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.map.keys() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let finding = Finding::new(self.path_of(key), format!("unknown field {key:?}"));
            self.found
                .add(match suggestion(key, known.iter().copied()) {
                    Some(near) => finding.remedy(format!("did you mean {near}?")),
                    None => finding.remedy("remove it"),
                });
        }
    }

    pub(super) fn wrong_type(&self, key: &str, expected: &str, value: &Value) {
        self.found
            .add(type_finding(self.path_of(key), expected, value));
    }
}

pub(super) fn type_finding(path: String, expected: &str, value: &Value) -> Finding {
    let finding = Finding::new(path, format!("must be {expected}, not {}", kind(value)));
    match value {
        Value::Number(_) | Value::Bool(_) if expected == "text" => {
            finding.remedy("put it in quotes")
        }
        Value::String(text) if expected == "a number" && text.parse::<u64>().is_ok() => {
            finding.remedy("write it without quotes")
        }
        Value::String(text) if expected == "true or false" => {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "1" => finding.remedy("write true"),
                "no" | "off" | "false" | "0" => finding.remedy("write false"),
                _ => finding,
            }
        }
        _ => finding,
    }
}

/// What a value is, for people.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The known word that `typed` was probably meant to be.
#[must_use]
pub fn suggestion<'k>(typed: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let typed = typed.to_lowercase().replace('-', "_");
    let allowed = (typed.chars().count() / 3).clamp(1, 3);
    known
        .map(|word| {
            let related = typed.len() >= 3 && (word.starts_with(&typed) || typed.starts_with(word));
            let distance = if related { 1 } else { distance(&typed, word) };
            (distance, word)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Edits that turn `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = ["username", "password", "host", "local_db_name"];
        let near = |typed| suggestion(typed, known.iter().copied());
        assert_eq!(near("user"), Some("username"));
        assert_eq!(near("pasword"), Some("password"));
        assert_eq!(
            near("hots"),
            None,
            "two edits of four letters are another word"
        );
        assert_eq!(near("hosts"), Some("host"));
        assert_eq!(near("local-db-name"), Some("local_db_name"));
        assert_eq!(near("colour"), None);
    }
}
