//! Looks at a source before it is used: can it be reached, what is it, what may we do there, what
//! is missing.
//!
//! Owns the connection test and the list of a source's tables. Must not know: what is stored.
//! Called by `services`. Reads only, and never holds anything on the server.

mod grants;
mod target;

pub use target::missing_on_target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::endpoint::Endpoint;
use super::error::MysqlError;
use super::ident::{Ident, TableRef};
use super::literal;
use super::login;
use super::session::Session;
use super::session_kind::SessionKind;
use crate::model::connection::SslMode;
use crate::model::duration::format_size;
use crate::model::report::{BinlogReport, MissingPrivilege, SourceTable, TestReport, TlsReport};

/// Whole test, all addresses: beyond this the report says so.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tables that are asked for a row's worth of SELECT, one by one.
const PROBED_TABLES: usize = 200;
/// Clocks that differ by more are worth a word.
const CLOCK_SKEW_MS: f64 = 2_000.0;
/// A packet below this makes batches small and large rows impossible.
const SMALL_PACKET: u64 = 4 << 20;

/// What a test looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether the server can be reached and used: a few statements, for a test each minute.
    Reachable,
    /// What a sync needs, privileges one by one.
    Everything(Needs),
}

/// What is asked of a source beside reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// A config may take a global read lock (`snapshot_lock: ftwrl`).
    pub read_lock: bool,
}

/// Tests a source. What fails is in the report: `ok` is whether a sync could run.
pub async fn probe(endpoint: &Arc<Endpoint>, database: &str, depth: Depth) -> TestReport {
    probe_heard(endpoint, database, depth).await.0
}

/// The same; second: whether a server was heard at all, be it that it refused.
pub async fn probe_heard(
    endpoint: &Arc<Endpoint>,
    database: &str,
    depth: Depth,
) -> (TestReport, bool) {
    let mut report = TestReport::default();
    let mut heard = true;
    match tokio::time::timeout(PATIENCE, look(endpoint, database, depth, &mut report)).await {
        Ok(Ok(())) => report.ok = report.error.is_none(),
        Ok(Err(mut error)) => {
            report.ok = false;
            heard = report.address.is_some() || error.number.is_some();
            error.hint = login::advice(endpoint, &error);
            report.error = Some(error.advised());
        }
        Err(_) => {
            report.ok = false;
            heard = report.address.is_some();
            report.error = Some(format!(
                "{}: the test took longer than {} s",
                endpoint.label,
                PATIENCE.as_secs()
            ));
        }
    }
    (report, heard)
}

async fn look(
    endpoint: &Arc<Endpoint>,
    database: &str,
    depth: Depth,
    report: &mut TestReport,
) -> Result<(), MysqlError> {
    let mut session = Session::open(endpoint, SessionKind::Probe, Duration::from_secs(10)).await?;
    let server = Arc::clone(session.server());
    report.address = Some(server.address.to_string());
    report.flavour = Some(server.flavour);
    report.version = Some(server.version.clone());
    report.max_allowed_packet_bytes = Some(server.max_allowed_packet);
    report.latency_ms = Some(latency_ms(&mut session).await?);
    report.clock_skew_ms = Some(clock_skew_ms(&mut session).await?);
    look_at_tls(&mut session, report).await?;
    look_at_variables(&mut session, report).await?;
    if let Err(message) = server.check_source() {
        report.error = Some(message);
        session.close().await;
        return Ok(());
    }
    if let Err(error) = session.run(&format!("USE {}", Ident::from(database))).await {
        report.error = Some(no_database(&mut session, database, error).await?);
        session.close().await;
        return Ok(());
    }
    if let Depth::Everything(needs) = depth {
        look_at_privileges(&mut session, database, needs, report).await?;
    }
    session.close().await;
    Ok(())
}

