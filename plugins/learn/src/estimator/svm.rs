//! Support vector machines.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_model::{Calibration, Estimator, Pair, Svm};
use sluicegate_plugin::TaskError;

use super::{
    Abilities, ClassWeight, Ended, Fit, Fitting, Learner, OnNoConvergence, Task, failed,
    kernel::{KernelParam, to_model_kernel},
    settings::Positive,
};
use crate::{
    fit::svm::{BinaryProblem, IsotonicCalibration, SigmoidCalibration, SvmOptions, fit_binary, pairs},
    folds,
    training_set::TrainingSet,
};

/// Folds whose decisions probabilities are calibrated on.
const N_CALIBRATION_FOLDS: usize = 5;

/// Settings of support vector machines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SvmSettings {
    /// Penalty of errors; scikit-learn's `C`.
    c: Positive,
    /// `"linear"`, `"rbf"`, `{ rbf = { gamma = … } }`, `{ polynomial = { degree = 3, gamma = …, coef0 = 0.0 } }` or
    /// `{ sigmoid = { gamma = …, coef0 = 0.0 } }`; `gamma` is `"scale"` (the default), `"auto"` or a number, as in
    /// scikit-learn.
    kernel: KernelParam,
    /// Where the solver stops: the largest violation of the optimality conditions.
    tol: Positive,
    /// Iterations at the most, for each pair of classes; the default is ten million, or a hundred for each row if
    /// that is more.
    #[schemars(range(min = 1))]
    max_iter: Option<u64>,
    /// Megabytes for rows of the kernel matrix.
    #[schemars(range(min = 1, max = 1_000_000))]
    cache_mb: usize,
    /// Gives probabilities, calibrated on the decisions for rows held back in five folds: `"sigmoid"` (Platt) or
    /// `"isotonic"`.
    probability: Option<Probability>,
    /// `"balanced"`, or the weight of each class by its name.
    class_weight: ClassWeight,
    /// Decides the folds of the calibration.
    seed: u64,
    /// What happens when the solver reaches its limit: `"error"` or `"warn"`.
    on_no_convergence: OnNoConvergence,
}

/// How decisions become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Probability {
    /// By a logistic curve.
    Sigmoid,
    /// By a step function that never falls; wants a thousand rows or more.
    Isotonic,
}

impl Default for SvmSettings {
    fn default() -> Self {
        Self {
            c: Positive(1.0),
            kernel: KernelParam::default(),
            tol: Positive(1e-3),
            max_iter: None,
            cache_mb: 200,
            probability: None,
            class_weight: ClassWeight::Even,
            seed: 0,
            on_no_convergence: OnNoConvergence::Error,
        }
    }
}

impl Learner for SvmSettings {
    fn kind(&self) -> &'static str {
        "train.svm 2"
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
        let penalties = (0..data.n_rows()).map(|row| self.c.0 * data.weight(row)).collect();
        let rows = Rows { x: &x, classes: indices, n_classes: classes.len(), penalties };
        let (mut svm, ended) = self.machines(&rows, |_| true, fitting)?;
        self.on_no_convergence.settle(&ended, fitting)?;
        if let Some(probability) = self.probability {
            svm.calibrations = self.calibrate(&rows, probability, fitting)?;
        }
        let n_support = svm.n_support();
        Ok(Fit {
            metrics: vec![
                ("n_support", n_support as f64),
                ("n_iter", ended.n_iter as f64),
                ("converged", f64::from(u8::from(ended.converged))),
            ],
            note: format!("{n_support} support vectors"),
            ..Fit::of(Estimator::Svm(svm))
        })
    }
}

/// Rows of several classes.
struct Rows<'a> {
    x: &'a Array2<f64>,
    classes: &'a [usize],
    n_classes: usize,
    penalties: Vec<f64>,
}

