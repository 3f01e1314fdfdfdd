//! `status`.

use super::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;

/// Shows every check, each with a remedy.
pub async fn status(context: &Context<'_>) -> Result<Exit, Failure> {
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
