//! The options of a config, and those that a table rule may override.

use serde_json::{Map, Value};

use super::reader::Object;
use super::writer::Fields;
use super::writer::Form;
use crate::model::config::{Checksum, Consistency, Options, ShadowIn, SnapshotLock, WriterChoice};
use crate::model::duration::format_duration;
use crate::model::rule::{
    ConflictResolution, FullStrategy, Orphans, Quarantine, TableOptions, TableOverrides,
    TargetTriggers, Verify,
};

const MAX_BATCH: u32 = 100_000;

/// Reads the options that hold for a config and for a table alike.
pub(super) fn read_overrides(object: &Object<'_>) -> TableOverrides {
    object.later("schema_changes", "widen", |v| v == "widen");
    object.later("recheck", "never", |v| v == "never");
    TableOverrides {
        batch_size: object.number_u32("batch_size", 1..=MAX_BATCH),
        conflict_resolution: object.word(
            "conflict_resolution",
            ConflictResolution::WORDS,
            &[],
            ConflictResolution::parse,
        ),
        full_strategy: object.word(
            "full_strategy",
            FullStrategy::WORDS,
            &[],
            FullStrategy::parse,
        ),
        swap_timeout: object.duration("swap_timeout"),
        orphans: object.word("orphans", Orphans::WORDS, &[], Orphans::parse),
        allow_cascade: object.flag("allow_cascade"),
        target_triggers: object.word(
            "target_triggers",
            TargetTriggers::WORDS,
            &[],
            TargetTriggers::parse,
        ),
        verify: object.word("verify", Verify::WORDS, &[], Verify::parse),
        max_delete_rows: read_max_delete_rows(object),
        max_delete_percent: object.number_u32("max_delete_percent", 0..=100),
        allow_empty_source: object.flag("allow_empty_source"),
        quarantine: read_quarantine(object),
    }
}

/// `none`, in words or by leaving it out, is no limit.
fn read_max_delete_rows(object: &Object<'_>) -> Option<u64> {
    match object.get("max_delete_rows") {
        Some(Value::String(text)) if text == "none" => None,
        _ => object.number("max_delete_rows", 0..=i64::MAX.unsigned_abs()),
    }
}

/// `none` or how long.
fn read_quarantine(object: &Object<'_>) -> Option<Quarantine> {
    match object.get("quarantine") {
        Some(Value::String(text)) if text == "none" => Some(Quarantine::None),
        _ => {
            let keep = object.duration("quarantine")?;
            if keep.is_zero() {
                object.problem("quarantine", "0s would keep nothing", "write none");
            }
            Some(Quarantine::Keep(keep))
        }
    }
}

fn quarantine_text(quarantine: Quarantine) -> String {
    match quarantine {
        Quarantine::None => "none".to_owned(),
        Quarantine::Keep(keep) => format_duration(keep),
    }
}

/// Reads the options of a config.
pub(super) fn read(object: Object<'_>) -> Options {
    let defaults = Options::default();
    let overrides = read_overrides(&object);
    object.later("compare", "auto", |v| v == "auto" || v == "server");
    let options = Options {
        max_concurrency: object
            .number_u32("max_concurrency", 1..=64)
            .unwrap_or(defaults.max_concurrency),
        enable_compression: object
            .flag("enable_compression")
            .unwrap_or(defaults.enable_compression),
        consistency: object
            .word("consistency", Consistency::WORDS, &[], Consistency::parse)
            .unwrap_or_default(),
        snapshot_lock: object
            .word(
                "snapshot_lock",
                SnapshotLock::WORDS,
                &[],
                SnapshotLock::parse,
            )
            .unwrap_or_default(),
        max_snapshot_age: object
            .duration("max_snapshot_age")
            .unwrap_or(defaults.max_snapshot_age),
        shadow_in: object
            .word("shadow_in", ShadowIn::WORDS, &[], ShadowIn::parse)
            .unwrap_or_default(),
        checksum: object
            .word("checksum", Checksum::WORDS, &[], Checksum::parse)
            .unwrap_or_default(),
        recheck_after: object
            .duration("recheck_after")
            .unwrap_or(defaults.recheck_after),
        writer: object
            .word(
                "writer",
                WriterChoice::WORDS,
                &["bulk"],
                WriterChoice::parse,
            )
            .unwrap_or_default(),
        job_timeout: object.duration("job_timeout"),
        table: TableOptions::default(),
    };
    object.finish();
    Options {
        table: overrides.over(&options.table),
        ..options
    }
}

