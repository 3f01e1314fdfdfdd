//! Logs of this process: levels per module, text or JSON, daily files, a bounded ring for the
//! dashboard, redaction.
//!
//! Owns where lines of `tracing` go and what must not stand in them. Must not know: settings (values
//! are handed in), databases, fronts. `main` calls [`init`] once and keeps the [`Guard`] until the
//! end; whoever learns a secret calls [`register_secret`]. Logs of jobs are in the control database
//! and go through the job engine, not through here.

mod files;
mod journal;
mod levels;
mod redact;
mod ring;
mod stderr;
mod text;
#[cfg(feature = "otel")]
mod traces;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Dispatch;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

pub use levels::LevelHandle;
pub use redact::{redacted, register_secret};
pub use ring::{RingHandle, RingLine, RingView};
pub use stderr::StderrHandle;
#[cfg(feature = "otel")]
pub use traces::TraceOptions;

use crate::model::log::{Level, LogFormat};
use crate::model::trace::Trace;

/// Lines that wait for the disk; more are dropped and counted ([`Guard::lost_lines`]).
const MOST_WAITING: usize = 8_192;

/// Target of the spans that traces are made of: jobs, tables, chunks, requests. They are off unless
/// traces are collected, and never part of a line.
pub(crate) const SPANS: &str = "db_taxi::span";

/// Where lines go.
#[derive(Debug, Clone, Default)]
pub struct LoggingOptions {
    /// What is logged where `modules` says nothing.
    pub level: Level,
    /// Levels of single modules, by the names of our folders.
    pub modules: BTreeMap<String, Level>,
    /// Look of stderr; `None` is text on a terminal and for the journal of systemd, else JSON.
    pub format: Option<LogFormat>,
    /// Colours on stderr; `None` is on a terminal, unless `NO_COLOR` is set.
    pub color: Option<bool>,
    /// Folder of the daily JSON files; `None` is no files.
    pub directory: Option<PathBuf>,
    /// Daily files to keep.
    pub keep_files: usize,
    /// Whether stderr gets lines from the start; [`Guard::stderr`] changes it later.
    pub to_stderr: bool,
    /// Lines to keep for the dashboard; `None` is no ring.
    pub ring: Option<usize>,
    /// Where traces go; `None` is nowhere.
    #[cfg(feature = "otel")]
    pub traces: Option<TraceOptions>,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// [`init`] was called before.
    #[error("the log of this process was started twice")]
    AlreadyStarted,
}

/// Keeps the log alive; dropping it writes what waits for the disk.
#[derive(Debug)]
pub struct Guard {
    levels: LevelHandle,
    stderr: StderrHandle,
    ring: Option<RingHandle>,
    warnings: Vec<String>,
    failed_writes: Arc<AtomicU64>,
    dropped: Option<ErrorCounter>,
    _writer: Option<WorkerGuard>,
    #[cfg(feature = "otel")]
    _traces: Option<traces::Traces>,
}

impl Guard {
    /// Changes levels while the process runs.
    #[must_use]
    pub fn levels(&self) -> LevelHandle {
        self.levels.clone()
    }

    /// Says what stderr gets.
    #[must_use]
    pub fn stderr(&self) -> StderrHandle {
        self.stderr.clone()
    }

    /// The lines for the dashboard, if they were asked for.
    #[must_use]
    pub fn ring(&self) -> Option<RingHandle> {
        self.ring.clone()
    }

    /// What did not work at the start, and how the log goes on without it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lines that did not reach their file: the disk was full, or slower than the lines came.
    #[must_use]
    pub fn lost_lines(&self) -> u64 {
        let dropped = self.dropped.as_ref().map_or(0, |d| d.dropped_lines());
        self.failed_writes.load(Ordering::Relaxed) + dropped as u64
    }
}

/// Starts the log of this process.
///
/// A folder that can't be written is no error: the log goes on without files, and says so in the log
/// and in [`Guard::warnings`].
///
/// # Errors
/// When the log was started before.
pub fn init(options: &LoggingOptions) -> Result<Guard, LoggingError> {
    let (dispatch, guard) = build(options);
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| LoggingError::AlreadyStarted)?;
    for warning in guard.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(guard)
}

