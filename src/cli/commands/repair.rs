//! `repair` and `jobs undo`: jobs that are asked about before they write; and `repair --sql`.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde_json::json;

use super::Context;
use super::run::{Asked, work};
use crate::cli::args::{JobsUndoArgs, RepairArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::number::plural;
use crate::cli::signals::Signals;
use crate::model::error::ErrorInfo;
use crate::model::job::JobKind;

/// What a repair found in one table, or why it can't be repaired.
type Told = (String, Result<u64, ErrorInfo>);

/// Compares configs' targets with their sources and writes what differs.
pub async fn repair(
    context: &Context<'_>,
    args: &RepairArgs,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    for name in &args.names {
        context.services.configs.get(name).await?;
    }
    let what = if args.tables.is_empty() {
        args.names.join(", ")
    } else {
        format!("{} ({})", args.names.join(", "), args.tables.join(", "))
    };
    context
        .confirm(&format!("Write the rows that differ in {what}?"))
        .await?;
    let asked = Asked::of(JobKind::Repair, &args.tables);
    work(context, &args.names, asked, signals).await
}

/// Puts back what a job deleted.
pub async fn undo(
    context: &Context<'_>,
    args: &JobsUndoArgs,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let jobs = &context.services.jobs;
    let job = jobs.get(&args.job).await?;
    let mut left = jobs.undoable(job.id).await?;
    if !args.tables.is_empty() {
        left.retain(|(table, _)| args.tables.contains(table));
    }
    if left.is_empty() {
        return Err(Failure::invalid(format!(
            "the job {} deleted nothing from {} that is kept",
            job.id,
            args.tables.join(", ")
        )));
    }
    let tables: Vec<String> = left
        .iter()
        .map(|(table, rows)| format!("{} of {table}", plural(*rows, "row")))
        .collect();
    context
        .confirm(&format!("Put back {}?", tables.join(", ")))
        .await?;
    let asked = Asked::undo(job.id, &args.tables);
    work(context, &[job.config_id.to_string()], asked, signals).await
}

/// Writes the statements that would be run.
pub async fn script(context: &Context<'_>, args: &RepairArgs) -> Result<Exit, Failure> {
    let configs = &context.services.configs;
    let mut ids = Vec::new();
    for name in &args.names {
        ids.push(configs.get(name).await?.id);
    }
    let file = args.sql.as_deref().unwrap_or("-");
    let mut out: Box<dyn Write + Send> = if file == "-" {
        Box::new(io::stdout())
    } else {
        let made = File::create(file).map_err(|error| Failure::file("write", file, &error))?;
        Box::new(BufWriter::new(made))
    };
    let mut told: Vec<Told> = Vec::new();
    for id in ids {
        told.extend(configs.repair_sql(id, &args.tables, &mut *out).await?);
    }
    out.flush()
        .map_err(|error| Failure::file("write", file, &error))?;
    tell(context, file, &told)
}

fn tell(context: &Context<'_>, file: &str, told: &[Told]) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let mut found = 0;
    for (table, outcome) in told {
        match outcome {
            Ok(0) => {}
            Ok(differences) => {
                exit = exit.and(Exit::Findings);
                found += differences;
            }
            Err(why) => {
                exit = exit.and(Exit::Findings);
                let why = why.clone().table(table.clone());
                context.output.warn(&format!("error: {why}"));
                if let Some(hint) = &why.hint {
                    context.output.warn(&format!("hint: {hint}"));
                }
            }
        }
    }
    if file == "-" {
        return Ok(exit);
    }
    if context.output.json {
        let tables: Vec<_> = told
            .iter()
            .map(|(table, outcome)| match outcome {
                Ok(differences) => {
                    json!({"table": table, "differences": differences, "error": null})
                }
                Err(why) => json!({"table": table, "differences": null, "error": why}),
            })
            .collect();
        context
            .output
            .json(&json!({"file": file, "tables": tables}))?;
    } else if !context.output.quiet || exit != Exit::Done {
        let line = format!(
            "{} in {}; the statements are in {file}",
            plural(found, "difference"),
            plural(told.len() as u64, "table")
        );
        context.output.text(&line)?;
    }
    Ok(exit)
}
