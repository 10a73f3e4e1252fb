//! Linear regression: least squares, ridge, lasso and elastic net.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::{
    Abilities, Coefficient, Ended, Fit, Fitting, Learner, OnNoConvergence, Task, failed, settings::Positive,
};
use crate::{
    fit::linear::{ElasticNetOptions, LinearFit, Regression, elastic_net, least_squares, ridge},
    training_set::TrainingSet,
};

/// Settings of linear regression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinearSettings {
    /// `"least_squares"`, `"ridge"` (L2 penalty), `"lasso"` (L1 penalty) or `"elastic_net"` (both).
    method: Method,
    /// Strength of the penalty of ridge, lasso and elastic net; scikit-learn's `alpha`.
    alpha: Positive,
    /// Of the elastic net: the share of the L1 penalty.
    #[schemars(range(min = 0.0, max = 1.0))]
    l1_ratio: f64,
    /// Of lasso and elastic net: sweeps over the coefficients, at the most.
    #[schemars(range(min = 1, max = 10_000_000))]
    max_iter: usize,
    /// Of lasso and elastic net: where the solver stops, as a duality gap relative to the target's variance.
    tol: Positive,
    /// What happens when the solver reaches `max_iter`: `"error"` or `"warn"`.
    on_no_convergence: OnNoConvergence,
}

impl Default for LinearSettings {
    fn default() -> Self {
        Self {
            method: Method::LeastSquares,
            alpha: Positive(1.0),
            l1_ratio: 0.5,
            max_iter: 1000,
            tol: Positive(1e-4),
            on_no_convergence: OnNoConvergence::Error,
        }
    }
}

/// What is added to the squared error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// Nothing.
    LeastSquares,
    /// The squares of the coefficients.
    Ridge,
    /// The coefficients' absolute values.
    Lasso,
    /// Both.
    ElasticNet,
}

impl Learner for LinearSettings {
    fn kind(&self) -> &'static str {
        "train.linear 2"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Regression)
    }

    fn abilities(&self) -> Abilities {
        Abilities { weights: true, ..Abilities::default() }
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let x = data.matrix()?;
        let rows = Regression { x: x.view(), y: data.numbers(), weights: data.weights.as_deref() };
        let stop = || fitting.is_cancelled();
        let descent = |l1_ratio: f64| ElasticNetOptions {
            alpha: self.alpha.0,
            l1_ratio,
            tol: self.tol.0,
            max_iter: self.max_iter,
            fit_intercept: true,
        };
        let fitted = match self.method {
            Method::LeastSquares => least_squares(&rows, true, &stop),
            Method::Ridge => ridge(&rows, self.alpha.0, true, &stop),
            Method::Lasso => elastic_net(&rows, &descent(1.0), &stop),
            Method::ElasticNet => elastic_net(&rows, &descent(self.l1_ratio), &stop),
        };
        let fitted = fitted.map_err(|error| failed(&error, fitting))?;
        let mut metrics = Vec::new();
        if let Some(descent) = fitted.descent {
            let ended = Ended {
                n_iter: descent.n_iter as u64,
                converged: descent.converged,
                measure: "duality gap",
                reached: descent.gap,
                wanted: descent.tolerance,
            };
            self.on_no_convergence.settle(&ended, fitting)?;
            metrics.push(("n_iter", descent.n_iter as f64));
            metrics.push(("converged", f64::from(u8::from(descent.converged))));
        }
        metrics.extend(fitted.rank.map(|rank| ("rank", rank as f64)));
        metrics.extend(fitted.condition.map(|condition| ("condition", condition)));
        metrics.extend(fitted.r_squared.map(|r_squared| ("training_r2", r_squared)));
        let coefficients = named(&fitted, data);
        let LinearFit { coefficients: values, intercept, .. } = fitted;
        Ok(Fit {
            metrics,
            coefficients: Some(coefficients),
            ..Fit::of(Estimator::Linear { coefficients: values, intercept })
        })
    }
}

/// The coefficients with their features, the intercept last.
fn named(fitted: &LinearFit, data: &TrainingSet) -> Vec<Coefficient> {
    let errors = fitted.standard_errors.as_ref();
    let feature = |(at, (name, value)): (usize, (&str, &f64))| Coefficient {
        class: None,
        feature: name.to_owned(),
        value: *value,
        standard_error: errors.map(|errors| errors.coefficients[at]),
    };
    let mut named: Vec<Coefficient> =
        data.names().zip(&fitted.coefficients).enumerate().map(feature).collect();
    named.push(Coefficient {
        class: None,
        feature: "(intercept)".into(),
        value: fitted.intercept,
        standard_error: errors.and_then(|errors| errors.intercept),
    });
    named
}