impl SvmSettings {
    /// Fits a machine for each pair of classes to the rows that take part, and says how the worst of them ended.
    fn machines(
        &self,
        rows: &Rows<'_>,
        takes_part: impl Fn(usize) -> bool,
        fitting: &Fitting<'_>,
    ) -> Result<(Svm, Ended), TaskError> {
        let kernel = self.kernel.resolve(rows.x);
        let options = SvmOptions {
            kernel,
            tolerance: self.tol.0,
            cache_bytes: self.cache_mb << 20,
            max_iter: self.max_iter,
        };
        let mut ended = Ended {
            n_iter: 0,
            converged: true,
            measure: "violation of the optimality conditions",
            reached: 0.0,
            wanted: self.tol.0,
        };
        let mut used = vec![false; rows.classes.len()];
        let mut machines = Vec::new();
        for pair in pairs(rows.classes, rows.n_classes) {
            let members = pair.rows.iter().zip(&pair.is_first).filter(|(row, _)| takes_part(**row));
            let (members, is_first): (Vec<usize>, Vec<bool>) = members.map(|(row, is)| (*row, *is)).unzip();
            let penalties: Vec<f64> = members.iter().map(|row| rows.penalties[*row]).collect();
            let problem = BinaryProblem { rows: &members, is_first: &is_first, penalties: &penalties };
            let machine = fit_binary(rows.x.view(), &problem, &options, &|| fitting.is_cancelled())
                .map_err(|error| failed(&error, fitting))?;
            ended.n_iter += machine.n_iter;
            ended.converged &= machine.converged;
            ended.reached = ended.reached.max(machine.violation);
            let support: Vec<(usize, f64)> =
                machine.support().map(|(at, coefficient)| (members[at], coefficient)).collect();
            for (row, _) in &support {
                used[*row] = true;
            }
            machines.push((pair.first, pair.second, support, machine.rho));
        }
        let mut place = vec![0_u32; used.len()];
        let mut vectors = Vec::new();
        for ((row, _), at) in used.iter().enumerate().filter(|(_, used)| **used).zip(0..) {
            place[row] = at;
            vectors.extend(rows.x.row(row));
        }
        let to_pair = |(first, second, support, rho): (usize, usize, Vec<(usize, f64)>, f64)| {
            let coefficients = support.into_iter().map(|(row, alpha)| (place[row], alpha)).collect();
            Pair { first, second, coefficients, rho }
        };
        let svm = Svm {
            kernel: to_model_kernel(kernel),
            n_classes: rows.n_classes,
            n_features: rows.x.ncols(),
            vectors,
            pairs: machines.into_iter().map(to_pair).collect(),
            calibrations: Vec::new(),
        };
        Ok((svm, ended))
    }

    /// Calibrates on the scores that each row gets from machines that have not seen it.
    fn calibrate(
        &self,
        rows: &Rows<'_>,
        probability: Probability,
        fitting: &Fitting<'_>,
    ) -> Result<Vec<Calibration>, TaskError> {
        for class in 0..rows.n_classes {
            let n_rows = rows.classes.iter().filter(|own| **own == class).count();
            if n_rows < N_CALIBRATION_FOLDS {
                let message = format!(
                    "a class has {n_rows} rows; `probability` needs {N_CALIBRATION_FOLDS} of each class"
                );
                return Err(TaskError::permanent("too_few_rows", message));
            }
        }
        let fold_of = folds::stratified(rows.classes, N_CALIBRATION_FOLDS, Some(self.seed));
        let n_scores = if rows.n_classes == 2 { 1 } else { rows.n_classes };
        let mut scores = vec![vec![0.0; rows.classes.len()]; n_scores];
        let mut kernel_values = Vec::new();
        for fold in 0..N_CALIBRATION_FOLDS {
            let (svm, ended) = self.machines(rows, |row| fold_of[row] != fold, fitting)?;
            self.on_no_convergence.settle(&ended, fitting)?;
            for row in (0..rows.classes.len()).filter(|row| fold_of[*row] == fold) {
                let values = rows.x.row(row).to_vec();
                let own = svm.class_scores(&svm.decisions(&values, &mut kernel_values));
                scores.iter_mut().zip(own).for_each(|(scores, score)| scores[row] = score);
            }
        }
        let weights: Vec<f64> = rows.penalties.iter().map(|penalty| penalty / self.c.0).collect();
        let calibration = |(at, scores): (usize, Vec<f64>)| {
            let class = if n_scores == 1 { 1 } else { at };
            let is_positive: Vec<bool> = rows.classes.iter().map(|own| *own == class).collect();
            match probability {
                Probability::Sigmoid => SigmoidCalibration::fit(&scores, &is_positive, &weights).to_model(),
                Probability::Isotonic => IsotonicCalibration::fit(&scores, &is_positive, &weights).to_model(),
            }
        };
        Ok(scores.into_iter().enumerate().map(calibration).collect())
    }
}
