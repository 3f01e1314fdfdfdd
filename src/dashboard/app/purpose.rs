//! What forms and pickers are about: told to `update` when they are sent.

use crate::model::ids::ConnectionId;

/// What a form is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A connection.
    Connection(ConnectionDraft),
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
    /// Nothing.
    #[cfg(test)]
    Test,
}

impl PickPurpose {
    /// Whose tables it lists.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Browse { connection } | Self::FirstTables { connection, .. } => Some(*connection),
            #[cfg(test)]
            Self::Test => None,
        }
    }
}
