//! The best split of a leaf, found in its histogram.
//!
//! A split's gain is what it takes off twice the loss in second order: `GL²/(HL+λ) + GR²/(HR+λ) − G²/(H+λ)` (Chen and
//! Guestrin 2016, eq. 7). Categories are ordered by gradient over hessian, which makes the best subset a prefix (Fisher
//! 1958), and pay more regularisation, because their order was chosen from the same rows.

use super::{
    bins::{Bins, Cuts},
    histogram::{Scale, Sum, Total, add},
    tree::Rule,
};

/// Less hessian than this on a side says nothing.
const MIN_HESSIAN: f64 = 1e-3;

/// Added to a category's hessian before categories are ordered; a rarer category is left out.
const CATEGORY_SMOOTHING: f64 = 10.0;

/// Added to the regularisation of a split by categories.
const CATEGORY_L2: f64 = 10.0;

/// Categories on the smaller side, at the most.
const MAX_CATEGORIES: usize = 32;

/// Columns with fewer categories than this are split one against the others, without more regularisation.
const FEW_CATEGORIES: usize = 5;

/// Which way predictions must go when a column grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Monotone {
    /// Any way.
    #[default]
    Free,
    /// Up, or not at all.
    Up,
    /// Down, or not at all.
    Down,
}

/// What a split must respect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) l2: f64,
    pub(super) min_gain: f64,
    pub(super) min_rows_leaf: usize,
    /// The values that the leaf's descendants may have.
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// A split that is better than none.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) column: usize,
    pub(super) rule: Rule,
    pub(super) left: Sum,
}

/// A side's best value within the limits, before it is shrunk by the learning rate.
pub(super) fn value(total: Total, l2: f64, limits: &Limits) -> f64 {
    let weight = total.hessian + l2;
    if weight <= 0.0 { 0.0 } else { (-total.gradient / weight).clamp(limits.lower, limits.upper) }
}

/// What a side with a value takes off twice the loss.
fn score(total: Total, value: f64, l2: f64) -> f64 {
    -(2.0 * total.gradient + (total.hessian + l2) * value) * value
}

/// Finds the best split of one column.
pub(super) struct Search<'a> {
    pub(super) scale: Scale,
    pub(super) limits: &'a Limits,
    pub(super) leaf: Sum,
}

impl Search<'_> {
    /// The best split by a column whose bins have these sums, the last one for missing values.
    pub(super) fn best(&self, column: usize, bins: &Bins, sums: &[Sum], monotone: Monotone) -> Option<Split> {
        let found = match bins.cuts {
            Cuts::Thresholds(_) => self.best_threshold(sums, monotone),
            Cuts::Categories(_) => self.best_categories(sums),
        };
        let (gain, rule, left) = found?;
        Some(Split { gain, column, rule, left })
    }

    fn best_threshold(&self, sums: &[Sum], monotone: Monotone) -> Option<(f64, Rule, Sum)> {
        let (values, missing) = sums.split_at(sums.len() - 1);
        let missing = missing[0];
        let has_missing = missing[0] != 0;
        // Without missing rows the last threshold would leave nothing on the right.
        let n_cuts = if has_missing { values.len() } else { values.len().saturating_sub(1) };
        let mut best = Best::new(self, monotone, self.limits.l2);
        let mut below: Sum = [0; 2];
        for (bin, sum) in (0..=u8::MAX).zip(&values[..n_cuts]) {
            if sum[0] == 0 {
                continue;
            }
            add(&mut below, *sum);
            best.offer(below, bin, false);
            if has_missing {
                best.offer([below[0] + missing[0], below[1] + missing[1]], bin, true);
            }
        }
        let (gain, bin, missing_left, left) = best.found?;
        // What training did not see goes where most rows go.
        let n_left = self.scale.total(left).n_rows;
        let missing_left =
            if has_missing { missing_left } else { 2 * n_left > self.scale.total(self.leaf).n_rows };
        Some((gain, Rule::Threshold { bin, missing_left }, left))
    }

    fn best_categories(&self, sums: &[Sum]) -> Option<(f64, Rule, Sum)> {
        let n_bins = sums.len() - 1;
        let n_present = sums[..n_bins].iter().filter(|sum| sum[0] != 0).count();
        if n_present < FEW_CATEGORIES {
            return self.one_category(sums);
        }
        let leaf = self.scale.total(self.leaf);
        let support = leaf.n_rows as f64 / leaf.hessian.max(f64::MIN_POSITIVE);
        let mut order: Vec<(f64, u8)> = (0..=u8::MAX)
            .zip(&sums[..n_bins])
            .map(|(bin, sum)| (self.scale.total(*sum), bin))
            .filter(|(total, _)| total.hessian * support >= CATEGORY_SMOOTHING)
            .map(|(total, bin)| (total.gradient / (total.hessian + CATEGORY_SMOOTHING), bin))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut best = Best::new(self, Monotone::Free, self.limits.l2 + CATEGORY_L2);
        let n_most = MAX_CATEGORIES.min(order.len().div_ceil(2));
        for from_the_end in [false, true] {
            let mut left: Sum = [0; 2];
            for n_left in 1..=n_most {
                let at = if from_the_end { order.len() - n_left } else { n_left - 1 };
                add(&mut left, sums[usize::from(order[at].1)]);
                best.offer(left, u8::try_from(n_left).unwrap_or(u8::MAX), from_the_end);
            }
        }
        let (gain, n_left, from_the_end, left) = best.found?;
        let n_left = usize::from(n_left);
        let chosen = if from_the_end { &order[order.len() - n_left..] } else { &order[..n_left] };
        Some((gain, Rule::categories(chosen.iter().map(|(_, bin)| *bin)), left))
    }

    fn one_category(&self, sums: &[Sum]) -> Option<(f64, Rule, Sum)> {
        let mut best = Best::new(self, Monotone::Free, self.limits.l2);
        for (bin, sum) in (0..=u8::MAX).zip(sums).filter(|(_, sum)| sum[0] != 0) {
            best.offer(*sum, bin, false);
        }
        let (gain, bin, _, left) = best.found?;
        Some((gain, Rule::categories(std::iter::once(bin)), left))
    }
}

