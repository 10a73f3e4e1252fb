//! Support vector regression.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Estimator, Svr};
use sluicegate_plugin::TaskError;

use super::{
    Abilities, Ended, Fit, Fitting, Learner, OnNoConvergence, Task, failed,
    kernel::{KernelParam, to_model_kernel},
    settings::Positive,
};
use crate::{
    fit::svm::{RegressionProblem, SvmOptions, fit_regression},
    training_set::TrainingSet,
};

/// Settings of support vector regression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvrSettings {
    /// Penalty of errors; scikit-learn's `C`.
    c: Positive,
    /// Deviations up to this cost nothing, in the target's unit.
    #[schemars(range(min = 0.0))]
    epsilon: f64,
    /// The kernel, as for `train.svm`.
    kernel: KernelParam,
    /// Where the solver stops: the largest violation of the optimality conditions.
    tol: Positive,
    /// Iterations at the most; the default is ten million, or a hundred for each row if that is more.
    #[schemars(range(min = 1))]
    max_iter: Option<u64>,
    /// Megabytes for rows of the kernel matrix.
    #[schemars(range(min = 1, max = 1_000_000))]
    cache_mb: usize,
    /// What happens when the solver reaches its limit: `"error"` or `"warn"`.
    on_no_convergence: OnNoConvergence,
}

impl Default for SvrSettings {
    fn default() -> Self {
        Self {
            c: Positive(1.0),
            epsilon: 0.1,
            kernel: KernelParam::default(),
            tol: Positive(1e-3),
            max_iter: None,
            cache_mb: 200,
            on_no_convergence: OnNoConvergence::Error,
        }
    }
}

impl Learner for SvrSettings {
    fn kind(&self) -> &'static str {
        "train.svr 1"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Regression)
    }

    fn abilities(&self) -> Abilities {
        Abilities { weights: true, ..Abilities::default() }
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let x = data.matrix()?;
        let kernel = self.kernel.resolve(&x);
        let options = SvmOptions {
            kernel,
            tolerance: self.tol.0,
            cache_bytes: self.cache_mb << 20,
            max_iter: self.max_iter,
        };
        let rows: Vec<usize> = (0..data.n_rows()).collect();
        let penalties: Vec<f64> = rows.iter().map(|row| self.c.0 * data.weight(*row)).collect();
        let problem = RegressionProblem {
            rows: &rows,
            targets: data.numbers(),
            penalties: &penalties,
            epsilon: self.epsilon,
        };
        let machine = fit_regression(x.view(), &problem, &options, &|| fitting.is_cancelled())
            .map_err(|error| failed(&error, fitting))?;
        let ended = Ended {
            n_iter: machine.n_iter,
            converged: machine.converged,
            measure: "violation of the optimality conditions",
            reached: machine.violation,
            wanted: self.tol.0,
        };
        self.on_no_convergence.settle(&ended, fitting)?;
        let (mut vectors, mut coefficients) = (Vec::new(), Vec::new());
        for (row, coefficient) in machine.support() {
            vectors.extend(x.row(row));
            coefficients.push(coefficient);
        }
        let n_support = coefficients.len();
        let svr = Svr {
            kernel: to_model_kernel(kernel),
            n_features: x.ncols(),
            vectors,
            coefficients,
            rho: machine.rho,
        };
        Ok(Fit {
            metrics: vec![
                ("n_support", n_support as f64),
                ("n_iter", machine.n_iter as f64),
                ("converged", f64::from(u8::from(machine.converged))),
            ],
            note: format!("{n_support} support vectors"),
            ..Fit::of(Estimator::Svr(svr))
        })
    }
}
