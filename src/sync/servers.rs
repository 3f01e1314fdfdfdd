//! What a job must know of its two servers before it plans: databases, limits, writers.

use super::error::SyncError;
use crate::model::config::WriterChoice;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::{Ident, Session};

/// Which way rows go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterKind {
    /// `LOAD DATA LOCAL`.
    LoadData,
    /// Multi-row `INSERT`.
    Insert,
}

impl WriterKind {
    /// As shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoadData => "load_data",
            Self::Insert => "insert",
        }
    }
}

/// Facts about the source and the local server.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Database on the source.
    pub source_database: Ident,
    /// Database on the local server.
    pub target_database: Ident,
    /// How rows go in.
    pub writer: WriterKind,
    /// What concerns the job as a whole.
    pub warnings: Vec<String>,
    /// Whether the local server folds the case of table names.
    pub folds_names: bool,
    /// Largest packet of the local server, in bytes.
    pub local_packet: u64,
    /// Whether the target database is there.
    pub target_exists: bool,
    /// The way to the source and back.
    pub round_trip: std::time::Duration,
}

impl Servers {
    /// Looks at both servers.
    ///
    /// # Errors
    /// When one can't be used, or source and target are one and the same.
    pub async fn look(
        source: &mut Session,
        local: &mut Session,
        source_database: Ident,
        target_database: Ident,
        writer: WriterChoice,
    ) -> Result<Self, SyncError> {
        let unsupported = |why: String| SyncError::stop(ErrorCode::Unsupported, why);
        source.server().check_source().map_err(unsupported)?;
        local.server().check_local().map_err(unsupported)?;
        if source.server().identity == local.server().identity && source_database == target_database
        {
            return Err(unsupported(format!(
                "source and target are the same database {}: set local_db_name to another one",
                source_database.raw()
            )));
        }
        if !exists(source, &source_database).await? {
            return Err(ErrorInfo::new(
                ErrorCode::SourceMissing,
                format!(
                    "the source has no database {}, or the account may not see it",
                    source_database.raw()
                ),
            )
            .hint("check `database` of the connection and the account's privileges")
            .into());
        }
        let mut warnings = Vec::new();
        let local_infile = variable(local, "local_infile").await?;
        let takes_load = matches!(local_infile.to_ascii_uppercase().as_str(), "1" | "ON");
        let statement = variable(local, "binlog_format")
            .await?
            .eq_ignore_ascii_case("statement");
        let kind = match writer {
            WriterChoice::LoadData if !takes_load => {
                return Err(ErrorInfo::new(
                    ErrorCode::Unsupported,
                    "writer: load_data is asked for, but the local server has local_infile = OFF",
                )
                .hint("SET GLOBAL local_infile = ON, or use writer: auto")
                .into());
            }
            WriterChoice::LoadData => WriterKind::LoadData,
            WriterChoice::Insert => WriterKind::Insert,
            WriterChoice::Auto if takes_load && !statement => WriterKind::LoadData,
            WriterChoice::Auto => WriterKind::Insert,
        };
        if kind == WriterKind::Insert && writer == WriterChoice::Auto {
            warnings.push(if statement {
                "the local server logs statements (binlog_format = STATEMENT): rows go in by INSERT".to_owned()
            } else {
                "the local server has local_infile = OFF: rows go in by INSERT, which is slower (SET GLOBAL local_infile = ON)".to_owned()
            });
        }
        Ok(Self {
            writer: kind,
            warnings,
            folds_names: variable(local, "lower_case_table_names").await? != "0",
            local_packet: local.server().max_allowed_packet,
            target_exists: exists(local, &target_database).await?,
            round_trip: source.round_trip(),
            source_database,
            target_database,
        })
    }
}

async fn exists(session: &mut Session, database: &Ident) -> Result<bool, SyncError> {
    let sql = format!(
        "SELECT 1 AS one FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
        crate::mysql::literal::text(database.raw())
    );
    Ok(session.first(&sql).await?.is_some())
}

async fn variable(session: &mut Session, name: &str) -> Result<String, SyncError> {
    match session.first(&format!("SELECT @@GLOBAL.{name} AS v")).await {
        Ok(row) => Ok(row
            .map(|r| r.opt_text("v"))
            .transpose()?
            .flatten()
            .unwrap_or_default()),
        Err(error) if error.number == Some(1193) => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}
