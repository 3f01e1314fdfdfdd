//! Masks: what a column holds on the target instead of its own values.

use serde::{Deserialize, Serialize};

use super::words::words;

/// How a column is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// NULL in every row.
    Nullify,
    /// The same value in every row.
    Constant(String),
    /// A keyed hash of the value, in lower-case hex digits: equal values stay equal.
    Hash {
        /// Digits.
        length: u32,
    },
    /// The value with all characters but the first and last few replaced. A value that has no
    /// more characters than are kept is replaced whole.
    Partial {
        /// Characters kept at the beginning.
        keep_first: u32,
        /// Characters kept at the end.
        keep_last: u32,
        /// Stands for each other character.
        fill: char,
    },
    /// What the source makes of an SQL expression over the row.
    Expression(String),
}

impl Mask {
    /// Default of `length`.
    pub const DEFAULT_LENGTH: u32 = 32;
    /// Default of `fill`.
    pub const DEFAULT_FILL: char = '*';

    /// Its method.
    #[must_use]
    pub fn method(&self) -> MaskMethod {
        match self {
            Self::Nullify => MaskMethod::Nullify,
            Self::Constant(_) => MaskMethod::Constant,
            Self::Hash { .. } => MaskMethod::Hash,
            Self::Partial { .. } => MaskMethod::Partial,
            Self::Expression(_) => MaskMethod::Expression,
        }
    }
}

words!(
    /// The methods.
    MaskMethod {
        /// See [`Mask::Nullify`].
        #[default] Nullify = "nullify",
        /// See [`Mask::Constant`].
        Constant = "constant",
        /// See [`Mask::Hash`].
        Hash = "hash",
        /// See [`Mask::Partial`].
        Partial = "partial",
        /// See [`Mask::Expression`].
        Expression = "expression",
    }
);
