//! What a request brings: its query, its body, its conditions.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query as RawQuery};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::http::body;
use crate::http::problem::Problem;
use crate::model::finding::Finding;
use crate::model::mapping::{Format, Spec, parse_object};

/// The parameters of a query. Whatever is not taken is unknown.
#[derive(Debug, Default)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Those of a request.
    ///
    /// # Errors
    /// `bad_request` for one that is given twice.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let pairs = RawQuery::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::bad_request("the query can't be read"))?;
        let mut query = BTreeMap::new();
        for (name, value) in pairs.0 {
            if query.insert(name.clone(), value).is_some() {
                return Err(Problem::bad_parameter(&name, "it is given twice"));
            }
        }
        Ok(Self(query))
    }

    #[cfg(test)]
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::of(&format!("/?{text}").parse().unwrap())
    }

    /// A parameter as it is written.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A parameter that is a word of a set, an id, a time …
    ///
    /// # Errors
    /// `bad_request`.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.take(name)
            .map(|text| {
                parse(&text)
                    .ok_or_else(|| Problem::bad_parameter(name, format!("it must be {what}")))
            })
            .transpose()
    }

    /// A parameter that is a whole number.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn number(&mut self, name: &str, min: u64, max: u64) -> Result<Option<u64>, Problem> {
        let what = format!("a whole number from {min} to {max}");
        self.parsed(name, &what, |text| {
            text.parse().ok().filter(|n| (min..=max).contains(n))
        })
    }

    /// A parameter that is `true` or `false`.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        self.parsed(name, "true or false", |text| text.parse().ok())
    }

    /// Refuses what nobody took.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn end(self) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::bad_parameter(name, "there is no such parameter")),
        }
    }
}

/// The id in a path.
///
/// # Errors
/// `not_found`: what is no id names nothing.
pub fn id<T: FromStr>(kind: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(kind, text))
}

/// The id in a path, as it is written.
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::bad_request("the path is not UTF-8")),
        }
    }
}

/// Which versions of an object a request is about.
#[derive(Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// Any.
    Any,
    /// Those that were given out under these tags; none for a tag that never was.
    OneOf(Vec<u64>),
}

impl IfMatch {
    /// What the head of a request says.
    pub fn of(headers: &HeaderMap) -> Self {
        let tags: Vec<&str> = headers
            .get_all(header::IF_MATCH)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        let tags = tags.join(",");
        if tags.trim().is_empty() && !headers.contains_key(header::IF_MATCH) || tags.trim() == "*" {
            return Self::Any;
        }
        let versions = tags.split(',').filter_map(|tag| {
            let tag = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
            tag.parse().ok()
        });
        Self::OneOf(versions.collect())
    }

    /// The version that the change has to find, where that matters.
    ///
    /// # Errors
    /// `precondition_failed` when the present one is another.
    pub fn version(&self, present: u64) -> Result<Option<u64>, Problem> {
        match self {
            Self::Any => Ok(None),
            Self::OneOf(versions) if versions.contains(&present) => Ok(Some(present)),
            Self::OneOf(_) => Err(Problem::precondition_failed()),
        }
    }
}

/// The bytes of a body.
///
/// # Errors
/// `too_large`; `timeout`; `bad_request` when the client went away.
pub async fn bytes(body: Body, limit: u64) -> Result<Bytes, Problem> {
    body::read(body, limit, "setting server.max_body").await
}

/// A body that is text in one of the formats of the mapping document.
///
/// # Errors
/// `unsupported_media_type`, `bad_request`.
pub fn text(headers: &HeaderMap, bytes: &Bytes, yaml: bool) -> Result<(String, Format), Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| {
            value
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        });
    let format = match kind.as_deref() {
        Some("application/json") => Format::Json,
        Some("application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml") if yaml => {
            Format::Yaml
        }
        _ => {
            let wanted = if yaml {
                "Content-Type must be application/yaml or application/json"
            } else {
                "Content-Type must be application/json"
            };
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                wanted,
            ));
        }
    };
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::bad_request("the body is not UTF-8"))?;
    if format == Format::Json {
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    }
    Ok((text.to_owned(), format))
}

/// A body that describes one object.
///
/// # Errors
/// `unsupported_media_type`, `bad_request`, `validation_failed`.
pub fn object<S: Spec>(headers: &HeaderMap, bytes: &Bytes) -> Result<S, Problem> {
    let (text, format) = text(headers, bytes, false)?;
    parse_object(&text, format).map_err(Problem::invalid)
}

/// A body of a few fields, taken one by one.
pub struct Fields {
    fields: serde_json::Map<String, Value>,
    findings: Vec<Finding>,
}

impl Fields {
    /// The fields of a JSON object; none where the body is empty and that is allowed.
    ///
    /// # Errors
    /// `unsupported_media_type`, `bad_request`, `validation_failed`.
    pub fn of(headers: &HeaderMap, bytes: &Bytes, optional: bool) -> Result<Self, Problem> {
        let fields = if optional && bytes.is_empty() {
            serde_json::Map::new()
        } else {
            let (text, _) = text(headers, bytes, false)?;
            match serde_json::from_str(&text) {
                Ok(Value::Object(fields)) => fields,
                _ => {
                    let finding = Finding::new("", "the body must be a JSON object");
                    return Err(Problem::invalid(vec![finding]));
                }
            }
        };
        Ok(Self {
            fields,
            findings: Vec::new(),
        })
    }

    /// A field; `null` is absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// A field that must be something.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        what: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.problem(name, format!("{name} must be {what}"));
        }
        parsed
    }

    /// A field that is `true` or `false`.
    pub fn flag(&mut self, name: &str) -> bool {
        self.parsed(name, "true or false", Value::as_bool)
            .unwrap_or_default()
    }

    /// A field that is a text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.parsed(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A field that is a list of texts.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        self.parsed(name, "a list of texts", |value| {
            value
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
    }

    /// Notes what is wrong.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.findings.push(Finding::new(path, message));
    }

    /// Notes what others found.
    pub fn problems(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// Refuses what was wrong and what nobody took.
    ///
    /// # Errors
    /// `validation_failed`.
    pub fn end(mut self) -> Result<(), Problem> {
        for name in self.fields.keys() {
            self.findings
                .push(Finding::new(name, "there is no such field"));
        }
        if self.findings.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.findings))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_takes_one_tag_several_or_any() {
        let read = |text: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert(header::IF_MATCH, text.parse().unwrap());
            }
            IfMatch::of(&headers)
        };
        for any in [None, Some("*"), Some(" * ")] {
            assert_eq!(read(any), IfMatch::Any, "{any:?}");
        }
        assert_eq!(read(Some("\"3\"")), IfMatch::OneOf(vec![3]));
        assert_eq!(read(Some("\"3\", \"4\"")), IfMatch::OneOf(vec![3, 4]));
        // A weak tag, an unquoted one and nonsense fit no version, and never pass as `any`.
        for none in ["W/\"3\"", "3", "\"x\"", "", "\"\""] {
            let tags = read(Some(none));
            assert_eq!(tags, IfMatch::OneOf(vec![]), "{none}");
            assert!(tags.version(3).is_err());
        }
        assert_eq!(read(Some("\"3\"")).version(3).unwrap(), Some(3));
        assert!(read(Some("\"3\"")).version(4).is_err());
    }
}
