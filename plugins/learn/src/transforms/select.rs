//! Fitting what leaves columns out, and what makes a few columns of many.

use sluicegate_model::{FittedTransform, Frame, Projection};
use sluicegate_plugin::TaskError;

use super::params::{CorrelatedSettings, KBestSettings, PcaSettings, ScoreBy, SvdSettings, VarianceSettings};
use crate::{
    fit::features::{
        Error,
        correlated::correlated,
        pca::{Components, Pca},
        scores::{Score, chi2, f_classif, f_regression, mutual_info_classif, mutual_info_regression},
        svd::TruncatedSvd,
        variance::{low_variance, variances},
    },
    training_set::Target,
};

/// The columns that a transform looks at; none may have missing values.
struct Looked<'a> {
    transform: &'static str,
    names: &'a [String],
    columns: Vec<&'a [f64]>,
}

impl<'a> Looked<'a> {
    fn at(transform: &'static str, frame: &'a Frame, names: &'a [String]) -> Result<Self, TaskError> {
        let columns: Vec<&[f64]> = names.iter().map(|name| frame.numbers(name).unwrap_or_default()).collect();
        let looked = Self { transform, names, columns };
        for (name, values) in names.iter().zip(&looked.columns) {
            if let Some(row) = values.iter().position(|value| value.is_nan()) {
                let message =
                    format!("`{transform}`: column `{name}` has a missing value in row {}", row + 1);
                return Err(TaskError::permanent("missing_value", message)
                    .hint(format!("add `{{ impute = [\"{name}\"] }}` before it")));
            }
        }
        Ok(looked)
    }

    fn wrong(&self, error: &Error) -> TaskError {
        let column = match error {
            Error::NotFinite { column } | Error::Negative { column } | Error::Ragged { column, .. } => {
                self.names.get(*column)
            }
            _ => None,
        };
        let message = match column {
            Some(name) => format!("`{}`: {error} (column `{name}`)", self.transform),
            None => format!("`{}`: {error}", self.transform),
        };
        TaskError::permanent("transform", message)
    }

    /// The columns of the frame that stay when some of those looked at go.
    fn keep(
        &self,
        frame: &Frame,
        dropped: &[usize],
        scores: &[Option<f64>],
    ) -> Result<FittedTransform, TaskError> {
        let mut goes = vec![false; self.names.len()];
        for at in dropped {
            goes[*at] = true;
        }
        let stays =
            |name: &&String| self.names.iter().position(|own| own == *name).is_none_or(|at| !goes[at]);
        let columns: Vec<String> =
            frame.columns.iter().map(|(name, _)| name).filter(stays).cloned().collect();
        if columns.is_empty() {
            let message = format!("`{}` would leave no column", self.transform);
            return Err(TaskError::permanent("no_features", message));
        }
        let scores = self.names.iter().cloned().zip(scores.iter().copied()).collect();
        Ok(FittedTransform::Keep { columns, scores })
    }
}

/// Principal components.
pub(super) fn pca(
    settings: PcaSettings,
    frame: &Frame,
    names: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let looked = Looked::at("pca", frame, &names)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let components = match settings.n {
        share if share > 0.0 && share < 1.0 => Components::Share(share),
        count => Components::Count(count as usize),
    };
    let fitted = Pca { components, whiten: settings.whiten }.fit(&looked.columns);
    let fitted = fitted.map_err(|error| looked.wrong(&error))?;
    let scale = if settings.whiten { fitted.deviations() } else { Vec::new() };
    Ok(project("pca", names, fitted.mean, &fitted.components, scale))
}

/// The first singular vectors.
pub(super) fn svd(
    settings: SvdSettings,
    frame: &Frame,
    names: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let looked = Looked::at("svd", frame, &names)?;
    let fitted = TruncatedSvd { components: settings.n }.fit(&looked.columns);
    let fitted = fitted.map_err(|error| looked.wrong(&error))?;
    Ok(project("svd", names, Vec::new(), &fitted.components, Vec::new()))
}

fn project(
    prefix: &str,
    columns: Vec<String>,
    centre: Vec<f64>,
    components: &[Vec<f64>],
    scale: Vec<f64>,
) -> FittedTransform {
    let outputs = (0..components.len()).map(|at| format!("{prefix}{at}")).collect();
    FittedTransform::Project(Projection { columns, centre, outputs, weights: components.concat(), scale })
}

/// Leaves out columns of little variance.
pub(super) fn variance(
    settings: VarianceSettings,
    frame: &Frame,
    names: &[String],
) -> Result<FittedTransform, TaskError> {
    let looked = Looked::at("variance", frame, names)?;
    let dropped = low_variance(&looked.columns, settings.threshold);
    let dropped = dropped.map_err(|error| looked.wrong(&error))?;
    let scores = variances(&looked.columns).map_err(|error| looked.wrong(&error))?;
    looked.keep(frame, &dropped, &scores.into_iter().map(Some).collect::<Vec<_>>())
}

/// Leaves out columns that tell what earlier ones tell.
pub(super) fn uncorrelated(
    settings: CorrelatedSettings,
    frame: &Frame,
    names: &[String],
) -> Result<FittedTransform, TaskError> {
    let looked = Looked::at("correlated", frame, names)?;
    let dropped = correlated(&looked.columns, settings.max).map_err(|error| looked.wrong(&error))?;
    looked.keep(frame, &dropped, &vec![None; names.len()])
}

/// Keeps the columns that tell most of the target; of equal ones the first.
pub(super) fn k_best(
    settings: KBestSettings,
    frame: &Frame,
    names: &[String],
    target: &Target,
) -> Result<FittedTransform, TaskError> {
    let looked = Looked::at("k_best", frame, names)?;
    let columns = &looked.columns;
    let continuous = vec![false; columns.len()];
    let scores: Result<Vec<Score>, Error> = match (target, settings.by) {
        (Target::Classes { indices, .. }, ScoreBy::F) => f_classif(columns, indices),
        (Target::Classes { indices, .. }, ScoreBy::Chi2) => chi2(columns, indices),
        (Target::Classes { indices, .. }, ScoreBy::MutualInfo) => {
            mutual_info_classif(columns, &continuous, indices, settings.seed)
        }
        (Target::Numbers(numbers), ScoreBy::F) => f_regression(columns, numbers),
        (Target::Numbers(numbers), ScoreBy::MutualInfo) => {
            mutual_info_regression(columns, &continuous, numbers, settings.seed)
        }
        (Target::Numbers(_), ScoreBy::Chi2) => {
            let message = "`k_best` by `chi2` wants classes, and the target holds numbers";
            return Err(TaskError::permanent("transform", message).hint("use `by = \"f\"`"));
        }
    };
    let scores = scores.map_err(|error| looked.wrong(&error))?;
    let scores: Vec<Option<f64>> = scores.into_iter().map(|score| score.score).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    let score = |at: &usize| scores[*at].filter(|score| !score.is_nan()).unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|one, other| score(other).total_cmp(&score(one)));
    looked.keep(frame, order.get(settings.k..).unwrap_or_default(), &scores)
}
