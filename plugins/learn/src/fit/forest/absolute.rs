//! The absolute error. Its best prediction is a weighted median, which cannot be updated by a sum: before a scan,
//! the errors of all beginnings and all ends of the order are computed, each row in logarithmic time.

use super::criterion::Measure;
use super::samples::NodeSamples;
use super::sort;

/// The mean absolute distance from the weighted median.
#[derive(Clone, Debug, Default)]
pub(super) struct AbsoluteError {
    total_weight: f64,
    left_weight: f64,
    n_left: usize,
    node_error: f64,
    node_median: f64,
    /// The node's targets in ascending order, and the place of each row among them.
    sorted: Vec<f64>,
    ranks: Vec<u32>,
    /// The summed error of the first `n` and of all but the first `n` rows in the order of the scan.
    left_errors: Vec<f64>,
    right_errors: Vec<f64>,
    sums: PrefixSums,
}

impl AbsoluteError {
    fn rank(&mut self, labels: &[f64]) {
        let mut order: Vec<u32> = (0..).take(labels.len()).collect();
        order.sort_by(|a, b| labels[*a as usize].total_cmp(&labels[*b as usize]));
        self.sorted.clear();
        self.sorted.extend(order.iter().map(|place| labels[*place as usize]));
        self.ranks.resize(labels.len(), 0);
        for (rank, place) in (0..).zip(&order) {
            self.ranks[*place as usize] = rank;
        }
    }

    /// Adds a row and returns the summed error of all rows so far and their median.
    fn add(&mut self, place: usize, weight: f64) -> (f64, f64) {
        let rank = self.ranks[place] as usize;
        self.sums.add(rank, weight, weight * self.sorted[rank]);
        let half = self.sums.search(0.5 * self.sums.total_weight);
        let median = f64::midpoint(self.sorted[half.at_least], self.sorted[half.above]);
        let below = median * half.weight - half.product;
        let above =
            (self.sums.total_product - half.product) - median * (self.sums.total_weight - half.weight);
        (below + above, median)
    }
}

impl Measure for AbsoluteError {
    type Label = f64;

    fn n_values(&self) -> usize {
        1
    }

    fn begin(&mut self, node: NodeSamples<'_, f64>) {
        self.rank(node.labels);
        self.total_weight = node.weights.iter().sum();
        let half = 0.5 * self.total_weight;
        let mut weights = vec![0.0; node.labels.len()];
        for (place, weight) in node.weights.iter().enumerate() {
            weights[self.ranks[place] as usize] = *weight;
        }
        let mut below = 0.0;
        let mut middle = [None, None];
        for (value, weight) in self.sorted.iter().zip(&weights) {
            below += weight;
            if below >= half {
                middle[0].get_or_insert(*value);
            }
            if below > half {
                middle[1].get_or_insert(*value);
                break;
            }
        }
        let low = middle[0].unwrap_or_default();
        self.node_median = f64::midpoint(low, middle[1].unwrap_or(low));
        let errors = self.sorted.iter().zip(&weights).map(|(value, w)| w * (value - self.node_median).abs());
        self.node_error = errors.sum();
    }

    fn weight(&self) -> f64 {
        self.total_weight
    }

    fn impurity(&self) -> f64 {
        self.node_error / self.total_weight
    }

    fn push_value(&self, values: &mut Vec<f64>) {
        values.push(self.node_median);
    }

    fn start_scan(&mut self, node: NodeSamples<'_, f64>, keys: &[u64]) {
        self.left_weight = 0.0;
        self.n_left = 0;
        self.sums.reset(keys.len());
        self.left_errors.clear();
        self.left_errors.push(0.0);
        for place in keys.iter().map(|key| sort::place(*key)) {
            let (error, _) = self.add(place, node.weights[place]);
            self.left_errors.push(error);
        }
        self.sums.reset(keys.len());
        self.right_errors.clear();
        self.right_errors.resize(keys.len() + 1, 0.0);
        for (idx, place) in keys.iter().map(|key| sort::place(*key)).enumerate().rev() {
            self.right_errors[idx] = self.add(place, node.weights[place]).0;
        }
    }

    fn move_left(&mut self, _: f64, weight: f64) {
        self.left_weight += weight;
        self.n_left += 1;
    }

    fn score(&self) -> f64 {
        -self.right_errors[self.n_left] - self.left_errors[self.n_left]
    }
}

/// Sums of weights and of weight times value over all ranks up to one, updated in logarithmic time (a Fenwick tree).
#[derive(Clone, Debug, Default)]
struct PrefixSums {
    weights: Vec<f64>,
    products: Vec<f64>,
    total_weight: f64,
    total_product: f64,
}

/// Where the weight passes a goal.
struct Crossing {
    /// The first rank up to which the weight is at least the goal.
    at_least: usize,
    /// The first rank up to which it is more.
    above: usize,
    /// The weight before the rank `above`.
    weight: f64,
    /// Weight times value before the rank `above`.
    product: f64,
}

impl PrefixSums {
    fn reset(&mut self, n: usize) {
        for sums in [&mut self.weights, &mut self.products] {
            sums.clear();
            sums.resize(n + 1, 0.0);
        }
        (self.total_weight, self.total_product) = (0.0, 0.0);
    }

    fn add(&mut self, rank: usize, weight: f64, product: f64) {
        let mut idx = rank + 1;
        while idx < self.weights.len() {
            self.weights[idx] += weight;
            self.products[idx] += product;
            idx += idx & idx.wrapping_neg();
        }
        self.total_weight += weight;
        self.total_product += product;
    }

    /// The last place before which `advances` holds for the sum of weights, with both sums.
    fn descend(&self, advances: impl Fn(f64) -> bool) -> (usize, f64, f64) {
        let (mut idx, mut weight, mut product) = (0, 0.0, 0.0);
        let mut step = self.weights.len().next_power_of_two();
        while step > 0 {
            let next = idx + step;
            if next < self.weights.len() && advances(weight + self.weights[next]) {
                idx = next;
                weight += self.weights[next];
                product += self.products[next];
            }
            step /= 2;
        }
        (idx, weight, product)
    }

    fn search(&self, goal: f64) -> Crossing {
        let last = self.weights.len() - 2;
        let (above, weight, product) = self.descend(|sum| sum <= goal);
        let at_least = if weight < goal { above } else { self.descend(|sum| sum < goal).0 };
        Crossing { at_least: at_least.min(last), above: above.min(last), weight, product }
    }
}
