//! What a plan says of one table.

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::incremental::{DetectDeletes, LagWindow};
use crate::model::plan::{Risk, Severity};
use crate::model::rule::TableOptions;
use crate::model::seen::SeenTable;
use crate::mysql::column::Column;
use crate::mysql::ddl::CreateTable;
use crate::mysql::kind::Kind;
use crate::mysql::schema::{ForeignKey, TableSchema};
use crate::mysql::value::ColumnPair;
use crate::mysql::{Ident, TableRef, literal};
use crate::sync::key::KeySpec;

/// How a table's runs find what changed.
#[derive(Debug, Clone, Default)]
pub enum Mode {
    /// Each run makes the whole table.
    #[default]
    Full,
    /// Each run compares the whole table.
    Checksum,
    /// Each run reads the rows whose watermark moved.
    Watermark(Box<ByWatermark>),
}

impl Mode {
    /// As shown; `None` for a full run.
    #[must_use]
    pub fn strategy(&self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Checksum => Some("checksum"),
            Self::Watermark(_) => Some("watermark"),
        }
    }

    /// What a run by watermark needs to know.
    #[must_use]
    pub fn watermark(&self) -> Option<&ByWatermark> {
        match self {
            Self::Watermark(by) => Some(by),
            _ => None,
        }
    }
}

/// What a run by watermark needs to know.
#[derive(Debug, Clone)]
pub struct ByWatermark {
    /// The column on the source.
    pub column: Column,
    /// What is read again behind the last watermark.
    pub lag: LagWindow,
    /// Name of a key of the source that begins with the column.
    pub index: Option<String>,
    /// When deletes are looked for.
    pub detect: DetectDeletes,
}

impl ByWatermark {
    /// Whether the column holds times.
    #[must_use]
    pub fn is_time(&self) -> bool {
        Kind::of(&self.column) == Kind::Temporal
    }
}

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
    pub(super) mask_probes: Vec<(String, String)>,
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
        self.comparable && self.key.as_ref().is_some_and(KeySpec::is_chunkable)
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

    pub(super) fn risk(
        &mut self,
        id: &str,
        severity: Severity,
        message: impl Into<String>,
    ) -> &mut Risk {
        self.risks.push(Risk::new(id, severity, message));
        let last = self.risks.len() - 1;
        &mut self.risks[last]
    }

    pub(super) fn stop_risk(&mut self, code: ErrorCode, message: impl Into<String>) -> &mut Risk {
        self.risk(code.as_str(), Severity::Stop, message)
    }
}

fn digest(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    literal::hex(&digest.as_ref()[..16])
}
