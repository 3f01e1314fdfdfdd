//! What a doctor would say of connections, configs and what lies about: each with what to do.
//!
//! These go by what is stored, so they cost a few statements and no look at a source.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::checks::{advice, bad, good};
use crate::model::config::Config;
use crate::model::connection::HealthState;
use crate::model::job::JobState;
use crate::model::labels::{API, WORKER, nobody_carries};
use crate::model::shell::word;
use crate::model::status::Check;
use crate::services::ServicesOptions;
use crate::store::StoreError;
use crate::store::doctor::KeptRows;

/// Clocks that differ by more make times in logs and reports misleading.
const SKEW: Duration = Duration::from_secs(5);
/// Work that waits for longer has been forgotten.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
/// Names that a message holds.
const NAMED: usize = 3;

/// Deleted rows whose time is over sooner than this are told of, so that they can be put back.
const SOON: Duration = Duration::from_secs(86_400);

/// `connections configs schedules labels shadows quarantine helper_tables clock notifications`.
pub(super) async fn all(shared: &ServicesOptions) -> Vec<Check> {
    let found = [
        ("connections", connections(shared).await),
        ("configs", configs(shared).await),
        ("schedules", schedules(shared).await),
        ("labels", labels(shared).await),
        ("shadows", shadows(shared).await),
        ("quarantine", quarantine(shared).await),
        ("helper_tables", helper_tables(shared).await),
        ("clock", clock(shared).await),
        ("notifications", notifications(shared).await),
    ];
    found
        .into_iter()
        .map(|(name, check)| {
            check.unwrap_or_else(|error| bad(name, error.to_string(), "see the check database"))
        })
        .collect()
}

/// Connections of enabled configs whose last check failed.
async fn connections(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "connections";
    let used: Vec<String> = shared
        .store
        .list_configs(None)
        .await?
        .into_iter()
        .filter(|config| config.spec.enabled)
        .map(|config| config.spec.connection)
        .collect();
    let failing: Vec<(String, String)> = shared
        .store
        .list_connections()
        .await?
        .into_iter()
        .filter(|c| used.contains(&c.spec.name) && c.health.state == HealthState::Failed)
        .map(|c| (c.spec.name, c.health.error.unwrap_or_default()))
        .collect();
    let Some((first, why)) = failing.first() else {
        return Ok(good(
            NAME,
            "no connection of an enabled config failed its last check",
        ));
    };
    Ok(bad(
        NAME,
        format!(
            "{} failed; {why}",
            named(failing.iter().map(|(name, _)| name))
        ),
        format!("run db-taxi connections test {}", word(first)),
    ))
}

/// Enabled configs whose last job did not complete.
async fn configs(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "configs";
    let mut failing = Vec::new();
    for config in shared.store.list_configs(None).await? {
        let failed = config
            .last_job
            .as_ref()
            .filter(|job| matches!(job.state, JobState::Failed | JobState::CompletedWithErrors));
        if let Some(job) = failed.filter(|_| config.spec.enabled) {
            failing.push((config.spec.name.clone(), job.id));
        }
    }
    let Some((first, job)) = failing.first() else {
        return Ok(good(NAME, "the last job of no enabled config failed"));
    };
    let why = shared
        .store
        .job(*job)
        .await?
        .and_then(|job| {
            let of_table = job.tables.iter().find_map(|table| table.error.clone());
            job.error.or(of_table)
        })
        .map_or_else(String::new, |error| format!("; {first}: {error}"));
    let first = word(first);
    Ok(bad(
        NAME,
        format!(
            "the last job failed of {}{why}",
            named(failing.iter().map(|(name, _)| name))
        ),
        format!("see db-taxi jobs show last:{first}, then db-taxi run {first}"),
    ))
}

/// Shadows that wait for a next job that nobody starts: they hold space, and the source moves on.
async fn shadows(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "shadows";
    let waiting = shared.store.waiting_loads(FORGOTTEN).await?;
    let Some(oldest) = waiting.first() else {
        return Ok(good(NAME, "no unfinished load waits for longer than a day"));
    };
    let tables = waiting
        .iter()
        .map(|load| format!("{} of {}", load.target_table, load.config));
    Ok(advice(
        NAME,
        format!(
            "unfinished since {}: {}",
            oldest.since.format("%Y-%m-%d %H:%M UTC"),
            named(tables)
        ),
        format!(
            "run db-taxi run {} to finish it; what waits longer than sync.cleanup_age is dropped",
            word(&oldest.config)
        ),
    ))
}

/// Enabled configs with a schedule, and whether anybody starts them and takes their jobs.
async fn schedules(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "schedules";
    let configs = shared.store.schedules().await?.configs;
    if configs.is_empty() {
        return Ok(good(NAME, "no enabled config has a schedule"));
    }
    let instances = shared.store.list_instances().await?;
    let plays = |role| instances.iter().any(|one| one.plays(role));
    let missing = match (plays(API), plays(WORKER)) {
        (true, true) => {
            let started = format!("{} configs are started by their schedules", configs.len());
            let skipped = shared.store.skipped_runs().await?;
            return Ok(skipped_or_good(NAME, started, &skipped));
        }
        (false, _) => "no live service starts them",
        (true, false) => "no live service takes their jobs",
    };
    let names = named(configs.iter().map(|config| &config.spec.name));
    Ok(bad(
        NAME,
        format!("{names}: a schedule is set, and {missing}"),
        "start db-taxi --headless with the roles api and worker (instance.roles), or take the \
         schedule away and call db-taxi run from cron",
    ))
}

