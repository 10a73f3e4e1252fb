//! Naive Bayes classifiers with scikit-learn's formulas (`GaussianNB`, `MultinomialNB`, `BernoulliNB`,
//! `CategoricalNB`).
//!
//! Each counts, or takes means, once over the weighted rows; [`NaiveBayes`] is what they find, and predicts.
//! Three things differ from scikit-learn, where its result is not a number: a variance is at least the
//! smallest normal number, an `alpha` below 1e-10 is raised to it, and a row that no class can explain has
//! the priors as its probabilities.

mod counts;
mod data;
mod gaussian;
#[cfg(test)]
mod tests;

pub(crate) use counts::{bernoulli, categorical, multinomial};
pub(crate) use data::{FitError, Priors, TrainingRows};
pub(crate) use gaussian::gaussian;
#[cfg(test)]
use sluicegate_model::{Likelihood, NaiveBayes};
