//! Holds the documents to the program: every command, mapping and settings file that they show is
//! read by the real parsers, and every file they point at is there.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "documents/api.rs"]
mod api;
#[path = "documents/monitoring.rs"]
mod monitoring;
#[path = "documents/reference.rs"]
mod reference;
#[path = "documents/signature.rs"]
mod signature;

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser;
use db_taxi::cli::Cli;
use db_taxi::model::error::ErrorCode;
use db_taxi::model::mapping::{Format, parse_document};
use db_taxi::settings::{LoadOptions, load};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/dashboard.md",
    "docs/first-sync.md",
    "docs/cron.md",
    "docs/incremental.md",
    "docs/schedules.md",
    "docs/notifications.md",
    "docs/big-tables.md",
    "docs/sensitive-data.md",
    "docs/resume-and-repair.md",
    "docs/errors.md",
    "docs/monitoring.md",
    "docs/service-discovery.md",
    "docs/service.md",
    "docs/operations.md",
    "docs/upgrade.md",
    "docs/rest.md",
    "docs/security.md",
    "docs/instances.md",
];

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Code of a document: what stands between single backticks, and the lines of fenced blocks, each
/// with the language of its fence.
fn code(text: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (mut spans, mut blocks) = (Vec::new(), Vec::new());
    let mut block: Option<(String, String)> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(language) = trimmed.strip_prefix("```") {
            match block.take() {
                Some(ended) => blocks.push(ended),
                None => block = Some((language.to_owned(), String::new())),
            }
        } else if let Some((_, body)) = block.as_mut() {
            body.push_str(line);
            body.push('\n');
        } else {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    (spans, blocks)
}

/// Takes the blanks off that all lines of a block in a list begin with.
fn unindented(block: &str) -> String {
    let margin = block
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    block
        .lines()
        .map(|line| line.get(margin..).unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Command lines of the program, comments cut off.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (spans, blocks) = code(text);
    let lines = blocks
        .iter()
        .filter(|(language, _)| language.is_empty() || language == "sh")
        .flat_map(|(_, body)| body.lines().map(str::to_owned));
    spans
        .into_iter()
        .chain(lines)
        .map(|line| line.split(" #").next().unwrap_or("").trim().to_owned())
        .filter(|line| line == "db-taxi" || line.starts_with("db-taxi "))
        .map(|line| {
            let words = line.split_whitespace().filter(|word| *word != "…");
            words.map(str::to_owned).collect()
        })
        .collect()
}

#[test]
fn every_command_in_the_documents_exists() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for command in commands(&read(document)) {
            seen += 1;
            let parsed = Cli::try_parse_from(&command);
            assert!(
                parsed.is_ok(),
                "{document}: {}\n{}",
                command.join(" "),
                parsed.unwrap_err()
            );
        }
    }
    assert!(seen > 15, "only {seen} commands were found");
}

#[test]
fn every_mapping_and_settings_file_in_the_documents_is_good() {
    let (mut mappings, mut settings) = (0, 0);
    for document in DOCUMENTS {
        for (language, body) in code(&read(document)).1 {
            if language != "yaml" {
                continue;
            }
            let body = unindented(&body);
            if body.starts_with("version:") {
                mappings += 1;
                let parsed = parse_document(&body, Format::Yaml, &BTreeMap::new());
                assert!(parsed.is_ok(), "{document}: {:#?}", parsed.unwrap_err());
            } else {
                settings += 1;
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("config.yaml"), &body).unwrap();
                let home = folder.path().to_string_lossy().into_owned();
                let options = LoadOptions {
                    env: BTreeMap::from([("HOME".to_owned(), home)]),
                    cwd: folder.path().to_owned(),
                    ..LoadOptions::default()
                };
                let loaded = load(&options);
                assert!(loaded.is_ok(), "{document}: {}", loaded.unwrap_err());
            }
        }
    }
    assert!(mappings > 0 && settings > 0, "the documents show both");
}

#[test]
fn every_file_the_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in DOCUMENTS {
        let text = read(document);
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let (spans, blocks) = code(&text);
        let lines = blocks.iter().flat_map(|(_, body)| body.split_whitespace());
        let named = spans.iter().flat_map(|span| span.split_whitespace());
        let paths = named.chain(lines).filter(|word| {
            ["scripts/", "tests/", "src/", "bench/", "docs/", ".ci/"]
                .iter()
                .any(|folder| word.starts_with(folder))
        });
        let links = links.filter(|link| !link.starts_with("http"));
        // A link is seen from the document's folder, a path in text from the project's.
        let folder = root.join(document);
        let folder = folder.parent().unwrap();
        for link in links {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = folder.join(path);
            assert!(
                path.is_empty() || target.exists(),
                "{document} links to {path}"
            );
            if !anchor.is_empty() {
                let linked = if path.is_empty() {
                    text.clone()
                } else {
                    std::fs::read_to_string(target).unwrap()
                };
                let there = linked
                    .lines()
                    .filter(|l| l.starts_with('#'))
                    .any(|l| anchor_of(l) == anchor);
                assert!(there, "{document} links to {link}");
            }
        }
        for path in paths {
            assert!(root.join(path).exists(), "{document} names {path}");
        }
    }
}

/// How a heading is linked to.
fn anchor_of(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_error_code_has_its_place_in_the_page_of_errors() {
    let page = read("docs/errors.md");
    let told: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
    assert_eq!(told, ErrorCode::WORDS);
    for code in ErrorCode::WORDS {
        assert!(
            page.contains(&format!("| [`{code}`](#{code}) | ")),
            "{code}"
        );
    }
}

#[test]
fn every_page_of_the_docs_is_held_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let list = read("docs/README.md");
    for entry in std::fs::read_dir(root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            assert!(
                DOCUMENTS.contains(&format!("docs/{name}").as_str()),
                "{name}"
            );
            assert!(
                name == "README.md" || list.contains(&format!("({name})")),
                "{name}"
            );
        }
    }
}

#[test]
fn every_script_parses_and_names_no_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["scripts", "bench", ".ci"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let is_bash = text.starts_with("#!/usr/bin/env bash") || path.ends_with("common.sh");
            if !is_bash && !path.ends_with("stage.sh") {
                continue;
            }
            seen += 1;
            let parsed = std::process::Command::new("bash")
                .arg("-n")
                .arg(&path)
                .output();
            let parsed = parsed.unwrap();
            let complaint = String::from_utf8_lossy(&parsed.stderr);
            assert!(parsed.status.success(), "{}: {complaint}", path.display());
            for machine in ["/root/", "/home/", "/work/"] {
                for before in [" ", "=", "\"", "'"] {
                    let path_named = format!("{before}{machine}");
                    assert!(!text.contains(&path_named), "{}: {machine}", path.display());
                }
            }
        }
    }
    assert!(seen > 10, "only {seen} scripts were found");
}
