//! One row through many small trees without walking them, after `QuickScorer` (Lucchese et al. 2015).
//!
//! A walk waits for memory and guesses wrong at every step. Here all tests of one feature stand in a row, the lowest
//! threshold first. Each test that a row fails strikes out the leaves on its left, one bit for each leaf of a tree, and
//! the first leaf that is left of a tree is the one that a walk would have reached. What the first tests of a feature
//! strike out together is known beforehand for every few of them, so that few are looked at one by one.

use std::{ops::BitAndAssign, sync::OnceLock};

use super::{Node, TreeEnsemble};

/// Trees for each test between two summaries: the larger it is, the more memory, and the fewer tests one by one.
const TREES_PER_TEST: usize = 8;

/// Below this, walking is as fast.
const MIN_TREES: usize = 16;

/// The leaves of a tree that are left, the lowest bit for the leftmost.
trait Leaves: Copy + BitAndAssign {
    const ALL: Self;
    /// Leaves of a tree, at the most.
    const MAX: u32;

    /// All but those from `from` to before `to`, which are fewer than all.
    fn without(from: u32, to: u32) -> Self;

    /// The leftmost one.
    fn first(self) -> u32;
}

macro_rules! leaves {
    ($bits:ty) => {
        impl Leaves for $bits {
            const ALL: Self = <$bits>::MAX;
            const MAX: u32 = <$bits>::BITS;

            fn without(from: u32, to: u32) -> Self {
                !(((1 << (to - from)) - 1) << from)
            }

            fn first(self) -> u32 {
                self.trailing_zeros()
            }
        }
    };
}

leaves!(u32);
leaves!(u64);

/// What is left of a tree's leaves when a test fails.
#[derive(Clone, Copy, Debug)]
struct Strike<L> {
    tree: u32,
    left: L,
}

/// The tests of one feature.
#[derive(Clone, Debug)]
struct Tests<L> {
    /// The thresholds of numbers, ascending, and what they strike out in a row above them.
    thresholds: Vec<f64>,
    strikes: Vec<Strike<L>>,
    /// For every so many failed tests, what they leave of all trees.
    summaries: Vec<Vec<L>>,
    /// What a missing value strikes out.
    missing: Vec<Strike<L>>,
    /// Tests by a bitset of categories, each with its node.
    categorical: Vec<(Node, Strike<L>)>,
}

impl<L> Default for Tests<L> {
    fn default() -> Self {
        let (thresholds, strikes, summaries) = (Vec::new(), Vec::new(), Vec::new());
        Self { thresholds, strikes, summaries, missing: Vec::new(), categorical: Vec::new() }
    }
}

/// Trees of few leaves, by feature.
#[derive(Clone, Debug)]
struct RowScorer<L> {
    tests: Vec<Tests<L>>,
    /// Tests from one summary to the next.
    stride: usize,
    /// Where each tree's leaves begin in `leaves`.
    first_leaf: Vec<u32>,
    /// Where each leaf's values start, from left to right.
    leaves: Vec<u32>,
}

/// How an ensemble predicts a row alone.
#[derive(Clone, Debug)]
enum Way {
    Upto32Leaves(RowScorer<u32>),
    Upto64Leaves(RowScorer<u64>),
    Walk,
}

/// The scorer of an ensemble, made when the first row is predicted alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LazyRowScorer(OnceLock<Way>);

impl PartialEq for LazyRowScorer {
    /// What follows from the ensemble makes no difference.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl LazyRowScorer {
    /// Predicts one row like [`TreeEnsemble::predict_row`], to the last bit.
    pub(crate) fn predict_row(&self, ensemble: &TreeEnsemble, row: &[f64], outputs: &mut [f64]) {
        match self.0.get_or_init(|| Way::of(ensemble)) {
            Way::Upto32Leaves(scorer) => scorer.predict(ensemble, row, outputs),
            Way::Upto64Leaves(scorer) => scorer.predict(ensemble, row, outputs),
            Way::Walk => ensemble.predict_row(row, outputs),
        }
    }
}

impl Way {
    fn of(ensemble: &TreeEnsemble) -> Self {
        if ensemble.n_trees() < MIN_TREES {
            return Self::Walk;
        }
        let upto_32 = RowScorer::new(ensemble).map(Self::Upto32Leaves);
        upto_32.or_else(|| RowScorer::new(ensemble).map(Self::Upto64Leaves)).unwrap_or(Self::Walk)
    }
}

