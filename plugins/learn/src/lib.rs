//! The built-in pack `learn`: training, evaluation, cross-validation and the gate.
//!
//! linfa fits; predictions and metrics are our own, in f64, to scikit-learn's definitions.

mod columns;
mod cross_validate;
mod dataset;
mod evaluate;
mod fit;
mod folds;
mod gate;
mod metrics;
mod report;
mod train;
mod transforms;

use sluicegate_plugin::Pack;

pub use cross_validate::CrossValidate;
pub use evaluate::Evaluate;
pub use gate::Gate;
pub use metrics::{Classification, ScoreCurve, classification_metrics, regression_metrics, score_curve};
pub use report::{ChampionReport, Report};
pub use train::{TrainLinear, TrainLogistic, TrainSvm};

/// The kinds of this pack.
pub fn pack() -> Pack {
    Pack::new("learn")
        .with(TrainLinear)
        .with(TrainLogistic)
        .with(TrainSvm)
        .with(Evaluate)
        .with(CrossValidate)
        .with(Gate)
}
