//! Normal distributions of the features.

use super::data::{FitError, Priors, TrainingRows};
use sluicegate_model::{Likelihood, NaiveBayes};

/// Fits `GaussianNB`. `var_smoothing` times the largest variance of a feature, over all rows alike whatever
/// their weights, is added to every variance.
pub(crate) fn gaussian(
    rows: TrainingRows<'_>,
    priors: &Priors,
    var_smoothing: f64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<NaiveBayes, FitError> {
    let class_weights = rows.class_weights()?;
    let class_priors = priors.of_classes(&class_weights)?;
    let one_class = vec![0; rows.classes.len()];
    let all_alike = TrainingRows { x: rows.x.view(), classes: &one_class, n_classes: 1, weights: None };
    let overall = moments(all_alike, &[rows.classes.len() as f64], stop)?;
    let largest = overall.variances[0].iter().copied().fold(0.0, f64::max);
    let Moments { means, mut variances } = moments(rows, &class_weights, stop)?;
    for variance in variances.iter_mut().flatten() {
        *variance = (*variance + var_smoothing * largest).max(f64::MIN_POSITIVE);
    }
    let likelihood = Likelihood::Gaussian { means, variances };
    Ok(NaiveBayes { n_features: rows.x.ncols(), class_priors, likelihood })
}

/// The mean and the variance of each feature in each class; 0 in a class without weight.
struct Moments {
    means: Vec<Vec<f64>>,
    variances: Vec<Vec<f64>>,
}

/// In two passes. What rounding leaves of the sum of deviations corrects the means and the variances
/// (T. F. Chan, G. H. Golub, R. J. `LeVeque`, *Algorithms for computing the sample variance*, 1983).
fn moments(
    rows: TrainingRows<'_>,
    class_weights: &[f64],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Moments, FitError> {
    let zeros = vec![vec![0.0; rows.x.ncols()]; rows.n_classes];
    let mut means = zeros.clone();
    rows.visit(stop, |row| {
        for (sum, value) in means[row.class].iter_mut().zip(row.values) {
            *sum += row.weight * value;
        }
        Ok(())
    })?;
    let inverses: Vec<f64> =
        class_weights.iter().map(|weight| if *weight > 0.0 { 1.0 / weight } else { 0.0 }).collect();
    for (own, inverse) in means.iter_mut().zip(&inverses) {
        for mean in own {
            *mean *= inverse;
        }
    }
    let (mut deviations, mut variances) = (zeros.clone(), zeros);
    rows.visit(stop, |row| {
        let sums = deviations[row.class].iter_mut().zip(&mut variances[row.class]);
        for ((value, mean), (deviation, variance)) in row.values.iter().zip(&means[row.class]).zip(sums) {
            let difference = value - mean;
            *deviation += row.weight * difference;
            *variance += row.weight * difference * difference;
        }
        Ok(())
    })?;
    for (class, inverse) in inverses.iter().enumerate() {
        for (column, deviation) in deviations[class].iter().enumerate() {
            let correction = deviation * inverse;
            means[class][column] += correction;
            let variance = &mut variances[class][column];
            *variance = (*variance * inverse - correction * correction).max(0.0);
            // `max` hides what is not a number; the mean is not one either then.
            if !variance.is_finite() || !means[class][column].is_finite() {
                return Err(FitError::NotFinite(format!("the variance of column {column}")));
            }
        }
    }
    Ok(Moments { means, variances })
}
