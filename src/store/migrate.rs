//! Migrations of the control database: which there are, and that one process at a time runs them.
//!
//! The lock is a row with an expiry, since a cluster's nodes do not see each other's `GET_LOCK`;
//! that is held too, so that those who wait on one server are woken at once. Called by [`Store::open`](super::Store::open) and `migrate --status`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use refinery::Runner;
use uuid::Uuid;

use super::transaction::{TRIES, lost_a_race, micros, pause, values};
use super::{StoreError, StoreOptions};
use crate::model::error::ErrorCode;
use crate::mysql::{Done, Endpoint, Ident, MysqlError, Session, SessionKind, Value, migrate};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// How long the lock holds without being renewed.
const LOCK_TTL: Duration = Duration::from_secs(20);
/// How often it is renewed, and asked for.
const LOCK_RENEWAL: Duration = Duration::from_secs(4);
const LOCK_POLL: Duration = Duration::from_millis(100);
/// How long a process waits for another one that migrates.
const LOCK_WAIT: Duration = Duration::from_secs(120);

/// One migration and whether the control database has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MigrationStatus {
    /// Its number.
    pub version: u32,
    /// What it does, from its file name.
    pub name: String,
    /// When it was applied; `None` is not yet.
    pub applied_at: Option<DateTime<Utc>>,
    /// Whether this program brings it; `false` for one of a later program.
    pub known: bool,
}

/// Number of the newest migration that this program brings: what it reads.
#[must_use]
pub fn schema_version() -> u32 {
    own()
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or(0)
}

/// Every migration of this program and of the control database, in order; changes nothing.
///
/// # Errors
/// When the server can't be reached or refuses.
pub async fn migration_status(options: &StoreOptions) -> Result<Vec<MigrationStatus>, StoreError> {
    let mut session = look(&options.endpoint, options.lease_ttl).await?;
    let database = Ident::new(options.database.as_str());
    let applied = applied(&mut session, &database).await;
    session.close().await;
    let applied = applied?;
    let mut all: Vec<MigrationStatus> = own()
        .into_iter()
        .map(|(version, name, _)| MigrationStatus {
            version,
            name,
            applied_at: applied
                .iter()
                .find(|a| a.version == version)
                .and_then(|a| a.at),
            known: true,
        })
        .collect();
    for row in applied {
        if !all.iter().any(|m| m.version == row.version) {
            all.push(MigrationStatus {
                version: row.version,
                name: row.name,
                applied_at: row.at,
                known: false,
            });
        }
    }
    all.sort_by_key(|m| m.version);
    Ok(all)
}

/// A session without a default database, on a server that may be the local one.
pub(super) async fn look(endpoint: &Arc<Endpoint>, lease: Duration) -> Result<Session, StoreError> {
    let mut bare = (**endpoint).clone();
    bare.database = None;
    // Between two renewals of a migration's lock the session is silent.
    let silence = lease.max(LOCK_RENEWAL * 5);
    let session = Session::open(&Arc::new(bare), SessionKind::Control, silence).await?;
    session.server().check_local().map_err(StoreError::Setup)?;
    Ok(session)
}

