//! Table rules: which source table goes where, which part of it, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::incremental::IncrementalRule;
use super::mask::Mask;
use super::words::words;

/// One rule of a config.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableRule {
    /// What it applies to.
    pub select: TableSelect,
    /// Name on the target; `None` means the source's.
    pub target_table: Option<String>,
    /// Mode; `None` means the config's.
    pub sync_mode: Option<SyncMode>,
    /// `false` leaves its tables alone.
    pub enabled: Option<bool>,
    /// SQL condition on the source's columns.
    pub where_clause: Option<String>,
    /// Which columns.
    pub columns: ColumnSelect,
    /// Source name to target name.
    pub rename_columns: BTreeMap<String, String>,
    /// Source columns whose values don't leave the source, and what the target has instead.
    pub mask: BTreeMap<String, Mask>,
    /// Columns that identify a row; `None` chooses the primary key or a unique NOT NULL key.
    pub key: Option<Vec<String>>,
    /// Ordered column that says which of two rows is later.
    pub watermark_column: Option<String>,
    /// How changes are found in mode `incremental`.
    pub incremental: IncrementalRule,
    /// Overrides of the config's options.
    pub options: TableOverrides,
}

impl TableRule {
    /// The rule `{source_table: name}`.
    #[must_use]
    pub fn of_table(name: &str) -> Self {
        Self {
            select: TableSelect::Source(name.to_owned()),
            ..Self::default()
        }
    }

    /// The rule `{match: pattern}`.
    #[must_use]
    pub fn of_pattern(pattern: &str) -> Self {
        Self {
            select: TableSelect::Match(pattern.to_owned()),
            ..Self::default()
        }
    }

    /// Whether its tables are synced.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// What a rule applies to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TableSelect {
    /// The exact name of a base table.
    Source(String),
    /// A pattern over the base tables of the source.
    Match(String),
}

impl Default for TableSelect {
    fn default() -> Self {
        Self::Match("*".to_owned())
    }
}

/// Which columns of a source table are synced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ColumnSelect {
    /// All.
    #[default]
    All,
    /// Only these.
    Only(Vec<String>),
    /// All but these.
    Except(Vec<String>),
}

/// The options that a rule may override, with the config's values.
#[derive(Debug, Clone, PartialEq)]
pub struct TableOptions {
    /// Most rows per INSERT and per in-place transaction; `None` is the setting's.
    pub batch_size: Option<u32>,
    /// In-place writes: the target has a row's key and other values.
    pub conflict_resolution: ConflictResolution,
    /// How a full sync reaches the target.
    pub full_strategy: FullStrategy,
    /// How long a swap waits for readers of the target.
    pub swap_timeout: Duration,
    /// Rows whose foreign key finds no parent.
    pub orphans: Orphans,
    /// Whether in-place deletes and updates may cascade to other rows.
    pub allow_cascade: bool,
    /// A target with triggers, written in place.
    pub target_triggers: TargetTriggers,
    /// What a run compares after writing.
    pub verify: Verify,
    /// Most rows that a run may delete.
    pub max_delete_rows: Option<u64>,
    /// Most rows that a run may delete, in percent of the target's rows before the run.
    pub max_delete_percent: u32,
    /// Whether an empty source may empty a target.
    pub allow_empty_source: bool,
    /// How long deleted rows are kept.
    pub quarantine: Quarantine,
}

impl TableOptions {
    /// Default of `swap_timeout`.
    pub const DEFAULT_SWAP_TIMEOUT: Duration = Duration::from_secs(600);
    /// Default of `max_delete_percent`.
    pub const DEFAULT_MAX_DELETE_PERCENT: u32 = 25;
    /// Targets with fewer rows are not held to `max_delete_percent`.
    pub const DELETE_PERCENT_FLOOR: u64 = 1000;
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            batch_size: None,
            conflict_resolution: ConflictResolution::Overwrite,
            full_strategy: FullStrategy::Auto,
            swap_timeout: Self::DEFAULT_SWAP_TIMEOUT,
            orphans: Orphans::Report,
            allow_cascade: false,
            target_triggers: TargetTriggers::Refuse,
            verify: Verify::Auto,
            max_delete_rows: None,
            max_delete_percent: Self::DEFAULT_MAX_DELETE_PERCENT,
            allow_empty_source: false,
            quarantine: Quarantine::None,
        }
    }
}

