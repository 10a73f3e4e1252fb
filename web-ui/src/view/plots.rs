//! What an evaluation found, to be drawn.

/// The metrics of one class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRow {
    /// The class.
    pub class: String,
    /// Its precision.
    pub precision: f64,
    /// Its recall.
    pub recall: f64,
    /// Its F1.
    pub f1: f64,
    /// The number of rows that have it.
    pub support: f64,
}

/// What a threshold of the score counts as positive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CurvePoint {
    /// Rows with this score or a greater one count as positive; absent for the point above every score.
    pub threshold: Option<f64>,
    /// Rows of the other class that are taken for positive ones.
    pub n_false: f64,
    /// Rows of the positive class that are found.
    pub n_true: f64,
}

/// How a classifier of two classes does at every threshold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreCurve {
    /// Points from no row to every row, straight between each two.
    pub points: Vec<CurvePoint>,
    /// Rows of the positive class.
    pub n_positive: f64,
    /// Rows of the other class.
    pub n_negative: f64,
    /// The area below the ROC curve, as it was reported.
    pub roc_auc: Option<f64>,
    /// The average precision, as it was reported.
    pub average_precision: Option<f64>,
}

/// What an evaluation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The number of rows that were judged.
    pub n_rows: u64,
    /// Classes, in the order of `confusion`.
    pub classes: Vec<String>,
    /// The class that counts as positive; empty when there is none.
    pub positive: String,
    /// Counts: rows are true classes, columns predicted ones. Square, as large as `classes`; empty for a regression.
    pub confusion: Vec<Vec<f64>>,
    /// Metrics of each class.
    pub by_class: Vec<ClassRow>,
    /// For the curves of ROC and of precision over recall; absent when there are no scores.
    pub curve: Option<ScoreCurve>,
    /// The same of the champion.
    pub champion_curve: Option<ScoreCurve>,
    /// True and predicted value of rows of a regression, in any order; a sample of them when they are many.
    pub residuals: Vec<(f64, f64)>,
    /// The model that it was compared with, such as `wine v3`; empty when there was none.
    pub champion: String,
    /// Why the champion could not be judged.
    pub champion_error: String,
}

impl Evaluation {
    /// What the model decided at its own threshold: negatives taken for positive, and positives found.
    pub fn decided(&self) -> Option<CurvePoint> {
        let at = self.classes.iter().position(|class| *class == self.positive)?;
        let [first, second] = self.confusion.as_slice() else { return None };
        let (positive, negative) = if at == 0 { (first, second) } else { (second, first) };
        Some(CurvePoint { threshold: None, n_false: *negative.get(at)?, n_true: *positive.get(at)? })
    }
}
