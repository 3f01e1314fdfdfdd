//! `instances`.

use std::collections::HashMap;

use super::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::show;
use crate::model::ids::JobId;

/// Lists the processes that share the control database.
pub async fn instances(context: &Context<'_>) -> Result<Exit, Failure> {
    let services = &context.services;
    let all = services.monitoring.instances().await?;
    let mut configs: HashMap<JobId, String> = HashMap::new();
    if !context.output.json {
        for id in all.iter().flat_map(|one| &one.jobs) {
            // One that was removed meanwhile is shown by its id.
            if let Ok(job) = services.jobs.get(&id.to_string()).await {
                configs.insert(*id, job.config);
            }
        }
    }
    let items = all
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::internal(format!("can't write JSON: {error}")))?;
    context
        .output
        .list(items, || show::instance::list(&all, &configs))?;
    Ok(Exit::Done)
}