/// A due time is left out while a job of the config is active; many in a row mean that its jobs take
/// longer than the schedule gives them, or that one is paused.
fn skipped_or_good(name: &str, started: String, skipped: &[(String, u64)]) -> Check {
    const MANY: u64 = 3;
    let many: Vec<_> = skipped.iter().filter(|(_, times)| *times >= MANY).collect();
    let Some((first, _)) = many.first() else {
        return good(name, started);
    };
    let each = many
        .iter()
        .map(|(config, times)| format!("{config} ({times} in a row)"));
    advice(
        name,
        format!(
            "{started}; due while the last job had not ended, and left out: {}",
            named(each)
        ),
        format!(
            "see db-taxi jobs show last:{}; resume it if it is paused, else give it a longer interval",
            word(first)
        ),
    )
}

/// Enabled configs that ask for labels, and whether anybody who takes jobs carries them.
async fn labels(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "labels";
    let asking: Vec<Config> = shared
        .store
        .list_configs(None)
        .await?
        .into_iter()
        .filter(|config| config.spec.enabled && !config.spec.labels.is_empty())
        .collect();
    if asking.is_empty() {
        return Ok(good(NAME, "no enabled config asks for labels of instances"));
    }
    let instances = shared.store.list_instances().await?;
    let waiting: Vec<(String, String)> = asking
        .iter()
        .filter_map(|config| {
            nobody_carries(&instances, &config.spec.labels)
                .map(|why| (config.spec.name.clone(), why))
        })
        .collect();
    let Some((_, why)) = waiting.first() else {
        return Ok(good(
            NAME,
            format!(
                "{} configs ask for labels that live instances carry",
                asking.len()
            ),
        ));
    };
    Ok(bad(
        NAME,
        format!("{}: {why}", named(waiting.iter().map(|(name, _)| name))),
        "start db-taxi --headless with these instance.labels and the role worker, or change the \
         labels of the config",
    ))
}

/// Deleted rows that can be put back only for a short time, or that nobody has cleaned up.
async fn quarantine(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "quarantine";
    let ending = shared.store.kept_rows_ending(SOON).await?;
    let (over, near): (Vec<_>, Vec<_>) = ending.into_iter().partition(|kept| kept.is_expired);
    let shown = |kept: &[KeptRows]| {
        let each = kept
            .iter()
            .map(|kept| format!("{} rows of {}", kept.rows, kept.target_table));
        named(each)
    };
    let over_shown = format!(
        "their time is over, and they are still there: {}",
        shown(&over)
    );
    Ok(match (near.first(), over.first()) {
        (None, None) => good(NAME, "no deleted rows are about to be dropped"),
        (Some(first), _) => {
            let mut message = format!(
                "dropped from {} on: {}",
                first.expires_at.format("%Y-%m-%d %H:%M UTC"),
                shown(&near)
            );
            if !over.is_empty() {
                message = format!("{message}; {over_shown}");
            }
            let remedy = format!(
                "to have them back: db-taxi jobs undo {} (quarantine of the config says how long they are kept)",
                first.job
            );
            advice(NAME, message, remedy)
        }
        (None, Some(first)) => {
            let config = match first.config.as_str() {
                "" => "--all".to_owned(),
                name => word(name),
            };
            let remedy = format!(
                "they go at the end of the next job, or when a service starts: db-taxi run {config}"
            );
            advice(NAME, over_shown, remedy)
        }
    })
}

/// Tables in helper databases that no register lists: nobody will drop them.
async fn helper_tables(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "helper_tables";
    let strangers = shared.store.unlisted_helper_tables().await?;
    if strangers.is_empty() {
        return Ok(good(
            NAME,
            "every table in a helper database is accounted for",
        ));
    }
    Ok(bad(
        NAME,
        format!("in helper databases, but not ours: {}", named(&strangers)),
        "look at them, and move or drop them: the databases are only removed when they are empty",
    ))
}

/// Our clock against the control database's.
async fn clock(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "clock";
    let before = Utc::now();
    let theirs: DateTime<Utc> = shared.store.now().await?;
    let after = Utc::now();
    let ours = before + (after - before) / 2;
    let skew = (theirs - ours).abs().to_std().unwrap_or_default();
    // What the round trip took may be all on one side of it.
    let doubt = (after - before).to_std().unwrap_or_default();
    if skew > SKEW + doubt {
        return Ok(bad(
            NAME,
            format!(
                "this machine's clock differs by {:.0} s from the local server's",
                skew.as_secs_f64()
            ),
            "set both by NTP",
        ));
    }
    Ok(good(
        NAME,
        "this machine and the local server agree on the time",
    ))
}

/// Notifications that were given up: somebody believes that all is well.
async fn notifications(shared: &ServicesOptions) -> Result<Check, StoreError> {
    const NAME: &str = "notifications";
    const LATELY: Duration = Duration::from_secs(86_400);
    let status = shared.store.notification_status(LATELY).await?;
    let stand = format!(
        "in the last day {} were sent, {} wait",
        status.sent, status.waiting
    );
    let Some(error) = status.error else {
        return Ok(good(NAME, stand));
    };
    Ok(bad(
        NAME,
        format!(
            "{stand}, {} were given up; the last: {error}",
            status.failed
        ),
        "see that the webhook or command of the settings works; what was given up is in the log",
    ))
}

/// The first names of a list, then how many more.
fn named<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<S> = names.into_iter().collect();
    let mut shown: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = format!("{more} more");
    if more > 0 {
        shown.push(&rest);
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(named(["a", "b", "c"]), "a, b, c");
        assert_eq!(named(["a", "b", "c", "d", "e"]), "a, b, c, 2 more");
    }
}
