//! The rows of a tree in the order of its nodes: each node owns one range of them.

/// Rows with their labels and weights. A split reorders the range of its node, so that each child owns a part.
#[derive(Clone, Debug)]
pub(super) struct Samples<L> {
    rows: Vec<u32>,
    labels: Vec<L>,
    weights: Vec<f64>,
    right: Right<L>,
}

/// The rows that go right wait here while those that go left close up.
#[derive(Clone, Debug)]
struct Right<L> {
    rows: Vec<u32>,
    labels: Vec<L>,
    weights: Vec<f64>,
}

/// The rows of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeSamples<'a, L> {
    /// Their indexes in the table.
    pub(super) rows: &'a [u32],
    /// Their targets.
    pub(super) labels: &'a [L],
    /// Their weights.
    pub(super) weights: &'a [f64],
}

impl<L: Copy> Samples<L> {
    /// All rows of positive weight, in the order of the table.
    pub(super) fn new(labels: &[L], weight: impl Fn(usize) -> f64) -> Self {
        let right = Right { rows: Vec::new(), labels: Vec::new(), weights: Vec::new() };
        let mut samples = Self { rows: Vec::new(), labels: Vec::new(), weights: Vec::new(), right };
        for (row, label) in labels.iter().enumerate() {
            let weight = weight(row);
            if weight > 0.0 {
                samples.rows.push(u32::try_from(row).expect("a table has fewer than 2^32 rows"));
                samples.labels.push(*label);
                samples.weights.push(weight);
            }
        }
        samples
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows in a range.
    pub(super) fn node(&self, start: usize, end: usize) -> NodeSamples<'_, L> {
        NodeSamples {
            rows: &self.rows[start..end],
            labels: &self.labels[start..end],
            weights: &self.weights[start..end],
        }
    }

    /// Moves the rows of a range that go left before those that go right, both in their former order (which
    /// keeps reads of columns in ascending order), and returns where the right ones start.
    pub(super) fn divide(&mut self, start: usize, end: usize, goes_left: impl Fn(u32) -> bool) -> usize {
        let right = &mut self.right;
        right.rows.clear();
        right.labels.clear();
        right.weights.clear();
        let mut middle = start;
        for idx in start..end {
            let (row, label, weight) = (self.rows[idx], self.labels[idx], self.weights[idx]);
            if goes_left(row) {
                self.rows[middle] = row;
                self.labels[middle] = label;
                self.weights[middle] = weight;
                middle += 1;
            } else {
                right.rows.push(row);
                right.labels.push(label);
                right.weights.push(weight);
            }
        }
        self.rows[middle..end].copy_from_slice(&right.rows);
        self.labels[middle..end].copy_from_slice(&right.labels);
        self.weights[middle..end].copy_from_slice(&right.weights);
        middle
    }
}
