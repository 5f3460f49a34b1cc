//! The formats of a scrape.
//!
//! `prometheus-client` writes `OpenMetrics` alone. The older text format has the same samples, and
//! only its comments differ, so they are written again.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::accept;
use super::family::{Family, Kind, Metric};
use super::reading::Reading;
use super::samples::{self, Sample, Value};
use crate::platform::usage::Usage;

/// A format of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

/// All that a scrape shows.
#[derive(Debug)]
struct Scrape {
    reading: Reading,
    usage: Usage,
}

impl Format {
    /// The format that these values of `Accept` prefer: the text format unless `OpenMetrics` is
    /// named, and no less preferred.
    pub fn accepted<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        if accept::prefers_open_metrics(accept) { Self::OpenMetrics } else { Self::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The body of the answer to a scrape.
    pub fn encode(self, reading: Reading, usage: Usage) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { reading, usage }));

        let mut text = String::new();
        encode_registry(&mut text, &registry)?;
        match self {
            Self::OpenMetrics => {
                encode_eof(&mut text)?;
                Ok(text)
            }
            Self::Text => in_text_format(&text),
        }
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in Metric::ALL {
            let family = metric.family();
            let samples = samples::of(*metric, &self.reading, &self.usage);
            if samples.is_empty() {
                continue;
            }
            let unit = family.unit().map(|unit| Unit::Other(unit.to_owned()));
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
                Kind::Info => MetricType::Info,
            };
            let mut encoder =
                encoder.encode_descriptor(family.stem(), family.help.trim(), unit.as_ref(), kind)?;
            for sample in &samples {
                encode_sample(family, sample, &mut encoder)?;
            }
        }
        Ok(())
    }
}

fn encode_sample(family: &Family, sample: &Sample<'_>, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let values = sample.labels.iter().map(|value| escaped(value));
    let labels: Vec<_> = family.labels.iter().copied().zip(values).collect();
    match family.kind {
        Kind::Info => encoder.encode_info(&labels),
        _ if labels.is_empty() => encode_value(family.kind, &sample.value, encoder),
        _ => encode_value(family.kind, &sample.value, &mut encoder.encode_family(&labels)?),
    }
}

fn encode_value(kind: Kind, value: &Value<'_>, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Whole(number) if kind == Kind::Counter => {
            encoder.encode_counter::<NoLabelSet, _, f64>(number, None)
        }
        Value::Number(number) if kind == Kind::Counter => {
            encoder.encode_counter::<NoLabelSet, _, f64>(number, None)
        }
        Value::Whole(number) => encoder.encode_gauge(number),
        Value::Number(number) => encoder.encode_gauge(number),
        Value::Histogram(histogram) => encoder.encode_histogram::<NoLabelSet>(
            histogram.sum(),
            histogram.count(),
            &histogram.buckets(),
            None,
        ),
    }
}

/// The value of a label as both formats have it, which `prometheus-client` leaves to its caller.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into()
}

/// The same scrape in the text format: its comments name families as their samples are named, have
/// no unit and know fewer types.
fn in_text_format(open_metrics: &str) -> Result<String, fmt::Error> {
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        let comment = (words.next(), words.next(), words.next());
        let (Some("#"), Some(what), Some(name)) = comment else {
            writeln!(text, "{line}")?;
            continue;
        };
        let family = Metric::ALL.iter().map(|metric| metric.family());
        let Some(family) = family.clone().find(|family| family.open_metrics_name() == name) else { continue };
        match what {
            "HELP" => writeln!(text, "# HELP {} {}", family.name, family.help.trim())?,
            "TYPE" => writeln!(text, "# TYPE {} {}", family.name, family.kind.as_str())?,
            _ => {}
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
