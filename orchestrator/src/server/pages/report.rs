//! The report of an evaluation, as far as pages show it. Reports are any kind's to write: what does not fit is not there.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::Value;

/// The largest report that is read.
const MAX_BYTES: u64 = 64 << 20;

/// Rows of a regression that are kept to be drawn; of more rows every second one is, or every fourth, and so on.
const MAX_ROWS: usize = 1000;

/// A report without the predictions of its rows, but for a sample of a regression's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub(super) n_rows: u64,
    pub(super) metrics: BTreeMap<String, Option<f64>>,
    /// Absent in reports that do not say it.
    pub(super) lower_is_better: Option<Vec<String>>,
    pub(super) classes: Vec<String>,
    pub(super) positive: Value,
    pub(super) confusion: Vec<Vec<f64>>,
    pub(super) by_class: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    pub(super) curve: Option<Curve>,
    pub(super) truth: Sample,
    pub(super) predictions: Sample,
    pub(super) champion: Option<Champion>,
}

/// What the report says of the model in service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Champion {
    pub(super) model: String,
    pub(super) version: u64,
    pub(super) metrics: BTreeMap<String, Option<f64>>,
    pub(super) curve: Option<Curve>,
    pub(super) error: Option<String>,
}

/// How a model does at every threshold of its score, in counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Curve {
    pub(super) n_positive: f64,
    pub(super) n_negative: f64,
    pub(super) thresholds: Vec<Option<f64>>,
    pub(super) false_positives: Vec<f64>,
    pub(super) true_positives: Vec<f64>,
}

impl Report {
    /// Reads a report; nothing when the file is none, or too large.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let is_small = std::fs::metadata(path).is_ok_and(|about| about.len() <= MAX_BYTES);
        let bytes = if is_small { std::fs::read(path).ok()? } else { return None };
        serde_json::from_slice(&bytes).ok()
    }

    /// Whether more of a metric is better; not known when the report does not say it of any, or lacks the metric.
    pub(super) fn higher_is_better(&self, metric: &str) -> Option<bool> {
        let lower = self.lower_is_better.as_ref()?;
        self.metrics.contains_key(metric).then(|| !lower.iter().any(|other| other == metric))
    }

    /// What the champion has of a metric.
    pub(super) fn of_champion(&self, metric: &str) -> Option<f64> {
        self.champion.as_ref()?.metrics.get(metric).copied().flatten()
    }
}

impl Champion {
    /// The model with its version.
    pub(super) fn name(&self) -> String {
        if self.model.is_empty() { String::new() } else { format!("{} v{}", self.model, self.version) }
    }
}

/// An even sample of a long list; places that are no numbers stay empty, so that two lists of equal length keep their pairs.
#[derive(Debug, Default)]
pub(super) struct Sample(pub(super) Vec<Option<f64>>);

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Sampling)
    }
}

struct Sampling;

impl<'de> Visitor<'de> for Sampling {
    type Value = Sample;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list with a value for each row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sample, A::Error> {
        let (mut kept, mut stride): (Vec<Option<f64>>, usize) = (Vec::new(), 1);
        loop {
            let Some(value) = list.next_element::<Value>()? else { break };
            kept.push(value.as_f64());
            if kept.len() > MAX_ROWS {
                kept = kept.into_iter().step_by(2).collect();
                stride *= 2;
            }
            for _ in 1..stride {
                if list.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(Sample(kept));
                }
            }
        }
        Ok(Sample(kept))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MAX_ROWS, Report};

    fn read(value: &serde_json::Value) -> Option<Report> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        std::fs::write(&path, value.to_string()).unwrap();
        Report::read(&path)
    }

    #[test]
    fn a_sample_of_many_rows_is_even_and_keeps_its_pairs() {
        let truth: Vec<f64> = (0..10_000).map(f64::from).collect();
        let predictions: Vec<f64> = truth.iter().map(|value| value + 0.5).collect();
        let report = read(&json!({ "n_rows": 10_000, "truth": truth, "predictions": predictions })).unwrap();
        let pairs: Vec<_> = report.truth.0.iter().zip(&report.predictions.0).collect();
        assert!(pairs.len() > MAX_ROWS / 2 && pairs.len() <= MAX_ROWS + 1, "{}", pairs.len());
        assert!(pairs.iter().all(|(truth, seen)| (seen.unwrap() - truth.unwrap() - 0.5).abs() < 1e-9));
        let gaps: Vec<f64> = pairs.windows(2).map(|pair| pair[1].0.unwrap() - pair[0].0.unwrap()).collect();
        assert!(gaps.iter().all(|gap| (gap - gaps[0]).abs() < 1e-9), "{gaps:?}");
    }

    #[test]
    fn directions_and_the_champion_are_known_only_when_the_report_says_so() {
        let report = read(&json!({
            "metrics": { "recall": 0.9, "log_loss": 0.2 }, "lower_is_better": ["log_loss"],
            "champion": { "model": "m", "version": 3, "metrics": { "recall": 0.8, "log_loss": null } },
        }))
        .unwrap();
        assert_eq!(report.higher_is_better("recall"), Some(true));
        assert_eq!(report.higher_is_better("log_loss"), Some(false));
        assert_eq!(report.higher_is_better("other"), None);
        let silent = read(&json!({ "metrics": { "recall": 0.9 } })).unwrap();
        assert_eq!(silent.higher_is_better("recall"), None);
        assert_eq!((report.of_champion("recall"), report.of_champion("log_loss")), (Some(0.8), None));
        assert_eq!(report.champion.unwrap().name(), "m v3");
        assert!(read(&json!([1, 2])).is_none() && read(&json!({ "confusion": 3 })).is_none());
    }
}
