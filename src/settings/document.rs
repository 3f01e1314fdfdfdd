//! A YAML file as a tree that knows its lines.
//!
//! Duplicate keys are kept (the caller refuses them with both lines), and a plain scalar can be had
//! verbatim: `0123`, `1e5` and `no` are what was typed where a text is wanted. Knows no setting.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// A parsed file.
pub(super) struct Document<'a> {
    text: &'a str,
    /// What it holds.
    pub(super) root: Node,
}

/// One value of a file, by the rules of YAML 1.2.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Flag(bool),
    Number(u64),
    /// A negative number or one with a fraction: no setting takes one.
    OtherNumber,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// A value with a tag (`!something`).
    Tagged,
}

impl Node {
    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::OtherNumber => "a negative or fractional number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
            Self::Tagged => "a value with a YAML tag (a text that begins with ! needs quotes)",
        }
    }
}

/// Why a file is not YAML; holds nothing of the file's content.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Counted from 1.
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl<'a> Document<'a> {
    /// Parses one YAML document; an empty file is [`Node::Null`].
    pub(super) fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        match NodeSeed.deserialize(serde_yaml::Deserializer::from_str(text)) {
            Ok(root) => Ok(Self { text, root }),
            Err(error) if is_blank(text) => {
                drop(error);
                Ok(Self {
                    text,
                    root: Node::Null,
                })
            }
            Err(error) => Err(SyntaxError {
                line: error.location().map(|at| at.line()),
                message: harmless(&error.to_string()),
            }),
        }
    }

    /// The line of the entry at `path` (positions in maps and lists, from the root), counted from 1.
    pub(super) fn line(&self, path: &[usize]) -> Option<usize> {
        self.visit(path, Goal::Line)
            .err()?
            .location()
            .map(|at| at.line())
    }

    /// The scalar at `path` as typed, without quotes and escapes, whatever it looks like.
    pub(super) fn verbatim(&self, path: &[usize]) -> Option<String> {
        self.visit(path, Goal::Verbatim).ok().flatten()
    }

    fn visit(&self, path: &[usize], goal: Goal) -> Result<Option<String>, serde_yaml::Error> {
        Walk { path, goal }.deserialize(serde_yaml::Deserializer::from_str(self.text))
    }
}

/// The parser's own words repeat nothing; those of serde repeat the value.
fn harmless(message: &str) -> String {
    if message.contains("invalid value") || message.contains("invalid type") {
        "a key or a value with a tag is not what its place allows".to_owned()
    } else {
        message.to_owned()
    }
}

fn is_blank(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

struct NodeSeed;

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(Node::OtherNumber, Node::Number))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(NodeSeed)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(KeySeed { stop: false })? {
            map.push((key, entries.next_value_seed(NodeSeed)?));
        }
        Ok(Node::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (IgnoredAny, content) = tagged.variant()?;
        content.newtype_variant::<IgnoredAny>()?;
        Ok(Node::Tagged)
    }
}

