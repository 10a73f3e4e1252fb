//! What an evaluation's report shows, as far as it is there.

use std::collections::BTreeMap;

use serde_json::Value;
use sluicegate_plugin::PortType;
use sluicegate_web::view;

use super::report::{Curve, Report};
use crate::{
    run::TaskRecord,
    server::{api::artifacts, state::ServerState},
};

/// The report that a task left behind.
pub(super) fn report_of(state: &ServerState, record: &TaskRecord) -> Option<Report> {
    let outputs = &record.outcome.as_ref()?.outputs;
    let left = outputs.values().find(|output| output.port_type == PortType::Report)?;
    Report::read(&artifacts::path(state, &left.hash).ok()?)
}

/// A task's metrics, with the champion's beside them.
pub(super) fn metrics(record: &TaskRecord, report: Option<&Report>) -> Vec<view::Metric> {
    let all = record.outcome.iter().flat_map(|outcome| &outcome.metrics);
    let metric = |(name, value): (&String, &f64)| view::Metric {
        name: name.clone(),
        value: *value,
        champion: report.and_then(|report| report.of_champion(name)),
        higher_is_better: report.and_then(|report| report.higher_is_better(name)),
    };
    all.map(metric).collect()
}

/// The drawing of a report; nothing when the report is no evaluation.
pub(super) fn evaluation(report: Report) -> Option<view::Evaluation> {
    let curve = |curve: Option<Curve>, metrics: &BTreeMap<String, Option<f64>>| {
        let metric = |name: &str| metrics.get(name).copied().flatten();
        curve.map(|curve| view::ScoreCurve {
            roc_auc: metric("roc_auc"),
            average_precision: metric("average_precision"),
            ..drawn(&curve)
        })
    };
    let residuals = if report.classes.is_empty() {
        let pairs = report.truth.0.iter().zip(&report.predictions.0);
        pairs.filter_map(|(truth, seen)| Some(((*truth)?, (*seen)?))).collect()
    } else {
        Vec::new()
    };
    let by_class = report.by_class.iter().map(|(class, metrics)| {
        let metric = |name: &str| metrics.get(name).copied().flatten().unwrap_or_default();
        view::ClassRow {
            class: class.clone(),
            precision: metric("precision"),
            recall: metric("recall"),
            f1: metric("f1"),
            support: metric("support"),
        }
    });
    let champion = report.champion.unwrap_or_default();
    let found = view::Evaluation {
        n_rows: report.n_rows,
        positive: match report.positive {
            Value::String(text) => text,
            _ => String::new(),
        },
        by_class: by_class.collect(),
        confusion: if report.confusion.len() == report.classes.len() { report.confusion } else { Vec::new() },
        curve: curve(report.curve, &report.metrics),
        champion: champion.name(),
        champion_curve: curve(champion.curve, &champion.metrics),
        champion_error: champion.error.unwrap_or_default(),
        residuals,
        classes: report.classes,
    };
    let shows = !found.confusion.is_empty() || !found.residuals.is_empty() || found.curve.is_some();
    shows.then_some(found)
}

fn drawn(curve: &Curve) -> view::ScoreCurve {
    let counts = curve.false_positives.iter().zip(&curve.true_positives);
    let points = curve.thresholds.iter().zip(counts).map(|(threshold, (n_false, n_true))| view::CurvePoint {
        threshold: *threshold,
        n_false: *n_false,
        n_true: *n_true,
    });
    view::ScoreCurve {
        points: points.collect(),
        n_positive: curve.n_positive,
        n_negative: curve.n_negative,
        ..view::ScoreCurve::default()
    }
}
