//! One table, planned: definitions of both sides, columns, key, strategy, and what could go wrong.

use crate::model::config::Options;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::plan::{Risk, Severity};
use crate::model::rule::{ColumnSelect, TableOptions};
use crate::model::seen::SeenTable;
use crate::mysql::ddl::CreateTable;
use crate::mysql::kind::fits;
use crate::mysql::schema::{ForeignKey, TableSchema, inbound_foreign_keys, same_name};
use crate::mysql::value::ColumnPair;
use crate::mysql::{Ident, MaskKey, Session, TableRef, literal};

mod conflict;
mod key;
mod mask;
mod mode;
mod oddities;
mod strategy;

pub use mode::{ByWatermark, Mode};

use conflict::choose_watermark;
use key::choose_key;
use mode::choose_mode;
use strategy::choose_strategy;
pub use strategy::in_place_obstacles;

use super::error::SyncError;
use super::key::KeySpec;
use super::rules::Chosen;
use super::servers::Servers;

/// How a full run reaches the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Load a shadow and swap it in; a target with rows is compared first, unless told otherwise.
    Swap,
    /// Insert, update and delete range by range.
    InPlace,
}

impl Strategy {
    /// As shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::InPlace => "in_place",
        }
    }
}

/// A table, planned.
#[derive(Debug, Clone)]
pub struct PlannedTable {
    /// Table on the source.
    pub source: TableRef,
    /// Table on the target.
    pub target: TableRef,
    /// The source's definition; `None` where it can't be read.
    pub source_schema: Option<TableSchema>,
    /// The target's definition; `None` where it is missing.
    pub target_schema: Option<TableSchema>,
    /// Options in force.
    pub options: TableOptions,
    /// Condition on the source's rows.
    pub where_sql: Option<String>,
    /// Columns that are written, in the order of the target.
    pub pairs: Vec<ColumnPair>,
    /// What identifies a row on the source.
    pub key: Option<KeySpec>,
    /// The same on the target.
    pub target_key: Option<KeySpec>,
    /// Which of `pairs` says which of two rows is later.
    pub watermark: Option<usize>,
    /// Whether a range of keys holds the same rows on both servers.
    pub comparable: bool,
    /// Definition of the shadow.
    pub create: Option<CreateTable>,
    /// How changes are found.
    pub mode: Mode,
    /// Why.
    pub mode_reason: String,
    /// Why the next run by watermark has to begin from the start.
    pub full_because: Option<&'static str>,
    /// How the target is reached.
    pub strategy: Strategy,
    /// Why.
    pub reason: String,
    /// Foreign keys that refer to the target.
    pub inbound: Vec<ForeignKey>,
    /// What could go wrong.
    pub risks: Vec<Risk>,
    /// Columns of the source that don't arrive: those that the rule leaves out, and those that are
    /// computed from them.
    pub gone: Vec<Ident>,
    /// Keys and checks that the shadow does without.
    pub left_out: Vec<String>,
    /// Columns of a target to be made that a mask needs other than the source's.
    pub redefined: Vec<(Ident, String)>,
    /// Names the key that columns are hashed by.
    pub mask_key: Option<String>,
    /// Questions whose answer must be 1: whether a constant is a value of its column.
    mask_probes: Vec<(String, String)>,
}

impl PlannedTable {
    /// The first risk that stops the table, as its error.
    #[must_use]
    pub fn stop(&self) -> Option<ErrorInfo> {
        let risk = self
            .risks
            .iter()
            .find(|risk| risk.severity == Severity::Stop)?;
        let code = ErrorCode::parse(&risk.id).unwrap_or(ErrorCode::Unsupported);
        let mut info = ErrorInfo::new(code, risk.message.clone());
        info.hint.clone_from(&risk.remedy);
        Some(info.table(self.target.table.raw()))
    }