/// The least of a few round trips: what the network costs, not what the server was busy with.
async fn latency_ms(session: &mut Session) -> Result<f64, MysqlError> {
    let mut least = f64::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        session.ping().await?;
        least = least.min(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(least)
}

/// The server's clock less ours, taken in the middle of a round trip.
async fn clock_skew_ms(session: &mut Session) -> Result<f64, MysqlError> {
    let before = Utc::now();
    let row = session
        .first("SELECT UTC_TIMESTAMP(6) AS now")
        .await?
        .ok_or_else(|| MysqlError::lost("the server did not tell its time"))?;
    let after = Utc::now();
    let middle = before + (after - before) / 2;
    let skew = row.time("now")? - middle;
    Ok(skew
        .num_microseconds()
        .map_or(f64::MAX, |us| us as f64 / 1000.0))
}

async fn look_at_tls(session: &mut Session, report: &mut TestReport) -> Result<(), MysqlError> {
    let version = session
        .first("SHOW SESSION STATUS LIKE 'Ssl_version'")
        .await?
        .map(|row| row.text("Value"))
        .transpose()?
        .filter(|version| !version.is_empty());
    let mode = session.endpoint().ssl.mode;
    let used = version.is_some();
    report.tls = TlsReport {
        used,
        version,
        verified: used && matches!(mode, SslMode::VerifyCa | SslMode::VerifyIdentity),
    };
    let local = report.address.as_deref().is_some_and(is_local);
    if !used && !local {
        report.warnings.push(
            "the connection is not encrypted: set ssl to true, or to verify_identity with a ca"
                .to_owned(),
        );
    } else if used && !report.tls.verified && !local {
        report.warnings.push(
            "the server's certificate is not checked: set ssl to {mode: verify_identity, ca: PATH}"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether an address (as shown) is on this machine.
fn is_local(address: &str) -> bool {
    ["127.", "localhost:", "[::1]:", "/"]
        .iter()
        .any(|start| address.starts_with(start))
}

async fn look_at_variables(
    session: &mut Session,
    report: &mut TestReport,
) -> Result<(), MysqlError> {
    let rows = session
        .rows(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', \
             'binlog_row_image', 'local_infile', 'gtid_mode', 'log_slave_updates', \
             'log_replica_updates')",
        )
        .await?;
    let mut values = std::collections::HashMap::new();
    for row in &rows {
        values.insert(
            row.text("Variable_name")?.to_lowercase(),
            row.text("Value")?.to_uppercase(),
        );
    }
    let flag = |name: &str| values.get(name).map(|value| value == "ON" || value == "1");
    report.binlog = BinlogReport {
        enabled: flag("log_bin"),
        format: values.get("binlog_format").cloned(),
        row_image: values.get("binlog_row_image").cloned(),
    };
    report.local_infile = flag("local_infile");
    let mariadb = session.server().is_mariadb();
    const ONE_READER: &str =
        "so a copy with consistency: snapshot is read by one session, not several";
    if mariadb && report.binlog.enabled == Some(false) {
        report
            .warnings
            .push(format!("the binary log is off, {ONE_READER}"));
    }
    if !mariadb && values.get("gtid_mode").is_none_or(|mode| mode != "ON") {
        report
            .warnings
            .push(format!("gtid_mode is not ON, {ONE_READER}"));
    }
    if let Some(skew) = report
        .clock_skew_ms
        .filter(|skew| skew.abs() > CLOCK_SKEW_MS)
    {
        report.warnings.push(format!(
            "the server's clock is {:.1} s {} ours: set both by NTP",
            skew.abs() / 1000.0,
            if skew > 0.0 { "ahead of" } else { "behind" }
        ));
    }
    if let Some(packet) = report
        .max_allowed_packet_bytes
        .filter(|p| *p < SMALL_PACKET)
    {
        report.warnings.push(format!(
            "max_allowed_packet is only {}: rows larger than that can't be read",
            format_size(packet)
        ));
    }
    Ok(())
}

/// Why a database can't be used.
async fn no_database(
    session: &mut Session,
    database: &str,
    error: MysqlError,
) -> Result<String, MysqlError> {
    match error.number {
        Some(1049) => Ok(format!(
            "there is no database {database} on the source: correct the connection's database, or \
             create it"
        )),
        Some(1044) => {
            let account = grants::account(session).await?;
            Ok(format!(
                "the account {account} may not use the database {database}: {}",
                grants::grant_sql("SELECT", &format!("{}.*", Ident::from(database)), &account)
            ))
        }
        _ => Err(error),
    }
}

async fn look_at_privileges(
    session: &mut Session,
    database: &str,
    needs: Needs,
    report: &mut TestReport,
) -> Result<(), MysqlError> {
    let account = grants::account(session).await?;
    let held = grants::read(session).await?;
    let mariadb = session.server().is_mariadb();
    let whole = format!("{}.*", Ident::from(database));
    let tables = base_tables(session, database).await?;
    let missing = &mut report.privileges.missing;
    let mut miss = |privilege: &str, needed_for: &str, on: &str| {
        missing.push(MissingPrivilege {
            privilege: privilege.to_owned(),
            needed_for: needed_for.to_owned(),
            grant: grants::grant_sql(privilege, on, &account),
        });
    };
    if !held.on_database("SELECT", database) {
        // Tables without any privilege of the account are not even listed.
        let mut readable = 0_usize;
        for table in tables.iter().take(PROBED_TABLES) {
            let target = TableRef::new(database, table.as_str());
            match session
                .rows(&format!("SELECT * FROM {target} LIMIT 0"))
                .await
            {
                Ok(_) => readable += 1,
                Err(error) if matches!(error.number, Some(1142 | 1143)) => {
                    miss(
                        "SELECT",
                        &format!("reading the table {table}"),
                        &target.to_string(),
                    );
                }
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(error) => report
                    .warnings
                    .push(format!("the table {table} can't be read: {error}")),
            }
        }
        if readable == 0 {
            if tables.is_empty() {
                miss("SELECT", "reading the tables", &whole);
            }
            report.error = Some(format!(
                "the account {account} can read no table of {database}: {}",
                grants::grant_sql("SELECT", &whole, &account)
            ));
        } else {
            report.warnings.push(format!(
                "SELECT is granted table by table: the account sees {} of the tables of {database}",
                tables.len()
            ));
        }
    }
    for (privilege, needed_for) in [
        ("SHOW VIEW", "reading the definitions of views"),
        ("TRIGGER", "reading the definitions of triggers"),
    ] {
        if !held.on_database(privilege, database) {
            miss(privilege, needed_for, &whole);
        }
    }
    if !held.globally("PROCESS") {
        miss(
            "PROCESS",
            "seeing statements that wait for our reads, so that ours give way",
            "*.*",
        );
    }
    let monitor = if mariadb && session.server().number >= (10, 5, 0) {
        "BINLOG MONITOR"
    } else {
        "REPLICATION CLIENT"
    };
    if !held.globally(monitor) {
        miss(monitor, "recording the binlog position of a copy", "*.*");
    }
    // MariaDB 10.5 split it off; before, and on MySQL, the one above gives both.
    if mariadb && session.server().number >= (10, 5, 0) && !held.globally("SLAVE MONITOR") {
        miss(
            "SLAVE MONITOR",
            "holding the throttle's max_lag when the server is a replica",
            "*.*",
        );
    }
    if needs.read_lock && !held.globally("RELOAD") && !held.globally("FLUSH_TABLES") {
        miss(
            "RELOAD",
            "the global read lock of snapshot_lock: ftwrl",
            "*.*",
        );
    }
    Ok(())
}

async fn base_tables(session: &mut Session, database: &str) -> Result<Vec<String>, MysqlError> {
    Ok(super::schema::list_tables(session, &Ident::from(database))
        .await?
        .into_iter()
        .filter(|(_, kind)| kind == "BASE TABLE")
        .map(|(name, _)| name)
        .collect())
}

/// The base tables of a database with their sizes, as the server guesses them, by name.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn source_tables(
    session: &mut Session,
    database: &str,
) -> Result<Vec<SourceTable>, MysqlError> {
    let schema = literal::text(database);
    let keys = session
        .rows(&format!(
            "SELECT TABLE_NAME AS name, COLUMN_NAME AS part FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = {schema} AND INDEX_NAME = 'PRIMARY' \
             ORDER BY TABLE_NAME, SEQ_IN_INDEX"
        ))
        .await?;
    let mut primary: std::collections::HashMap<String, Vec<String>> =
        std::collections::HashMap::new();
    for row in &keys {
        if let Some(part) = row.opt_text("part")? {
            primary.entry(row.text("name")?).or_default().push(part);
        }
    }
    session
        .rows(&format!(
            "SELECT TABLE_NAME AS name, ENGINE AS engine, COALESCE(TABLE_ROWS, 0) AS row_count, \
             COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS bytes, \
             COALESCE(TABLE_COMMENT, '') AS remark \
             FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = {schema} AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME"
        ))
        .await?
        .iter()
        .map(|row| {
            let name = row.text("name")?;
            Ok(SourceTable {
                engine: row.opt_text("engine")?,
                rows_estimate: row.u64("row_count")?,
                data_bytes: row.u64("bytes")?,
                primary_key: primary.remove(&name).unwrap_or_default(),
                comment: row.text("remark")?,
                name,
            })
        })
        .collect()
}

/// Whether two sessions look at the same database of the same server.
///
/// # Errors
/// When one of the servers does not answer.
pub async fn same_database(
    source: &mut Session,
    source_database: &str,
    local: &mut Session,
    target_database: &str,
) -> Result<bool, MysqlError> {
    if source.identity().await? != local.identity().await? {
        return Ok(false);
    }
    let folds = local
        .first("SELECT @@lower_case_table_names AS folds")
        .await?
        .map(|row| row.u64("folds"))
        .transpose()?
        .unwrap_or(0)
        != 0;
    Ok(if folds {
        source_database.to_lowercase() == target_database.to_lowercase()
    } else {
        source_database == target_database
    })
}
