//! A table rule tried out before it is stored: what a run would read, and a few rows of it.

use super::plan::TablePlan;

/// What a rule would read.
#[derive(Debug, Clone, PartialEq)]
pub struct RulePreview {
    /// The table that is shown: the rule's, or the first one that its pattern takes.
    pub source_table: String,
    /// Where it goes.
    pub target_table: String,
    /// How many tables the rule takes.
    pub tables: usize,
    /// Names of the source's columns, also of those that are left out.
    pub source_columns: Vec<String>,
    /// What arrives, in the order of the target.
    pub columns: Vec<PreviewColumn>,
    /// What is read, as one statement.
    pub sql: String,
    /// The first rows that the source gives, as text; masked columns as they arrive. Long values are
    /// cut, bytes are hexadecimal.
    pub rows: Vec<Vec<Option<String>>>,
    /// Why there are no rows, or fewer than there could be.
    pub note: Option<String>,
    /// What a run would do with the table, and what could go wrong.
    pub plan: TablePlan,
}

/// One column that arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewColumn {
    /// Its name on the source.
    pub source: String,
    /// Its name on the target.
    pub target: String,
    /// Its type on the target.
    pub column_type: String,
    /// Whether it is part of what identifies a row.
    pub is_key: bool,
    /// Whether it is masked.
    pub is_masked: bool,
}
