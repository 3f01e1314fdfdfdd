//! The checks of the sync system; each says what was found and what to do.

use std::path::Path;

use super::workers;
use crate::model::job::{JobFilter, JobState};
use crate::model::status::{Check, DatabaseStatus, Instance, InstanceState};
use crate::mysql::{MysqlError, literal};
use crate::services::{ProcessFacts, ServicesOptions};

/// A data folder with less free space is about to stop writes.
const LEAST_FREE_BYTES: u64 = 1 << 30;

pub(super) fn good(name: &str, message: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        ok: true,
        message: message.into(),
        remedy: None,
    }
}

pub(super) fn bad(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        ok: false,
        message: message.into(),
        remedy: Some(remedy.into()),
    }
}

/// Nothing is wrong, and yet something is to be done some time.
pub(super) fn advice(name: &str, message: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check {
        ok: true,
        ..bad(name, message, remedy)
    }
}

/// A check that needs the control database, which is not there.
pub(super) fn unknown(name: &str) -> Check {
    bad(
        name,
        "not known while the control database does not answer",
        "see the check database",
    )
}

pub(super) fn sync_enabled(facts: &ProcessFacts) -> Check {
    const NAME: &str = "sync_enabled";
    if facts.sync_enabled {
        return good(NAME, "the sync system is switched on");
    }
    bad(
        NAME,
        "the sync system is switched off",
        "set sync.enabled to true in the settings and start again",
    )
}

pub(super) fn database(status: &DatabaseStatus) -> Check {
    const NAME: &str = "database";
    if status.connected {
        let server = status.server.as_deref().unwrap_or("a server");
        return good(NAME, format!("connected to {server}"));
    }
    bad(
        NAME,
        status
            .error
            .clone()
            .unwrap_or_else(|| "the control database does not answer".to_owned()),
        "check the settings database.host, database.username and database.password, and that the \
         server runs",
    )
}

/// `migrations tables engine leases`: what the control database holds.
pub(super) async fn stored(shared: &ServicesOptions, connected: bool) -> Vec<Check> {
    if !connected {
        return ["migrations", "tables", "engine", "leases"]
            .map(unknown)
            .to_vec();
    }
    vec![
        migrations(shared).await,
        tables(shared).await,
        engine(shared).await,
        leases(shared).await,
    ]
}

/// Opening the control database brings it up to date, so what can be wrong is that somebody else
/// changed it since.
async fn migrations(shared: &ServicesOptions) -> Check {
    const NAME: &str = "migrations";
    let sql = format!(
        "SELECT version, min_reader FROM {}.schema_info",
        shared.store.database()
    );
    let found = async {
        let mut session = shared.store.pool().get().await?;
        let Some(row) = session.first(&sql).await? else {
            return Ok(None);
        };
        Ok::<_, MysqlError>(Some((row.u64("version")?, row.u64("min_reader")?)))
    };
    match found.await {
        Ok(Some((version, least))) => good(
            NAME,
            format!("schema {version}, readable by programs that know schema {least}"),
        ),
        Ok(None) => bad(NAME, "schema_info is empty", "run db-taxi migrate"),
        Err(error) => bad(NAME, error.to_string(), "run db-taxi migrate"),
    }
}

/// Every table of the control database, and whether the server can read it.
async fn tables(shared: &ServicesOptions) -> Check {
    const NAME: &str = "tables";
    const WANTED: &[&str] = &[
        "schema_info",
        "secret_keys",
        "sync_connections",
        "sync_configs",
        "sync_tables",
        "sync_jobs",
        "sync_table_runs",
        "target_databases",
        "helper_tables",
        "sync_checkpoints",
        "sync_ranges",
        "sync_leases",
        "sync_logs",
        "sync_differences",
        "sync_schedules",
        "sync_skipped_runs",
        "notifications",
        "notification_targets",
        "notified_lags",
        "sync_deleted",
        "instances",
    ];
    let sql = format!(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
         AND ENGINE IS NOT NULL",
        literal::text(shared.store.database().raw())
    );
    let found = async {
        let mut session = shared.store.pool().get().await?;
        session
            .rows(&sql)
            .await?
            .iter()
            .map(|row| row.text("name"))
            .collect::<Result<Vec<String>, MysqlError>>()
    };
    match found.await {
        Ok(present) => {
            let missing: Vec<&str> = WANTED
                .iter()
                .copied()
                .filter(|name| !present.iter().any(|there| there == name))
                .collect();
            if missing.is_empty() {
                return good(NAME, "every table of the control database is there");
            }
            bad(
                NAME,
                format!("missing: {}", missing.join(", ")),
                "restore the control database from a backup, or drop it and import the mapping again",
            )
        }
        Err(error) => bad(NAME, error.to_string(), "see the check database"),
    }
}

/// Whether somebody takes the jobs that wait.
async fn engine(shared: &ServicesOptions) -> Check {
    const NAME: &str = "engine";
    let instances = match shared.store.list_instances().await {
        Ok(instances) => instances,
        Err(error) => return bad(NAME, error.to_string(), "see the check database"),
    };
    let names: Vec<&str> = workers(&instances).map(|i| i.name.as_str()).collect();
    if !names.is_empty() {
        return good(NAME, format!("jobs are taken by {}", names.join(", ")));
    }
    let waiting = shared
        .store
        .list_jobs(&JobFilter {
            state: Some(JobState::Pending),
            limit: Some(1),
            ..JobFilter::default()
        })
        .await
        .map(|jobs| !jobs.is_empty());
    match waiting {
        Ok(false) => good(
            NAME,
            "no service runs and no job waits; run and the dashboard run jobs themselves",
        ),
        Ok(true) => bad(
            NAME,
            "jobs wait and no service takes them",
            "start db-taxi --headless or the dashboard, or run them with db-taxi run",
        ),
        Err(error) => bad(NAME, error.to_string(), "see the check database"),
    }
}

