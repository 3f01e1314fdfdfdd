//! What forms and pickers are about: told to `update` when they are sent.

use super::configs::draft::rule_form::RuleDraft;
use super::configs::draft::settings_form::SettingsDraft;
use super::differences::ScriptDraft;
use super::limits_form::LimitsDraft;
use crate::model::ids::ConnectionId;

/// What a form is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A connection.
    Connection(ConnectionDraft),
    /// A rule of the config that is made or changed.
    Rule(Box<RuleDraft>),
    /// The settings of the config that is made or changed, as they were.
    Settings(Box<SettingsDraft>),
    /// A mapping file to be read.
    ImportFile,
    /// A file that the config of this name is written to.
    ExportFile(String),
    /// The limits of a job.
    Limits(Box<LimitsDraft>),
    /// A file for the statements that repair tables.
    Script(Box<ScriptDraft>),
    /// A file that the log is written to.
    SaveLog,
}

impl Purpose {
    /// Whether what is typed can be tested before it is saved.
    #[must_use]
    pub fn can_be_tested(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

/// The connection that a form adds or changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConnectionDraft {
    /// Which one is changed; `None` adds one.
    pub id: Option<ConnectionId>,
    /// Its version when the form was opened: what somebody else saved since is not overwritten.
    pub version: Option<u64>,
    /// Whether it is the first step of a first start.
    pub first: bool,
    /// Whether a sync could run with what is typed; `None` while that was not tested.
    pub tested: Option<bool>,
}

/// What becomes of the choice of a picker.
#[derive(Debug, Clone, PartialEq)]
pub enum PickPurpose {
    /// Only looked at; the row that is opened shows its columns.
    Browse {
        /// Whose tables.
        connection: ConnectionId,
    },
    /// The tables of the first config of a connection.
    FirstTables {
        /// Whose tables.
        connection: ConnectionId,
        /// Its name.
        name: String,
    },
    /// The connection of a new config.
    ConfigConnection,
    /// Tables for the config that is made or changed.
    ConfigTables {
        /// Whose tables.
        connection: ConnectionId,
        /// Its name.
        name: String,
    },
    /// The rules of the config that is made or changed.
    Rules,
    /// Nothing.
    #[cfg(test)]
    Test,
}

impl PickPurpose {
    /// Whose tables it lists.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Browse { connection }
            | Self::FirstTables { connection, .. }
            | Self::ConfigTables { connection, .. } => Some(*connection),
            Self::ConfigConnection | Self::Rules => None,
            #[cfg(test)]
            Self::Test => None,
        }
    }

    /// The headings of a row's kind and note, and whether rows have sizes.
    #[must_use]
    pub fn headings(&self) -> (&'static str, &'static str, bool) {
        match self {
            Self::ConfigConnection => ("HEALTH", "FROM → TO", false),
            Self::Rules => ("HOW", "WHAT IT SAYS", true),
            _ => ("ENGINE", "KEY", true),
        }
    }

    /// What the key that takes the row does.
    #[must_use]
    pub fn taking(&self) -> &'static str {
        match self {
            Self::Browse { .. } => "columns",
            Self::Rules => "edit rule",
            _ => "take",
        }
    }
}
