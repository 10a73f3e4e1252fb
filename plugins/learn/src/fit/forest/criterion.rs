//! Impurities: what a split is to reduce. The arithmetic follows scikit-learn operation by operation,
//! so that splits which are equally good up to rounding are decided the same way.

use super::samples::NodeSamples;

/// The statistics of a node and of the rows that a scan has moved to its left child.
pub(super) trait Measure {
    /// The target of a row.
    type Label: Copy + Send + Sync;

    /// The numbers in a node's value.
    fn n_values(&self) -> usize;

    /// Takes up a node.
    fn begin(&mut self, node: NodeSamples<'_, Self::Label>);

    /// The weight of the node.
    fn weight(&self) -> f64;

    /// The impurity of the node.
    fn impurity(&self) -> f64;

    /// Appends the node's prediction.
    fn push_value(&self, values: &mut Vec<f64>);

    /// Puts all rows to the right. The scan will move them left in the order of the keys, whose low half is a
    /// row's place in the node.
    fn start_scan(&mut self, node: NodeSamples<'_, Self::Label>, keys: &[u64]);

    /// Moves the next row to the left.
    fn move_left(&mut self, label: Self::Label, weight: f64);

    /// How good it is to split here: greater is better, and differences are those of the weighted impurity.
    fn score(&self) -> f64;
}

/// The class weights of a node and of its left child. `W` is a vector, or an array for the frequent two classes,
/// which is a good deal faster.
#[derive(Clone, Debug)]
struct ClassWeights<W> {
    total: W,
    left: W,
    total_weight: f64,
    left_weight: f64,
}

impl<W: AsRef<[f64]> + AsMut<[f64]> + Clone> ClassWeights<W> {
    fn new(zeros: W) -> Self {
        Self { total: zeros.clone(), left: zeros, total_weight: 0.0, left_weight: 0.0 }
    }

    fn begin(&mut self, node: NodeSamples<'_, u32>) {
        let total = self.total.as_mut();
        total.fill(0.0);
        self.total_weight = 0.0;
        for (class, weight) in node.labels.iter().zip(node.weights) {
            total[*class as usize] += weight;
            self.total_weight += weight;
        }
    }

    fn start_scan(&mut self) {
        self.left.as_mut().fill(0.0);
        self.left_weight = 0.0;
    }

    fn move_left(&mut self, class: u32, weight: f64) {
        self.left.as_mut()[class as usize] += weight;
        self.left_weight += weight;
    }

    fn push_shares(&self, values: &mut Vec<f64>) {
        values.extend(self.total.as_ref().iter().map(|weight| weight / self.total_weight));
    }
}

/// The Gini index, `1 − Σ share²`.
#[derive(Clone, Debug)]
pub(super) struct Gini<W>(ClassWeights<W>);

impl<W: AsRef<[f64]> + AsMut<[f64]> + Clone> Gini<W> {
    /// For as many classes as there are zeros.
    pub(super) fn new(zeros: W) -> Self {
        Self(ClassWeights::new(zeros))
    }
}

impl<W: AsRef<[f64]> + AsMut<[f64]> + Clone> Measure for Gini<W> {
    type Label = u32;

    fn n_values(&self) -> usize {
        self.0.total.as_ref().len()
    }

    fn begin(&mut self, node: NodeSamples<'_, u32>) {
        self.0.begin(node);
    }

    fn weight(&self) -> f64 {
        self.0.total_weight
    }

    fn impurity(&self) -> f64 {
        let squares: f64 = self.0.total.as_ref().iter().map(|weight| weight * weight).sum();
        1.0 - squares / (self.0.total_weight * self.0.total_weight)
    }

    fn push_value(&self, values: &mut Vec<f64>) {
        self.0.push_shares(values);
    }

    fn start_scan(&mut self, _: NodeSamples<'_, u32>, _: &[u64]) {
        self.0.start_scan();
    }

    fn move_left(&mut self, class: u32, weight: f64) {
        self.0.move_left(class, weight);
    }

    fn score(&self) -> f64 {
        let (left_weight, right_weight) = (self.0.left_weight, self.0.total_weight - self.0.left_weight);
        let (mut left_squares, mut right_squares) = (0.0, 0.0);
        for (left, total) in self.0.left.as_ref().iter().zip(self.0.total.as_ref()) {
            let right = total - left;
            left_squares += left * left;
            right_squares += right * right;
        }
        let left_impurity = 1.0 - left_squares / (left_weight * left_weight);
        let right_impurity = 1.0 - right_squares / (right_weight * right_weight);
        -right_weight * right_impurity - left_weight * left_impurity
    }
}

/// The entropy, `−Σ share · log2 share`.
#[derive(Clone, Debug)]
pub(super) struct Entropy<W>(ClassWeights<W>);

impl<W: AsRef<[f64]> + AsMut<[f64]> + Clone> Entropy<W> {
    /// For as many classes as there are zeros.
    pub(super) fn new(zeros: W) -> Self {
        Self(ClassWeights::new(zeros))
    }
}

/// `share · log2 share` of a class, 0 for an absent one.
fn share_log(weight: f64, total_weight: f64) -> f64 {
    if weight > 0.0 {
        let share = weight / total_weight;
        share * share.log2()
    } else {
        0.0
    }
}

impl<W: AsRef<[f64]> + AsMut<[f64]> + Clone> Measure for Entropy<W> {
    type Label = u32;

    fn n_values(&self) -> usize {
        self.0.total.as_ref().len()
    }

    fn begin(&mut self, node: NodeSamples<'_, u32>) {
        self.0.begin(node);
    }

    fn weight(&self) -> f64 {
        self.0.total_weight
    }

    fn impurity(&self) -> f64 {
        self.0.total.as_ref().iter().fold(0.0, |sum, weight| sum - share_log(*weight, self.0.total_weight))
    }

    fn push_value(&self, values: &mut Vec<f64>) {
        self.0.push_shares(values);
    }

    fn start_scan(&mut self, _: NodeSamples<'_, u32>, _: &[u64]) {
        self.0.start_scan();
    }

    fn move_left(&mut self, class: u32, weight: f64) {
        self.0.move_left(class, weight);
    }

    fn score(&self) -> f64 {
        let (left_weight, right_weight) = (self.0.left_weight, self.0.total_weight - self.0.left_weight);
        let (mut left_entropy, mut right_entropy) = (0.0, 0.0);
        for (left, total) in self.0.left.as_ref().iter().zip(self.0.total.as_ref()) {
            left_entropy -= share_log(*left, left_weight);
            right_entropy -= share_log(total - left, right_weight);
        }
        -right_weight * right_entropy - left_weight * left_entropy
    }
}

/// The mean squared distance from the mean.
#[derive(Clone, Debug, Default)]
pub(super) struct SquaredError {
    /// Added to predictions: the targets are given without it.
    shift: f64,
    total_weight: f64,
    total: f64,
    total_squares: f64,
    left_weight: f64,
    left: f64,
}

impl SquaredError {
    /// For targets from which `shift` was subtracted.
    pub(super) fn new(shift: f64) -> Self {
        Self { shift, ..Self::default() }
    }
}

impl Measure for SquaredError {
    type Label = f64;

    fn n_values(&self) -> usize {
        1
    }

    fn begin(&mut self, node: NodeSamples<'_, f64>) {
        (self.total_weight, self.total, self.total_squares) = (0.0, 0.0, 0.0);
        for (value, weight) in node.labels.iter().zip(node.weights) {
            let weighted = weight * value;
            self.total_weight += weight;
            self.total += weighted;
            self.total_squares += weighted * value;
        }
    }

    fn weight(&self) -> f64 {
        self.total_weight
    }

    fn impurity(&self) -> f64 {
        let mean = self.total / self.total_weight;
        self.total_squares / self.total_weight - mean * mean
    }

    fn push_value(&self, values: &mut Vec<f64>) {
        values.push(self.total / self.total_weight + self.shift);
    }

    fn start_scan(&mut self, _: NodeSamples<'_, f64>, _: &[u64]) {
        (self.left_weight, self.left) = (0.0, 0.0);
    }

    fn move_left(&mut self, value: f64, weight: f64) {
        self.left_weight += weight;
        self.left += weight * value;
    }

    fn score(&self) -> f64 {
        let right = self.total - self.left;
        self.left * self.left / self.left_weight + right * right / (self.total_weight - self.left_weight)
    }
}
