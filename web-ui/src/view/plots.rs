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

/// A judged row of a binary classification.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoredRow {
    /// The score; more of it is nearer to the positive class.
    pub score: f64,
    /// Whether the row is of the positive class.
    pub is_positive: bool,
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
    /// Rows with scores, in any order, for the ROC curve; empty when they are not known.
    pub scored: Vec<ScoredRow>,
    /// The same of the champion.
    pub champion_scored: Vec<ScoredRow>,
    /// True and predicted value of each row of a regression, in any order.
    pub residuals: Vec<(f64, f64)>,
    /// The model that it was compared with, such as `wine v3`; empty when there was none.
    pub champion: String,
    /// Why the champion could not be judged.
    pub champion_error: String,
}
