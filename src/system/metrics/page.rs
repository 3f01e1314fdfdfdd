//! Where collectors write: only what [`super::names`] lists, each with exactly its labels.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::names::{Kind, Metric};
use crate::model::histogram::Histogram;

/// The page of one scrape.
pub struct Page<'p, 'e>(&'p mut DescriptorEncoder<'e>);

/// A metric as one sample gives it.
enum Value<'v> {
    Number(f64),
    Histogram(&'v Histogram),
}

impl<'p, 'e> Page<'p, 'e> {
    pub(super) fn new(encoder: &'p mut DescriptorEncoder<'e>) -> Self {
        Self(encoder)
    }

    /// A metric without labels.
    ///
    /// # Errors
    /// The writer's own.
    pub fn number(&mut self, metric: &Metric, value: f64) -> fmt::Result {
        self.numbers(metric, [([], value)])
    }

    /// A counter or gauge: values of its labels, in the order of [`Metric::labels`], and its value. All
    /// of a metric at once.
    ///
    /// # Errors
    /// The writer's own.
    pub fn numbers<'v, const N: usize>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = ([&'v str; N], f64)>,
    ) -> fmt::Result {
        let samples = samples.into_iter();
        self.write(
            metric,
            samples.map(|(labels, n)| (labels, Value::Number(n))),
        )
    }

    /// A histogram likewise.
    ///
    /// # Errors
    /// The writer's own.
    pub fn histograms<'v, const N: usize>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = ([&'v str; N], &'v Histogram)>,
    ) -> fmt::Result {
        let samples = samples.into_iter();
        self.write(
            metric,
            samples.map(|(labels, seen)| (labels, Value::Histogram(seen))),
        )
    }

    fn write<'v, const N: usize>(
        &mut self,
        metric: &Metric,
        samples: impl Iterator<Item = ([&'v str; N], Value<'v>)>,
    ) -> fmt::Result {
        debug_assert_eq!(metric.labels.len(), N, "labels of {}", metric.name);
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        let mut page = self
            .0
            .encode_descriptor(metric.name, metric.help, None, kind)?;
        for (values, value) in samples {
            let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(values).collect();
            if labels.is_empty() {
                sample(&mut page, metric.kind, &value)?;
            } else {
                sample(&mut page.encode_family(&labels)?, metric.kind, &value)?;
            }
        }
        Ok(())
    }

    /// The facts of a metric that is always 1.
    ///
    /// # Errors
    /// The writer's own.
    pub fn info<const N: usize>(&mut self, metric: &Metric, values: [&str; N]) -> fmt::Result {
        debug_assert_eq!(metric.labels.len(), N, "labels of {}", metric.name);
        let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(values).collect();
        self.0
            .encode_descriptor(metric.name, metric.help, None, MetricType::Info)?
            .encode_info(&labels)
    }
}

fn sample(page: &mut MetricEncoder<'_>, kind: Kind, value: &Value<'_>) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Number(n)) => page.encode_counter::<NoLabelSet, _, f64>(n, None),
        (_, Value::Number(n)) => page.encode_gauge(n),
        (_, Value::Histogram(seen)) => {
            let buckets = seen.buckets();
            page.encode_histogram::<NoLabelSet>(seen.sum(), seen.count(), &buckets, None)
        }
    }
}
