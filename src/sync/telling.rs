//! What a person should know of how the source was read.

use super::shared::TableShared;
use crate::model::log::Level;

/// Tells how the snapshot that a table was read in was taken, where that is worth knowing; whether
/// it was.
pub fn tell_how_aligned(table: &TableShared) -> bool {
    let Some(last) = table.snapshots.all().last() else {
        return false;
    };
    if let Some(held) = last.locked {
        table.log(
            Level::Info,
            format!(
                "writes on the source were held back for {:.3} s (FLUSH TABLES WITH READ LOCK) to \
                 align the snapshots of its readers",
                held.as_secs_f64()
            ),
        );
        return true;
    }
    if last.aligned {
        return false;
    }
    match &last.not_locked {
        Some(why) => table.warn(
            "one_reader",
            format!(
                "no lock was taken to align snapshots, so one session reads everything: {why}"
            ),
            None,
        ),
        None => table.warn(
            "one_reader",
            "the snapshots of several sessions could not be aligned without a lock, so one session reads everything",
            Some(
                "log_bin on MariaDB or gtid_mode on MySQL lets several read at once; so does \
                 snapshot_lock: ftwrl, which holds writes back for a moment",
            ),
        ),
    }
    true
}
