//! Random forests (Breiman 2001) and extra trees (Geurts et al. 2006): the mean of trees that differ by the rows
//! they are grown on and by the columns and thresholds that they try.

use rayon::prelude::*;

use super::TreeEnsemble;
use super::bootstrap::{Bootstrap, tree_rng};
use super::grown::normalize;
use super::out_of_bag::{Bag, OutOfBag};
use super::settings::{FitError, TrainingRows, TreeSettings};
use super::tree::Table;

/// How a forest is grown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForestSettings {
    /// The number of trees.
    pub(crate) n_trees: usize,
    /// How each tree is grown; the seed is the forest's.
    pub(crate) tree: TreeSettings,
    /// Whether each tree sees rows drawn with replacement instead of all rows.
    pub(crate) bootstrap: bool,
    /// The rows drawn for a tree; none means as many as there are.
    pub(crate) max_samples: Option<usize>,
    /// Whether to predict each row by the trees that have not seen it; needs `bootstrap`.
    pub(crate) out_of_bag: bool,
}

/// A fitted forest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RandomForest {
    /// The trees; the prediction is their mean: class shares, or one value.
    pub(crate) ensemble: TreeEnsemble,
    /// The share of each column in the decrease of the impurity, averaged over the trees.
    pub(crate) importances: Vec<f64>,
    /// The predictions by trees that have not seen the row, if asked for.
    pub(crate) out_of_bag: Option<OutOfBag>,
}

/// A tree with what the forest keeps of its growth.
struct Grown {
    ensemble: TreeEnsemble,
    importances: Vec<f64>,
    bag: Bag,
}

impl RandomForest {
    /// Grows the trees on rayon's threads; their number does not change the result.
    pub(crate) fn fit(
        rows: &TrainingRows<'_>,
        settings: &ForestSettings,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, FitError> {
        let table = Table::new(rows)?;
        let n_rows = table.columns.n_rows();
        let n_draws = settings.max_samples.unwrap_or(n_rows);
        let bootstrap = settings.bootstrap.then(|| Bootstrap::new(n_rows, n_draws, rows.weights));
        let nursery = Nursery { table, weights: rows.weights, settings, bootstrap, stop };
        let trees: Vec<Grown> =
            (0..settings.n_trees).into_par_iter().map(|idx| nursery.grow(idx)).collect::<Result<_, _>>()?;
        let mut ensemble =
            TreeEnsemble::new(rows.features.ncols(), rows.target.n_outputs(), rows.target.n_outputs());
        ensemble.scale = 1.0 / trees.len().max(1) as f64;
        for tree in &trees {
            ensemble.append(&tree.ensemble);
        }
        let bags: Vec<Bag> = trees.iter().map(|tree| tree.bag.clone()).collect();
        let out_of_bag = (settings.out_of_bag && settings.bootstrap)
            .then(|| OutOfBag::new(&ensemble, rows, &bags, stop))
            .transpose()?;
        Ok(Self { importances: mean_importances(&trees, ensemble.n_features), ensemble, out_of_bag })
    }
}

/// What all trees have in common.
struct Nursery<'a> {
    table: Table<'a>,
    weights: Option<&'a [f64]>,
    settings: &'a ForestSettings,
    bootstrap: Option<Bootstrap>,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl Nursery<'_> {
    fn grow(&self, tree_idx: usize) -> Result<Grown, FitError> {
        let Self { table, settings, stop, .. } = self;
        // A small tree is grown before it asks by itself.
        if stop() {
            return Err(FitError::Stopped);
        }
        let mut rng = tree_rng(settings.tree.seed, tree_idx);
        let mut bag = Bag::default();
        let grown = if let Some(bootstrap) = &self.bootstrap {
            let counts = bootstrap.counts(&mut rng);
            if settings.out_of_bag {
                bag = Bag::new(&counts);
            }
            table.grow(&settings.tree, |row| f64::from(counts[row]), rng, stop)?
        } else {
            let weight = |row: usize| self.weights.map_or(1.0, |weights| weights[row]);
            table.grow(&settings.tree, weight, rng, stop)?
        };
        Ok(Grown { ensemble: grown.to_ensemble(), importances: grown.importances(), bag })
    }
}

/// The mean over the trees that have a split.
fn mean_importances(trees: &[Grown], n_features: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n_features];
    for tree in trees {
        sums.iter_mut().zip(&tree.importances).for_each(|(sum, importance)| *sum += importance);
    }
    normalize(&mut sums);
    sums
}
