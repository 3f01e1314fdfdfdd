//! How objects are written, and the fields of one object: all of them, or only what differs from
//! its default.

use serde_json::{Map, Value};

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// YAML 1.2.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file's name tells: `.json` is JSON, everything else YAML.
    #[must_use]
    pub fn of_path(path: &std::path::Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Which passwords a printed object shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passwords {
    /// None at all.
    Hidden,
    /// References as written, text never.
    References,
    /// References and text.
    All,
}

/// How much of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Every field; what does not apply is null.
    Full,
    /// The shortest form that reads back the same.
    Short,
}

/// The fields written so far, in order.
pub(super) struct Fields {
    form: Form,
    map: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            map: Map::new(),
        }
    }

    /// A field that is left out of the short form when it is at its default.
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>, is_default: bool) {
        if self.form == Form::Full || !is_default {
            self.map.insert(key.to_owned(), value.into());
        }
    }

    /// A field that has no default.
    pub(super) fn always(&mut self, key: &str, value: impl Into<Value>) {
        self.put(key, value, false);
    }

    /// A field that may not apply.
    pub(super) fn maybe(&mut self, key: &str, value: Option<impl Into<Value>>) {
        let absent = value.is_none();
        self.put(key, value.map_or(Value::Null, Into::into), absent);
    }

    pub(super) fn is_full(&self) -> bool {
        self.form == Form::Full
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.map
    }
}
