//! Status as text: the checks with their remedies, and the statistics.

use crate::cli::output::number::{bytes, count, seconds, time};
use crate::cli::output::table::{Table, fields};
use crate::model::status::Status;

/// The checks, the statistics, and the verdict as the last line.
#[must_use]
pub fn status(status: &Status) -> String {
    let database = &status.database;
    let connected = match (database.connected, &database.server, &database.error) {
        (true, Some(server), _) => format!("connected, {server}"),
        (true, None, _) => "connected".to_owned(),
        (false, _, Some(error)) => format!("not connected: {error}"),
        (false, _, None) => "not connected".to_owned(),
    };
    let stats = &status.sync.stats;
    let mut out = fields(&[
        ("version", status.version.clone()),
        ("instance", status.instance.clone()),
        ("up", seconds(status.uptime_seconds)),
        ("control database", connected),
        ("next try", time(database.retry_at)),
        (
            "connections",
            format!(
                "{}, {} ok",
                count(stats.total_connections),
                count(stats.connected_connections)
            ),
        ),
        (
            "configs",
            format!(
                "{}, {} enabled",
                count(stats.total_configs),
                count(stats.enabled_configs)
            ),
        ),
        (
            "jobs",
            format!(
                "{}: {} pending, {} running, {} paused, {} completed, {} with errors, {} failed, {} cancelled",
                count(stats.total_jobs),
                count(stats.pending_jobs),
                count(stats.running_jobs),
                count(stats.paused_jobs),
                count(stats.completed_jobs),
                count(stats.completed_with_errors_jobs),
                count(stats.failed_jobs),
                count(stats.cancelled_jobs)
            ),
        ),
        (
            "synced",
            format!(
                "{} rows, {}",
                count(stats.rows_synced),
                bytes(stats.bytes_synced)
            ),
        ),
        ("instances", count(stats.instances)),
    ]);
    let mut checks = Table::new(&["CHECK", "", "FOUND"]);
    for check in &status.sync.checks {
        let mut found = check.message.clone();
        if let Some(remedy) = &check.remedy {
            found.push_str(&format!("; to do: {remedy}"));
        }
        checks.row([
            check.name.clone(),
            if check.ok { "ok" } else { "FAILED" }.to_owned(),
            found,
        ]);
    }
    if !checks.is_empty() {
        out.push('\n');
        out.push_str(&checks.render());
    }
    out.push_str(&format!("\n{}", status.status));
    out
}
