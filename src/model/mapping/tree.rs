//! Text to a tree of values, with the lines of its fields.
//!
//! Neither reader keeps positions of the values it returns. But both know where they are when a
//! value refuses itself, so a line is found by reading again and refusing the field in question.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::reader::join;
use super::writer::Format;
use crate::model::finding::Finding;

/// A parsed text.
pub(super) struct Tree<'t> {
    text: &'t str,
    format: Format,
    pub(super) root: Value,
    /// Paths of fields that are there twice.
    pub(super) duplicates: Vec<String>,
}

impl<'t> Tree<'t> {
    /// Reads `text`; what is not YAML or JSON is one finding, since nothing after it can be read.
    pub(super) fn parse(text: &'t str, format: Format) -> Result<Self, Finding> {
        let duplicates = RefCell::default();
        let seed = ValueSeed {
            path: String::new(),
            duplicates: &duplicates,
        };
        let root = run(text, format, seed).map_err(|(message, line)| Finding {
            line,
            ..Finding::new("", message)
        })?;
        Ok(Self {
            text,
            format,
            root,
            duplicates: duplicates.into_inner(),
        })
    }

    /// The line of the field at `path`, or of the nearest object around it.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        let steps = self.steps(path);
        let seed = LineSeed { steps: &steps };
        match run(self.text, self.format, seed) {
            Err((_, line)) => line,
            Ok(()) => None,
        }
    }

    /// `path` as far as the tree goes. Keys may hold dots: the longest one that fits is taken.
    fn steps(&self, path: &str) -> Vec<Step> {
        let (mut node, mut rest, mut steps) = (&self.root, path, Vec::new());
        loop {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let next = match node {
                Value::Array(list) => rest
                    .strip_prefix('[')
                    .and_then(|inner| inner.split_once(']'))
                    .and_then(|(index, after)| {
                        let index: usize = index.parse().ok()?;
                        Some((Step::Index(index), list.get(index)?, after))
                    }),
                Value::Object(map) => map
                    .iter()
                    .filter_map(|(key, value)| {
                        let after = rest.strip_prefix(key.as_str())?;
                        let ends = after.is_empty() || after.starts_with(['.', '[']);
                        ends.then_some((key, value, after))
                    })
                    .max_by_key(|(key, _, _)| key.len())
                    .map(|(key, value, after)| (Step::Key(key.clone()), value, after)),
                _ => None,
            };
            let Some((step, value, after)) = next else {
                return steps;
            };
            steps.push(step);
            (node, rest) = (value, after);
        }
    }
}

enum Step {
    Key(String),
    Index(usize),
}

fn run<'de, S>(text: &'de str, format: Format, seed: S) -> Result<S::Value, (String, Option<usize>)>
where
    S: de::DeserializeSeed<'de>,
{
    match format {
        Format::Yaml => seed
            .deserialize(serde_yaml::Deserializer::from_str(text))
            .map_err(|e| (e.to_string(), e.location().map(|at| at.line()))),
        Format::Json => {
            let mut reader = serde_json::Deserializer::from_str(text);
            seed.deserialize(&mut reader)
                .and_then(|value| reader.end().map(|()| value))
                .map_err(|e| (e.to_string(), Some(e.line()).filter(|line| *line > 0)))
        }
    }
}

/// Reads any value; notes fields that are there twice.
struct ValueSeed<'a> {
    path: String,
    duplicates: &'a RefCell<Vec<String>>,
}

impl<'de> de::DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, a list or an object")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        // JSON has no NaN: as text it is found to be of the wrong type.
        Ok(serde_json::Number::from_f64(v).map_or_else(|| v.to_string().into(), Value::Number))
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_enum<A: de::EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(de::Error::custom("tags such as !name are not used here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(ValueSeed {
            path: format!("{}[{}]", self.path, list.len()),
            duplicates: self.duplicates,
        })? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = map.next_key_seed(KeySeed { refuse: None })? {
            let path = join(&self.path, &key);
            let value = map.next_value_seed(ValueSeed {
                path: path.clone(),
                duplicates: self.duplicates,
            })?;
            if out.insert(key, value).is_some() {
                self.duplicates.borrow_mut().push(path);
            }
        }
        Ok(out.into())
    }
}

/// Reads a key as text; refuses the one that is looked for.
struct KeySeed<'a> {
    refuse: Option<&'a str>,
}

impl<'de> de::DeserializeSeed<'de> for KeySeed<'_> {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
        if self.refuse == Some(v) {
            return Err(E::custom("here"));
        }
        Ok(v.to_owned())
    }
    fn visit_bool<E: de::Error>(self, v: bool) -> Result<String, E> {
        self.visit_str(&v.to_string())
    }
    fn visit_i64<E: de::Error>(self, v: i64) -> Result<String, E> {
        self.visit_str(&v.to_string())
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<String, E> {
        self.visit_str(&v.to_string())
    }
    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        self.visit_str("null")
    }
}

/// Follows `steps` and refuses what is there.
struct LineSeed<'a> {
    steps: &'a [Step],
}

impl<'de> de::DeserializeSeed<'de> for LineSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("here")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((Step::Index(index), rest)) = self.steps.split_first() else {
            return Err(de::Error::custom("here"));
        };
        for _ in 0..*index {
            let _passed: Option<IgnoredAny> = seq.next_element()?;
        }
        seq.next_element_seed(LineSeed { steps: rest })?;
        Err(de::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(key), rest)) = self.steps.split_first() else {
            return Err(de::Error::custom("here"));
        };
        // The line of a field is that of its name, not of what follows it.
        let refuse = rest.is_empty().then_some(key.as_str());
        while let Some(name) = map.next_key_seed(KeySeed { refuse })? {
            if name == *key {
                map.next_value_seed(LineSeed { steps: rest })?;
            } else {
                let _passed: IgnoredAny = map.next_value()?;
            }
        }
        Err(de::Error::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_on_their_lines() {
        let text = "a: 1\nlist:\n  - x: 1\n    y.z:\n      deep: 2\n  - - 7\n    - 8\n";
        let tree = Tree::parse(text, Format::Yaml).unwrap();
        for (path, line) in [
            ("a", 1),
            ("list", 2),
            ("list[0].x", 3),
            ("list[0].missing", 3),
            ("list[0].y.z.deep", 5),
            ("list[1][1]", 7),
        ] {
            assert_eq!(tree.line_of(path), Some(line), "{path}");
        }
        let text = "{\n \"a\": 1,\n \"list\": [\n  {\"x\": 1,\n   \"y\": 2}]}";
        let tree = Tree::parse(text, Format::Json).unwrap();
        assert_eq!(tree.line_of("list[0].y"), Some(5));
        assert_eq!(tree.line_of("a"), Some(2));
    }

    #[test]
    fn a_field_given_twice_is_noted() {
        for (text, format) in [
            ("a: {x: 1, x: 2}", Format::Yaml),
            ("{\"a\": {\"x\": 1, \"x\": 2}}", Format::Json),
        ] {
            let tree = Tree::parse(text, format).unwrap();
            assert_eq!(tree.duplicates, ["a.x"]);
        }
    }

    #[test]
    fn broken_text_names_its_line() {
        let finding = Tree::parse("a: 1\nb: [1,\n", Format::Yaml).err().unwrap();
        assert!(finding.line.is_some(), "{finding}");
        let finding = Tree::parse("{\n\"a\": }", Format::Json).err().unwrap();
        assert_eq!(finding.line, Some(2));
    }
}