/// The fields of `options`.
pub(super) fn print(options: &Options, form: Form) -> Map<String, Value> {
    let defaults = Options::default();
    let (table, table_defaults) = (&options.table, &defaults.table);
    let mut out = Fields::new(form);
    out.maybe("batch_size", table.batch_size);
    out.put(
        "max_concurrency",
        options.max_concurrency,
        options.max_concurrency == defaults.max_concurrency,
    );
    out.put(
        "enable_compression",
        options.enable_compression,
        options.enable_compression == defaults.enable_compression,
    );
    let text = |out: &mut Fields, key: &str, value: &str, default: &str| {
        out.put(key, value, value == default);
    };
    text(
        &mut out,
        "conflict_resolution",
        table.conflict_resolution.as_str(),
        table_defaults.conflict_resolution.as_str(),
    );
    text(
        &mut out,
        "full_strategy",
        table.full_strategy.as_str(),
        table_defaults.full_strategy.as_str(),
    );
    text(
        &mut out,
        "consistency",
        options.consistency.as_str(),
        defaults.consistency.as_str(),
    );
    text(
        &mut out,
        "snapshot_lock",
        options.snapshot_lock.as_str(),
        defaults.snapshot_lock.as_str(),
    );
    out.put(
        "max_snapshot_age",
        format_duration(options.max_snapshot_age),
        options.max_snapshot_age == defaults.max_snapshot_age,
    );
    text(
        &mut out,
        "shadow_in",
        options.shadow_in.as_str(),
        defaults.shadow_in.as_str(),
    );
    out.put(
        "swap_timeout",
        format_duration(table.swap_timeout),
        table.swap_timeout == table_defaults.swap_timeout,
    );
    text(
        &mut out,
        "orphans",
        table.orphans.as_str(),
        table_defaults.orphans.as_str(),
    );
    out.put(
        "allow_cascade",
        table.allow_cascade,
        table.allow_cascade == table_defaults.allow_cascade,
    );
    text(
        &mut out,
        "target_triggers",
        table.target_triggers.as_str(),
        table_defaults.target_triggers.as_str(),
    );
    text(
        &mut out,
        "verify",
        table.verify.as_str(),
        table_defaults.verify.as_str(),
    );
    text(
        &mut out,
        "checksum",
        options.checksum.as_str(),
        defaults.checksum.as_str(),
    );
    out.put(
        "recheck_after",
        format_duration(options.recheck_after),
        options.recheck_after == defaults.recheck_after,
    );
    out.maybe("max_delete_rows", table.max_delete_rows);
    out.put(
        "max_delete_percent",
        table.max_delete_percent,
        table.max_delete_percent == table_defaults.max_delete_percent,
    );
    out.put(
        "allow_empty_source",
        table.allow_empty_source,
        table.allow_empty_source == table_defaults.allow_empty_source,
    );
    out.put(
        "quarantine",
        quarantine_text(table.quarantine),
        table.quarantine == table_defaults.quarantine,
    );
    text(
        &mut out,
        "writer",
        options.writer.as_str(),
        defaults.writer.as_str(),
    );
    out.maybe("job_timeout", options.job_timeout.map(format_duration));
    out.into_map()
}

/// The options that a rule overrides.
pub(super) fn print_overrides(overrides: &TableOverrides, out: &mut Fields) {
    out.maybe("batch_size", overrides.batch_size);
    out.maybe(
        "conflict_resolution",
        overrides
            .conflict_resolution
            .map(ConflictResolution::as_str),
    );
    out.maybe(
        "full_strategy",
        overrides.full_strategy.map(FullStrategy::as_str),
    );
    out.maybe("swap_timeout", overrides.swap_timeout.map(format_duration));
    out.maybe("orphans", overrides.orphans.map(Orphans::as_str));
    out.maybe("allow_cascade", overrides.allow_cascade);
    out.maybe(
        "target_triggers",
        overrides.target_triggers.map(TargetTriggers::as_str),
    );
    out.maybe("verify", overrides.verify.map(Verify::as_str));
    out.maybe("max_delete_rows", overrides.max_delete_rows);
    out.maybe("max_delete_percent", overrides.max_delete_percent);
    out.maybe("allow_empty_source", overrides.allow_empty_source);
    out.maybe("quarantine", overrides.quarantine.map(quarantine_text));
}
