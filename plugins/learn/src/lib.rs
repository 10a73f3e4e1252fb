//! The built-in pack `learn`: training, evaluation, cross-validation and the gate.
//!
//! Solvers are our own, but for the one-class machine, which linfa-svm fits. Predictions and metrics are our own, in f64, to scikit-learn's definitions.

mod columns;
mod cross_validate;
mod dataset;
mod estimator;
mod evaluate;
mod fit;
mod folds;
mod gate;
mod metrics;
mod report;
mod train;
mod training_set;
mod transforms;

use sluicegate_plugin::Pack;

pub use cross_validate::CrossValidate;
pub use evaluate::Evaluate;
pub use gate::Gate;
pub use metrics::{Classification, ScoreCurve, classification_metrics, regression_metrics, score_curve};
pub use report::{ChampionReport, Report};
pub use train::{
    TrainAnomaly, TrainBoosting, TrainForest, TrainKnn, TrainLinear, TrainLogistic, TrainMlp,
    TrainNaiveBayes, TrainSvm, TrainSvr, TrainTree,
};

/// The kinds of this pack.
pub fn pack() -> Pack {
    Pack::new("learn")
        .with(TrainLinear::default())
        .with(TrainLogistic::default())
        .with(TrainSvm::default())
        .with(TrainSvr::default())
        .with(TrainTree::default())
        .with(TrainForest::default())
        .with(TrainBoosting::default())
        .with(TrainMlp::default())
        .with(TrainKnn::default())
        .with(TrainNaiveBayes::default())
        .with(TrainAnomaly)
        .with(Evaluate)
        .with(CrossValidate)
        .with(Gate)
}
