//! Estimators and their settings: one list for the training kinds, `cross_validate` and whatever trains.

mod anomaly;
mod boosting;
mod forest;
mod kernel;
mod knn;
mod linear;
mod logistic;
mod mlp;
mod naive_bayes;
mod settings;
mod svm;
mod svr;
mod tree;

pub(crate) use anomaly::{AnomalySettings, Method as AnomalyMethod};
pub(crate) use boosting::BoostingSettings;
pub(crate) use forest::ForestSettings;
pub(crate) use kernel::KernelParam;
pub(crate) use knn::KnnSettings;
pub(crate) use linear::LinearSettings;
pub(crate) use logistic::LogisticSettings;
pub(crate) use mlp::MlpSettings;
pub(crate) use naive_bayes::NaiveBayesSettings;
pub(crate) use svm::SvmSettings;
pub(crate) use svr::SvrSettings;
pub(crate) use tree::TreeSettings;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::Estimator;
use sluicegate_plugin::{Column, Problem, TaskError};

pub(crate) use self::settings::{ClassWeight, Positive, Task};
use self::settings::{Ended, OnNoConvergence};
use crate::{fit::algebra::FitError, training_set::TrainingSet};

/// An estimator to fit, with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum EstimatorSpec {
    /// Least squares, ridge, lasso and elastic net.
    Linear(LinearSettings),
    /// Logistic regression.
    Logistic(LogisticSettings),
    /// Support vector machines.
    Svm(SvmSettings),
    /// Support vector regression.
    Svr(SvrSettings),
    /// Gradient boosting.
    Boosting(BoostingSettings),
    /// Random forests and extra trees.
    Forest(ForestSettings),
    /// One decision tree.
    Tree(TreeSettings),
    /// Neural networks.
    Mlp(MlpSettings),
    /// Nearest neighbours.
    Knn(KnnSettings),
    /// Naive Bayes.
    NaiveBayes(NaiveBayesSettings),
}

impl EstimatorSpec {
    /// What fits it.
    pub(crate) fn learner(&self) -> &dyn Learner {
        match self {
            Self::Linear(settings) => settings,
            Self::Logistic(settings) => settings,
            Self::Svm(settings) => settings,
            Self::Svr(settings) => settings,
            Self::Boosting(settings) => settings,
            Self::Forest(settings) => settings,
            Self::Tree(settings) => settings,
            Self::Mlp(settings) => settings,
            Self::Knn(settings) => settings,
            Self::NaiveBayes(settings) => settings,
        }
    }
}

/// What an estimator can work with, besides finite numbers.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abilities {
    /// Values that are missing.
    pub(crate) missing: bool,
    /// Texts as categories.
    pub(crate) categories: bool,
    /// A weight for each row, and for each class.
    pub(crate) weights: bool,
    /// Rows to validate on while it is fitted, under these settings.
    pub(crate) validation: bool,
}

/// Settings that can be fitted.
pub(crate) trait Learner {
    /// The training kind and its version, for the bundle's provenance.
    fn kind(&self) -> &'static str;

    /// What it predicts; `None` when the target decides.
    fn task(&self) -> Option<Task>;

    /// What it can work with.
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    /// The weight of classes.
    fn class_weight(&self) -> Option<&ClassWeight> {
        None
    }

    /// Settings that do not go together, or name columns that are no features (where the features are known).
    fn check(&self, _features: Option<&[Column]>) -> Vec<Problem> {
        Vec::new()
    }

    /// Fits the estimator.
    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError>;
}

/// What fitting may ask of its task.
#[derive(Clone, Copy)]
pub(crate) struct Fitting<'a> {
    /// Fails once the task is cancelled; asked several times a second.
    pub(crate) check_cancelled: &'a (dyn Fn() -> Result<(), TaskError> + Sync),
    /// Says something in the task's log.
    pub(crate) warn: &'a (dyn Fn(&str) + Sync),
}

impl Fitting<'_> {
    /// Tells whether to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        (self.check_cancelled)().is_err()
    }

    /// The error of a fit that was told to stop.
    pub(crate) fn cancelled(&self) -> TaskError {
        let stopped = TaskError::permanent("no_fit", "the fit stopped before its end");
        (self.check_cancelled)().err().unwrap_or(stopped)
    }
}

/// A fitted estimator, and what is to be said of the fit.
#[derive(Debug)]
pub(crate) struct Fit {
    /// The estimator.
    pub(crate) estimator: Estimator,
    /// Numbers for the history, by name.
    pub(crate) metrics: Vec<(&'static str, f64)>,
    /// A few words for people.
    pub(crate) note: String,
    /// What each feature took off the loss, in the order of the training set.
    pub(crate) gains: Option<Vec<f64>>,
    /// The loss of each round.
    pub(crate) curve: Option<Vec<CurvePoint>>,
    /// The model as people can read it.
    pub(crate) drawing: Option<Drawing>,
    /// The coefficients of a linear model.
    pub(crate) coefficients: Option<Vec<Coefficient>>,
}

/// A coefficient of a linear model.
#[derive(Clone, Debug)]
pub(crate) struct Coefficient {
    /// Its class, of a classifier.
    pub(crate) class: Option<String>,
    /// Its feature, or `(intercept)`.
    pub(crate) feature: String,
    /// The coefficient.
    pub(crate) value: f64,
    /// Its standard error, where it is defined.
    pub(crate) standard_error: Option<f64>,
}

/// A model as people can read it.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// As indented text.
    pub(crate) text: String,
    /// As a graph in Graphviz's language.
    pub(crate) dot: String,
}

/// The loss after a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CurvePoint {
    /// On the training rows, where it was computed.
    pub(crate) loss: Option<f64>,
    /// On the validation rows, where there are any.
    pub(crate) validation_loss: Option<f64>,
    /// The accuracy or R² on the validation rows, where it was computed.
    pub(crate) validation_score: Option<f64>,
}

impl Fit {
    /// A fit of which there is nothing else to say.
    pub(crate) fn of(estimator: Estimator) -> Self {
        Self {
            estimator,
            metrics: Vec::new(),
            note: String::new(),
            gains: None,
            curve: None,
            drawing: None,
            coefficients: None,
        }
    }
}

/// Why no linear model or machine was fitted.
fn failed(error: &FitError, fitting: &Fitting<'_>) -> TaskError {
    match error {
        FitError::Stopped => fitting.cancelled(),
        FitError::NoRows | FitError::OneClass => TaskError::permanent("bad_weight", error.to_string()),
        FitError::NotFinite(_) => {
            TaskError::permanent("no_fit", error.to_string()).hint("standardize the features")
        }
    }
}
