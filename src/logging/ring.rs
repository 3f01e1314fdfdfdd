//! The last lines of this process, for the dashboard.
//!
//! Each line has an id that grows by one, so a view can hold on to a line while others come. When
//! the ring is full the oldest line goes; how many went is counted. Writing never waits for a reader
//! longer than it takes to copy pointers.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::levels::module;
use super::redact::redacted;
use crate::model::log::Level;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct RingLine {
    /// Grows by one from 1.
    pub id: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// How much it matters.
    pub level: Level,
    /// The folder that wrote it: `sync`; of other crates their name.
    pub module: String,
    /// The line.
    pub message: String,
    /// More about it, by name; those of its spans first.
    pub fields: Map<String, Value>,
}

/// Lines behind a given one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RingView {
    /// In order.
    pub lines: Vec<Arc<RingLine>>,
    /// Lines that would come first and are gone.
    pub missed: u64,
    /// Id of the newest line; 0 before the first.
    pub last_id: u64,
}

#[derive(Debug)]
struct Ring {
    lines: VecDeque<Arc<RingLine>>,
    most: usize,
    last_id: u64,
    dropped: u64,
}

/// Reads the ring; clones read the same.
#[derive(Debug, Clone)]
pub struct RingHandle(Arc<Mutex<Ring>>);

impl RingHandle {
    /// An empty ring for `most` lines, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Ring {
            lines: VecDeque::new(),
            most: most.max(1),
            last_id: 0,
            dropped: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines with an id above `id`; 0 is all.
    #[must_use]
    pub fn since(&self, id: u64) -> RingView {
        let ring = self.lock();
        let first = ring.lines.front().map_or(ring.last_id + 1, |line| line.id);
        let skip =
            usize::try_from(id.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        RingView {
            lines: ring.lines.iter().skip(skip).cloned().collect(),
            missed: first.saturating_sub(id.saturating_add(1)),
            last_id: ring.last_id,
        }
    }

    /// Id of the newest line; 0 before the first. Changes with every line.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.lock().last_id
    }

    /// Lines that went to make room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Keeps this many lines from here on, at least one.
    pub fn resize(&self, most: usize) {
        let mut ring = self.lock();
        ring.most = most.max(1);
        ring.trim();
    }

    fn push(&self, make: impl FnOnce(u64) -> RingLine) {
        let mut ring = self.lock();
        ring.last_id += 1;
        let line = Arc::new(make(ring.last_id));
        ring.lines.push_back(line);
        ring.trim();
    }
}

impl Ring {
    fn trim(&mut self) {
        while self.lines.len() > self.most {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }
}

/// Puts lines into the ring.
pub(super) struct RingLayer(pub(super) RingHandle);

/// What a span was given, kept with the span.
#[derive(Default)]
struct SpanFields(Collected);

impl<S> Layer<S> for RingLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = SpanFields::default();
            attributes.record(&mut fields.0);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(&mut fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut found = Collected::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                found.fields.extend(fields.0.fields.clone());
            }
        }
        event.record(&mut found);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        };
        let module = module(event.metadata().target()).to_owned();
        let time = Utc::now();
        self.0.push(|id| RingLine {
            id,
            time,
            level,
            module,
            message: found.message,
            fields: found.fields,
        });
    }
}

/// Message and fields, redacted.
#[derive(Default)]
struct Collected {
    message: String,
    fields: Map<String, Value>,
}

impl Collected {
    fn take(&mut self, field: &Field, text: &str) {
        let clean = redacted(text).into_owned();
        if field.name() == "message" {
            self.message = clean;
        } else {
            self.fields
                .insert(field.name().to_owned(), Value::from(clean));
        }
    }

    fn number(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.take(field, &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(ring: &RingHandle, count: u64) {
        for _ in 0..count {
            ring.push(|id| RingLine {
                id,
                time: Utc::now(),
                level: Level::Info,
                module: String::new(),
                message: format!("line {id}"),
                fields: Map::new(),
            });
        }
    }

    fn ids(view: &RingView) -> Vec<u64> {
        view.lines.iter().map(|line| line.id).collect()
    }

    #[test]
    fn a_reader_gets_each_line_once_and_learns_what_it_missed() {
        let ring = RingHandle::new(3);
        assert_eq!(ring.since(0), RingView::default());
        fill(&ring, 2);
        let view = ring.since(0);
        assert_eq!((ids(&view), view.missed, view.last_id), (vec![1, 2], 0, 2));
        fill(&ring, 1);
        assert_eq!(ids(&ring.since(2)), [3]);
        assert_eq!(ids(&ring.since(3)), [] as [u64; 0]);
        fill(&ring, 4);
        let view = ring.since(3);
        assert_eq!((ids(&view), view.missed), (vec![5, 6, 7], 1));
        assert_eq!(ring.dropped(), 4);
        assert_eq!((ring.since(99).lines.len(), ring.since(99).missed), (0, 0));
        assert!(ring.since(u64::MAX).lines.is_empty());
    }

    #[test]
    fn a_smaller_ring_keeps_the_newest_lines() {
        let ring = RingHandle::new(10);
        fill(&ring, 10);
        ring.resize(2);
        assert_eq!(ids(&ring.since(0)), [9, 10]);
        assert_eq!(ring.dropped(), 8);
    }
}