/// Overrides of [`TableOptions`] by one rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableOverrides {
    /// See [`TableOptions::batch_size`].
    pub batch_size: Option<u32>,
    /// See [`TableOptions::conflict_resolution`].
    pub conflict_resolution: Option<ConflictResolution>,
    /// See [`TableOptions::full_strategy`].
    pub full_strategy: Option<FullStrategy>,
    /// See [`TableOptions::swap_timeout`].
    pub swap_timeout: Option<Duration>,
    /// See [`TableOptions::orphans`].
    pub orphans: Option<Orphans>,
    /// See [`TableOptions::allow_cascade`].
    pub allow_cascade: Option<bool>,
    /// See [`TableOptions::target_triggers`].
    pub target_triggers: Option<TargetTriggers>,
    /// See [`TableOptions::verify`].
    pub verify: Option<Verify>,
    /// See [`TableOptions::max_delete_rows`].
    pub max_delete_rows: Option<u64>,
    /// See [`TableOptions::max_delete_percent`].
    pub max_delete_percent: Option<u32>,
    /// See [`TableOptions::allow_empty_source`].
    pub allow_empty_source: Option<bool>,
    /// See [`TableOptions::quarantine`].
    pub quarantine: Option<Quarantine>,
}

impl TableOverrides {
    /// The options in force for a table: the rule's where it says something, else the config's, `base`.
    #[must_use]
    pub fn over(&self, base: &TableOptions) -> TableOptions {
        TableOptions {
            batch_size: self.batch_size.or(base.batch_size),
            conflict_resolution: self.conflict_resolution.unwrap_or(base.conflict_resolution),
            full_strategy: self.full_strategy.unwrap_or(base.full_strategy),
            swap_timeout: self.swap_timeout.unwrap_or(base.swap_timeout),
            orphans: self.orphans.unwrap_or(base.orphans),
            allow_cascade: self.allow_cascade.unwrap_or(base.allow_cascade),
            target_triggers: self.target_triggers.unwrap_or(base.target_triggers),
            verify: self.verify.unwrap_or(base.verify),
            max_delete_rows: self.max_delete_rows.or(base.max_delete_rows),
            max_delete_percent: self.max_delete_percent.unwrap_or(base.max_delete_percent),
            allow_empty_source: self.allow_empty_source.unwrap_or(base.allow_empty_source),
            quarantine: self.quarantine.unwrap_or(base.quarantine),
        }
    }
}

/// How a table is kept in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// The whole table, each run.
    #[default]
    Full,
    /// What changed since the last run.
    Incremental,
}

impl SyncMode {
    /// Every word, in the order of the documentation.
    pub const WORDS: &'static [&'static str] = &["full", "incremental"];

    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "incremental" => Some(Self::Incremental),
            _ => None,
        }
    }
}

/// Whether and how long deleted rows are kept, so that they can be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quarantine {
    /// They are gone.
    #[default]
    None,
    /// They are kept this long.
    Keep(Duration),
}

words!(
    /// What becomes of a target row that is written in place and differs from its source.
    ConflictResolution {
        /// It gets the source's values.
        #[default] Overwrite = "overwrite",
        /// It stays, and is counted as kept.
        Skip = "skip",
        /// The table stops and names its key.
        Error = "error",
        /// It gets the source's values where the source's watermark is later, else it stays. NULL is
        /// earlier than any value.
        Newer = "newer",
    }
);

impl ConflictResolution {
    /// Whether a target row that differs may stay as it is.
    #[must_use]
    pub fn may_keep(self) -> bool {
        matches!(self, Self::Skip | Self::Newer)
    }
}

words!(
    /// How a full sync reaches the target.
    FullStrategy {
        /// Compare first; few differences in one transaction, many by swap.
        #[default] Auto = "auto",
        /// Load a shadow and swap it in.
        Swap = "swap",
        /// Insert, update and delete range by range.
        InPlace = "in_place",
    }
);
words!(
    /// Rows whose foreign key finds no parent.
    Orphans {
        /// Named in a warning.
        #[default] Report = "report",
        /// The table fails.
        Fail = "fail",
    }
);
words!(
    /// A target with triggers, written in place.
    TargetTriggers {
        /// The table is refused.
        #[default] Refuse = "refuse",
        /// They fire on our writes.
        Fire = "fire",
    }
);
words!(
    /// What a run compares after writing.
    Verify {
        /// The whole table for full runs.
        #[default] Auto = "auto",
        /// The whole table.
        Table = "table",
        /// The key ranges that the run wrote.
        Run = "run",
        /// Nothing beyond what a swap always compares.
        None = "none",
    }
);
