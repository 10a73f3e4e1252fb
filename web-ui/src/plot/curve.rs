//! Two curves of a classifier's thresholds: the receiver operating characteristic, and precision over recall.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::{
    part::scroll,
    text::number,
    view::{CurvePoint, Evaluation, ScoreCurve},
};

use super::scale::Scale;

/// Points that are drawn between two of a curve where the way between them is no straight line.
const BETWEEN: usize = 6;

/// Thresholds of the table.
const ROWS: usize = 20;

/// One of the two curves: where a point of counts is on it.
struct Plot {
    title: &'static str,
    axes: [&'static str; 2],
    place: fn(&ScoreCurve, CurvePoint) -> Option<(f64, f64)>,
    area: fn(&ScoreCurve) -> Option<f64>,
    area_word: &'static str,
    is_bent: bool,
}

const ROC: Plot = Plot {
    title: "ROC curve",
    axes: ["false positive rate", "true positive rate"],
    place: |curve, point| Some((point.n_false / curve.n_negative, point.n_true / curve.n_positive)),
    area: |curve| curve.roc_auc,
    area_word: "area",
    is_bent: false,
};

const PRECISION_RECALL: Plot = Plot {
    title: "Precision and recall",
    axes: ["recall", "precision"],
    place: |curve, point| Some((point.n_true / curve.n_positive, precision(point)?)),
    area: |curve| curve.average_precision,
    area_word: "average",
    is_bent: true,
};

/// The share of rows taken for positive that are; not defined where no row is.
fn precision(point: CurvePoint) -> Option<f64> {
    let n = point.n_true + point.n_false;
    (n > 0.0).then(|| point.n_true / n)
}

/// Both curves of a model, those of its champion behind them, and what thresholds do as a table.
pub(crate) fn curves(evaluation: &Evaluation) -> Markup {
    let Some(curve) =
        evaluation.curve.as_ref().filter(|curve| curve.n_positive > 0.0 && curve.n_negative > 0.0)
    else {
        return Markup::default();
    };
    html! {
        (figure(&ROC, curve, evaluation))
        (figure(&PRECISION_RECALL, curve, evaluation))
        (thresholds(curve))
    }
}

fn figure(plot: &Plot, curve: &ScoreCurve, evaluation: &Evaluation) -> Markup {
    let (x, y) = (Scale::new(0.0, 1.0, 34.0, 246.0), Scale::new(0.0, 1.0, 220.0, 8.0));
    let champion =
        evaluation.champion_curve.as_ref().filter(|other| other.n_positive > 0.0 && other.n_negative > 0.0);
    let share = curve.n_positive / (curve.n_positive + curve.n_negative);
    let chance = if plot.is_bent { (share, share) } else { (0.0, 1.0) };
    let decided = evaluation.decided().and_then(|point| (plot.place)(curve, point));
    html! {
        figure.plot {
            figcaption { (plot.title) @if let Some(area) = (plot.area)(curve) { span.sub { (plot.area_word) " " b { (number(area)) }
                @if let Some(other) = champion.and_then(plot.area) { ", " (evaluation.champion) " " (number(other)) } } } }
            svg viewBox="0 0 256 252" width="256" height="252" role="img" aria-label=(label(plot, curve, evaluation)) {
                @for quarter in 0..=4u8 {
                    @let share = f64::from(quarter) / 4.0;
                    path.grid d=(format!("M{} 8V220M34 {}H246", x.px(share), y.px(share))) {}
                    @if quarter % 2 == 0 {
                        text.tick x=(x.px(share)) y="233" text-anchor="middle" { (share) }
                        text.tick x="29" y=(y.px(share - 0.015)) text-anchor="end" { (share) }
                    }
                }
                path.chance d=(format!("M{} {}L{} {}", x.px(0.0), y.px(chance.0), x.px(1.0), y.px(chance.1))) { title { "what chance would do" } }
                @if let Some(other) = champion { path.curve.other d=(path(plot, other, x, y)) {} }
                path.curve d=(path(plot, curve, x, y)) {}
                @if let Some((across, up)) = decided {
                    circle.decided cx=(x.px(across)) cy=(y.px(up)) r="4" { title { "as the model decides: " (plot.axes[0]) " " (number(across)) ", " (plot.axes[1]) " " (number(up)) } }
                }
                text.tick x="140" y="248" text-anchor="middle" { (plot.axes[0]) }
                text.tick transform="translate(9 114) rotate(-90)" text-anchor="middle" { (plot.axes[1]) }
            }
        }
    }
}

fn label(plot: &Plot, curve: &ScoreCurve, evaluation: &Evaluation) -> String {
    let mut label = format!("{}, {} over {}", plot.title, plot.axes[1], plot.axes[0]);
    if let Some(area) = (plot.area)(curve) {
        let _ = write!(label, "; {} {}", plot.area_word, number(area));
    }
    if let Some(other) = evaluation.champion_curve.as_ref().and_then(plot.area) {
        let _ = write!(label, "; champion {}", number(other));
    }
    label
}

fn path(plot: &Plot, curve: &ScoreCurve, x: Scale, y: Scale) -> String {
    let mut path = String::new();
    let points = points(plot, curve);
    for (at, point) in points.iter().enumerate() {
        let _ = write!(path, "{}{} {}", if at == 0 { 'M' } else { 'L' }, x.px(point.0), y.px(point.1));
    }
    path
}

/// A curve's points in its plot. Counts go straight from point to point; precision does not, and needs points between.
fn points(plot: &Plot, curve: &ScoreCurve) -> Vec<(f64, f64)> {
    let n_between = if plot.is_bent { BETWEEN } else { 0 };
    let mut points = Vec::with_capacity(curve.points.len());
    for (at, point) in curve.points.iter().enumerate() {
        if let Some(before) = at.checked_sub(1).map(|before| curve.points[before]) {
            let is_diagonal = before.n_false < point.n_false && before.n_true < point.n_true;
            let steps = 1..=if is_diagonal { n_between } else { 0 };
            let between = steps.map(|step| {
                let share = step as f64 / (n_between + 1) as f64;
                let way = |from: f64, to: f64| from + share * (to - from);
                CurvePoint {
                    threshold: None,
                    n_false: way(before.n_false, point.n_false),
                    n_true: way(before.n_true, point.n_true),
                }
            });
            points.extend(between.filter_map(|point| (plot.place)(curve, point)));
        }
        points.extend((plot.place)(curve, *point));
    }
    points
}

/// What some thresholds would do, evenly spread over the curve: to choose one, and for those who do not see the plots.
fn thresholds(curve: &ScoreCurve) -> Markup {
    let known: Vec<_> = curve.points.iter().filter_map(|point| Some((point.threshold?, *point))).collect();
    let step = known.len().div_ceil(ROWS).max(1);
    html! {
        @if !known.is_empty() {
            details.thresholds {
                summary { "Thresholds" }
                (scroll("Thresholds", &html! { table {
                    thead { tr { th.num scope="col" { "score at least" } th.num scope="col" { "found" } th.num scope="col" { "false alarms" } th.num scope="col" { "recall" } th.num scope="col" { "precision" } th.num scope="col" { "false positive rate" } } }
                    tbody { @for (threshold, point) in known.iter().step_by(step) { tr {
                        th.num scope="row" { (number(*threshold)) } td.num { (number(point.n_true)) } td.num { (number(point.n_false)) }
                        td.num { (number(point.n_true / curve.n_positive)) } td.num { @if let Some(share) = precision(*point) { (number(share)) } }
                        td.num { (number(point.n_false / curve.n_negative)) }
                    } } }
                } }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PRECISION_RECALL, ROC, curves, points};
    use crate::view::{CurvePoint, Evaluation, ScoreCurve};

    fn curve() -> ScoreCurve {
        let point = |threshold, n_false, n_true| CurvePoint { threshold, n_false, n_true };
        ScoreCurve {
            points: vec![
                point(None, 0.0, 0.0),
                point(Some(0.9), 0.0, 2.0),
                point(Some(0.5), 2.0, 4.0),
                point(Some(0.1), 4.0, 4.0),
            ],
            n_positive: 4.0,
            n_negative: 4.0,
            roc_auc: Some(0.875),
            average_precision: None,
        }
    }

    #[test]
    fn rates_go_straight_and_precision_bends_between_points() {
        assert_eq!(points(&ROC, &curve()), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        let bent = points(&PRECISION_RECALL, &curve());
        // Above every score no row is positive, and precision is not defined.
        assert_eq!(bent.first(), Some(&(0.5, 1.0)));
        assert!(bent.len() > 6 && bent.last() == Some(&(1.0, 0.5)));
        // Half way from 2 of 2 to 4 of 6 are 3 of 4, and not the mean of both precisions.
        let half = bent.iter().find(|point| (point.0 - 0.75).abs() < 0.04).expect("a point between");
        assert!((half.1 - 0.75).abs() < 0.04, "{half:?}");
    }

    #[test]
    fn the_models_own_decision_is_a_point_of_the_confusion_matrix() {
        let evaluation = Evaluation {
            classes: vec!["bad".into(), "good".into()],
            positive: "bad".into(),
            confusion: vec![vec![3.0, 1.0], vec![2.0, 2.0]],
            curve: Some(curve()),
            ..Evaluation::default()
        };
        let decided = evaluation.decided().expect("two classes");
        assert_eq!((decided.n_false, decided.n_true), (2.0, 3.0));
        let html = curves(&evaluation).into_string();
        assert!(html.contains("false positive rate 0.5000, true positive rate 0.7500"), "{html}");
    }

    #[test]
    fn one_class_alone_has_no_curve() {
        let alone = ScoreCurve { n_negative: 0.0, ..curve() };
        assert!(curves(&Evaluation { curve: Some(alone), ..Evaluation::default() }).into_string().is_empty());
    }
}