impl<L: Leaves> RowScorer<L> {
    /// The scorer of an ensemble, unless a tree has too many leaves.
    fn new(ensemble: &TreeEnsemble) -> Option<Self> {
        let n_trees = ensemble.n_trees();
        let mut scorer = Self {
            tests: (0..ensemble.n_features).map(|_| Tests::default()).collect(),
            stride: n_trees.div_ceil(TREES_PER_TEST),
            first_leaf: Vec::with_capacity(n_trees),
            leaves: Vec::new(),
        };
        let mut thresholds: Vec<Vec<(f64, Strike<L>)>> = vec![Vec::new(); ensemble.n_features];
        for (tree, root) in (0..).zip(&ensemble.roots) {
            let first = scorer.leaves.len();
            scorer.first_leaf.push(super::to_u32(first));
            scorer.take_in(ensemble, *root, &Place { tree, first, depth: 0 }, &mut thresholds)?;
        }
        for (tests, mut found) in scorer.tests.iter_mut().zip(thresholds) {
            found.sort_by(|one, other| one.0.total_cmp(&other.0));
            (tests.thresholds, tests.strikes) = found.into_iter().unzip();
            let mut left = vec![L::ALL; n_trees];
            for strikes in tests.strikes.chunks_exact(scorer.stride) {
                strike_out(&mut left, strikes);
                tests.summaries.push(left.clone());
            }
        }
        Some(scorer)
    }

    /// Takes in a node and all below it; none when they are too many.
    fn take_in(
        &mut self,
        ensemble: &TreeEnsemble,
        node: u32,
        place: &Place,
        thresholds: &mut [Vec<(f64, Strike<L>)>],
    ) -> Option<()> {
        let n_leaves = |scorer: &Self| u32::try_from(scorer.leaves.len() - place.first).ok();
        let node = ensemble.nodes[node as usize];
        if node.is_leaf() {
            self.leaves.push(node.next);
            return (n_leaves(self)? <= L::MAX).then_some(());
        }
        if place.depth >= L::MAX {
            return None;
        }
        let below = Place { depth: place.depth + 1, ..*place };
        let before = n_leaves(self)?;
        self.take_in(ensemble, node.next, &below, thresholds)?;
        let after = n_leaves(self)?;
        self.take_in(ensemble, node.next + 1, &below, thresholds)?;
        // There is a leaf to the right too, so that fewer than all bits are struck out.
        let strike = Strike { tree: place.tree, left: L::without(before, after) };
        let tests = &mut self.tests[node.column()];
        if !node.missing_goes_left() {
            tests.missing.push(strike);
        }
        if node.is_categorical() {
            tests.categorical.push((node, strike));
        } else {
            thresholds[node.column()].push((node.threshold, strike));
        }
        Some(())
    }

    fn predict(&self, ensemble: &TreeEnsemble, row: &[f64], outputs: &mut [f64]) {
        assert_eq!(row.len(), ensemble.n_features, "a row has one value for each feature");
        let mut left = vec![L::ALL; self.first_leaf.len()];
        for (tests, value) in self.tests.iter().zip(row) {
            if value.is_nan() {
                strike_out(&mut left, &tests.missing);
                continue;
            }
            let n_failed = tests.thresholds.partition_point(|threshold| threshold < value);
            let n_summed = n_failed / self.stride;
            if n_summed > 0 {
                left.iter_mut().zip(&tests.summaries[n_summed - 1]).for_each(|(left, other)| *left &= *other);
            }
            strike_out(&mut left, &tests.strikes[n_summed * self.stride..n_failed]);
            for (node, strike) in &tests.categorical {
                if !ensemble.is_in_bitset(node.threshold, *value) {
                    left[strike.tree as usize] &= strike.left;
                }
            }
        }
        outputs.fill(0.0);
        let reached = self.first_leaf.iter().zip(left);
        let reached = reached.map(|(first, left)| self.leaves[(first + left.first()) as usize]);
        if let [sum] = outputs {
            *sum = reached.fold(0.0, |sum, leaf| sum + ensemble.values[leaf as usize]);
        } else {
            reached.enumerate().for_each(|(tree, leaf)| ensemble.add_leaf(tree, leaf, outputs));
        }
        ensemble.finish(outputs);
    }
}

fn strike_out<L: Leaves>(left: &mut [L], strikes: &[Strike<L>]) {
    for strike in strikes {
        left[strike.tree as usize] &= strike.left;
    }
}

/// Where a node stands.
struct Place {
    tree: u32,
    /// The number of leaves of all trees before.
    first: usize,
    depth: u32,
}
