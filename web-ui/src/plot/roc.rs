//! The receiver operating characteristic: the share of positives found over the share of negatives taken for positives.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::view::ScoredRow;

use super::scale::Scale;

/// No curve has more points than this.
const MOST_POINTS: usize = 240;

/// A curve's points, from (0, 0) to (1, 1), and the area below it.
struct Curve {
    points: Vec<(f64, f64)>,
    area: f64,
}

impl Curve {
    /// The curve of scored rows; `None` when a class is missing. Rows with equal scores are one step.
    fn of(rows: &[ScoredRow]) -> Option<Self> {
        let mut rows: Vec<_> = rows.iter().filter(|row| !row.score.is_nan()).collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score));
        let n_positive = rows.iter().filter(|row| row.is_positive).count() as f64;
        let n_negative = rows.len() as f64 - n_positive;
        if n_positive == 0.0 || n_negative == 0.0 {
            return None;
        }
        let (mut found, mut taken, mut area) = (0.0, 0.0, 0.0);
        let mut points = vec![(0.0, 0.0)];
        for step in rows.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
            let n = step.iter().filter(|row| row.is_positive).count() as f64;
            let (before, last) = ((taken, found), (taken + step.len() as f64 - n, found + n));
            area += (last.0 - before.0) * f64::midpoint(before.1, last.1);
            (taken, found) = last;
            points.push((taken / n_negative, found / n_positive));
        }
        Some(Self { points: thinned(points), area: area / (n_positive * n_negative) })
    }

    fn path(&self, x: Scale, y: Scale) -> String {
        let mut path = String::new();
        for (place, point) in self.points.iter().enumerate() {
            let _ = write!(path, "{}{} {}", if place == 0 { 'M' } else { 'L' }, x.px(point.0), y.px(point.1));
        }
        path
    }
}

/// Leaves points on straight lines out, then every so many.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if let [.., a, b] = kept.as_slice() {
            let turn = (b.0 - a.0) * (point.1 - b.1) - (b.1 - a.1) * (point.0 - b.0);
            if turn.abs() < 1e-12 {
                kept.pop();
            }
        }
        kept.push(point);
    }
    let step = kept.len().div_ceil(MOST_POINTS);
    let last = kept.len() - 1;
    kept.into_iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last)
        .map(|(_, point)| point)
        .collect()
}

/// The curve of a model and of its champion.
pub(crate) fn roc(rows: &[ScoredRow], champion: &[ScoredRow], champion_name: &str) -> Markup {
    let Some(curve) = Curve::of(rows) else { return Markup::default() };
    let other = Curve::of(champion);
    let (x, y) = (Scale::new(0.0, 1.0, 34.0, 246.0), Scale::new(0.0, 1.0, 220.0, 8.0));
    let mut label = format!("ROC curve, area {:.4}", curve.area);
    if let Some(other) = &other {
        let _ = write!(label, "; champion {:.4}", other.area);
    }
    html! {
        figure.plot {
            figcaption { "ROC curve" span.sub { "area " b { (format!("{:.4}", curve.area)) }
                @if let Some(other) = &other { ", " (champion_name) " " (format!("{:.4}", other.area)) } } }
            svg viewBox="0 0 256 252" width="256" height="252" role="img" aria-label=(label) {
                @for quarter in 0..=4u8 {
                    @let share = f64::from(quarter) / 4.0;
                    path.grid d=(format!("M{} 8V220M34 {}H246", x.px(share), y.px(share))) {}
                    @if quarter % 2 == 0 {
                        text.tick x=(x.px(share)) y="233" text-anchor="middle" { (share) }
                        text.tick x="29" y=(y.px(share - 0.015)) text-anchor="end" { (share) }
                    }
                }
                path.chance d="M34 220L246 8" {}
                @if let Some(other) = &other { path.curve.other d=(other.path(x, y)) {} }
                path.curve d=(curve.path(x, y)) {}
                text.tick x="140" y="248" text-anchor="middle" { "false positive rate" }
                text.tick transform="translate(9 114) rotate(-90)" text-anchor="middle" { "true positive rate" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Curve;
    use crate::view::ScoredRow;

    fn rows(pairs: &[(f64, bool)]) -> Vec<ScoredRow> {
        pairs.iter().map(|&(score, is_positive)| ScoredRow { score, is_positive }).collect()
    }

    #[test]
    fn areas_agree_with_scikit_learn() {
        let area = |pairs: &[(f64, bool)]| Curve::of(&rows(pairs)).expect("both classes").area;
        // roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) is 0.75.
        assert!((area(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]) - 0.75).abs() < 1e-12);
        // Ties count half.
        assert!((area(&[(0.5, false), (0.5, true)]) - 0.5).abs() < 1e-12);
        assert!((area(&[(0.9, true), (0.1, false)]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_class_alone_has_no_curve_and_many_rows_few_points() {
        assert!(Curve::of(&rows(&[(0.5, true)])).is_none());
        let many: Vec<_> = (0..10_000).map(|n| (f64::from(n * 7919 % 10_007), n % 3 == 0)).collect();
        let curve = Curve::of(&rows(&many)).expect("both classes");
        assert!(curve.points.len() <= super::MOST_POINTS + 2);
        assert_eq!(curve.points.last(), Some(&(1.0, 1.0)));
    }
}
