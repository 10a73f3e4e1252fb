//! Logistic regression.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::Estimator;
use sluicegate_plugin::TaskError;

use super::{
    Abilities, ClassWeight, Coefficient, Ended, Fit, Fitting, Learner, OnNoConvergence, Task, failed,
    settings::Positive,
};
use crate::{
    fit::logistic::{Classification, LogisticFit, LogisticOptions, Solver, logistic_regression},
    training_set::TrainingSet,
};

/// Settings of logistic regression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticSettings {
    /// Inverse strength of the penalty; scikit-learn's `C`.
    c: Positive,
    /// The share of the L1 penalty: 0 for L2 alone, 1 for L1 alone.
    #[schemars(range(min = 0.0, max = 1.0))]
    l1_ratio: f64,
    /// `"auto"` (by the shape of the data), `"newton_cholesky"`, `"lbfgs"`, or `"proximal_newton"`, which every L1
    /// penalty uses.
    solver: SolverParam,
    /// Iterations at the most.
    #[schemars(range(min = 1, max = 100_000))]
    max_iter: usize,
    /// Where the solver stops: the largest gradient of the mean loss.
    tol: Positive,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
    /// What happens when the solver reaches `max_iter`: `"error"` or `"warn"`.
    on_no_convergence: OnNoConvergence,
}

impl Default for LogisticSettings {
    fn default() -> Self {
        Self {
            c: Positive(1.0),
            l1_ratio: 0.0,
            solver: SolverParam::Auto,
            max_iter: 100,
            tol: Positive(1e-4),
            class_weight: ClassWeight::Even,
            on_no_convergence: OnNoConvergence::Error,
        }
    }
}

/// What finds the optimum.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SolverParam {
    /// The one that suits the shape of the data.
    Auto,
    /// Newton's method: few coefficients, many rows.
    NewtonCholesky,
    /// A quasi-Newton method: many coefficients.
    Lbfgs,
    /// Newton's method with coordinate descent: L1 penalties.
    ProximalNewton,
}

impl Learner for LogisticSettings {
    fn kind(&self) -> &'static str {
        "train.logistic 2"
    }

    fn task(&self) -> Option<Task> {
        Some(Task::Classification)
    }

    fn abilities(&self) -> Abilities {
        Abilities { weights: true, ..Abilities::default() }
    }

    fn class_weight(&self) -> Option<&ClassWeight> {
        Some(&self.class_weight)
    }

    fn fit(&self, data: &TrainingSet, fitting: &Fitting<'_>) -> Result<Fit, TaskError> {
        let x = data.matrix()?;
        let (classes, indices) = data.classes();
        let rows = Classification {
            x: x.view(),
            y: indices,
            n_classes: classes.len(),
            weights: data.weights.as_deref(),
        };
        let options = LogisticOptions {
            c: self.c.0,
            l1_ratio: self.l1_ratio,
            fit_intercept: true,
            tol: self.tol.0,
            max_iter: self.max_iter,
            solver: match self.solver {
                SolverParam::Auto => Solver::Auto,
                SolverParam::NewtonCholesky => Solver::NewtonCholesky,
                SolverParam::Lbfgs => Solver::Lbfgs,
                SolverParam::ProximalNewton => Solver::ProximalNewton,
            },
        };
        let fitted = logistic_regression(&rows, &options, &|| fitting.is_cancelled())
            .map_err(|error| failed(&error, fitting))?;
        let ended = Ended {
            n_iter: fitted.n_iter as u64,
            converged: fitted.converged,
            measure: "greatest gradient of the mean loss",
            reached: fitted.gradient,
            wanted: self.tol.0,
        };
        if fitted.separated && !fitted.converged {
            (fitting.warn)("the classes are perfectly separated; lower `c` to bound the coefficients");
        }
        self.on_no_convergence.settle(&ended, fitting)?;
        let coefficients = named(&fitted, data);
        Ok(Fit {
            metrics: vec![
                ("n_iter", fitted.n_iter as f64),
                ("converged", f64::from(u8::from(fitted.converged))),
                ("gradient", fitted.gradient),
                ("objective", fitted.objective),
            ],
            note: format!("{} iterations of {}", fitted.n_iter, fitted.solver),
            coefficients: Some(coefficients),
            ..Fit::of(Estimator::Logistic {
                coefficients: fitted.coefficients,
                intercepts: fitted.intercepts,
            })
        })
    }
}

/// The coefficients with their classes and features, each class's intercept last.
fn named(fitted: &LogisticFit, data: &TrainingSet) -> Vec<Coefficient> {
    let (classes, _) = data.classes();
    // One row is that of the second of two classes.
    let first = usize::from(fitted.coefficients.len() == 1);
    let errors = fitted.standard_errors.as_ref();
    let mut named = Vec::new();
    for (output, (values, intercept)) in fitted.coefficients.iter().zip(&fitted.intercepts).enumerate() {
        let class = Some(classes[first + output].to_string());
        for (at, (name, value)) in data.names().zip(values).enumerate() {
            named.push(Coefficient {
                class: class.clone(),
                feature: name.to_owned(),
                value: *value,
                standard_error: errors.map(|errors| errors.coefficients[output][at]),
            });
        }
        named.push(Coefficient {
            class,
            feature: "(intercept)".into(),
            value: *intercept,
            standard_error: errors.and_then(|errors| Some(errors.intercepts.as_ref()?[output])),
        });
    }
    named
}
