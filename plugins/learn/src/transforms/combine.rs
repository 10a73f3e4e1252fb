//! Fitting what makes new columns out of several.

use sluicegate_model::{
    FittedTransform, Frame, GroupStatistic, MISSING, Pairs, Polynomial, numeric::percentile,
};
use sluicegate_plugin::TaskError;

use super::params::{GroupSettings, PairsSettings, PolynomialSettings, Statistic};

/// New columns of one transform, at the most.
const MAX_NEW: usize = 20_000;

/// All products of up to `degree` columns, by degree and then by column, as `PolynomialFeatures` orders them.
pub(super) fn polynomial(
    settings: PolynomialSettings,
    columns: Vec<String>,
) -> Result<FittedTransform, TaskError> {
    let mut products: Vec<Vec<usize>> = Vec::new();
    let mut last: Vec<Vec<usize>> = (0..columns.len()).map(|at| vec![at]).collect();
    for _ in 1..settings.degree {
        let mut longer = Vec::new();
        for product in &last {
            let from = product[product.len() - 1] + usize::from(settings.interactions_only);
            longer.extend((from..columns.len()).map(|at| [product.as_slice(), &[at]].concat()));
            few("polynomial", products.len() + longer.len())?;
        }
        products.extend_from_slice(&longer);
        last = longer;
    }
    Ok(FittedTransform::Polynomial(Polynomial { columns, products }))
}

/// Every pair of columns.
pub(super) fn pairs(settings: &PairsSettings, columns: Vec<String>) -> Result<FittedTransform, TaskError> {
    few("pairs", columns.len() * columns.len().saturating_sub(1) / 2 * settings.make.len())?;
    Ok(FittedTransform::Pairs(Pairs { columns, operations: settings.make.clone() }))
}

fn few(transform: &str, n_new: usize) -> Result<(), TaskError> {
    if n_new <= MAX_NEW {
        return Ok(());
    }
    let message = format!("`{transform}` would make {n_new} columns, more than {MAX_NEW}");
    Err(TaskError::permanent("too_many_columns", message).hint("name fewer columns"))
}

/// Statistics of columns by the categories of another.
pub(super) fn group(
    settings: &GroupSettings,
    frame: &Frame,
    columns: &[String],
) -> Result<Vec<FittedTransform>, TaskError> {
    let by = &settings.by;
    let Some(texts) = frame.texts(by) else {
        let what = if frame.position(by).is_some() { "holds numbers" } else { "is not a feature" };
        let message = format!("`group` wants a text column in `by`; `{by}` {what}");
        return Err(TaskError::permanent("transform", message));
    };
    let categories = texts.sorted();
    let place = |text: &String| categories.binary_search(text).unwrap_or_default();
    let places: Vec<usize> = texts.distinct.iter().map(place).collect();
    let mut fitted = Vec::new();
    for column in columns {
        let values = frame.numbers(column).unwrap_or_default();
        let mut groups: Vec<Vec<f64>> = vec![Vec::new(); categories.len()];
        for (value, code) in values.iter().zip(&texts.codes).filter(|(value, _)| !value.is_nan()) {
            if *code != MISSING {
                groups[places[*code as usize]].push(*value);
            }
        }
        let mut all: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        for statistic in settings.statistics.as_deref().unwrap_or(&[Statistic::Mean]) {
            fitted.push(FittedTransform::Group(GroupStatistic {
                by: by.clone(),
                categories: categories.clone(),
                name: statistic.column(column, by),
                values: groups.iter_mut().map(|group| statistic.of(group)).collect(),
                otherwise: if *statistic == Statistic::Count { 0.0 } else { statistic.of(&mut all) },
            }));
        }
    }
    Ok(fitted)
}

impl Statistic {
    /// The statistic of some values, which it may sort; missing for none.
    fn of(self, values: &mut [f64]) -> f64 {
        let n = values.len() as f64;
        if self == Self::Count {
            return n;
        }
        if values.is_empty() {
            return f64::NAN;
        }
        let sum: f64 = values.iter().sum();
        match self {
            Self::Mean => sum / n,
            Self::Sum => sum,
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Std if values.len() == 1 => 0.0,
            Self::Std => {
                let squares: f64 = values.iter().map(|value| (value - sum / n).powi(2)).sum();
                (squares / (n - 1.0)).sqrt()
            }
            _ => {
                values.sort_by(f64::total_cmp);
                percentile(values, 50.0)
            }
        }
    }
}
