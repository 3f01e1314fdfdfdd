//! Which lines are taken: one level, and levels of single modules.

use std::collections::BTreeMap;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

use crate::model::log::Level;

/// What the targets of our own lines begin with.
pub(super) const CRATE: &str = "db_taxi";

/// Changes levels while the process runs.
#[derive(Debug, Clone)]
pub struct LevelHandle {
    handle: reload::Handle<Targets, Registry>,
    /// Whether somebody makes traces of spans.
    spans: bool,
}

impl LevelHandle {
    /// Takes these levels from the next line on.
    pub fn set(&self, level: Level, modules: &BTreeMap<String, Level>) {
        // Fails only when the log is gone; then there is nothing to change.
        let _ = self.handle.reload(targets(level, modules, self.spans));
    }
}

pub(super) fn filter(
    level: Level,
    modules: &BTreeMap<String, Level>,
    spans: bool,
) -> (reload::Layer<Targets, Registry>, LevelHandle) {
    let (layer, handle) = reload::Layer::new(targets(level, modules, spans));
    (layer, LevelHandle { handle, spans })
}

/// Other crates say warnings and errors at most: their finer lines are not ours to vouch for (the
/// driver's `Debug` of its options holds the password).
fn targets(level: Level, modules: &BTreeMap<String, Level>, spans: bool) -> Targets {
    let mut targets = Targets::new()
        .with_default(of(level).min(LevelFilter::WARN))
        .with_target(CRATE, of(level));
    for (module, level) in modules {
        targets = targets.with_target(format!("{CRATE}::{module}"), of(*level));
    }
    // Traces do not depend on what is logged, and cost nothing where nobody collects them.
    let spans = if spans {
        LevelFilter::TRACE
    } else {
        LevelFilter::OFF
    };
    targets.with_target(super::SPANS, spans)
}

fn of(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// The word of `logging.modules` that a target belongs to: `sync` for `db_taxi::sync::copy`.
pub(super) fn module(target: &str) -> &str {
    let mut parts = target.split("::");
    match parts.next() {
        Some(CRATE) => parts.next().unwrap_or("db-taxi"),
        Some(other) => other,
        None => target,
    }
}
