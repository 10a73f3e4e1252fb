//! Binning: every column becomes at most 256 small numbers, which is all that growing a tree looks at.
//!
//! A numeric column is cut as scikit-learn's `HistGradientBoosting` cuts it: halfway between neighbouring values when
//! there are few, else at evenly spaced quantiles of a sample. A category is a bin of its own; the rarest of too many
//! are treated as missing.

use rand::{SeedableRng, seq::index::sample};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The code of a missing category.
pub(crate) const MISSING: u32 = u32::MAX;

/// Columns whose histograms are summed at a time: they fit into the nearest cache.
pub(super) const GROUP: usize = 8;

/// Columns that stand side by side for each row, so that a row is fetched from memory once for all of them.
pub(super) const STRIPE: usize = 32;

/// One row's bins of a stripe, by groups.
pub(super) type Stripe = [[u8; GROUP]; STRIPE / GROUP];

/// Rows that one thread puts side by side at a time.
const BLOCK: usize = 1 << 12;

/// Rows that quantiles are read from, at the most.
const SAMPLE: usize = 200_000;

/// A column to learn from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column<'a> {
    /// Finite numbers, or NaN where a value is missing.
    Numbers(&'a [f64]),
    /// Zeros and ones.
    Flags(&'a [bool]),
    /// Codes from zero, or [`MISSING`].
    Categories(&'a [u32]),
}

impl Column<'_> {
    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Flags(flags) => flags.len(),
            Self::Categories(codes) => codes.len(),
        }
    }
}

/// How a column is cut into bins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cuts {
    /// Bin `i` holds values up to the threshold `i`, the last bin the others.
    Thresholds(Vec<f64>),
    /// The bin of each category's code; those without one are treated as missing.
    Categories(Vec<Option<u8>>),
}

/// The bins of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bins {
    /// Where they are cut.
    pub(crate) cuts: Cuts,
    /// Bins for values; the next one is for missing values.
    pub(super) n_bins: usize,
}

impl Bins {
    /// Cuts a column into at most `max_bins` bins.
    pub(super) fn of(column: Column<'_>, max_bins: usize, seed: u64) -> Self {
        match column {
            Column::Numbers(values) => {
                let thresholds = thresholds(values, max_bins, seed);
                Self { n_bins: thresholds.len() + 1, cuts: Cuts::Thresholds(thresholds) }
            }
            Column::Flags(flags) => {
                let is_constant = flags.iter().all(|flag| *flag == flags[0]);
                let thresholds = if is_constant { Vec::new() } else { vec![0.5] };
                Self { n_bins: thresholds.len() + 1, cuts: Cuts::Thresholds(thresholds) }
            }
            Column::Categories(codes) => {
                let bin_of = most_frequent(codes, max_bins);
                let n_bins = bin_of.iter().flatten().count();
                Self { n_bins, cuts: Cuts::Categories(bin_of) }
            }
        }
    }

    /// The bin of missing values.
    pub(super) fn missing(&self) -> u8 {
        u8::try_from(self.n_bins).expect("a column has at most 255 bins")
    }

    /// Each row's bin.
    fn assign(&self, column: Column<'_>) -> Vec<u8> {
        let missing = self.missing();
        match (&self.cuts, column) {
            (Cuts::Thresholds(thresholds), Column::Numbers(values)) => {
                assign_numbers(thresholds, values, missing)
            }
            (Cuts::Thresholds(thresholds), Column::Flags(flags)) => {
                let greatest = u8::from(!thresholds.is_empty());
                flags.iter().map(|flag| u8::from(*flag).min(greatest)).collect()
            }
            (Cuts::Categories(bins), Column::Categories(codes)) => codes
                .iter()
                .map(|code| bins.get(*code as usize).copied().flatten().unwrap_or(missing))
                .collect(),
            _ => unreachable!("a column keeps its type"),
        }
    }
}

/// The number of thresholds below each value. Several values go through the same steps side by side, so that none waits
/// for another's comparison.
fn assign_numbers(thresholds: &[f64], values: &[f64], missing: u8) -> Vec<u8> {
    const LANES: usize = 8;
    // Padded to a length at which every search takes the same steps.
    let mut padded = [f64::INFINITY; 256];
    padded[..thresholds.len()].copy_from_slice(thresholds);
    let mut bins = Vec::with_capacity(values.len());
    let n_steps = usize::BITS - thresholds.len().leading_zeros();
    for values in values.chunks(LANES) {
        let mut lanes = [f64::NAN; LANES];
        lanes[..values.len()].copy_from_slice(values);
        let mut found = [0_usize; LANES];
        for step in (0..n_steps).rev().map(|bit| 1_usize << bit) {
            for (found, value) in found.iter_mut().zip(lanes) {
                *found += step * usize::from(padded[(*found + step - 1) & 255] < value);
            }
        }
        bins.extend(found.iter().zip(values).map(|(found, value)| {
            if value.is_nan() { missing } else { u8::try_from(*found).unwrap_or(u8::MAX) }
        }));
    }
    bins
}

