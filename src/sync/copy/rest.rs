//! What is left of a stored range.

use crate::store::ranges::RangeRow;
use crate::sync::error::SyncError;
use crate::sync::key::{KeyRange, KeyTuple};

/// The bounds of a stored range, from where it stopped.
///
/// # Errors
/// When a stored key can't be read.
pub fn rest_of(range: &RangeRow) -> Result<KeyRange, SyncError> {
    let read = |text: &Option<String>| text.as_deref().map(KeyTuple::from_text).transpose();
    let lower = match read(&range.position)? {
        Some(position) => Some(position),
        None => read(&range.lower)?,
    };
    Ok(KeyRange {
        lower,
        upper: read(&range.upper)?,
        bucket: None,
    })
}

/// The whole of a stored range.
///
/// # Errors
/// When a stored key can't be read.
pub fn whole_of(range: &RangeRow) -> Result<KeyRange, SyncError> {
    rest_of(&RangeRow {
        position: None,
        ..range.clone()
    })
}