    /// Whether the table is read in ranges of a key that both servers order alike.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.comparable
            && self
                .key
                .as_ref()
                .is_some_and(super::key::KeySpec::is_chunkable)
    }

    /// Fingerprint of the source's definition and of what the rule makes of it: when it changes,
    /// a load that was begun is begun again.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let target = self
            .target_schema
            .as_ref()
            .map(TableSchema::fingerprint)
            .unwrap_or_default();
        digest(&format!("{}|{target}", self.source_text()))
    }

    /// What is noted of the source's table.
    #[must_use]
    pub fn seen(&self) -> Option<SeenTable> {
        self.source_schema.as_ref().map(TableSchema::seen)
    }

    /// Fingerprint of everything by which a watermark holds: the source's definition, what the rule
    /// makes of it, the key and the column.
    #[must_use]
    pub fn mark_fingerprint(&self) -> String {
        let columns = self.key.iter().flat_map(|key| &key.columns);
        let key: Vec<&str> = columns.map(|c| c.name.raw()).collect();
        let mark = self.mode.watermark().map_or("", |by| by.column.name.raw());
        digest(&format!("{}|{}|{mark}", self.source_text(), key.join(",")))
    }

    /// The source's definition, and what the rule makes of it.
    fn source_text(&self) -> String {
        let schema = self
            .source_schema
            .as_ref()
            .map(TableSchema::fingerprint)
            .unwrap_or_default();
        let columns: Vec<String> = self
            .pairs
            .iter()
            .map(|p| {
                let masked = p.masked.as_deref().unwrap_or_default();
                format!("{}>{}{masked}", p.source.name.raw(), p.target.name.raw())
            })
            .collect();
        let text = format!(
            "{schema}|{}|{}",
            columns.join(","),
            self.where_sql.as_deref().unwrap_or_default()
        );
        match &self.mask_key {
            Some(key) => format!("{text}|{key}"),
            None => text,
        }
    }

    /// `FROM` and `WHERE` of the source's rows that `condition` selects.
    #[must_use]
    pub fn source_from_sql(&self, condition: &str) -> String {
        let index = match &self.key {
            Some(key) if key.is_chunkable() && !key.index.is_empty() => {
                format!(" FORCE INDEX ({})", Ident::new(&key.index))
            }
            _ => String::new(),
        };
        match &self.where_sql {
            Some(filter) => format!(
                "FROM {}{index} WHERE ({condition}) AND ({filter})",
                self.source
            ),
            None => format!("FROM {}{index} WHERE {condition}", self.source),
        }
    }

    fn risk(&mut self, id: &str, severity: Severity, message: impl Into<String>) -> &mut Risk {
        self.risks.push(Risk::new(id, severity, message));
        let last = self.risks.len() - 1;
        &mut self.risks[last]
    }

    fn stop_risk(&mut self, code: ErrorCode, message: impl Into<String>) -> &mut Risk {
        self.risk(code.as_str(), Severity::Stop, message)
    }
}

fn digest(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    literal::hex(&digest.as_ref()[..16])
}

/// Plans one table. What stops it is a risk, not an error.
///
/// # Errors
/// When a server can't be reached.
pub async fn plan_table(
    chosen: &Chosen,
    options: &Options,
    servers: &Servers,
    source: &mut Session,
    local: &mut Session,
) -> Result<PlannedTable, SyncError> {
    let mut plan = PlannedTable {
        source: TableRef::new(
            servers.source_database.clone(),
            chosen.source_table.as_str(),
        ),
        target: TableRef::new(
            servers.target_database.clone(),
            chosen.target_table.as_str(),
        ),
        source_schema: None,
        target_schema: None,
        options: chosen.rule.options.over(options),
        where_sql: chosen.rule.where_clause.clone(),
        pairs: Vec::new(),
        key: None,
        target_key: None,
        watermark: None,
        comparable: true,
        create: None,
        mode: Mode::Full,
        mode_reason: String::new(),
        full_because: None,
        strategy: Strategy::Swap,
        reason: String::new(),
        inbound: Vec::new(),
        risks: Vec::new(),
        gone: Vec::new(),
        left_out: Vec::new(),
        redefined: Vec::new(),
        mask_key: source.endpoint().mask_key.as_ref().map(MaskKey::id),
        mask_probes: Vec::new(),
    };
    if source.server().flavour != local.server().flavour {
        plan.stop_risk(
            ErrorCode::Unsupported,
            "the source and the local server are of different flavours (MySQL, MariaDB): not available in this version",
        );
        return Ok(plan);
    }
    let Some(schema) = read_source(&mut plan, source).await? else {
        return Ok(plan);
    };
    plan.target_schema = TableSchema::read(local, &plan.target).await?;
    plan.inbound = inbound_foreign_keys(local, &plan.target)
        .await?
        .into_iter()
        .filter(|key| key.table != plan.target)
        .collect();
    if let Some(target) = &plan.target_schema
        && target.table_type != "BASE TABLE"
    {
        let message = format!(
            "{} is a {}, not a base table",
            plan.target.shown(),
            target.table_type.to_lowercase()
        );
        plan.stop_risk(ErrorCode::Unsupported, message);
        return Ok(plan);
    }
    match_columns(&mut plan, chosen, &schema);
    choose_key(&mut plan, chosen, &schema, source).await?;
    mask::check_keys(&mut plan, chosen, &schema);
    choose_watermark(&mut plan, chosen, &schema);
    shape_shadow(&mut plan, chosen, &schema);
    choose_strategy(&mut plan);
    choose_mode(&mut plan, chosen, &schema);
    check_filter(&mut plan, source).await?;
    mask::check_values(&mut plan, chosen, source).await?;
    oddities::check(&mut plan, source, local).await?;
    plan.source_schema = Some(schema);
    Ok(plan)
}

