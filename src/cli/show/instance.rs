//! Instances as text.

use std::collections::HashMap;

use crate::cli::output::number::time;
use crate::cli::output::table::Table;
use crate::model::ids::JobId;
use crate::model::status::Instance;

/// One line for each, and what it works on by the names of configs.
#[must_use]
pub fn list(all: &[Instance], configs: &HashMap<JobId, String>) -> String {
    let mut table = Table::new(&[
        "NAME", "STATE", "ROLES", "LABELS", "ADDRESS", "VERSION", "SEEN", "JOBS",
    ]);
    for one in all {
        let jobs: Vec<String> = one
            .jobs
            .iter()
            .map(|id| configs.get(id).cloned().unwrap_or_else(|| id.to_string()))
            .collect();
        table.row([
            one.name.clone(),
            one.state.as_str().to_owned(),
            or_dash(&one.roles),
            or_dash(&one.labels),
            one.address.clone().unwrap_or_else(|| "-".to_owned()),
            one.version.clone(),
            time(Some(one.seen_at)),
            or_dash(&jobs),
        ]);
    }
    table.render()
}

fn or_dash(words: &[String]) -> String {
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}
