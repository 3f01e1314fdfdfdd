//! Holds the house together: which floor may import which, and what only one folder may name.
//!
//! Reads the sources as text, so that inline paths count like `use` lines. What is in comments and
//! strings does not count.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every folder (or file) under `src` with its floor. Lower floors never import higher ones, and
/// of one floor only what [`SIDEWAYS`] names.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("mysql", 1),
    ("settings", 1),
    ("logging", 1),
    ("store", 2),
    ("sync", 3),
    ("jobs", 4),
    ("services", 5),
    ("notify", 5),
    ("system", 6),
    ("cli", 7),
    ("dashboard", 7),
    ("http", 7),
];

/// What one part may import of its own floor.
const SIDEWAYS: &[(&str, &str)] = &[
    // Logging is set up from its settings.
    ("logging", "settings"),
];

/// What the floors alone would allow, and must not be: values are passed in.
const FORBIDDEN: &[(&str, &str)] = &[
    ("sync", "settings"),
    ("sync", "logging"),
    ("jobs", "settings"),
    ("jobs", "logging"),
    ("store", "settings"),
];

struct Source {
    path: PathBuf,
    /// As the file stands.
    text: String,
    /// Without comments, strings and character literals.
    code: String,
}

impl Source {
    /// The part of the house: first folder or file name under `src`.
    fn part(&self) -> String {
        let inner = self.path.strip_prefix(root()).unwrap();
        let first = inner.components().next().unwrap().as_os_str();
        let first = first.to_string_lossy();
        first.strip_suffix(".rs").unwrap_or(&first).to_owned()
    }

    fn shown(&self) -> String {
        let inner = self.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
        inner.display().to_string()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = code_of(&text);
        Source { path, text, code }
    };
    paths.into_iter().map(read).collect()
}

/// Blanks out comments, strings and character literals.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let mut code = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let word_before = i > 0 && (at(i - 1).is_ascii_alphanumeric() || at(i - 1) == b'_');
        if at(i) == b'/' && at(i + 1) == b'/' {
            while i < bytes.len() && at(i) != b'\n' {
                i += 1;
            }
        } else if at(i) == b'/' && at(i + 1) == b'*' {
            let mut depth = 1;
            i += 2;
            while i < bytes.len() && depth > 0 {
                match (at(i), at(i + 1)) {
                    (b'/', b'*') => (depth, i) = (depth + 1, i + 2),
                    (b'*', b'/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
            }
        } else if at(i) == b'r' && !word_before && raw_hashes(bytes, i + 1).is_some() {
            let hashes = raw_hashes(bytes, i + 1).unwrap();
            let end = format!("\"{}", "#".repeat(hashes));
            let start = i + 2 + hashes;
            let rest = &text[start..];
            i = start + rest.find(&end).map_or(rest.len(), |n| n + end.len());
            code.push(b' ');
        } else if at(i) == b'"' {
            i += 1;
            while i < bytes.len() && at(i) != b'"' {
                i += if at(i) == b'\\' { 2 } else { 1 };
            }
            i += 1;
            code.push(b' ');
        } else if at(i) == b'\'' && (at(i + 1) == b'\\' || at(i + 2) == b'\'') {
            i += if at(i + 1) == b'\\' { 3 } else { 2 };
            while i < bytes.len() && at(i) != b'\'' {
                i += 1;
            }
            i += 1;
            code.push(b' ');
        } else {
            code.push(at(i));
            i += 1;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Number of `#` when a raw string's opening follows.
fn raw_hashes(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start.min(bytes.len())..]
        .iter()
        .take_while(|&&b| b == b'#')
        .count();
    (bytes.get(start + hashes) == Some(&b'"')).then_some(hashes)
}

/// Identifiers and `::`, `{`, `}`, `,` and the rest one by one, without white space.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(&next) = chars.peek() {
                if !(next.is_alphanumeric() || next == '_') {
                    break;
                }
                word.push(next);
                chars.next();
            }
            tokens.push(word);
        } else if c == ':' && chars.peek() == Some(&':') {
            chars.next();
            tokens.push("::".to_owned());
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    tokens
}

/// The parts that a file names: `crate::x`, `crate::{x, y::z}`, `db_taxi::x`, and `super::x` that
/// climbs to the root.
fn parts_named(source: &Source) -> BTreeSet<String> {
    let inner = source.path.strip_prefix(root()).unwrap();
    // Modules above this one; a file `a/b.rs` is `crate::a::b`.
    let depth = inner.components().count();
    let tokens = tokens(&source.code);
    let word = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut named = BTreeSet::new();
    let mut i = 0;
    while i < tokens.len() {
        let mut next = i + 1;
        let from_root = match word(i) {
            "crate" | "db_taxi" => word(i + 1) == "::",
            // Inside an inline module (`mod tests`) one `super` less leads to the root; counting
            // it as the root all the same only names words that are no parts.
            "super" if word(i.wrapping_sub(1)) != "::" => {
                let mut climbed = 1;
                while word(next) == "::" && word(next + 1) == "super" {
                    climbed += 1;
                    next += 2;
                }
                climbed >= depth && word(next) == "::"
            }
            _ => false,
        };
        if from_root {
            collect(&tokens, next + 1, &mut named);
        }
        i = next;
    }
    named.retain(|name| FLOORS.iter().any(|(part, _)| part == name));
    named
}

