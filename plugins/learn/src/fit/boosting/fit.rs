//! Boosting: round after round, trees that follow the gradient of the loss (Friedman 2001), grown leaf by leaf over
//! histograms as in LightGBM (Ke et al. 2017).

use rand::{Rng, SeedableRng, seq::index::sample};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    FitError,
    bins::{Binned, Bins, Column},
    grow::{Grower, Grown, Growth, leaf_of, tables},
    histogram::{MAX_ROWS, Scale, Word, offsets},
    loss::{Loss, quantile},
    tree::{Node, Tree},
};

/// Rows that one thread works on at a time.
const BLOCK: usize = 1 << 12;

/// How a model is boosted.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What is minimised.
    pub(crate) loss: Loss,
    /// Rounds, at the most.
    pub(crate) n_rounds: usize,
    /// The share of each tree that is added.
    pub(crate) learning_rate: f64,
    /// Bins for each column, at the most 255.
    pub(crate) max_bins: usize,
    /// How trees grow.
    pub(crate) growth: Growth,
    /// The share of rows that each round sees.
    pub(crate) row_share: f64,
    /// The share of columns that each tree may use.
    pub(crate) column_share: f64,
    /// Decides which rows and columns.
    pub(crate) seed: u64,
    /// Ends the rounds when the validation loss has not become less by `tol` for so many of them.
    pub(crate) patience: Option<usize>,
    /// What counts as less.
    pub(crate) tol: f64,
}

/// Rows to learn from or to validate on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// The columns.
    pub(crate) columns: &'a [Column<'a>],
    /// A class's index, or a number.
    pub(crate) target: &'a [f64],
    /// Each row's weight.
    pub(crate) weights: Option<&'a [f64]>,
}

/// A boosted model.
#[derive(Clone, Debug)]
pub(crate) struct Boosted {
    /// The first prediction of each output, before the link.
    pub(crate) start: Vec<f64>,
    /// Trees, one for each output in turn; their values have the learning rate in them.
    pub(crate) trees: Vec<Tree>,
    /// How the columns were cut.
    pub(crate) bins: Vec<Bins>,
    /// The mean validation loss after each round, from the first prediction on.
    pub(crate) curve: Vec<f64>,
    /// The mean training loss at the end.
    pub(crate) loss: f64,
    /// True when the validation loss ended the rounds.
    pub(crate) stopped_early: bool,
}

impl Boosted {
    /// For each column, what its splits took off the loss.
    pub(crate) fn gains(&self) -> Vec<f64> {
        let mut gains = vec![0.0; self.bins.len()];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let Node::Split { column, gain, .. } = node {
                gains[*column] += gain / 2.0;
            }
        }
        gains
    }
}

/// Boosts trees on some rows; `validation` decides when to stop.
pub(crate) fn fit(
    rows: Rows<'_>,
    validation: Option<Rows<'_>>,
    options: &Options,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Boosted, FitError> {
    let n_rows = rows.target.len();
    if n_rows > MAX_ROWS {
        return Err(FitError::TooManyRows { n_rows, most: MAX_ROWS });
    }
    let cut = |column: &Column<'_>| Bins::of(*column, options.max_bins, options.seed);
    let bins: Vec<Bins> = rows.columns.par_iter().map(cut).collect();
    let validation = validation.map(|rows| (Binned::new(rows.columns, bins.clone()), rows));
    let binned = Binned::new(rows.columns, bins);
    let mut boosting = Boosting::new(&binned, rows, options);
    let mut watch = validation.map(|(binned, rows)| Watch::new(binned, rows, options, &boosting.start));
    let mut trees: Vec<Tree> = Vec::new();
    for round in 0..options.n_rounds {
        if stop() {
            return Err(FitError::Stopped);
        }
        let grown = boosting.round(round, stop)?;
        if grown.iter().all(|tree| tree.nodes.len() == 1)
            && options.row_share >= 1.0
            && options.column_share >= 1.0
        {
            // Nothing is left to gain, and the next round would find the same.
            break;
        }
        let is_over = watch.as_mut().is_some_and(|watch| watch.look(&grown));
        trees.extend(grown);
        if is_over {
            break;
        }
    }
    let n_outputs = options.loss.n_outputs();
    let (curve, stopped_early) = match watch {
        Some(watch) => {
            trees.truncate(watch.best_round * n_outputs);
            (watch.curve, watch.is_over)
        }
        None => (Vec::new(), false),
    };
    let loss = boosting.mean_loss();
    let Boosting { start, .. } = boosting;
    Ok(Boosted { start, trees, bins: binned.bins, curve, loss, stopped_early })
}

/// The state between rounds.
struct Boosting<'a> {
    binned: &'a Binned,
    rows: Rows<'a>,
    options: &'a Options,
    offsets: Vec<usize>,
    start: Vec<f64>,
    /// Every row's predictions before the link.
    raw: Vec<f64>,
    greatest_weight: f64,
}

