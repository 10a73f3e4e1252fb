//! Sums of gradients by bin, in whole numbers.
//!
//! Whole numbers add up to the same sum in any order, so a model does not depend on the number of threads. A row's
//! gradient is rounded to a step that is a tiny part of the greatest gradient; its lowest bits carry a count of one.

use std::ops::Range;

use rayon::prelude::*;

use super::bins::{Binned, GROUP, STRIPE, Stripe};

/// Bits of the first word that count rows: up to 67 million.
const COUNT_BITS: u32 = 26;
const COUNT_MASK: i64 = (1 << COUNT_BITS) - 1;

/// Rows, at the most.
pub(crate) const MAX_ROWS: usize = (1 << COUNT_BITS) - 1;

/// Bits of a row's own gradient and hessian, besides the sign.
const WORD_BITS: u32 = 30;

/// Rows, at the most, that are all gathered before they are summed.
const FEW_ROWS: usize = 1 << 13;

/// Rows that are gathered, and then summed group by group while they are in the cache.
const PASS: usize = 512;

/// A row's gradient and hessian.
pub(super) type Word = [i32; 2];

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
        let n_bits = |room: u32| (room - (usize::BITS - n_rows.leading_zeros())).min(WORD_BITS);
        let step = |greatest: f64, room: u32| {
            if greatest > 0.0 { greatest / f64::from(n_bits(room)).exp2() } else { 1.0 }
        };
        Self { gradient: step(greatest_gradient, 63 - COUNT_BITS), hessian: step(greatest_hessian, 62) }
    }

    /// A row's gradient and hessian as whole numbers.
    pub(super) fn word(self, gradient: f64, hessian: f64) -> Word {
        [round(gradient / self.gradient), round(hessian / self.hessian)]
    }

    pub(super) fn total(self, sum: Sum) -> Total {
        Total {
            gradient: (sum[0] >> COUNT_BITS) as f64 * self.gradient,
            hessian: sum[1] as f64 * self.hessian,
            n_rows: usize::try_from(sum[0] & COUNT_MASK).unwrap_or_default(),
        }
    }
}

/// The nearest whole number, the even one of two. `f64::round_ties_even` is a call where the processor's instruction for
/// it may not be assumed.
#[expect(clippy::cast_possible_truncation, reason = "the scale was chosen so that it fits")]
fn round(number: f64) -> i32 {
    // Between 2^52 and 2^53 numbers are whole: adding rounds, and taking away is exact.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    ((number + WHOLE) - WHOLE) as i32
}

/// One row's part of a sum.
fn widen([gradient, hessian]: Word) -> Sum {
    [(i64::from(gradient) << COUNT_BITS) + 1, i64::from(hessian)]
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

/// The sums of one column's bins.
type ColumnSums = [Sum; 256];

impl Histogram {
    /// Sums the rows of a leaf.
    pub(super) fn of(binned: &Binned, offsets: &[usize], rows: &[u32], words: &[Word]) -> Self {
        let rows = if rows.len() == binned.n_rows { Chosen::All(rows.len()) } else { Chosen::These(rows) };
        let n_columns = binned.columns.len();
        let mut sums = Vec::with_capacity(offsets[n_columns]);
        for (stripe, first) in binned.stripes.iter().zip((0..).step_by(STRIPE)) {
            let columns = first..(first + STRIPE).min(n_columns);
            let sums_of = sum_rows(stripe, columns.len().div_ceil(GROUP), rows, words);
            for (column, all) in columns.zip(&sums_of) {
                sums.extend_from_slice(&all[..offsets[column + 1] - offsets[column]]);
            }
        }
        Self { sums }
    }

    /// The sum of all rows.
    pub(super) fn total(&self, offsets: &[usize]) -> Sum {
        let mut total = [0; 2];
        for sum in &self.sums[offsets[0]..offsets[1]] {
            add(&mut total, *sum);
        }
        total
    }

    /// Takes away what another leaf has of this one's rows.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum[0] -= other[0];
            sum[1] -= other[1];
        }
    }
}