/// Whether a process died with work in its hands that nobody took over.
async fn leases(shared: &ServicesOptions) -> Check {
    const NAME: &str = "leases";
    let orphaned = match shared.store.all_orphaned_jobs().await {
        Ok(jobs) => jobs,
        Err(error) => return bad(NAME, error.to_string(), "see the check database"),
    };
    if !orphaned.is_empty() {
        let shown: Vec<String> = orphaned
            .iter()
            .map(|job| {
                format!(
                    "{} of {}",
                    job.config,
                    job.instance
                        .as_deref()
                        .unwrap_or("an instance that is gone")
                )
            })
            .collect();
        return bad(
            NAME,
            format!("running jobs whose process is gone: {}", shown.join(", ")),
            "a service takes them over by itself; without one, run the config again: it goes on \
             where it stopped",
        );
    }
    let lost = lost_instances(shared).await;
    good(
        NAME,
        if lost == 0 {
            "every running job has a living process".to_owned()
        } else {
            format!("every running job has a living process; {lost} instances ended without a word")
        },
    )
}

async fn lost_instances(shared: &ServicesOptions) -> usize {
    let instances: Vec<Instance> = shared.store.list_instances().await.unwrap_or_default();
    instances
        .iter()
        .filter(|instance| instance.state == InstanceState::Lost)
        .count()
}

/// Whether the settings in force are those of the file.
pub(super) fn settings(facts: &ProcessFacts) -> Check {
    const NAME: &str = "settings";
    let settings = facts.settings.get();
    let since = settings.loaded_at.map_or_else(
        || "at the start".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    if let Some(error) = settings.error {
        return bad(
            NAME,
            format!("the file can't be used, and those read {since} stay in force: {error}"),
            "mend it: it is read again by itself; db-taxi config check says whether it is right",
        );
    }
    let waiting = settings.restart_needed;
    if waiting.is_empty() {
        return good(NAME, format!("read {since}"));
    }
    advice(
        NAME,
        format!(
            "read {since}; changed, and not in force yet: {}",
            waiting.join(", ")
        ),
        "start this process again when it suits",
    )
}

pub(super) fn key_file(facts: &ProcessFacts) -> Check {
    const NAME: &str = "key_file";
    let Some(path) = &facts.key_file else {
        return good(NAME, "the key comes from DBT_SECRET_KEY");
    };
    let shown = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return good(
                NAME,
                format!("{shown} is made when the first secret is stored"),
            );
        }
        Err(error) => {
            return bad(
                NAME,
                format!("{shown} can't be read: {error}"),
                "let the account that runs db-taxi read it, or set security.key_file",
            );
        }
    };
    if open_to_others(&meta) {
        return bad(
            NAME,
            format!("{shown} can be read by others"),
            format!("run chmod 600 {shown}"),
        );
    }
    good(
        NAME,
        format!(
            "{shown} is there and readable by its owner only; keep a copy: without it the stored \
             passwords are lost"
        ),
    )
}

fn open_to_others(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o077 != 0
}

/// Room for our own files, and for the local server's data where it is on this machine.
pub(super) async fn disk(shared: &ServicesOptions, connected: bool) -> Check {
    let own = folders(&shared.process);
    if !own.ok || !connected || !is_local(shared) {
        return own;
    }
    match data_folder(shared).await {
        Some(folder) if Path::new(&folder).is_dir() => room(Path::new(&folder)).unwrap_or(own),
        _ => own,
    }
}

fn is_local(shared: &ServicesOptions) -> bool {
    use crate::mysql::endpoint::Address;
    shared
        .endpoints
        .local()
        .addresses
        .iter()
        .all(|address| match address {
            Address::Socket(_) => true,
            Address::Service(_) => false,
            Address::Tcp(host, _) => {
                host == "localhost" || host.starts_with("127.") || host == "::1"
            }
        })
}

async fn data_folder(shared: &ServicesOptions) -> Option<String> {
    let mut session = shared.store.pool().get().await.ok()?;
    let row = session.first("SELECT @@datadir AS folder").await.ok()??;
    row.text("folder").ok()
}

pub(super) fn folders(facts: &ProcessFacts) -> Check {
    for folder in &facts.folders {
        if !folder.exists() {
            continue;
        }
        match room(folder) {
            Some(check) if !check.ok => return check,
            _ => {}
        }
    }
    good("disk", "there is room for logs and state")
}

/// `None` where the file system does not tell.
fn room(folder: &Path) -> Option<Check> {
    const NAME: &str = "disk";
    let stat = rustix::fs::statvfs(folder).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let gib = free as f64 / f64::from(1 << 30);
    let shown = folder.display();
    if stat.f_blocks > 0 && free < LEAST_FREE_BYTES {
        return Some(bad(
            NAME,
            format!("{shown} has {gib:.1} GiB left"),
            "free space there: a full disk stops every write",
        ));
    }
    Some(good(NAME, format!("{shown} has {gib:.1} GiB left")))
}