async fn read_source(
    plan: &mut PlannedTable,
    source: &mut Session,
) -> Result<Option<TableSchema>, SyncError> {
    let table = plan.source.clone();
    let read = TableSchema::read(source, &table).await;
    let probe = match &read {
        Ok(Some(_)) => source
            .run(&format!("SELECT 1 FROM {table} LIMIT 0"))
            .await
            .map(|_| ()),
        Ok(None) => match source.run(&format!("SELECT 1 FROM {table} LIMIT 0")).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
        Err(error) => Err(error.clone()),
    };
    match probe {
        Ok(()) => {}
        Err(error) if matches!(error.number, Some(1142 | 1143 | 1044 | 1370)) => {
            let account = account(source)
                .await
                .unwrap_or_else(|| "the account".to_owned());
            plan.stop_risk(
                ErrorCode::AccessDenied,
                format!(
                    "{account} may not read {} ({})",
                    table.shown(),
                    error.number.unwrap_or(0)
                ),
            )
            .remedy = Some(format!("GRANT SELECT ON {table} TO {account};"));
            return Ok(None);
        }
        Err(error) if matches!(error.number, Some(1146 | 1049)) => {
            plan.stop_risk(
                ErrorCode::SourceMissing,
                format!(
                    "{} is not there on the source; its target stays as it is",
                    table.shown()
                ),
            )
            .remedy = Some("remove the rule, or create the table".to_owned());
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    let Some(schema) = read? else {
        plan.stop_risk(
            ErrorCode::SourceMissing,
            format!("the definition of {} can't be read", table.shown()),
        );
        return Ok(None);
    };
    if schema.table_type != "BASE TABLE" {
        plan.stop_risk(
            ErrorCode::Unsupported,
            format!(
                "{} is a {}, not a base table",
                table.shown(),
                schema.table_type.to_lowercase()
            ),
        )
        .remedy = Some("remove the rule, or name a base table".to_owned());
        return Ok(None);
    }
    let engine = schema.engine.to_ascii_uppercase();
    if matches!(
        engine.as_str(),
        "SEQUENCE"
            | "FEDERATED"
            | "MRG_MYISAM"
            | "MERGE"
            | "MEMORY"
            | "CONNECT"
            | "SPIDER"
            | "BLACKHOLE"
            | "CSV"
    ) {
        plan.stop_risk(
            ErrorCode::Unsupported,
            format!("tables of the engine {} are not copied", schema.engine),
        )
        .remedy = Some("remove the rule, or exclude the table".to_owned());
        return Ok(None);
    }
    if !schema.is_transactional() {
        plan.risk(
            "engine",
            Severity::Warning,
            format!(
                "the source's engine {} takes part in no snapshot: rows that change during the run may differ; the copy is made in InnoDB",
                schema.engine
            ),
        );
    }
    Ok(Some(schema))
}

/// `'user'@'host'` of a session, quoted.
pub async fn account(session: &mut Session) -> Option<String> {
    let row = session.first("SELECT CURRENT_USER() AS who").await.ok()??;
    let who = row.text("who").ok()?;
    let (user, host) = who.rsplit_once('@')?;
    Some(format!(
        "'{}'@'{}'",
        user.replace('\'', "''"),
        host.replace('\'', "''")
    ))
}

fn match_columns(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let rule = &chosen.rule;
    let named: &[String] = match &rule.columns {
        ColumnSelect::Only(names) => names,
        _ => &[],
    };
    let except: &[String] = match &rule.columns {
        ColumnSelect::Except(names) => names,
        _ => &[],
    };
    let strict = if chosen.exact {
        [named, except].concat()
    } else {
        named.to_vec()
    };
    for name in &strict {
        if schema.column(name).is_none() {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!("{} has no column {name}", plan.source.shown()),
            );
        }
    }
    if chosen.exact {
        for name in rule.rename_columns.keys() {
            if schema.column(name).is_none() {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!(
                        "rename_columns names {name}, which {} does not have",
                        plan.source.shown()
                    ),
                );
            }
        }
    }
    mask::check_names(plan, chosen, schema);
    plan.gone = match CreateTable::parse(&schema.create_sql) {
        Ok(definition) => definition.gone_without(|name| wanted(chosen, name.raw())),
        // What can't be read stops the table further on.
        Err(_) => Vec::new(),
    };
    for column in &schema.columns {
        let name = column.name.raw();
        if plan.gone.contains(&column.name) {
            continue;
        }
        let target_name = renamed(rule, name);
        let mask = mask::of(rule, name);
        let target = match &plan.target_schema {
            None => mask::column_to_make(plan, mask, column, &target_name),
            Some(target) => match target.column(&target_name) {
                Some(found) => found.clone(),
                None => {
                    plan.stop_risk(
                        ErrorCode::SchemaChanged,
                        format!(
                            "the target {} has no column {target_name}",
                            plan.target.shown()
                        ),
                    )
                    .remedy = Some(
                        "add the column to the target, or leave it out with exclude_columns"
                            .to_owned(),
                    );
                    continue;
                }
            },
        };
        match (column.generated, target.generated) {
            (_, true) if mask.is_some() => {
                mask::refuse_computed(plan, name);
                continue;
            }
            (true, true) => continue,
            (false, true) => {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!("the target computes {target_name}, which the source stores"),
                );
                continue;
            }
            _ => {}
        }
        if let Some(mask) = mask {
            mask::add_pair(plan, mask, column, target);
            continue;
        }
        if let Err(why) = fits(column, &target) {
            plan.stop_risk(ErrorCode::ValueRejected, format!("column {name}: {why}"))
                .remedy = Some(format!(
                "widen {target_name} on the target, or leave it out"
            ));
        }
        plan.pairs.push(ColumnPair {
            source: column.clone(),
            target,
            masked: None,
        });
    }
    if plan.pairs.is_empty() {
        plan.stop_risk(ErrorCode::RuleInvalid, "no column is left to copy");
    }
}

