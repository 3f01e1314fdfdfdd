//! One target table belongs to one rule of one config, over all connections.

use std::collections::HashMap;

use super::ServicesOptions;
use super::refusal::{conflict, invalid, refuse};
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::mapping::Claims;

/// Specs as they would be stored: what is stored, with some of it replaced.
pub(super) struct Wanted {
    /// Connections by name.
    pub(super) connections: HashMap<String, ConnectionSpec>,
    /// Configs that stay as they are.
    pub(super) kept: Vec<ConfigSpec>,
}

impl Wanted {
    /// What is stored.
    pub(super) async fn stored(shared: &ServicesOptions) -> Result<Self, Refusal> {
        let connections = shared.store.list_connections().await.map_err(refuse)?;
        let configs = shared.store.list_configs(None).await.map_err(refuse)?;
        Ok(Self {
            connections: connections
                .into_iter()
                .map(|c| (c.spec.name.clone(), c.spec))
                .collect(),
            kept: configs.into_iter().map(|c| c.spec).collect(),
        })
    }

    /// Takes a config out, since it is replaced.
    pub(super) fn without_config(mut self, name: &str) -> Self {
        self.kept.retain(|spec| spec.name != name);
        self
    }

    /// The target tables that `specs` and the kept configs, or `specs` among themselves, both
    /// write: index in `specs`, index of the rule, target table, the other config.
    pub(super) fn conflicts(&self, specs: &[&ConfigSpec]) -> Vec<(usize, usize, String, String)> {
        let database = |spec: &ConfigSpec| {
            self.connections
                .get(&spec.connection)
                .map(ConnectionSpec::target_database)
        };
        let mut claims = Claims::default();
        for spec in &self.kept {
            if let Some(database) = database(spec) {
                // What is stored already is not the fault of what is asked for.
                let _known = claims.add(spec, database);
            }
        }
        let mut found = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            if let Some(database) = database(spec) {
                for (rule, table, other) in claims.add(spec, database) {
                    let table = format!("{database}.{table}");
                    found.push((index, rule, table, other.to_owned()));
                }
            }
        }
        found
    }

    /// Refuses `spec` when a target table of it belongs to another config.
    pub(super) fn refuse_taken(&self, spec: &ConfigSpec) -> Result<(), Refusal> {
        let found = self.conflicts(&[spec]);
        if found.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = found
            .iter()
            .map(|(_, rule, table, other)| {
                format!("tables[{rule}]: the config {other} writes {table} already")
            })
            .collect();
        Err(conflict("target_taken", shown.join("; ")))
    }

    /// Refuses a connection whose configs would write target tables of others.
    pub(super) fn refuse_moved(&self, connection: &str) -> Result<(), Refusal> {
        let (own, kept): (Vec<&ConfigSpec>, Vec<&ConfigSpec>) = self
            .kept
            .iter()
            .partition(|spec| spec.connection == connection);
        let others = Self {
            connections: self.connections.clone(),
            kept: kept.into_iter().cloned().collect(),
        };
        match others.conflicts(&own).first() {
            None => Ok(()),
            Some((index, _, table, other)) => Err(conflict(
                "target_taken",
                format!(
                    "the config {} would write {table}, and the config {other} does already",
                    own.get(*index).map_or("", |spec| spec.name.as_str())
                ),
            )),
        }
    }
}

impl ServicesOptions {
    /// Refuses a target database that is the control database.
    pub(super) fn refuse_control_database(&self, spec: &ConnectionSpec) -> Result<(), Refusal> {
        if is_control_database(self, spec) {
            return Err(invalid(control_database(spec)));
        }
        Ok(())
    }
}

pub(super) fn is_control_database(shared: &ServicesOptions, spec: &ConnectionSpec) -> bool {
    spec.target_database()
        .eq_ignore_ascii_case(shared.store.database().raw())
}

pub(super) fn control_database(spec: &ConnectionSpec) -> Finding {
    Finding::new(
        "local_db_name",
        format!(
            "the target database {} is the control database",
            spec.target_database()
        ),
    )
    .remedy("choose another local_db_name")
}
