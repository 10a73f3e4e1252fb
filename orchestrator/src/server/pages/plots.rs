//! What an evaluation's report shows, as far as it is there.

use serde_json::Value;
use sluicegate_web::view;

use crate::server::{api::artifacts::preview, state::ServerState};

/// Rows that are drawn, at most.
const MAX_ROWS: usize = 20_000;

/// The drawing of a report; nothing when the report is no evaluation.
pub(super) fn evaluation(state: &ServerState, hash: &str) -> Option<view::Evaluation> {
    of_report(&preview(state, hash, 1).ok()?.json?)
}

fn of_report(report: &Value) -> Option<view::Evaluation> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let classes: Vec<String> = list(report, "classes").iter().map(name).collect();
    let confusion: Vec<Vec<f64>> = report["confusion"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row.as_array().into_iter().flatten().filter_map(Value::as_f64).collect())
        .collect();
    // Only of a regression: the truth and the prediction of each row.
    let rows = list(report, "truth").into_iter().zip(list(report, "predictions")).take(MAX_ROWS);
    let residuals = if classes.is_empty() {
        rows.filter_map(|(truth, seen)| Some((truth.as_f64()?, seen.as_f64()?))).collect()
    } else {
        Vec::new()
    };
    let champion = &report["champion"];
    let by_class = report["by_class"].as_object().into_iter().flatten().map(|(class, metrics)| {
        let metric = |name: &str| metrics[name].as_f64().unwrap_or_default();
        view::ClassRow {
            class: class.clone(),
            precision: metric("precision"),
            recall: metric("recall"),
            f1: metric("f1"),
            support: metric("support"),
        }
    });
    let found = view::Evaluation {
        n_rows: report["n_rows"].as_u64()?,
        positive: name(&report["positive"]),
        // A report has no scores of its rows yet.
        scored: Vec::new(),
        champion_scored: Vec::new(),
        confusion: if confusion.len() == classes.len() { confusion } else { Vec::new() },
        by_class: by_class.collect(),
        residuals,
        classes,
        champion: champion["model"].as_str().map_or_else(String::new, |model| {
            format!("{model} v{}", champion["version"].as_u64().unwrap_or_default())
        }),
        champion_error: name(&champion["error"]),
    };
    let shows = !found.confusion.is_empty() || !found.residuals.is_empty();
    shows.then_some(found)
}

fn name(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