/// The best of the splits that were offered; of equal ones the first.
struct Best<'a> {
    search: &'a Search<'a>,
    monotone: Monotone,
    l2: f64,
    leaf: Total,
    /// What the split must beat: the leaf as it is, and the least gain.
    bar: f64,
    parent: f64,
    is_bounded: bool,
    found: Option<(f64, u8, bool, Sum)>,
}

impl<'a> Best<'a> {
    fn new(search: &'a Search<'a>, monotone: Monotone, l2: f64) -> Self {
        let leaf = search.scale.total(search.leaf);
        let limits = search.limits;
        let parent = score(leaf, value(leaf, limits.l2, limits), limits.l2);
        let is_bounded = monotone != Monotone::Free || limits.lower.is_finite() || limits.upper.is_finite();
        Self { search, monotone, l2, leaf, bar: parent + limits.min_gain, parent, is_bounded, found: None }
    }

    #[inline]
    fn offer(&mut self, left: Sum, place: u8, flag: bool) {
        let total = self.search.scale.total(left);
        let right = Total {
            gradient: self.leaf.gradient - total.gradient,
            hessian: self.leaf.hessian - total.hessian,
            n_rows: self.leaf.n_rows - total.n_rows,
        };
        let least = self.search.limits.min_rows_leaf;
        if total.n_rows < least || right.n_rows < least {
            return;
        }
        if total.hessian < MIN_HESSIAN || right.hessian < MIN_HESSIAN {
            return;
        }
        let (both, over) =
            if self.is_bounded { (self.bounded(total, right), 1.0) } else { self.free(total, right) };
        if both > self.bar * over {
            self.bar = both / over;
            self.found = Some((self.bar - self.parent, place, flag, left));
        }
    }

    /// Both sides' scores as a fraction: few splits are better than those before, and only they need a division.
    #[inline]
    fn free(&self, left: Total, right: Total) -> (f64, f64) {
        let (left_weight, right_weight) = (left.hessian + self.l2, right.hessian + self.l2);
        let both =
            left.gradient * left.gradient * right_weight + right.gradient * right.gradient * left_weight;
        (both, left_weight * right_weight)
    }

    fn bounded(&self, left: Total, right: Total) -> f64 {
        let limits = self.search.limits;
        let left_value = value(left, self.l2, limits);
        let right_value = value(right, self.l2, limits);
        let is_wrong = match self.monotone {
            Monotone::Free => false,
            Monotone::Up => left_value > right_value,
            Monotone::Down => left_value < right_value,
        };
        if is_wrong {
            return f64::NEG_INFINITY;
        }
        score(left, left_value, self.l2) + score(right, right_value, self.l2)
    }
}
