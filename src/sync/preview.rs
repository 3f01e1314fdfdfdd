//! A rule tried out: what is read of its table, and a few rows of it.
//!
//! Owns how a person sees rows of a source before anything is copied: few, cut, masked as they would
//! arrive, read in a read-only session that the server itself ends when it takes too long. Called by
//! `services` for whoever edits a config.

use std::sync::Arc;
use std::time::Duration;

use super::context::JobContext;
use super::error::SyncError;
use super::report::table_plan;
use super::rules::{base_tables, choose};
use super::servers::Servers;
use super::table::{PlannedTable, plan_table};
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::model::preview::{PreviewColumn, RulePreview};
use crate::mysql::kind::Kind;
use crate::mysql::schema::same_name;
use crate::mysql::value::ColumnPair;
use crate::mysql::{Endpoint, Ident, MysqlError, Session, SessionKind};

/// Rows that are shown.
const ROWS: usize = 5;
/// How long the source may look for them, in seconds.
const SECONDS: u64 = 3;
/// Characters that are read of a text, and bytes of what is none.
const CHARACTERS: usize = 120;
const BYTES: usize = 24;

/// Bound of a session's locks; it takes none.
const LEASE: Duration = Duration::from_secs(60);

/// Tries the rule at `index` of the context's config; `None` when no table falls under it. Writes
/// nothing.
///
/// # Errors
/// When a server can't be reached.
pub async fn preview_rule(
    context: &JobContext,
    index: usize,
) -> Result<Option<RulePreview>, SyncError> {
    let mut spec = context.config.spec.clone();
    let Some(rule) = spec.tables.get_mut(index) else {
        return Ok(None);
    };
    // A rule that is switched off is looked at all the same.
    rule.enabled = None;
    let select = rule.select.clone();
    let mut source = open(&context.source, SessionKind::Probe).await?;
    let mut local = open(&context.local, SessionKind::Probe).await?;
    let servers = Servers::look(
        &mut source,
        &mut local,
        Ident::new(context.connection.spec.database.as_str()),
        Ident::new(context.connection.spec.target_database()),
        spec.options.writer,
    )
    .await?;
    let base = base_tables(&mut source, &servers.source_database).await?;
    let mut chosen = choose(&spec, &base);
    chosen.retain(|chosen| chosen.rule.select == select);
    let Some(first) = chosen.first() else {
        return Ok(None);
    };
    let plan = plan_table(first, &spec.options, &servers, &mut source, &mut local).await?;
    source.close().await;
    local.close().await;
    let (rows, note) = match unreadable(&plan, !first.rule.mask.is_empty()) {
        Some(why) => (Vec::new(), Some(why)),
        None => match sample(&context.source, &plan).await {
            Ok(rows) if rows.is_empty() => (rows, Some("no row of the source fits".to_owned())),
            Ok(rows) => (rows, None),
            Err(error) => (Vec::new(), Some(told(&error))),
        },
    };
    let workers = spec.options.max_concurrency.max(1) as usize;
    let schema = plan.source_schema.as_ref();
    Ok(Some(RulePreview {
        source_table: first.source_table.clone(),
        target_table: first.target_table.clone(),
        tables: chosen.len(),
        source_columns: schema
            .iter()
            .flat_map(|schema| &schema.columns)
            .map(|column| column.name.raw().to_owned())
            .collect(),
        columns: plan.pairs.iter().map(|pair| column(&plan, pair)).collect(),
        sql: select_sql(&plan),
        rows,
        note,
        plan: table_plan(&plan, &servers, workers, false),
    }))
}

async fn open(endpoint: &Arc<Endpoint>, kind: SessionKind) -> Result<Session, MysqlError> {
    Session::open(endpoint, kind, LEASE).await
}

/// Why no rows can be shown. A rule that is not understood as it was meant shows none: what it was
/// to mask could be among them.
fn unreadable(plan: &PlannedTable, masks: bool) -> Option<String> {
    let stop = plan.risks.iter().find(|risk| {
        risk.severity == Severity::Stop
            && (masks || plan.source_schema.is_none() || risk.id == ErrorCode::RuleInvalid.as_str())
    });
    match stop {
        Some(risk) => Some(risk.message.clone()),
        None if plan.pairs.is_empty() => Some("no column is left to copy".to_owned()),
        None => None,
    }
}

