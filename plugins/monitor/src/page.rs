//! A page that was fetched, and what was found on it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use sluicegate_plugin::nearest;

use crate::{
    expect::{Expectation, Place, number_to_json},
    prometheus::{self, Sample, Series},
};

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageFormat {
    /// A JSON document.
    Json,
    /// The Prometheus text format.
    Prometheus,
}

/// A page that was read.
pub(crate) enum Page {
    /// A JSON document.
    Json(Value),
    /// Samples.
    Samples(Vec<Sample>),
}

/// One expectation, what was asked and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Check {
    /// The JSON pointer or the series.
    pub(crate) value: String,
    /// What was asked, such as `≥ 1`.
    pub(crate) expected: String,
    /// What was seen; null when the page does not have it.
    pub(crate) seen: Value,
    /// Whether it is as expected.
    pub(crate) holds: bool,
    /// What is near, when the value is not there at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Check {
    /// The breach in one fragment: what was expected, and what was seen.
    pub(crate) fn breach(&self) -> String {
        let Self { value, expected, seen, .. } = self;
        match (&self.hint, seen) {
            (Some(hint), _) => format!("`{value}` is not there, expected {expected} ({hint})"),
            (None, Value::Null) => format!("`{value}` is not there, expected {expected}"),
            (None, seen) => format!("`{value}` is {}, expected {expected}", shown(seen)),
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Page {
    /// Reads a page.
    pub(crate) fn parse(text: &str, format: PageFormat) -> Result<Self, String> {
        match format {
            PageFormat::Json => {
                serde_json::from_str(text).map(Self::Json).map_err(|error| format!("it is not JSON: {error}"))
            }
            PageFormat::Prometheus => prometheus::parse(text)
                .map(Self::Samples)
                .map_err(|error| format!("it is not in the Prometheus text format: {error}")),
        }
    }

    /// Holds the page against an expectation.
    pub(crate) fn check(&self, expectation: &Expectation) -> Vec<Check> {
        match (self, expectation.place()) {
            (Self::Json(document), Ok(Place::Pointer(pointer))) => {
                vec![in_document(document, &pointer, expectation)]
            }
            (Self::Samples(samples), Ok(Place::Series(series))) => in_samples(samples, &series, expectation),
            _ => vec![absent(expectation, None)],
        }
    }
}

fn absent(expectation: &Expectation, hint: Option<String>) -> Check {
    let (value, expected) = (expectation.value.clone(), expectation.to_string());
    Check { value, expected, seen: Value::Null, holds: false, hint }
}

fn in_document(document: &Value, pointer: &str, expectation: &Expectation) -> Check {
    let Some(seen) = document.pointer(pointer) else {
        return absent(expectation, None);
    };
    Check { seen: seen.clone(), holds: expectation.holds(seen, seen.as_f64()), ..absent(expectation, None) }
}

fn in_samples(samples: &[Sample], series: &Series, expectation: &Expectation) -> Vec<Check> {
    let mut checks: Vec<_> = samples
        .iter()
        .filter(|sample| series.selects(&sample.series))
        .map(|sample| {
            let seen = number_to_json(sample.value);
            let holds = expectation.holds(&seen, Some(sample.value));
            Check { value: sample.series.to_string(), seen, holds, ..absent(expectation, None) }
        })
        .collect();
    if checks.is_empty() {
        checks.push(absent(expectation, near(samples, series)));
    }
    checks
}

/// What the page has instead: other labels, or a name that looks like it.
fn near(samples: &[Sample], series: &Series) -> Option<String> {
    if let Some(other) = samples.iter().find(|sample| sample.series.name == series.name) {
        return Some(format!("the page has `{}`", other.series));
    }
    let names: BTreeSet<_> = samples.iter().map(|sample| sample.series.name.as_str()).collect();
    nearest(&series.name, names).map(|name| format!("did you mean `{name}`?"))
}
