//! What the model server counts, in the `OpenMetrics` text format, which Prometheus reads.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::Registry,
};

/// The type of the page.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency histogram, in seconds: from 50 µs, which a small model needs for a row, to 10 s.
const BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// How a request for predictions ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Outcome {
    /// It was answered.
    #[expect(non_camel_case_types, reason = "the name is the label's value")]
    ok,
    /// The request was wrong.
    #[expect(non_camel_case_types, reason = "the name is the label's value")]
    invalid,
    /// The server was wrong.
    #[expect(non_camel_case_types, reason = "the name is the label's value")]
    error,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

/// What the model server counts.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<OutcomeLabel, Counter>,
    duration: Histogram,
    rows: Counter,
    errors: Counter,
}

impl Metrics {
    /// Every series exists from the start, at 0.
    pub(super) fn new(model: &str, version: Option<u64>, bundle: &str) -> Self {
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        let mut registry = Registry::with_prefix("sluice");
        let requests = Family::<OutcomeLabel, Counter>::default();
        for outcome in [Outcome::ok, Outcome::invalid, Outcome::error] {
            drop(requests.get_or_create(&OutcomeLabel { outcome }));
        }
        let duration = Histogram::new(BUCKETS);
        let (rows, errors) = (Counter::default(), Counter::default());
        let info =
            Info::new(vec![("model", model.to_owned()), ("version", version), ("bundle", bundle.to_owned())]);
        registry.register("model", "The model in service", info);
        registry.register(
            "inference_requests",
            "Requests for predictions, by how they ended",
            requests.clone(),
        );
        registry.register(
            "inference_request_duration_seconds",
            "Time from the whole request to the reply",
            duration.clone(),
        );
        registry.register("inference_rows", "Rows predicted", rows.clone());
        registry.register(
            "inference_errors",
            "Requests that failed through no fault of their own",
            errors.clone(),
        );
        Self { registry, requests, duration, rows, errors }
    }

    /// Counts a request.
    pub(super) fn count(&self, outcome: Outcome, n_rows: usize, elapsed: Duration) {
        self.requests.get_or_create(&OutcomeLabel { outcome }).inc();
        self.duration.observe(elapsed.as_secs_f64());
        match outcome {
            Outcome::ok => drop(self.rows.inc_by(n_rows as u64)),
            Outcome::error => drop(self.errors.inc()),
            Outcome::invalid => {}
        }
    }

    /// The page.
    pub(super) fn page(&self) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        encode(&mut page, &self.registry)?;
        Ok(page)
    }
}