/// Makes the database and brings its tables up to date.
pub(super) async fn bring_up_to_date(
    session: &mut Session,
    database: &Ident,
) -> Result<(), StoreError> {
    if exists(session, database).await? {
        check_reader(session, database).await?;
        if is_current(session, database).await? {
            return Ok(());
        }
    } else {
        let endpoint = Arc::clone(session.endpoint());
        let sql = format!(
            "CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        );
        insist(session, &sql, vec![])
            .await
            .map_err(|error| with_grant(error, &endpoint, database))?;
    }
    let lock = Lock::take(session, database).await?;
    let outcome = migrate_under(&lock, session, database).await;
    lock.release(session).await?;
    outcome
}

async fn migrate_under(
    lock: &Lock,
    session: &mut Session,
    database: &Ident,
) -> Result<(), StoreError> {
    // Whoever held the lock before may have done it all, or have been a later program.
    check_reader(session, database).await?;
    if is_current(session, database).await? {
        return Ok(());
    }
    let endpoint = Arc::clone(session.endpoint());
    let address = session.server().address.clone();
    // A later program's migrations are no reason to stop: `min_reader` decides that.
    let runner = runner().set_abort_missing(false);
    let work = async {
        let mut tries = 1;
        // Every file can be run again.
        loop {
            match migrate::apply(&endpoint, &address, database, &runner).await {
                Err(error) if lost_a_race(&error) && tries < TRIES => pause(&mut tries).await,
                other => return other,
            }
        }
    };
    tokio::pin!(work);
    loop {
        // The renewal runs on the lock's own session, which nothing else uses meanwhile.
        match tokio::time::timeout(LOCK_RENEWAL, &mut work).await {
            Ok(outcome) => {
                outcome.map_err(|error| not_migrated(error, database))?;
                return check_reader(session, database).await;
            }
            Err(_elapsed) => lock.renew(session).await?,
        }
    }
}

/// A lost connection stays one, so that it is tried again; anything else needs a person.
fn not_migrated(error: MysqlError, database: &Ident) -> StoreError {
    if error.is_unavailable() {
        return error.into();
    }
    StoreError::Setup(format!(
        "can't bring the control database {} up to date: {error}",
        database.raw()
    ))
}

/// The error with the statement that would have prevented it.
fn with_grant(mut error: MysqlError, endpoint: &Endpoint, database: &Ident) -> MysqlError {
    if error.code == ErrorCode::AccessDenied {
        error.hint = Some(format!(
            "as an administrator of the local server: GRANT ALL ON {database}.* TO the account {}",
            endpoint.username
        ));
    }
    error
}

/// Refuses a control database that a later program changed beyond what this one reads.
async fn check_reader(session: &mut Session, database: &Ident) -> Result<(), StoreError> {
    if !has_table(session, database, "schema_info").await? {
        return Ok(());
    }
    let row = session
        .first(&format!(
            "SELECT MAX(min_reader) AS min_reader FROM {database}.schema_info"
        ))
        .await?;
    let min_reader = row
        .map(|row| row.opt_u64("min_reader"))
        .transpose()?
        .flatten()
        .unwrap_or(0);
    let min_reader = u32::try_from(min_reader).unwrap_or(u32::MAX);
    let ours = schema_version();
    if min_reader > ours {
        return Err(StoreError::TooNew { min_reader, ours });
    }
    Ok(())
}

/// Whether every migration of this program is applied as it is.
async fn is_current(session: &mut Session, database: &Ident) -> Result<bool, StoreError> {
    let applied = applied(session, database).await?;
    Ok(own().iter().all(|(version, name, checksum)| {
        applied
            .iter()
            .any(|a| a.version == *version && a.name == *name && a.checksum == *checksum)
    }))
}

struct Applied {
    version: u32,
    name: String,
    checksum: String,
    at: Option<DateTime<Utc>>,
}

async fn applied(session: &mut Session, database: &Ident) -> Result<Vec<Applied>, StoreError> {
    if !has_table(session, database, "refinery_schema_history").await? {
        return Ok(Vec::new());
    }
    session
        .rows(&format!(
            "SELECT version, name, checksum, applied_on FROM {database}.refinery_schema_history \
             ORDER BY version"
        ))
        .await?
        .iter()
        .map(|row| {
            Ok(Applied {
                version: u32::try_from(row.u64("version")?).unwrap_or(u32::MAX),
                name: row.text("name")?,
                checksum: row.text("checksum")?,
                at: DateTime::parse_from_rfc3339(&row.text("applied_on")?)
                    .ok()
                    .map(|time| time.to_utc()),
            })
        })
        .collect()
}

async fn exists(session: &mut Session, database: &Ident) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?";
    Ok(!session
        .exec_rows(sql, values![database.raw()])
        .await?
        .is_empty())
}

async fn has_table(
    session: &mut Session,
    database: &Ident,
    table: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
    Ok(!session
        .exec_rows(sql, values![database.raw(), table])
        .await?
        .is_empty())
}

/// The migrations that this program brings, in order.
fn runner() -> Runner {
    embedded::migrations::runner()
}

/// Number, name and checksum of each migration of this program, in order.
fn own() -> Vec<(u32, String, String)> {
    let mut own: Vec<_> = runner()
        .get_migrations()
        .iter()
        .map(|m| {
            let version = u32::try_from(m.version()).unwrap_or(0);
            (version, m.name().to_owned(), m.checksum().to_string())
        })
        .collect();
    own.sort();
    own
}

/// Runs a statement again that lost a race: on a cluster the definitions of another node end whatever
/// is under way.
async fn insist(session: &mut Session, sql: &str, values: Vec<Value>) -> Result<Done, MysqlError> {
    let mut tries = 1;
    loop {
        match session.exec(sql, values.clone()).await {
            Err(error) if lost_a_race(&error) && tries < TRIES => pause(&mut tries).await,
            other => return other,
        }
    }
}