impl<'a> Boosting<'a> {
    fn new(binned: &'a Binned, rows: Rows<'a>, options: &'a Options) -> Self {
        let start = options.loss.start(rows.target, rows.weights);
        let raw = start.repeat(rows.target.len());
        let greatest_weight = rows.weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max));
        Self { binned, rows, options, offsets: offsets(binned), start, raw, greatest_weight }
    }

    /// One round: a tree for each output.
    fn round(&mut self, round: usize, stop: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Tree>, FitError> {
        let mut random = ChaCha8Rng::seed_from_u64(self.options.seed);
        random.set_stream(round as u64 + 1);
        let chosen = self.choose_rows(&mut random);
        let (words, scales) = self.gradients();
        let mut trees = Vec::new();
        for (output, (words, scale)) in words.iter().zip(scales).enumerate() {
            if stop() {
                return Err(FitError::Stopped);
            }
            let columns = self.choose_columns(&mut random);
            let growth = &self.options.growth;
            let grower = Grower {
                binned: self.binned,
                growth,
                offsets: &self.offsets,
                columns: &columns,
                scale,
                words,
            };
            trees.push(self.settle(grower.grow(chosen.clone()), output));
        }
        Ok(trees)
    }

    fn choose_rows(&self, random: &mut ChaCha8Rng) -> Vec<u32> {
        let n_rows = self.binned.n_rows;
        let n_rows_u32 = u32::try_from(n_rows).expect("there are fewer rows than bits of the count");
        if self.options.row_share >= 1.0 {
            return (0..n_rows_u32).collect();
        }
        (0..n_rows_u32).filter(|_| random.gen_bool(self.options.row_share)).collect()
    }

    fn choose_columns(&self, random: &mut ChaCha8Rng) -> Vec<usize> {
        let n_columns = self.binned.bins.len();
        if self.options.column_share >= 1.0 {
            return (0..n_columns).collect();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a share of a count"
        )]
        let n_chosen = ((n_columns as f64 * self.options.column_share).ceil() as usize).max(1);
        let mut columns = sample(random, n_columns, n_chosen.min(n_columns)).into_vec();
        columns.sort_unstable();
        columns
    }

    /// Every row's gradient by each output, in whole numbers.
    fn gradients(&self) -> (Vec<Vec<Word>>, Vec<Scale>) {
        let n_outputs = self.start.len();
        let n_rows = self.rows.target.len();
        let scale = match self.options.loss.bounds() {
            Some((gradient, hessian)) => {
                Scale::new(gradient * self.greatest_weight, hessian * self.greatest_weight, n_rows)
            }
            None => {
                let (gradient, hessian) = self.greatest_gradients();
                Scale::new(gradient, hessian, n_rows)
            }
        };
        let mut words = vec![vec![[0; 2]; n_rows]; n_outputs];
        if let [words] = words.as_mut_slice() {
            let blocks = words.par_chunks_mut(BLOCK).zip(self.raw.par_chunks(BLOCK)).enumerate();
            blocks.for_each(|(block, (words, raw))| {
                for (at, (word, raw)) in words.iter_mut().zip(raw).enumerate() {
                    let row = block * BLOCK + at;
                    let weight = self.weight(row);
                    let put = |_, gradient, hessian| *word = scale.word(gradient * weight, hessian * weight);
                    self.options.loss.gradients(self.rows.target[row], std::slice::from_ref(raw), put);
                }
            });
        } else {
            for (row, raw) in self.raw.chunks(n_outputs).enumerate() {
                let weight = self.weight(row);
                let put = |output: usize, gradient, hessian| {
                    words[output][row] = scale.word(gradient * weight, hessian * weight);
                };
                self.options.loss.gradients(self.rows.target[row], raw, put);
            }
        }
        (words, vec![scale; n_outputs])
    }

    fn weight(&self, row: usize) -> f64 {
        self.rows.weights.map_or(1.0, |weights| weights[row])
    }

    fn greatest_gradients(&self) -> (f64, f64) {
        let n_outputs = self.start.len();
        let (mut greatest, mut greatest_hessian) = (0.0_f64, 0.0_f64);
        for (row, raw) in self.raw.chunks(n_outputs).enumerate() {
            let weight = self.weight(row);
            self.options.loss.gradients(self.rows.target[row], raw, |_, gradient: f64, hessian| {
                greatest = greatest.max(gradient.abs() * weight);
                greatest_hessian = greatest_hessian.max(hessian * weight);
            });
        }
        (greatest, greatest_hessian)
    }

    /// Gives the leaves their final values, and adds them to the predictions.
    fn settle(&mut self, grown: Grown, output: usize) -> Tree {
        let Grown { mut tree, rows, leaves } = grown;
        let n_outputs = self.start.len();
        let mut steps = Vec::with_capacity(leaves.len());
        for (node, range) in leaves {
            let Node::Leaf(value) = &mut tree.nodes[node] else { continue };
            if let Some(share) = self.options.loss.leaf_quantile() {
                let residual = |row: &u32| {
                    let row = *row as usize;
                    (self.rows.target[row] - self.raw[row], self.weight(row))
                };
                *value = quantile(&mut rows[range.clone()].iter().map(residual).collect::<Vec<_>>(), share);
            }
            *value *= self.options.learning_rate;
            steps.push((*value, &rows[range]));
        }
        if rows.len() == self.binned.n_rows {
            // Finding a block's rows in every leaf costs too, so there are few blocks.
            let size = self.binned.n_rows.div_ceil(4 * rayon::current_num_threads()).max(BLOCK);
            self.raw.par_chunks_mut(size * n_outputs).enumerate().for_each(|(block, raw)| {
                add_steps(&steps, block * size, raw, n_outputs, output);
            });
        } else {
            let tables = tables(&tree, self.binned);
            self.raw.par_chunks_mut(n_outputs).enumerate().for_each(|(row, raw)| {
                raw[output] += leaf_of(&tree, &tables, |column| self.binned.columns[column][row]);
            });
        }
        tree
    }

    fn mean_loss(&self) -> f64 {
        mean_loss(self.options.loss, self.rows, &self.raw)
    }
}

