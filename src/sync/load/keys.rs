//! Keys and foreign keys of a shadow, added after its rows.

use super::super::error::SyncError;
use super::super::hooks;
use super::super::meter::Waiting;
use super::super::table::renamed;
use super::Load;
use super::constraints::Names;
use super::names::key_name;
use crate::model::error::ErrorCode;
use crate::model::log::Level;
use crate::mysql::ddl::{CreateTable, ForeignKeyDef};
use crate::mysql::schema::{TableSchema, foreign_key_parents};
use crate::mysql::{Ident, SessionKind, TableRef};

impl Load {
    /// Adds the keys that the shadow lacks, in one statement.
    pub(super) async fn add_keys(&self) -> Result<(), SyncError> {
        let shadow = self.shadow();
        let definition = self.definition()?;
        let _permit = self.table.job.permit().await?;
        let mut session = self.table.session(SessionKind::Load).await?;
        let present = TableSchema::read(&mut session, &shadow)
            .await?
            .ok_or_else(|| {
                SyncError::stop(
                    ErrorCode::Internal,
                    format!("the shadow {} is gone", shadow.shown()),
                )
            })?;
        let mut missing = definition.clone();
        missing.keys.retain(|key| {
            let name = key_name(&key.text);
            !present
                .keys
                .iter()
                .any(|k| Some(k.name.raw()) == name.as_deref())
                && definition.deferred_keys().contains(&key)
        });
        let keys: Vec<_> = missing.keys.iter().collect();
        if keys.is_empty() {
            return Ok(());
        }
        self.table
            .log(Level::Info, format!("builds {} keys", missing.keys.len()));
        // Building keys of a large table takes longer than a lease's silence.
        session.run("SET SESSION wait_timeout = 3600").await?;
        let clock = std::time::Instant::now();
        hooks::reach("load.keys");
        let mut built = Ok(());
        for sql in CreateTable::add_keys_sql(&shadow, &keys) {
            built = self
                .table
                .until_stopped(session.run(&sql))
                .await
                .map(|_| ());
            if built.is_err() {
                break;
            }
        }
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        session.abandon();
        built
    }

    /// Adds the foreign keys that the shadow lacks, once their parents hold their rows.
    pub(super) async fn add_foreign_keys(&self) -> Result<(), SyncError> {
        let wanted = self.definition()?.foreign_keys.clone();
        let name = self.table.plan.target.table.raw().to_owned();
        self.table.job.order.parents_ready(&name).await;
        self.table.check()?;
        if wanted.is_empty() {
            return Ok(());
        }
        let _permit = self.table.job.permit().await?;
        let shadow = self.shadow();
        let mut session = self.table.session(SessionKind::Load).await?;
        let present = foreign_key_parents(&mut session, &shadow).await?;
        let mut names = self.constraint_names(wanted.iter().map(|key| key.name.clone()).collect());
        let mut adds = Vec::new();
        for key in &wanted {
            let both = names.both(&key.name);
            if present.iter().any(|(name, _)| both.contains(name)) {
                continue;
            }
            let mut key = key.clone();
            let Some(parent) = self.parent_of(&mut key) else {
                self.table.warn(
                    "foreign_key_left_out",
                    format!("the foreign key {} is left out: its parent is in another database of the source", key.name.raw()),
                    None,
                );
                continue;
            };
            // Onto itself it must point at the shadow: it then follows the swap.
            let parent = if parent == self.table.plan.target {
                shadow.clone()
            } else {
                parent
            };
            adds.push((key, parent));
        }
        if adds.is_empty() {
            return Ok(());
        }
        self.look_at_names(&mut session, &mut names).await?;
        session.run("SET SESSION wait_timeout = 3600").await?;
        let clock = std::time::Instant::now();
        hooks::reach("load.binding");
        let sql = |names: &Names| {
            let clauses: Vec<String> = adds
                .iter()
                .map(|(key, parent)| key.add_clause_to(&names.of(&key.name), parent))
                .collect();
            format!("ALTER TABLE {shadow} {}", clauses.join(", "))
        };
        let added = self.table.until_stopped(names.run(&mut session, sql)).await;
        self.table.meter.waited(Waiting::Ddl, clock.elapsed());
        session.abandon();
        added?;
        Ok(())
    }

    /// Where a foreign key's parent is on the local server; its columns get their names there.
    fn parent_of(&self, key: &mut ForeignKeyDef) -> Option<TableRef> {
        let plan = &self.table.plan;
        let target = &plan.target.database;
        if plan.target_schema.is_some() {
            return match key.parent.as_slice() {
                [database, table] => Some(TableRef::new(database.clone(), table.clone())),
                [table] => Some(TableRef::new(target.clone(), table.clone())),
                _ => None,
            };
        }
        let table = match key.parent.as_slice() {
            [table] => table.clone(),
            [database, table] if *database == plan.source.database => table.clone(),
            _ => return None,
        };
        if let Some(rule) = self.table.job.rules.get(table.raw()) {
            key.rename_parent_columns(|name| renamed(rule, name));
        }
        let renamed = self.table.job.target_of(table.raw());
        Some(TableRef::new(
            target.clone(),
            renamed.map_or(table, Ident::new),
        ))
    }
}