fn thresholds(values: &[f64], max_bins: usize, seed: u64) -> Vec<f64> {
    let mut known: Vec<f64> = if values.len() > SAMPLE {
        let mut rows = sample(&mut ChaCha8Rng::seed_from_u64(seed), values.len(), SAMPLE).into_vec();
        rows.sort_unstable();
        rows.into_iter().map(|row| values[row]).filter(|value| !value.is_nan()).collect()
    } else {
        values.iter().copied().filter(|value| !value.is_nan()).collect()
    };
    known.sort_unstable_by(f64::total_cmp);
    let mut distinct = known.clone();
    distinct.dedup();
    let mut thresholds: Vec<f64> = if distinct.len() <= max_bins {
        distinct.windows(2).map(|pair| midpoint(pair[0], pair[1])).collect()
    } else {
        (1..max_bins).map(|cut| quantile(&known, cut, max_bins)).collect()
    };
    thresholds.dedup();
    thresholds
}

/// The number halfway, and never the upper one, so that the two lie on different sides of it.
fn midpoint(lower: f64, upper: f64) -> f64 {
    let middle = lower / 2.0 + upper / 2.0;
    if middle >= upper || middle < lower { lower } else { middle }
}

/// The quantile `part / of` of sorted values, more than `of` of them: `averaged_inverted_cdf` of `numpy.percentile`,
/// which is the value up to which that share lies, or halfway to the next one where the share ends between two. Whether
/// it does is decided with the same rounding, so that the same columns are cut at the same places.
fn quantile(sorted: &[f64], part: usize, of: usize) -> f64 {
    let share = part as f64 * (100.0 / of as f64) / 100.0;
    let place = (sorted.len() as f64 * share - 1.0).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a place in the values"
    )]
    let below = (place.floor() as usize).min(sorted.len() - 2);
    if place.fract() == 0.0 { midpoint(sorted[below], sorted[below + 1]) } else { sorted[below + 1] }
}

/// A bin for each of the most frequent categories, in the order of their codes.
fn most_frequent(codes: &[u32], max_bins: usize) -> Vec<Option<u8>> {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for code in codes.iter().filter(|code| **code != MISSING) {
        let code = *code as usize;
        while counts.len() <= code {
            counts.push((0, counts.len()));
        }
        counts[code].0 += 1;
    }
    let n_codes = counts.len();
    counts.retain(|(count, _)| *count > 0);
    counts.sort_unstable_by_key(|(count, code)| (std::cmp::Reverse(*count), *code));
    counts.truncate(max_bins);
    let mut kept: Vec<usize> = counts.into_iter().map(|(_, code)| code).collect();
    kept.sort_unstable();
    let mut bins = vec![None; n_codes];
    for (bin, code) in (0..=u8::MAX).zip(kept) {
        bins[code] = Some(bin);
    }
    bins
}

/// A table in bins, twice: in stripes to sum gradients, and by column to tell rows apart.
pub(super) struct Binned {
    pub(super) bins: Vec<Bins>,
    pub(super) columns: Vec<Vec<u8>>,
    /// Each has [`STRIPE`] columns; what is left of the last one is zero.
    pub(super) stripes: Vec<Vec<Stripe>>,
    pub(super) n_rows: usize,
}

impl Binned {
    /// Puts columns into bins.
    pub(super) fn new(columns: &[Column<'_>], bins: Vec<Bins>) -> Self {
        let n_rows = columns.first().map_or(0, Column::len);
        let columns: Vec<Vec<u8>> =
            bins.par_iter().zip(columns).map(|(bins, column)| bins.assign(*column)).collect();
        let stripes = columns.chunks(STRIPE).map(|columns| interleave(columns, n_rows)).collect();
        Self { bins, columns, stripes, n_rows }
    }
}

fn interleave(columns: &[Vec<u8>], n_rows: usize) -> Vec<Stripe> {
    let mut stripes = vec![[[0; GROUP]; STRIPE / GROUP]; n_rows];
    stripes.par_chunks_mut(BLOCK).enumerate().for_each(|(block, stripes)| {
        for (at, column) in columns.iter().enumerate() {
            for (stripe, bin) in stripes.iter_mut().zip(&column[block * BLOCK..]) {
                stripe.as_flattened_mut()[at] = *bin;
            }
        }
    });
    stripes
}