/// Adds each leaf's value to its rows among those of a block, which begins with the row `first`.
fn add_steps(steps: &[(f64, &[u32])], first: usize, raw: &mut [f64], n_outputs: usize, output: usize) {
    let end = first + raw.len() / n_outputs;
    for (value, rows) in steps {
        let from = rows.partition_point(|row| (*row as usize) < first);
        for row in rows[from..].iter().map(|row| *row as usize).take_while(|row| *row < end) {
            raw[(row - first) * n_outputs + output] += value;
        }
    }
}

fn mean_loss(loss: Loss, rows: Rows<'_>, raw: &[f64]) -> f64 {
    let n_outputs = loss.n_outputs();
    let weight = |row: usize| rows.weights.map_or(1.0, |weights| weights[row]);
    let total: f64 = (0..rows.target.len()).map(weight).sum();
    let block = |block: usize| -> f64 {
        let end = ((block + 1) * BLOCK).min(rows.target.len());
        let one = |row: usize| {
            weight(row) * loss.of(rows.target[row], &raw[row * n_outputs..(row + 1) * n_outputs])
        };
        (block * BLOCK..end).map(one).sum()
    };
    // Blocks of one size, added in order: the sum does not depend on the threads.
    let blocks: Vec<f64> = (0..rows.target.len().div_ceil(BLOCK)).into_par_iter().map(block).collect();
    blocks.iter().sum::<f64>() / total
}

/// Follows the loss on rows that are held back.
struct Watch<'a> {
    binned: Binned,
    rows: Rows<'a>,
    raw: Vec<f64>,
    loss: Loss,
    patience: usize,
    tol: f64,
    curve: Vec<f64>,
    best: f64,
    best_round: usize,
    is_over: bool,
}

impl<'a> Watch<'a> {
    fn new(binned: Binned, rows: Rows<'a>, options: &Options, start: &[f64]) -> Self {
        let raw = start.repeat(rows.target.len());
        let first = mean_loss(options.loss, rows, &raw);
        Self {
            binned,
            rows,
            raw,
            loss: options.loss,
            patience: options.patience.unwrap_or(usize::MAX),
            tol: options.tol,
            curve: vec![first],
            best: first,
            best_round: 0,
            is_over: false,
        }
    }

    /// Looks at a round's trees; true when they have helped too little for too long.
    fn look(&mut self, trees: &[Tree]) -> bool {
        let n_outputs = trees.len();
        for (output, tree) in trees.iter().enumerate() {
            let tables = tables(tree, &self.binned);
            let columns = &self.binned.columns;
            self.raw.par_chunks_mut(n_outputs).enumerate().for_each(|(row, raw)| {
                raw[output] += leaf_of(tree, &tables, |column| columns[column][row]);
            });
        }
        let reached = mean_loss(self.loss, self.rows, &self.raw);
        self.curve.push(reached);
        let round = self.curve.len() - 1;
        if reached < self.best - self.tol {
            self.best = reached;
            self.best_round = round;
        }
        self.is_over = round - self.best_round >= self.patience;
        self.is_over
    }
}