fn column(plan: &PlannedTable, pair: &ColumnPair) -> PreviewColumn {
    let key = plan.key.iter().flat_map(|key| &key.columns);
    let source = pair.source.name.raw();
    PreviewColumn {
        is_key: key.into_iter().any(|c| same_name(c.name.raw(), source)),
        source: source.to_owned(),
        target: pair.target.name.raw().to_owned(),
        column_type: pair.target.column_type.clone(),
        is_masked: pair.masked.is_some(),
    }
}

/// What is read, as a person would write it.
fn select_sql(plan: &PlannedTable) -> String {
    let columns: Vec<String> = plan
        .pairs
        .iter()
        .map(|pair| {
            let (source, target) = (&pair.source.name, &pair.target.name);
            match &pair.masked {
                Some(sql) => format!("{sql} AS {target}"),
                None if source == target => source.to_string(),
                None => format!("{source} AS {target}"),
            }
        })
        .collect();
    let filter = plan
        .where_sql
        .as_ref()
        .map_or(String::new(), |filter| format!("\nWHERE {filter}"));
    format!(
        "SELECT {}\nFROM {}{filter}",
        columns.join(",\n  "),
        plan.source
    )
}

/// The first rows that the source gives.
async fn sample(
    endpoint: &Arc<Endpoint>,
    plan: &PlannedTable,
) -> Result<Vec<Vec<Option<String>>>, MysqlError> {
    let mut session = open(endpoint, SessionKind::Read).await?;
    let limit = if session.server().is_mariadb() {
        format!("SET SESSION max_statement_time = {SECONDS}")
    } else {
        format!("SET SESSION max_execution_time = {}", SECONDS * 1000)
    };
    session.run(&limit).await?;
    let shown: Vec<String> = plan.pairs.iter().map(shown_sql).collect();
    let filter = plan
        .where_sql
        .as_ref()
        .map_or(String::new(), |filter| format!(" WHERE ({filter})"));
    let sql = format!(
        "SELECT {} FROM {}{filter} LIMIT {ROWS}",
        shown.join(", "),
        plan.source
    );
    let mut rows = Vec::new();
    let mut stream = session.stream(&sql).await?;
    while let Some(row) = stream.next().await? {
        let text = |index| {
            row.get(index)
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        rows.push((0..row.len()).map(text).collect());
    }
    drop(stream);
    session.close().await;
    Ok(rows)
}

/// A value as text, never more of it than is shown.
fn shown_sql(pair: &ColumnPair) -> String {
    let value = match &pair.masked {
        Some(sql) => sql.clone(),
        None => pair.source.name.to_string(),
    };
    match pair.kind() {
        Kind::Text | Kind::Enum | Kind::Set => {
            format!("LEFT(CONVERT({value} USING utf8mb4), {CHARACTERS})")
        }
        Kind::Integer
        | Kind::Decimal
        | Kind::Float
        | Kind::Temporal
        | Kind::Special
        | Kind::Json => format!("LEFT(CONVERT(CAST({value} AS CHAR) USING utf8mb4), {CHARACTERS})"),
        Kind::Bit => format!("CONCAT('0x', HEX({value}))"),
        Kind::Binary => format!("CONCAT('0x', HEX(LEFT({value}, {BYTES})))"),
        Kind::Geometry | Kind::Vector | Kind::Unknown => {
            format!("IF({value} IS NULL, NULL, '({})')", pair.source.data_type)
        }
    }
}

/// Why there are no rows, in words that say what to do.
fn told(error: &MysqlError) -> String {
    match error.number {
        // Ended by our own limit: of MariaDB, of MySQL, and a KILL QUERY by an administrator.
        Some(1969 | 3024 | 1317) => format!(
            "no rows within {SECONDS} s: the source has to read much to find them; an index on the \
             columns of where would help the run, too"
        ),
        _ => format!("no rows: {error}"),
    }
}
