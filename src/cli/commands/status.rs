//! `status`.

use super::{Context, bundle};
use crate::cli::args::StatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;

/// Shows every check, each with a remedy; writes what a report of a fault needs, where that is asked for.
pub async fn status(context: &Context<'_>, args: &StatusArgs) -> Result<Exit, Failure> {
    if let Some(file) = &args.bundle {
        bundle::write(context, file).await?;
    }
    let status = context.services.monitoring.status().await?;
    context
        .output
        .result(&status, || show::status::status(&status))?;
    Ok(if !status.database.connected {
        Exit::Unreachable
    } else if status.status == "ok" {
        Exit::Done
    } else {
        Exit::Findings
    })
}