/// The first words of a path or of each branch of a group that starts at `at`.
fn collect(tokens: &[String], at: usize, named: &mut BTreeSet<String>) {
    let word = |i: usize| tokens.get(i).map_or("", String::as_str);
    if word(at) != "{" {
        named.insert(word(at).to_owned());
        return;
    }
    let (mut depth, mut i, mut first) = (0, at, true);
    loop {
        match word(i) {
            "" => return,
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            name if depth == 1 && first => {
                named.insert(name.to_owned());
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
        i += 1;
    }
}

fn floor(part: &str) -> Option<u8> {
    FLOORS.iter().find(|(p, _)| *p == part).map(|(_, f)| *f)
}

fn fail_with(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn every_part_has_a_floor() {
    let mut problems = Vec::new();
    for source in sources() {
        let part = source.part();
        if part != "lib" && part != "main" && floor(&part).is_none() {
            problems.push(format!("{}: `{part}` has no floor", source.shown()));
        }
    }
    fail_with(&problems);
}

#[test]
fn lower_floors_never_import_higher_ones() {
    let mut problems = Vec::new();
    for source in sources() {
        let part = source.part();
        let Some(own) = floor(&part) else { continue };
        for other in parts_named(&source) {
            let theirs = floor(&other).unwrap();
            let sideways = SIDEWAYS.contains(&(part.as_str(), other.as_str()));
            let forbidden = FORBIDDEN.contains(&(part.as_str(), other.as_str()));
            if other != part && (theirs > own || (theirs == own && !sideways) || forbidden) {
                problems.push(format!(
                    "{}: {part} (floor {own}) must not import {other} (floor {theirs})",
                    source.shown()
                ));
            }
        }
    }
    fail_with(&problems);
}

#[test]
fn only_the_mysql_floor_names_the_driver() {
    let mut problems = Vec::new();
    for source in sources() {
        let part = source.part();
        // The migration library's own driver adapter takes a connection of the driver.
        let named = tokens(&source.code);
        for (driver, owner) in [("mysql_async", "mysql"), ("mysql_common", "mysql")] {
            if part != owner && named.iter().any(|t| t == driver) {
                problems.push(format!("{}: names {driver}", source.shown()));
            }
        }
        for (library, owners) in [
            ("ratatui", &["dashboard"][..]),
            ("crossterm", &["dashboard"]),
            ("clap", &["cli", "main"]),
            ("indicatif", &["cli"]),
            ("axum", &["http"]),
            ("anyhow", &["cli", "main"]),
        ] {
            if !owners.contains(&part.as_str()) && named.iter().any(|t| t == library) {
                problems.push(format!("{}: names {library}", source.shown()));
            }
        }
    }
    fail_with(&problems);
}

#[test]
fn the_dashboards_state_knows_only_the_model() {
    let mut problems = Vec::new();
    for source in sources() {
        if !source.shown().contains("src/dashboard/app") {
            continue;
        }
        for other in parts_named(&source) {
            if other != "model" && other != "dashboard" {
                problems.push(format!("{}: imports {other}", source.shown()));
            }
        }
        let named = tokens(&source.code);
        for library in ["tokio", "ratatui", "crossterm"] {
            if named.iter().any(|t| t == library) {
                problems.push(format!("{}: names {library}", source.shown()));
            }
        }
        for way_out in ["runtime", "ui"] {
            let inside = [
                format!("crate::dashboard::{way_out}"),
                format!("super::{way_out}"),
                format!("super::super::{way_out}"),
            ];
            let path = tokens(&source.code).concat();
            if inside.iter().any(|i| path.contains(i)) {
                problems.push(format!("{}: imports dashboard/{way_out}", source.shown()));
            }
        }
    }
    fail_with(&problems);
}

#[test]
fn every_file_opens_by_saying_what_it_owns() {
    let problems: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}: does not open with `//!`", source.shown()))
        .collect();
    fail_with(&problems);
}

#[test]
fn files_are_small_and_no_folder_has_a_mod_file() {
    let mut problems = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > 800 {
            problems.push(format!("{}: {lines} lines; split it", source.shown()));
        }
        if source.path.file_name().is_some_and(|name| name == "mod.rs") {
            problems.push(format!("{}: `foo.rs` beside `foo/`", source.shown()));
        }
    }
    fail_with(&problems);
}

#[test]
fn the_scanner_sees_every_way_to_name_a_part() {
    let source = |path: &str, text: &str| Source {
        path: root().join(path),
        text: text.to_owned(),
        code: code_of(text),
    };
    let seen = |path: &str, text: &str| -> Vec<String> {
        parts_named(&source(path, text)).into_iter().collect()
    };
    let deep = "sync/copy/range.rs";
    assert_eq!(seen(deep, "use crate::jobs::Engine;"), ["jobs"]);
    assert_eq!(
        seen(
            deep,
            "use crate::{\n model::{ids, cli}, store::{self, x},\n jobs};"
        ),
        ["jobs", "model", "store"]
    );
    assert_eq!(
        seen(deep, "fn f() { crate :: system::start() }"),
        ["system"]
    );
    assert_eq!(seen(deep, "let x: super::super::super::http::X;"), ["http"]);
    assert_eq!(seen(deep, "use super::super::{plan};"), [""; 0]);
    assert_eq!(seen("cli.rs", "pub(super) use super::http::X;"), ["http"]);
    assert_eq!(seen(deep, "pub(in crate::jobs) fn f() {}"), ["jobs"]);
    let hidden = "// crate::jobs\n/* crate::cli /* x */ crate::http */ let s = \"crate::jobs \\\" \
                  crate::cli\"; let r = r#\"crate::http \" \"#; let c = '\"'; let l: &'static str;";
    assert_eq!(seen(deep, hidden), [""; 0]);
    let after = "let c = '\\''; let d = b'\"'; use crate::jobs;";
    assert_eq!(seen(deep, after), ["jobs"]);
}
