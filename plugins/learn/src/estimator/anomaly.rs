//! Anomalies: rows unlike the training rows, of which no class is known.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Anomaly, AnomalyScorer};
use sluicegate_plugin::TaskError;

use super::{Fitting, kernel::KernelParam, settings::Positive, tree::failed};
use crate::{
    fit::{
        forest::{IsolationForest, IsolationSettings},
        one_class::{OneClassError, one_class},
    },
    training_set::TrainingSet,
};

/// How anomalies are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// By how few random splits cut a row off (Liu, Ting and Zhou 2008).
    #[default]
    IsolationForest,
    /// By a boundary around the rows (Schölkopf et al. 2001).
    OneClassSvm,
}

/// Settings of a search for anomalies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnomalySettings {
    pub(crate) method: Method,
    pub(crate) n_trees: usize,
    pub(crate) max_samples: Option<usize>,
    pub(crate) contamination: Option<f64>,
    pub(crate) nu: f64,
    pub(crate) kernel: KernelParam,
    pub(crate) tol: Positive,
    pub(crate) seed: u64,
}

impl AnomalySettings {
    /// Fits what tells anomalies from other rows.
    pub(crate) fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Anomaly, TaskError> {
        let x = data.matrix()?;
        if self.method == Method::OneClassSvm {
            let kernel = self.kernel.resolve(&x);
            let machine = one_class(&x, kernel, self.nu, self.tol.0).map_err(|error| refused(&error))?;
            return Ok(Anomaly { scorer: AnomalyScorer::OneClass(machine), offset: 0.0 });
        }
        let settings = IsolationSettings {
            n_trees: self.n_trees,
            max_samples: self.max_samples,
            contamination: self.contamination,
            seed: self.seed,
        };
        let forest = IsolationForest::fit(x.view(), &settings, &|| fitting.is_cancelled())
            .map_err(|error| failed(error, fitting))?;
        Ok(Anomaly {
            scorer: AnomalyScorer::Isolation {
                ensemble: forest.ensemble,
                typical_path_length: forest.typical_path_length,
            },
            offset: forest.offset,
        })
    }
}

fn refused(error: &OneClassError) -> TaskError {
    match error {
        OneClassError::TooManyRows { n_rows, most } => {
            let message = format!(
                "the kernel matrix of {n_rows} rows would not fit into memory; at most {most} rows do"
            );
            TaskError::permanent("too_many_rows", message)
                .hint("train on a sample of the rows, or use `method = \"isolation_forest\"`")
        }
        OneClassError::NoKernel => {
            TaskError::permanent("no_fit", "a one-class machine has no kernel `sigmoid`; use `rbf`")
        }
        OneClassError::Failed(reason) => {
            TaskError::permanent("no_fit", format!("the one-class machine was not fitted: {reason}"))
                .hint("standardize the features")
        }
    }
}