type Filtered = tracing_subscriber::layer::Layered<
    reload::Layer<tracing_subscriber::filter::Targets, Registry>,
    Registry,
>;
type BoxedLayer = Box<dyn Layer<Filtered> + Send + Sync>;

/// The log without making it the process's own.
fn build(options: &LoggingOptions) -> (Dispatch, Guard) {
    #[cfg(feature = "otel")]
    let spans = options.traces.is_some();
    #[cfg(not(feature = "otel"))]
    let spans = false;
    let (filter, levels) = levels::filter(options.level, &options.modules, spans);
    let stderr = StderrHandle::new(options.to_stderr);
    let mut layers: Vec<BoxedLayer> = vec![stderr_layer(options, &stderr)];
    let mut warnings = Vec::new();
    let failed_writes = Arc::new(AtomicU64::new(0));
    let mut writer = None;
    let mut dropped = None;
    if let Some(directory) = &options.directory {
        match files::DailyFiles::open(directory, options.keep_files, Arc::clone(&failed_writes)) {
            Ok(files) => {
                let (sender, worker) = NonBlockingBuilder::default()
                    .buffered_lines_limit(MOST_WAITING)
                    .lossy(true)
                    .thread_name("log-writer")
                    .finish(files);
                dropped = Some(sender.error_counter());
                writer = Some(worker);
                layers.push(json_layer(redact::Redacting(sender)));
            }
            Err(error) => warnings.push(format!(
                "no log files: {} can't be written: {error}; change logging.directory, or set it to none",
                directory.display()
            )),
        }
    }
    let ring = options.ring.map(RingHandle::new);
    if let Some(ring) = &ring {
        layers.push(Box::new(ring::RingLayer(ring.clone())));
    }
    #[cfg(feature = "otel")]
    let traces = options
        .traces
        .as_ref()
        .and_then(|options| match traces::layer(options) {
            Ok((layer, traces)) => {
                layers.push(layer);
                Some(traces)
            }
            Err(why) => {
                warnings.push(format!("no traces: logging.otlp_endpoint: {why}"));
                None
            }
        });
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(filter).with(layers));
    let guard = Guard {
        levels,
        stderr,
        ring,
        warnings,
        failed_writes,
        dropped,
        _writer: writer,
        #[cfg(feature = "otel")]
        _traces: traces,
    };
    (dispatch, guard)
}

fn stderr_layer(options: &LoggingOptions, stderr: &StderrHandle) -> BoxedLayer {
    let terminal = std::io::stderr().is_terminal();
    let writer = redact::Redacting(stderr.clone());
    let journal = !terminal && journal::is_stderr();
    let format = options.format.unwrap_or(if terminal || journal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    match format {
        LogFormat::Text if journal => Box::new(
            tracing_subscriber::fmt::layer()
                .event_format(text::JournalLine)
                .with_ansi(false)
                .log_internal_errors(false)
                .with_writer(writer),
        ),
        LogFormat::Json => json_layer(writer),
        LogFormat::Text => {
            let color = options
                .color
                .unwrap_or_else(|| terminal && std::env::var_os("NO_COLOR").is_none());
            Box::new(
                tracing_subscriber::fmt::layer()
                    .event_format(text::Line)
                    .with_ansi(color)
                    // It would complain about a failed write on the terminal.
                    .log_internal_errors(false)
                    .with_writer(writer),
            )
        }
    }
}

fn json_layer<W>(writer: W) -> BoxedLayer
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    Box::new(
        tracing_subscriber::fmt::layer()
            .json()
            .with_current_span(false)
            .with_timer(text::Clock)
            .log_internal_errors(false)
            .with_writer(writer),
    )
}

/// Makes a span part of the trace that a caller told of. Where the span is collected, the trace is
/// given back with the ids that the collector gets.
#[must_use]
pub fn join_trace(span: &tracing::Span, trace: Trace) -> Trace {
    #[cfg(feature = "otel")]
    return traces::join(span, trace);
    #[cfg(not(feature = "otel"))]
    {
        let _nobody_collects = span;
        trace
    }
}

#[cfg(test)]
mod tests;
