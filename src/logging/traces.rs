//! Traces to an OpenTelemetry collector over OTLP/HTTP (feature `otel`).
//!
//! Only spans of the target [`SPANS`] are exported: lines of the log, which may name keys of rows, never
//! are. Whoever ends a span never waits: spans go through a bounded queue, are sent by a thread of
//! their own, and are dropped where the collector is away or too slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{BoxedLayer, SPANS};
use crate::model::trace::Trace;

/// A collector that takes longer does not get what it was sent.
const SEND: Duration = Duration::from_secs(5);
/// Spans that wait; more are dropped.
const MOST_WAITING: usize = 8192;
/// Between two sendings.
const EACH: Duration = Duration::from_secs(2);
/// What is left at the end may take so long.
const LAST: Duration = Duration::from_secs(3);

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// Setting `logging.otlp_endpoint`: `http://collector:4318`.
    pub endpoint: String,
    /// Name of this process.
    pub instance: String,
}

/// Keeps traces going; dropping it sends what is left, for at most three seconds.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::debug!(target: "db_taxi::logging", "the last traces were not sent: {error}");
        }
    }
}

/// The layer that makes traces of spans.
///
/// # Errors
/// A sentence, when the endpoint is no address.
pub(super) fn layer(options: &TraceOptions) -> Result<(BoxedLayer, Traces), String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new())
        .with_endpoint(traces_url(&options.endpoint))
        .with_timeout(SEND)
        .build()
        .map_err(|error| error.to_string())?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(MOST_WAITING)
        .with_scheduled_delay(EACH)
        .build();
    let processor = BatchSpanProcessor::builder(exporter)
        .with_batch_config(config)
        .build();
    let resource = Resource::builder_empty()
        .with_service_name("db-taxi")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            options.instance.clone(),
        ))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("db-taxi"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE));
    Ok((Box::new(layer), Traces(provider)))
}

/// A collector is named by its address; traces have a path of their own there.
fn traces_url(endpoint: &str) -> String {
    const PATH: &str = "/v1/traces";
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(PATH) {
        return base.to_owned();
    }
    format!("{base}{PATH}")
}

/// Makes a span part of its caller's trace, and tells by which ids it is collected.
pub fn join(span: &tracing::Span, trace: Trace) -> Trace {
    if let Some(caller) = caller(&trace) {
        let context = Context::new().with_remote_span_context(caller);
        // A span that nobody collects has no trace to join.
        let _joined = span.set_parent(context);
    }
    let context = span.context();
    let collected = context.span().span_context().clone();
    if !collected.is_valid() || collected.is_remote() {
        return trace;
    }
    Trace {
        trace_id: collected.trace_id().to_string(),
        span_id: collected.span_id().to_string(),
        ..trace
    }
}

fn caller(trace: &Trace) -> Option<SpanContext> {
    let parent = trace.parent_id.as_ref()?;
    Some(SpanContext::new(
        TraceId::from_hex(&trace.trace_id).ok()?,
        SpanId::from_hex(parent).ok()?,
        TraceFlags::new(u8::from(trace.sampled)),
        true,
        TraceState::default(),
    ))
}

/// Sends over ureq, on the exporter's own thread.
#[derive(Debug)]
struct Client {
    agent: ureq::Agent,
    /// Whether the last sending failed: told once, not each time.
    failing: AtomicBool,
}

impl Client {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(SEND))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            failing: AtomicBool::new(false),
        }
    }

    fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = http::Request::from_parts(parts, body.to_vec());
        let mut answer = self.agent.run(request)?;
        let body = answer.body_mut().read_to_vec()?;
        let mut response = http::Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let at = request.uri().to_string();
        let answer = self.send(request);
        let why = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !failed_before => tracing::warn!(
                target: "db_taxi::logging",
                "traces are dropped: the collector at {at} does not take them: {why}"
            ),
            None if failed_before => tracing::info!(
                target: "db_taxi::logging",
                "the collector at {at} takes traces again"
            ),
            _ => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_or_by_the_whole_path() {
        for endpoint in ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"] {
            assert_eq!(traces_url(endpoint), "http://c:4318/v1/traces");
        }
        assert_eq!(traces_url("https://c/otlp"), "https://c/otlp/v1/traces");
    }
}
