//! The mapping document: import, export, check.

use std::sync::Arc;

use super::ServicesOptions;
use super::refusal::refuse;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::mapping::{self, Document, Format, Passwords, Source};

mod files;
mod live;
mod merge;
mod stored;

pub use crate::model::mapping::ImportOutcome;
use merge::Merge;
use stored::Stored;

/// Both as a document.
#[derive(Clone)]
pub struct Mappings(pub(super) Arc<ServicesOptions>);

impl Mappings {
    /// Creates and updates by name, all or nothing; deletes nothing. With `dry_run` it only says
    /// what it would do.
    ///
    /// # Errors
    /// `Invalid` with every finding; `Conflict` when somebody else changed the same things at the
    /// same time. Then nothing has changed.
    pub async fn import(
        &self,
        text: &str,
        format: Format,
        dry_run: bool,
    ) -> Result<ImportOutcome, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let document = self.checked(text, format, &stored)?;
        let merge = Merge::new(&self.0, &stored, document).await?;
        if !dry_run && !merge.is_empty() {
            self.0
                .store
                .apply_import(&merge.connections, &merge.configs)
                .await
                .map_err(refuse)?;
        }
        Ok(merge.outcome)
    }

    /// Reads a document and holds it against what is stored, without a source.
    ///
    /// # Errors
    /// `Invalid` with every finding.
    pub async fn validate(&self, text: &str, format: Format) -> Result<Document, Refusal> {
        let stored = Stored::read(&self.0).await?;
        self.checked(text, format, &stored)
    }

    /// The canonical document of what is stored; `names` of connections and configs keep it to
    /// those, a config with its connection. Passwords that are text only with `with_secrets`.
    ///
    /// # Errors
    /// `NotFound` for a name; `Internal` when a password can't be unsealed.
    pub async fn export(
        &self,
        names: &[String],
        with_secrets: bool,
        format: Format,
    ) -> Result<String, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let (connections, configs) = stored.named(names)?;
        let mut document = Document {
            connections: Vec::new(),
            configs: configs.into_iter().map(|c| c.spec.clone()).collect(),
        };
        for connection in connections {
            let mut spec = connection.spec.clone();
            if with_secrets && connection.has_password {
                spec.password = self
                    .0
                    .store
                    .connection_password(connection.id)
                    .await
                    .map_err(refuse)?;
            }
            document.connections.push(spec);
        }
        let passwords = if with_secrets {
            Passwords::All
        } else {
            Passwords::References
        };
        Ok(mapping::print_document(&document, format, passwords))
    }

    /// Holds a document, or what is stored, against the live servers: sources that can't be
    /// reached, tables and columns that are not there, conditions that don't run, targets that
    /// have drifted from their source.
    ///
    /// # Errors
    /// `Invalid` when the document itself is wrong; when the control database does not answer.
    pub async fn check(&self, document: Option<(&str, Format)>) -> Result<Vec<Finding>, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let (wanted, source) = match document {
            Some((text, format)) => (
                self.checked(text, format, &stored)?,
                Some(Source { text, format }),
            ),
            None => (stored.document(), None),
        };
        let mut findings = live::check(&self.0, &stored, &wanted).await?;
        if let Some(source) = source {
            source.add_lines(&mut findings);
        }
        Ok(findings)
    }

    fn checked(&self, text: &str, format: Format, stored: &Stored) -> Result<Document, Refusal> {
        let document =
            mapping::parse_document(text, format, &stored.targets()).map_err(Refusal::Invalid)?;
        let mut findings = merge::conflicts(&self.0, stored, &document);
        if findings.is_empty() {
            return Ok(document);
        }
        Source { text, format }.add_lines(&mut findings);
        Err(Refusal::Invalid(findings))
    }
}
