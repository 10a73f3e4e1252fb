//! Metrics of classifiers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ScoreCurve, confusion::Confusion, ranking};

/// What was true and what a classifier said, classes as indices.
#[derive(Clone, Debug)]
pub struct Classification<'a> {
    /// The true class of each row.
    pub truth: &'a [usize],
    /// The predicted class of each row.
    pub predicted: &'a [usize],
    /// The number of classes.
    pub n_classes: usize,
    /// For two classes, the one that counts as positive.
    pub positive: usize,
    /// Probabilities, one for each class, row after row.
    pub probabilities: Option<&'a [f64]>,
    /// For two classes: a score that grows with the second class; used for ranking where there are no probabilities.
    pub scores: Option<&'a [f64]>,
}

/// Metrics of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByClass {
    /// TP / (TP + FP)
    pub precision: f64,
    /// TP / (TP + FN)
    pub recall: f64,
    /// The harmonic mean of both, from counts.
    pub f1: f64,
    /// Rows of the class.
    pub support: f64,
}

type Part = fn(&ByClass) -> f64;

/// Computes every metric that is defined for these predictions: names as in scikit-learn; for two classes `precision`, `recall` and `f1` are
/// those of the positive class, for more their unweighted means. Also the metrics of each class and the confusion matrix
/// (rows true, columns predicted).
pub fn classification_metrics(
    c: &Classification<'_>,
) -> (BTreeMap<String, f64>, Vec<ByClass>, Vec<Vec<f64>>) {
    let confusion = Confusion::new(c.truth, c.predicted, c.n_classes);
    let by_class: Vec<ByClass> = (0..c.n_classes)
        .map(|class| ByClass {
            precision: confusion.precision(class),
            recall: confusion.recall(class),
            f1: confusion.f1(class),
            support: confusion.actual(class),
        })
        .collect();
    let mut metrics = BTreeMap::new();
    let mut put = |name: &str, value: f64| {
        metrics.insert(name.to_owned(), value);
    };
    let accuracy = confusion.correct() / confusion.n;
    put("accuracy", accuracy);
    put("balanced_accuracy", confusion.balanced_accuracy());
    put("matthews_corrcoef", confusion.matthews());
    if let Some(kappa) = confusion.kappa() {
        put("cohen_kappa", kappa);
    }
    let parts: [(&str, Part); 3] =
        [("precision", |class| class.precision), ("recall", |class| class.recall), ("f1", |class| class.f1)];
    for (name, part) in parts {
        let values: Vec<(f64, f64)> = by_class.iter().map(|class| (part(class), class.support)).collect();
        let (plain, weighted) = ranking::means(&values);
        put(&format!("{name}_macro"), plain);
        put(&format!("{name}_weighted"), weighted);
        // Each row counts once as a hit, or once as a false positive and once as a false negative: all three are the accuracy.
        put(&format!("{name}_micro"), accuracy);
        put(name, if c.n_classes == 2 { part(&by_class[c.positive]) } else { plain });
    }
    put_ranking(c, &mut put);
    (metrics, by_class, confusion.counts)
}

fn put_ranking(c: &Classification<'_>, put: &mut dyn FnMut(&str, f64)) {
    if let Some(probabilities) = c.probabilities {
        put("log_loss", ranking::log_loss(c.truth, probabilities, c.n_classes));
        put("brier", ranking::brier(c.truth, probabilities, c.n_classes));
    }
    if c.n_classes == 2 {
        if let Some((positive, scores)) = ranked(c) {
            let found = [
                ("roc_auc", ranking::roc_auc(&positive, &scores)),
                ("average_precision", ranking::average_precision(&positive, &scores)),
            ];
            for (name, value) in found {
                if let Some(value) = value {
                    put(name, value);
                }
            }
        }
    } else if let Some(probabilities) = c.probabilities {
        if let Some(areas) = ranking::one_versus_rest(c.truth, probabilities, c.n_classes) {
            let (plain, weighted) = ranking::means(&areas);
            put("roc_auc_ovr_macro", plain);
            put("roc_auc_ovr_weighted", weighted);
            put("roc_auc", plain);
        }
        if let Some(areas) = ranking::one_versus_one(c.truth, probabilities, c.n_classes) {
            let (plain, weighted) = ranking::means(&areas);
            put("roc_auc_ovo_macro", plain);
            put("roc_auc_ovo_weighted", weighted);
        }
    }
}

/// For two classes: which rows are positive, and scores that grow with the positive class.
fn ranked(c: &Classification<'_>) -> Option<(Vec<bool>, Vec<f64>)> {
    let scores = match (c.probabilities, c.scores) {
        (Some(p), _) => p.chunks_exact(2).map(|row| row[c.positive]).collect(),
        (None, Some(scores)) => {
            let sign = if c.positive == 1 { 1.0 } else { -1.0 };
            scores.iter().map(|score| sign * score).collect()
        }
        (None, None) => return None,
    };
    Some((c.truth.iter().map(|class| *class == c.positive).collect(), scores))
}

/// For two classes with probabilities or scores: how the classifier does at every threshold.
pub fn score_curve(c: &Classification<'_>) -> Option<ScoreCurve> {
    if c.n_classes != 2 {
        return None;
    }
    let (positive, scores) = ranked(c)?;
    ScoreCurve::of(&positive, &scores)
}
