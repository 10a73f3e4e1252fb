//! What the daemon tells Prometheus.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::run::RunStatus;

/// The type of the page.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: String,
}

/// Counters and gauges. No label holds a name that someone outside can choose.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
    streams: Gauge,
    finished: Family<StatusLabel, Counter>,
    driven: Gauge,
    busy: Gauge,
    slots: Gauge,
    bytes: Gauge,
    resident: Gauge,
}

/// What is measured when the page is asked for.
pub(super) struct Moment {
    pub(super) n_driven: usize,
    pub(super) load: (usize, usize),
    pub(super) database: u64,
}

/// Counts a stream as long as it lives.
pub(super) struct StreamCount(Gauge);

impl Drop for StreamCount {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("sluice");
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(buckets),
            streams: Gauge::default(),
            finished: Family::default(),
            driven: Gauge::default(),
            busy: Gauge::default(),
            slots: Gauge::default(),
            bytes: Gauge::default(),
            resident: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests by method and status", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until a reply begins",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register("event_streams", "Open streams of events and logs", metrics.streams.clone());
        registry.register("runs_finished", "Runs that ended, by how", metrics.finished.clone());
        registry.register("runs_driven", "Runs that go on", metrics.driven.clone());
        registry.register("worker_tasks", "Tasks that run in workers", metrics.busy.clone());
        registry.register("worker_slots", "Tasks that could run in workers at a time", metrics.slots.clone());
        registry.register_with_unit(
            "database_size",
            "Size of the database",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        registry.register_with_unit(
            "process_resident_memory",
            "Resident memory of the daemon",
            Unit::Bytes,
            metrics.resident.clone(),
        );
        Self { registry, ..metrics }
    }

    pub(super) fn request(&self, method: &Method, status: StatusCode, took: Duration) {
        let known = [Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS];
        let method = if known.contains(method) { method.as_str() } else { "other" };
        let labels = RequestLabels { method: method.into(), status: status.as_str().into() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn stream(&self) -> StreamCount {
        self.streams.inc();
        StreamCount(self.streams.clone())
    }

    /// Streams that are open now.
    pub(super) fn n_streams(&self) -> usize {
        usize::try_from(self.streams.get()).unwrap_or_default()
    }

    pub(super) fn finished(&self, status: RunStatus) {
        self.finished.get_or_create(&StatusLabel { status: status.word().into() }).inc();
    }

    /// The page.
    pub(super) fn page(&self, moment: &Moment) -> Result<String, std::fmt::Error> {
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.driven, moment.n_driven as u64);
        set(&self.busy, moment.load.0 as u64);
        set(&self.slots, moment.load.1 as u64);
        set(&self.bytes, moment.database);
        set(&self.resident, resident());
        let mut page = String::new();
        encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

/// Resident bytes of this process.
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or_default() * 1024
}