/// Reads a key, or stops at it: the parser adds the position to the error.
struct KeySeed {
    stop: bool,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        if self.stop {
            Err(E::custom("here"))
        } else {
            Ok(key.to_owned())
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Goal {
    Line,
    Verbatim,
}

/// Goes down to the entry at `path`. With [`Goal::Line`] it always ends in an error, whose position is the answer.
struct Walk<'p> {
    path: &'p [usize],
    goal: Goal,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.path.is_empty() && self.goal == Goal::Verbatim {
            deserializer.deserialize_str(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
        match self.goal {
            Goal::Line => Err(E::custom("here")),
            Goal::Verbatim => Ok(Some(value.to_owned())),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(E::custom("here"))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Err(E::custom("here"))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(E::custom("here"))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(E::custom("here"))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Err(E::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Some((&wanted, rest)) = self.path.split_first() else {
            return Err(A::Error::custom("here"));
        };
        for _ in 0..wanted {
            items.next_element::<IgnoredAny>()?;
        }
        let walk = Walk {
            path: rest,
            goal: self.goal,
        };
        let found = items.next_element_seed(walk)?.flatten();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let Some((&wanted, rest)) = self.path.split_first() else {
            return Err(A::Error::custom("here"));
        };
        for _ in 0..wanted {
            entries.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        let stop = rest.is_empty() && self.goal == Goal::Line;
        if entries.next_key_seed(KeySeed { stop })?.is_none() {
            return Ok(None);
        }
        let found = entries.next_value_seed(Walk {
            path: rest,
            goal: self.goal,
        })?;
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(node: &Node) -> &[(String, Node)] {
        match node {
            Node::Map(entries) => entries,
            other => panic!("{other:?} is not a map"),
        }
    }

    #[test]
    fn lines_are_right_in_block_and_flow_maps_and_around_comments() {
        let text =
            "# first\n\na:\n  # note\n  b: 1   # tail\n\n  c: {d: 1,\n      e: 2}\nf: [1,\n  2]\n";
        let document = Document::parse(text).unwrap();
        for (path, line) in [
            (&[0][..], 3),
            (&[0, 0], 5),
            (&[0, 1], 7),
            (&[0, 1, 0], 7),
            (&[0, 1, 1], 8),
            (&[1], 9),
            (&[1, 0], 9),
            (&[1, 1], 10),
        ] {
            assert_eq!(document.line(path), Some(line), "{path:?}");
        }
    }

    #[test]
    fn lines_are_right_behind_texts_of_several_lines_and_quoted_keys() {
        let text = "a: |\n  b: not a key\n  c: neither\n\"d\": 'x\n\n  y'\n? e\n: 1\nf: &x {g: 1}\nh: *x\n";
        let document = Document::parse(text).unwrap();
        for (path, line) in [
            (&[0][..], 1),
            (&[1], 4),
            (&[2], 7),
            (&[3, 0], 9),
            (&[4], 10),
        ] {
            assert_eq!(document.line(path), Some(line), "{path:?}");
        }
    }

    #[test]
    fn scalars_can_be_had_as_typed() {
        let text = "a: [0123, 1e5, no, 0x10, '007', 1.10, true, \"q\\\"q\", null]\nb: {c: 1_0}";
        let document = Document::parse(text).unwrap();
        let typed: Vec<_> = (0..9)
            .map(|i| document.verbatim(&[0, i]).unwrap())
            .collect();
        assert_eq!(
            typed,
            [
                "0123", "1e5", "no", "0x10", "007", "1.10", "true", "q\"q", "null"
            ]
        );
        assert_eq!(document.verbatim(&[1, 0]).as_deref(), Some("1_0"));
        assert_eq!(document.verbatim(&[1]), None);
    }

    #[test]
    fn duplicate_keys_are_kept_each_with_its_line() {
        let document = Document::parse("a: 1\nb: 2\na: 3\n").unwrap();
        assert_eq!(map(&document.root).len(), 3);
        assert_eq!(document.line(&[0]), Some(1));
        assert_eq!(document.line(&[2]), Some(3));
    }

    #[test]
    fn words_that_were_booleans_in_yaml_1_1_are_texts() {
        let document = Document::parse("[yes, No, on, OFF, y, 012, 1_000, 12:30:45]").unwrap();
        let Node::List(items) = document.root else {
            panic!("a list")
        };
        assert!(
            items.iter().all(|item| matches!(item, Node::Text(_))),
            "{items:?}"
        );
    }

    #[test]
    fn an_empty_file_holds_nothing_and_broken_ones_say_where() {
        for text in ["", "# only this\n", "---\n", "\n\n"] {
            assert_eq!(Document::parse(text).unwrap().root, Node::Null, "{text:?}");
        }
        for (text, line) in [("a: 1\n\tb: 2\n", 2), ("a: [1\nb: 2\n", 2), ("a: *x\n", 1)] {
            let error = Document::parse(text).err().unwrap();
            assert_eq!(error.line, Some(line), "{text:?}: {}", error.message);
        }
        assert!(Document::parse("a: 1\n---\nb: 1\n").is_err());
    }

    #[test]
    fn syntax_errors_do_not_repeat_the_file() {
        for text in [
            "password: *canary\n",
            "password: @canary\n",
            "password: [canary\n",
            "? [canary]\n: 1\n",
            "password: !!int canary\n",
            "password: !!binary canary\n",
            "password: \"\\canary\"\n",
        ] {
            if let Err(error) = Document::parse(text) {
                assert!(!error.message.contains("canary"), "{}", error.message);
            }
        }
    }

    #[test]
    fn a_file_made_to_explode_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..30 {
            let item = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", [item.as_str(); 10].join(","));
        }
        assert!(Document::parse(&text).is_err());
        assert!(Document::parse(&"[".repeat(100_000)).is_err());
    }
}