/// Whether the rule wants a column.
fn wanted(chosen: &Chosen, name: &str) -> bool {
    match &chosen.rule.columns {
        ColumnSelect::All => true,
        ColumnSelect::Only(names) => names.is_empty() || names.iter().any(|n| same_name(n, name)),
        ColumnSelect::Except(names) => !names.iter().any(|n| same_name(n, name)),
    }
}

/// A column's name on the target.
#[must_use]
pub fn renamed(rule: &crate::model::rule::TableRule, name: &str) -> String {
    rule.rename_columns
        .iter()
        .find(|(from, _)| same_name(from, name))
        .map_or_else(|| name.to_owned(), |(_, to)| to.clone())
}

/// The shadow takes the target's own definition, or the source's where there is no target.
fn shape_shadow(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let (sql, counter) = match &plan.target_schema {
        Some(target) => (
            target.create_sql.as_str(),
            CreateTable::parse(&schema.create_sql),
        ),
        None => (
            schema.create_sql.as_str(),
            CreateTable::parse(&schema.create_sql),
        ),
    };
    let mut create = match CreateTable::parse(sql) {
        Ok(create) => create,
        Err(why) => {
            plan.stop_risk(
                ErrorCode::Unsupported,
                format!("the definition can't be read: {why}"),
            );
            return;
        }
    };
    if plan.target_schema.is_none() {
        create.redefine(&plan.redefined);
        plan.left_out = create.select_columns(
            |name| !plan.gone.contains(name),
            |name| Ident::new(renamed(&chosen.rule, name.raw())),
        );
        for what in plan.left_out.clone() {
            plan.risk("left_out", Severity::Info, what);
        }
    }
    // The counter goes on from whichever side is further.
    if let Some(theirs) = counter.ok().and_then(|c| c.auto_increment()) {
        create.count_from(theirs);
    }
    if create.is_partitioned() && plan.target_schema.is_none() {
        plan.risk(
            "partitions",
            Severity::Info,
            "the source's partitioning is taken over",
        );
    }
    plan.create = Some(create);
}

async fn check_filter(plan: &mut PlannedTable, source: &mut Session) -> Result<(), SyncError> {
    let Some(filter) = &plan.where_sql else {
        return Ok(());
    };
    let sql = format!("SELECT 1 FROM {} WHERE ({filter}) LIMIT 0", plan.source);
    match source.run(&sql).await {
        Ok(_) => Ok(()),
        Err(error) if error.number.is_some() => {
            let message = format!(
                "where is not a condition on {}: {}",
                plan.source.shown(),
                error.message
            );
            plan.stop_risk(ErrorCode::RuleInvalid, message).remedy = error.hint;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