/// Rows to sum.
#[derive(Clone, Copy)]
enum Chosen<'a> {
    /// All of so many.
    All(usize),
    /// These, in ascending order.
    These(&'a [u32]),
}

impl Chosen<'_> {
    fn len(self) -> usize {
        match self {
            Self::All(n_rows) => n_rows,
            Self::These(rows) => rows.len(),
        }
    }
}

/// The sums of each group of a stripe. Few rows are shared out by groups, many by blocks: any order gives the same.
fn sum_rows(stripe: &[Stripe], n_groups: usize, rows: Chosen<'_>, words: &[Word]) -> Vec<ColumnSums> {
    if rows.len() <= FEW_ROWS {
        let mut gathered = Vec::with_capacity(rows.len());
        gather(stripe, rows, 0..rows.len(), words, &mut gathered);
        let mut sums = empty(n_groups);
        if rows.len() <= PASS {
            add_groups(&mut sums, &gathered);
        } else {
            sums.as_chunks_mut()
                .0
                .par_iter_mut()
                .enumerate()
                .for_each(|(group, sums)| add_group(sums, group, &gathered));
        }
        return sums;
    }
    let n_blocks = (rows.len() / FEW_ROWS + 1).min(4 * rayon::current_num_threads());
    let size = rows.len().div_ceil(n_blocks);
    let block = |block: usize| {
        let range = (block * size).min(rows.len())..((block + 1) * size).min(rows.len());
        sum_block(stripe, n_groups, rows, range, words)
    };
    let merge = |mut left: Vec<ColumnSums>, right: Vec<ColumnSums>| {
        let left_sums = left.as_flattened_mut();
        for (sum, other) in left_sums.iter_mut().zip(right.as_flattened()) {
            add(sum, *other);
        }
        left
    };
    (0..n_blocks).into_par_iter().map(block).reduce_with(merge).unwrap_or_default()
}

fn sum_block(
    stripe: &[Stripe],
    n_groups: usize,
    rows: Chosen<'_>,
    range: Range<usize>,
    words: &[Word],
) -> Vec<ColumnSums> {
    let mut sums = empty(n_groups);
    let mut gathered = Vec::with_capacity(PASS);
    for start in range.clone().step_by(PASS) {
        gathered.clear();
        gather(stripe, rows, start..(start + PASS).min(range.end), words, &mut gathered);
        add_groups(&mut sums, &gathered);
    }
    sums
}

fn empty(n_groups: usize) -> Vec<ColumnSums> {
    vec![[[0; 2]; 256]; n_groups * GROUP]
}

/// Puts rows side by side. Rows of a leaf lie far apart: this waits for memory once for many of them, and not at each
/// sum.
fn gather(
    stripe: &[Stripe],
    rows: Chosen<'_>,
    range: Range<usize>,
    words: &[Word],
    gathered: &mut Vec<(Stripe, Sum)>,
) {
    match rows {
        Chosen::All(_) => {
            let own = stripe[range.clone()].iter().zip(&words[range]);
            gathered.extend(own.map(|(bins, word)| (*bins, widen(*word))));
        }
        Chosen::These(rows) => {
            let one = |row: &u32| (stripe[*row as usize], widen(words[*row as usize]));
            gathered.extend(rows[range].iter().map(one));
        }
    }
}

fn add_groups(sums: &mut [ColumnSums], gathered: &[(Stripe, Sum)]) {
    for (group, sums) in sums.as_chunks_mut().0.iter_mut().enumerate() {
        add_group(sums, group, gathered);
    }
}

fn add_group(sums: &mut [ColumnSums; GROUP], group: usize, gathered: &[(Stripe, Sum)]) {
    for (bins, sum) in gathered {
        for (sums, bin) in sums.iter_mut().zip(bins[group]) {
            add(&mut sums[usize::from(bin)], *sum);
        }
    }
}
