//! Sums of gradients by bin, in whole numbers.
//!
//! Whole numbers add up to the same sum in any order, so a model does not depend on the number of threads. A row's
//! gradient is rounded to a step that is a tiny part of the greatest gradient; its lowest bits carry a count of one.

use rayon::prelude::*;

use super::bins::{Binned, GROUP};

/// Bits of the first word that count rows: up to 67 million.
const COUNT_BITS: u32 = 26;
const COUNT_MASK: i64 = (1 << COUNT_BITS) - 1;

/// Rows, at the most.
pub(crate) const MAX_ROWS: usize = (1 << COUNT_BITS) - 1;

/// Rows that one thread sums at a time.
const BLOCK: usize = 1 << 16;

/// A sum of rows: the gradient with the count in its lowest bits, and the hessian.
pub(super) type Sum = [i64; 2];

/// What a step of each word is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    gradient: f64,
    hessian: f64,
}

/// A sum as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    pub(super) gradient: f64,
    pub(super) hessian: f64,
    pub(super) n_rows: usize,
}

impl Scale {
    /// The finest steps whose sums over `n_rows` rows fit.
    pub(super) fn new(greatest_gradient: f64, greatest_hessian: f64, n_rows: usize) -> Self {
        let bits = |room: u32| f64::from(room - (usize::BITS - n_rows.leading_zeros())).exp2();
        let step = |greatest: f64, room: u32| if greatest > 0.0 { greatest / bits(room) } else { 1.0 };
        Self { gradient: step(greatest_gradient, 63 - COUNT_BITS), hessian: step(greatest_hessian, 62) }
    }

    /// A row's gradient and hessian as whole numbers.
    #[expect(clippy::cast_possible_truncation, reason = "the scale was chosen so that it fits")]
    pub(super) fn word(self, gradient: f64, hessian: f64) -> Sum {
        let whole = (gradient / self.gradient).round_ties_even() as i64;
        [(whole << COUNT_BITS) + 1, (hessian / self.hessian).round_ties_even() as i64]
    }

    pub(super) fn total(self, sum: Sum) -> Total {
        Total {
            gradient: (sum[0] >> COUNT_BITS) as f64 * self.gradient,
            hessian: sum[1] as f64 * self.hessian,
            n_rows: usize::try_from(sum[0] & COUNT_MASK).unwrap_or_default(),
        }
    }
}

pub(super) fn add(sum: &mut Sum, other: Sum) {
    sum[0] += other[0];
    sum[1] += other[1];
}

/// The sums of every bin of every column, one column after the other, each with its bin of missing values.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) sums: Vec<Sum>,
}

/// Where each column's sums begin, and the end.
pub(super) fn offsets(binned: &Binned) -> Vec<usize> {
    let mut offsets = vec![0];
    for bins in &binned.bins {
        offsets.push(offsets[offsets.len() - 1] + bins.n_bins + 1);
    }
    offsets
}

type Scratch = [[Sum; 256]; GROUP];

impl Histogram {
    /// Sums the rows of a leaf.
    pub(super) fn of(binned: &Binned, offsets: &[usize], rows: &[u32], words: &[Sum]) -> Self {
        let is_all = rows.len() == binned.n_rows;
        let gathered: Vec<Sum>;
        let ordered = if is_all {
            words
        } else {
            gathered = rows.iter().map(|row| words[*row as usize]).collect();
            &gathered
        };
        let n_columns = binned.columns.len();
        let sum_group = |group: usize| {
            let columns = group * GROUP..((group + 1) * GROUP).min(n_columns);
            let used: Vec<usize> = columns.clone().map(|at| offsets[at + 1] - offsets[at]).collect();
            let sums = sum_rows(&binned.groups[group], if is_all { None } else { Some(rows) }, ordered);
            sums.iter().zip(used).flat_map(|(sums, n)| sums[..n].iter().copied()).collect::<Vec<Sum>>()
        };
        let n_groups = binned.groups.len();
        let parts: Vec<Vec<Sum>> = if rows.len() * n_columns < 4096 {
            (0..n_groups).map(sum_group).collect()
        } else {
            (0..n_groups).into_par_iter().map(sum_group).collect()
        };
        Self { sums: parts.concat() }
    }

    /// Takes away what another leaf has of this one's rows.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum[0] -= other[0];
            sum[1] -= other[1];
        }
    }
}

fn sum_rows(bins: &[[u8; GROUP]], rows: Option<&[u32]>, words: &[Sum]) -> Box<Scratch> {
    let one = |from: usize, to: usize| {
        let mut sums = empty();
        match rows {
            None => {
                for (bins, word) in bins[from..to].iter().zip(&words[from..to]) {
                    add_row(&mut sums, *bins, *word);
                }
            }
            Some(rows) => {
                for (row, word) in rows[from..to].iter().zip(&words[from..to]) {
                    add_row(&mut sums, bins[*row as usize], *word);
                }
            }
        }
        sums
    };
    if words.len() <= BLOCK {
        return one(0, words.len());
    }
    let starts: Vec<usize> = (0..words.len()).step_by(BLOCK).collect();
    let sum = |mut left: Box<Scratch>, right: Box<Scratch>| {
        for (sum, other) in left.as_flattened_mut().iter_mut().zip(right.as_flattened()) {
            add(sum, *other);
        }
        left
    };
    let blocks = starts.into_par_iter().map(|from| one(from, (from + BLOCK).min(words.len())));
    blocks.reduce_with(sum).unwrap_or_else(|| one(0, 0))
}

/// Sums of no rows. An array of this size is not to pass through the stack.
fn empty() -> Box<Scratch> {
    vec![[[0; 2]; 256]; GROUP].try_into().expect("it has this length")
}

#[inline]
fn add_row(sums: &mut Scratch, bins: [u8; GROUP], word: Sum) {
    for (sums, bin) in sums.iter_mut().zip(bins) {
        add(&mut sums[usize::from(bin)], word);
    }
}
