//! The model bundle: signature, fitted transforms and estimator in one file, and the code that predicts from it.
//!
//! Training is elsewhere. The same code predicts in the evaluation, in batch and in the server, so they cannot differ.

mod anomaly;
mod bundle;
mod calibration;
mod ensemble;
mod error;
mod estimator;
mod frame;
mod label;
mod mlp;
mod naive_bayes;
mod neighbours;
mod packed;
mod predict;
mod rows;
mod signature;
mod svm;
mod texts;
mod transform;
mod trees;

pub use anomaly::{Anomaly, AnomalyScorer};
pub use bundle::{Bundle, ModelTask, Provenance};
pub use calibration::Calibration;
pub use ensemble::{Node, TreeEnsemble};
pub use error::{ModelError, RowProblem};
pub use estimator::{Estimator, dot};
pub use frame::{ColumnData, Frame};
pub use label::Label;
pub use mlp::{Activation, Layer, Mlp, MlpOutput};
pub use naive_bayes::{Likelihood, NaiveBayes, NaiveBayesPredictions, category};
pub use neighbours::{
    FitError as NeighboursError, Metric, NeighbourOptions, NeighbourPredictions, Neighbours,
    Targets as NeighbourTargets, VoteWeights,
};
pub use predict::{Output, Predictions};
pub use signature::{InputColumn, InputType, Signature};
pub use svm::{Kernel, Pair, Svm, Svr};
pub use texts::{MISSING, Texts};
pub use transform::{
    Fill, FittedTransform, GroupStatistic, Impute, Lookup, LookupOutput, PairOperation, Pairs, Polynomial,
    Projection, UnknownCategory, apply_all, indicator_name, numeric, rare_column, text,
};
pub use trees::{Link, TreeFamily, Trees};
