//! `migrate`.

use serde_json::json;

use super::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::output::number::time;
use crate::cli::output::table::Table;
use crate::settings::Settings;
use crate::system;

/// Says that the control database is up to date: starting the system has brought it there.
pub fn migrate(context: &Context<'_>) -> Result<Exit, Failure> {
    let database = &context.settings.database.database;
    if context.output.json {
        context.output.json(&json!({"database": database}))?;
    } else {
        context
            .output
            .done(&format!("the control database {database} is up to date"))?;
    }
    Ok(Exit::Done)
}

/// Shows where the control database stands; changes nothing.
pub async fn status(output: Output, settings: &Settings) -> Result<Exit, Failure> {
    let all = system::migration_status(settings).await?;
    let missing = all.iter().filter(|m| m.applied_at.is_none()).count();
    output.list(
        all.iter()
            .filter_map(|migration| serde_json::to_value(migration).ok())
            .collect(),
        || {
            let mut table = Table::new(&[">VERSION", "NAME", "APPLIED"]);
            for migration in &all {
                let applied = match (migration.applied_at, migration.known) {
                    (None, _) => "missing".to_owned(),
                    (at, true) => time(at),
                    (at, false) => format!("{}, by a later version", time(at)),
                };
                table.row([
                    migration.version.to_string(),
                    migration.name.clone(),
                    applied,
                ]);
            }
            let verdict = match missing {
                0 => "up to date".to_owned(),
                missing => format!("{missing} missing; `db-taxi migrate` applies them"),
            };
            format!("{}\n{verdict}", table.render())
        },
    )?;
    Ok(if missing == 0 {
        Exit::Done
    } else {
        Exit::Findings
    })
}
