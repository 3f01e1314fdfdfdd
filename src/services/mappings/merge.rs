//! A document against what is stored: what is made, what changes, what stays.

use super::stored::{Stored, document_of, masked};
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::mapping::{Document, ImportOutcome, diff, spec_to_json};
use crate::model::secret::Secret;
use crate::services::ServicesOptions;
use crate::services::refusal::refuse;
use crate::services::targets::{Wanted, control_database, is_control_database};

/// What an import has to do.
pub(super) struct Merge {
    /// Connections to make or replace.
    pub(super) connections: Vec<ConnectionSpec>,
    /// Configs to make or replace.
    pub(super) configs: Vec<ConfigSpec>,
    /// What is told of it.
    pub(super) outcome: ImportOutcome,
}

impl Merge {
    pub(super) async fn new(
        shared: &ServicesOptions,
        stored: &Stored,
        document: Document,
    ) -> Result<Self, Refusal> {
        let mut outcome = ImportOutcome::default();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut connections = Vec::new();
        for spec in document.connections {
            let label = format!("connection {}", spec.name);
            let Some(old) = stored.connections.get(&spec.name) else {
                after.push(masked(&spec, spec.password.as_ref().map(|_| "***")));
                outcome.created.push(label);
                connections.push(spec);
                continue;
            };
            let other_password = match &spec.password {
                None => false,
                Some(wanted) => {
                    let present = shared
                        .store
                        .connection_password(old.id)
                        .await
                        .map_err(refuse)?;
                    match present {
                        Some(present) => present != *wanted,
                        // None stored and an empty one given are the same.
                        None => *wanted != Secret::parse(""),
                    }
                }
            };
            if !other_password && spec_to_json(&spec) == spec_to_json(&old.spec) {
                outcome.unchanged.push(label);
                continue;
            }
            before.push(masked(&old.spec, old.has_password.then_some("***")));
            after.push(shown_after(
                &spec,
                &old.spec,
                old.has_password,
                other_password,
            ));
            outcome.updated.push(label);
            connections.push(spec);
        }
        let (mut configs, mut replaced) = (Vec::new(), Vec::new());
        for spec in document.configs {
            let label = format!("config {}", spec.name);
            match stored.configs.get(&spec.name) {
                None => outcome.created.push(label),
                Some(old) if spec_to_json(&spec) == spec_to_json(&old.spec) => {
                    outcome.unchanged.push(label);
                    continue;
                }
                Some(old) => {
                    replaced.push(&old.spec);
                    outcome.updated.push(label);
                }
            }
            configs.push(spec);
        }
        if !connections.is_empty() || !configs.is_empty() {
            let old = document_of(&before, &replaced);
            let new = document_of(&after, &configs.iter().collect::<Vec<_>>());
            outcome.diff = diff(("stored", &old), ("imported", &new));
        }
        Ok(Self {
            connections,
            configs,
            outcome,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.configs.is_empty()
    }
}

/// The replaced connection as the diff shows it. Without a password it keeps the stored one.
fn shown_after(
    spec: &ConnectionSpec,
    old: &ConnectionSpec,
    has_password: bool,
    other_password: bool,
) -> ConnectionSpec {
    let mut kept = spec.clone();
    if spec.password.is_none() {
        kept.password.clone_from(&old.password);
    }
    let reference = kept.password.as_ref().and_then(Secret::reference).is_some();
    match (reference, other_password) {
        (true, _) => kept,
        (false, true) => masked(&kept, Some("*** (changed)")),
        (false, false) => masked(&kept, has_password.then_some("***")),
    }
}

/// Findings that need to know what is stored: target tables of other configs, the control database
/// as a target.
pub(super) fn conflicts(
    shared: &ServicesOptions,
    stored: &Stored,
    document: &Document,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, spec) in document.connections.iter().enumerate() {
        if is_control_database(shared, spec) {
            let mut finding = control_database(spec);
            finding.path = format!("connections[{index}].local_db_name");
            findings.push(finding);
        }
    }
    let mut wanted = Wanted {
        connections: stored
            .connections
            .iter()
            .map(|(name, c)| (name.clone(), c.spec.clone()))
            .collect(),
        kept: stored
            .configs
            .values()
            .filter(|c| !document.configs.iter().any(|spec| spec.name == c.spec.name))
            .map(|c| c.spec.clone())
            .collect(),
    };
    for spec in &document.connections {
        wanted.connections.insert(spec.name.clone(), spec.clone());
    }
    let specs: Vec<&ConfigSpec> = document.configs.iter().collect();
    for (config, rule, table, other) in wanted.conflicts(&specs) {
        findings.push(
            Finding::new(
                format!("configs[{config}].tables[{rule}]"),
                format!("target_taken: the stored config {other} writes {table} already"),
            )
            .remedy(
                "one target table belongs to one config: exclude it, or give it another \
                 target_table",
            ),
        );
    }
    // A connection of the document may move stored configs onto other configs' tables.
    for (index, spec) in document.connections.iter().enumerate() {
        let moved = stored
            .connections
            .get(&spec.name)
            .is_some_and(|old| old.spec.target_database() != spec.target_database());
        if moved && let Err(refusal) = wanted.refuse_moved(&spec.name) {
            findings.push(Finding::new(
                format!("connections[{index}].local_db_name"),
                format!("target_taken: {refusal}"),
            ));
        }
    }
    findings
}
