//! What a table of the source is, whether it may be read, and whether the rule's condition holds on it.

use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::mysql::Session;
use crate::mysql::schema::TableSchema;
use crate::sync::error::SyncError;

pub(super) async fn read_source(
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

pub(super) async fn check_filter(
    plan: &mut PlannedTable,
    source: &mut Session,
) -> Result<(), SyncError> {
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