/// The right to migrate one control database.
struct Lock {
    row: String,
    name: String,
    holder: String,
}

impl Lock {
    async fn take(session: &mut Session, database: &Ident) -> Result<Self, StoreError> {
        let lock = Self {
            row: format!("{database}.schema_lock"),
            // GET_LOCK names have at most 64 characters.
            name: format!("db-taxi {:.50}", database.raw()),
            holder: Uuid::now_v7().to_string(),
        };
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {} (id TINYINT UNSIGNED NOT NULL PRIMARY KEY, \
                 holder CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL, \
                 expires_at DATETIME(3) NOT NULL) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
            lock.row
        );
        insist(session, &table, vec![]).await?;
        let row = format!(
            "INSERT IGNORE INTO {} (id, holder, expires_at) VALUES (1, NULL, UTC_TIMESTAMP(3))",
            lock.row
        );
        insist(session, &row, vec![]).await?;
        let claim = format!(
            "UPDATE {} SET holder = ?, expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
             WHERE id = 1 AND (holder IS NULL OR expires_at <= UTC_TIMESTAMP(3))",
            lock.row
        );
        let deadline = tokio::time::Instant::now() + LOCK_WAIT;
        loop {
            if lock.has_name(session).await? {
                let claimed = session
                    .exec(&claim, values![lock.holder.as_str(), micros(LOCK_TTL)])
                    .await;
                match claimed {
                    Ok(done) if done.affected == 1 => return Ok(lock),
                    Ok(_) => {}
                    // On a cluster another node was first.
                    Err(error) if lost_a_race(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(StoreError::Setup(format!(
                    "another process has been bringing the control database {} up to date for {} s; \
                     wait for it, or look for what blocks it with SHOW PROCESSLIST",
                    database.raw(),
                    LOCK_WAIT.as_secs()
                )));
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    /// Waits a second for the name on this server.
    async fn has_name(&self, session: &mut Session) -> Result<bool, StoreError> {
        let sql = "SELECT GET_LOCK(?, 1) AS got";
        match session.exec_rows(sql, values![self.name.as_str()]).await {
            Ok(rows) => Ok(rows
                .first()
                .is_some_and(|row| matches!(row.opt_u64("got"), Ok(Some(1))))),
            // Some clusters refuse it: the row alone decides there, as it does anywhere.
            Err(error) if error.number == Some(1235) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn renew(&self, session: &mut Session) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {} SET expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND \
             WHERE id = 1 AND holder = ?",
            self.row
        );
        let values = values![micros(LOCK_TTL), self.holder.as_str()];
        let renewed = insist(session, &sql, values).await?;
        if renewed.affected == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost)
        }
    }

    async fn release(&self, session: &mut Session) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {} SET holder = NULL WHERE id = 1 AND holder = ?",
            self.row
        );
        insist(session, &sql, values![self.holder.as_str()]).await?;
        let sql = "DO RELEASE_LOCK(?)";
        match session.exec(sql, values![self.name.as_str()]).await {
            Err(error) if error.number != Some(1235) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_have_growing_numbers_and_the_last_one_says_its_number() {
        let own = own();
        let numbers: Vec<u32> = own.iter().map(|(version, ..)| *version).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        assert_eq!(numbers.last(), Some(&schema_version()));
        let runner = runner();
        let last = runner
            .get_migrations()
            .iter()
            .max_by_key(|m| m.version())
            .unwrap();
        let sql = last.sql().unwrap();
        assert!(
            sql.contains(&format!("VALUES (1, {}", schema_version())),
            "{sql}"
        );
    }

    #[test]
    fn every_statement_can_be_repeated() {
        for migration in runner().get_migrations() {
            for statement in migration.sql().unwrap().split(";\n") {
                let code: Vec<&str> = statement
                    .lines()
                    .filter(|l| !l.starts_with("--") && !l.is_empty())
                    .collect();
                let first = code.first().copied().unwrap_or_default();
                assert!(
                    first.is_empty()
                        || first.starts_with("CREATE TABLE IF NOT EXISTS ")
                        || code
                            .iter()
                            .any(|l| l.starts_with("ON DUPLICATE KEY UPDATE")),
                    "{first}"
                );
            }
        }
    }
}
