//! Distributions that are estimated by smoothed counts.

use super::data::{FitError, Priors, TrainingRows};
use sluicegate_model::{Likelihood, NaiveBayes, category};

/// Smaller values of `alpha` would give probabilities of 0.
const MIN_ALPHA: f64 = 1e-10;

/// The number of categories at most.
const MAX_CATEGORIES: usize = 1 << 24;

/// Fits `MultinomialNB` to counts: feature j has the probability `(N_cj + alpha) / Σ_j (N_cj + alpha)` in
/// class c.
pub(crate) fn multinomial(
    rows: TrainingRows<'_>,
    priors: &Priors,
    alpha: f64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<NaiveBayes, FitError> {
    let class_priors = priors.of_classes(&rows.class_weights()?)?;
    let mut counts = vec![vec![0.0; rows.x.ncols()]; rows.n_classes];
    rows.visit(stop, |row| {
        for (column, (count, value)) in counts[row.class].iter_mut().zip(row.values).enumerate() {
            if *value < 0.0 {
                return Err(FitError::NegativeCount { row: row.idx, column });
            }
            *count += row.weight * value;
        }
        Ok(())
    })?;
    if counts.iter().any(|own| !own.iter().sum::<f64>().is_finite()) {
        return Err(FitError::NotFinite("the sum of the counts".into()));
    }
    let log_probabilities = counts.iter().map(|own| log_shares(own, alpha)).collect();
    let likelihood = Likelihood::Multinomial { log_probabilities };
    Ok(NaiveBayes { n_features: rows.x.ncols(), class_priors, likelihood })
}

/// Fits `BernoulliNB`: feature j is present, above `threshold`, with the probability `(N_cj + alpha) / (N_c +
/// 2 alpha)` in class c.
pub(crate) fn bernoulli(
    rows: TrainingRows<'_>,
    priors: &Priors,
    alpha: f64,
    threshold: f64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<NaiveBayes, FitError> {
    let class_priors = priors.of_classes(&rows.class_weights()?)?;
    // Absent and present.
    let mut counts = vec![vec![[0.0; 2]; rows.x.ncols()]; rows.n_classes];
    rows.visit(stop, |row| {
        for (count, value) in counts[row.class].iter_mut().zip(row.values) {
            count[usize::from(*value > threshold)] += row.weight;
        }
        Ok(())
    })?;
    let logs = |side: usize| {
        let of_class = |own: &Vec<[f64; 2]>| own.iter().map(|count| log_shares(count, alpha)[side]).collect();
        counts.iter().map(of_class).collect()
    };
    let likelihood = Likelihood::Bernoulli { threshold, log_present: logs(1), log_absent: logs(0) };
    Ok(NaiveBayes { n_features: rows.x.ncols(), class_priors, likelihood })
}

/// Fits `CategoricalNB`: category k of feature j has the probability `(N_cjk + alpha) / (N_c + alpha · K_j)`
/// in class c, with `K_j` the highest number of a category plus 1, or what `min_categories` says for the
/// column if that is more.
pub(crate) fn categorical(
    rows: TrainingRows<'_>,
    priors: &Priors,
    alpha: f64,
    min_categories: &[usize],
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<NaiveBayes, FitError> {
    let class_priors = priors.of_classes(&rows.class_weights()?)?;
    let mut n_categories: Vec<usize> =
        (0..rows.x.ncols()).map(|column| min_categories.get(column).copied().unwrap_or(0)).collect();
    rows.visit(stop, |row| {
        for (column, (n_categories, value)) in n_categories.iter_mut().zip(row.values).enumerate() {
            let category = category(*value).filter(|category| *category < MAX_CATEGORIES);
            let category = category.ok_or(FitError::NotACategory { row: row.idx, column })?;
            *n_categories = (*n_categories).max(category + 1);
        }
        Ok(())
    })?;
    let zeros: Vec<Vec<f64>> = n_categories.iter().map(|n_categories| vec![0.0; *n_categories]).collect();
    let mut counts = vec![zeros; rows.n_classes];
    rows.visit(stop, |row| {
        for (counts, value) in counts[row.class].iter_mut().zip(row.values) {
            if let Some(category) = category(*value) {
                counts[category] += row.weight;
            }
        }
        Ok(())
    })?;
    let of_class = |own: &Vec<Vec<f64>>| own.iter().map(|counts| log_shares(counts, alpha)).collect();
    let likelihood = Likelihood::Categorical { log_probabilities: counts.iter().map(of_class).collect() };
    Ok(NaiveBayes { n_features: rows.x.ncols(), class_priors, likelihood })
}

/// The logarithms of the shares of smoothed counts.
fn log_shares(counts: &[f64], alpha: f64) -> Vec<f64> {
    let alpha = alpha.max(MIN_ALPHA);
    let log_sum = counts.iter().map(|count| count + alpha).sum::<f64>().ln();
    counts.iter().map(|count| (count + alpha).ln() - log_sum).collect()
}
