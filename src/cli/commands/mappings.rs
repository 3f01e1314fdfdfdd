//! `mappings`.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::Context;
use crate::cli::args::{CheckArgs, ExportArgs, ImportArgs, MappingsCommand};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{self, number::plural};
use crate::model::finding::Finding;
use crate::model::mapping::Format;
use crate::services::ImportOutcome;

/// Carries out a command of `mappings`.
pub async fn run(context: &Context<'_>, command: &MappingsCommand) -> Result<Exit, Failure> {
    match command {
        MappingsCommand::Import(args) => import_command(context, args).await,
        MappingsCommand::Export(args) => export(context, args).await,
        MappingsCommand::Check(args) => check(context, args).await,
    }
}

/// A mapping document as it was read.
pub struct Text {
    /// The text.
    pub text: String,
    /// YAML or JSON.
    pub format: Format,
}

/// Reads a mapping; `-` is stdin.
pub fn read(file: &str) -> Result<Text, Failure> {
    let mut text = String::new();
    let read = if file == "-" {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::file("read", file, &error))?;
    let format = if file == "-" && text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::of_path(Path::new(file))
    };
    Ok(Text { text, format })
}

/// Imports a mapping. What changes objects that are stored is shown and asked for first.
pub async fn import(
    context: &Context<'_>,
    text: &Text,
    ask: bool,
) -> Result<ImportOutcome, Failure> {
    let mappings = &context.services.mappings;
    if ask && !context.typed.global.yes {
        let preview = mappings.import(&text.text, text.format, true).await?;
        if !preview.updated.is_empty() {
            context.output.warn(&preview.diff);
            let what = plural(preview.updated.len() as u64, "stored object");
            context.confirm(&format!("Change {what}?")).await?;
        }
    }
    Ok(mappings.import(&text.text, text.format, false).await?)
}

async fn import_command(context: &Context<'_>, args: &ImportArgs) -> Result<Exit, Failure> {
    let text = read(&args.file)?;
    let outcome = if args.dry_run {
        let mappings = &context.services.mappings;
        mappings.import(&text.text, text.format, true).await?
    } else {
        import(context, &text, true).await?
    };
    if context.output.json {
        context.output.json(&outcome)?;
        return Ok(Exit::Done);
    }
    let would = if args.dry_run { "would be " } else { "" };
    let mut lines = Vec::new();
    if args.dry_run {
        lines.push(outcome.diff.trim_end().to_owned());
    }
    lines.push(format!(
        "{} {would}created, {} {would}updated, {} unchanged",
        outcome.created.len(),
        outcome.updated.len(),
        outcome.unchanged.len()
    ));
    lines.retain(|line| !line.is_empty());
    context.output.done(&lines.join("\n"))?;
    Ok(Exit::Done)
}

async fn export(context: &Context<'_>, args: &ExportArgs) -> Result<Exit, Failure> {
    let format = if context.output.json {
        Format::Json
    } else if args.output == "-" {
        Format::Yaml
    } else {
        Format::of_path(Path::new(&args.output))
    };
    let mappings = &context.services.mappings;
    let text = mappings
        .export(&args.names, args.with_secrets, format)
        .await?;
    if args.output == "-" {
        output::raw(&text)?;
        return Ok(Exit::Done);
    }
    // Private even where the umask is not, since it may hold passwords.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&args.output)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::file("write", &args.output, &error))?;
    context
        .output
        .done(&format!("written to {}", args.output))?;
    Ok(Exit::Done)
}

async fn check(context: &Context<'_>, args: &CheckArgs) -> Result<Exit, Failure> {
    let text = args.file.as_deref().map(read).transpose()?;
    let mappings = &context.services.mappings;
    let findings = mappings
        .check(text.as_ref().map(|text| (text.text.as_str(), text.format)))
        .await?;
    if findings.is_empty() {
        if context.output.json {
            context
                .output
                .json(&json!({"items": [], "next_cursor": null}))?;
        } else {
            context
                .output
                .done("ok: everything fits the live servers")?;
        }
        return Ok(Exit::Done);
    }
    let exit = Exit::Findings;
    context
        .output
        .result(&json!({"items": findings, "next_cursor": null}), || {
            let mut lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
            lines.push(plural(findings.len() as u64, "finding"));
            lines.join("\n")
        })?;
    Ok(exit)
}
