//! A line for people: time, level, module, spans, message, fields.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::levels::module;

/// UTC with milliseconds, as everywhere.
pub(super) struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(
            writer,
            "{}",
            chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ")
        )
    }
}

/// `2026-01-02T03:04:05.678Z  WARN sync: job{config=shop}: message key=value`
pub(super) struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (dim, color, reset) = if writer.has_ansi_escapes() {
            ("\x1b[2m", color(*event.metadata().level()), "\x1b[0m")
        } else {
            ("", "", "")
        };
        write!(writer, "{dim}")?;
        Clock.format_time(&mut writer)?;
        let level = event.metadata().level();
        let module = module(event.metadata().target());
        write!(
            writer,
            "{reset} {color}{level:>5}{reset} {dim}{module}:{reset} "
        )?;
        say(context, &mut writer, event, dim, reset)?;
        writeln!(writer)
    }
}

/// `<4>sync: job{config=shop}: message key=value`, as sd-daemon(3) has it: the journal takes the
/// priority from the prefix, and has a clock of its own. Each line of a message has the prefix.
pub(super) struct JournalLine;

impl<S, N> FormatEvent<S, N> for JournalLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        say(context, &mut Writer::new(&mut text), event, "", "")?;
        let priority = priority(*event.metadata().level());
        let module = module(event.metadata().target());
        for line in text.lines() {
            writeln!(writer, "<{priority}>{module}: {line}")?;
        }
        Ok(())
    }
}

/// Spans, message and fields.
fn say<S, N>(
    context: &FmtContext<'_, S, N>,
    writer: &mut Writer<'_>,
    event: &Event<'_>,
    dim: &str,
    reset: &str,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    for span in context
        .event_scope()
        .into_iter()
        .flat_map(|scope| scope.from_root())
    {
        write!(writer, "{dim}{}", span.name())?;
        if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
            && !fields.is_empty()
        {
            write!(writer, "{{{fields}}}")?;
        }
        write!(writer, ":{reset} ")?;
    }
    context.format_fields(writer.by_ref(), event)
}

/// Priorities of syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}
