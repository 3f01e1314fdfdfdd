//! `plan`, and `run --dry-run`.

use serde_json::json;

use super::Context;
use crate::cli::args::RunArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;

/// `run --dry-run`: the exact plan of the same configs.
pub async fn of_run(context: &Context<'_>, args: &RunArgs) -> Result<Exit, Failure> {
    let names = if args.all {
        super::run::enabled(context).await?
    } else {
        args.names.clone()
    };
    plan(context, &names, &args.tables, true).await
}

/// Shows what a run of each config would do.
pub async fn plan(
    context: &Context<'_>,
    names: &[String],
    tables: &[String],
    exact: bool,
) -> Result<Exit, Failure> {
    let configs = &context.services.configs;
    let mut ids = Vec::new();
    for name in names {
        ids.push(configs.get(name).await?.id);
    }
    let mut exit = Exit::Done;
    let mut plans = Vec::new();
    for id in &ids {
        // One config that can't be planned does not hide the plans of the others.
        match configs.plan(*id, tables, exact).await {
            Ok(plan) => {
                if plan.has_stop() {
                    exit = exit.and(Exit::Findings);
                }
                plans.push(plan);
            }
            Err(refusal) if ids.len() == 1 => return Err(refusal.into()),
            Err(refusal) => {
                let failure = Failure::from(refusal);
                exit = exit.and(failure.exit);
                for line in failure.lines() {
                    context.output.warn(&line);
                }
            }
        }
    }
    let text = || {
        plans
            .iter()
            .map(show::plan::plan)
            .collect::<Vec<_>>()
            .join("\n\n")
    };
    match &plans[..] {
        // A plan that was asked for is the result, not a sign of success that -q leaves out.
        [one] if ids.len() == 1 => context.output.result(one, text)?,
        many => context
            .output
            .result(&json!({"items": many, "next_cursor": null}), text)?,
    }
    Ok(exit)
}
