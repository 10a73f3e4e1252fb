//! The features as trees see them: columns of single-precision numbers.
//!
//! Trees only compare values, so single precision halves the memory and hardly ever changes a tree;
//! scikit-learn rounds as well. Thresholds are chosen so that a row in double precision always goes the way that
//! its rounded value went in training ([`threshold_for_doubles`]).

use ndarray::ArrayView2;

/// Closer values count as equal (scikit-learn's `FEATURE_THRESHOLD`).
const GAP: f32 = 1e-7;
/// In columns of tiny numbers the gap shrinks to this share of the greatest one; otherwise a column in
/// unfortunate units would count as constant.
const RELATIVE_GAP: f32 = 1e-5;

/// The features column by column, in single precision.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    n_rows: usize,
    values: Vec<f32>,
    gaps: Vec<f32>,
    has_missing: Vec<bool>,
}

impl Columns {
    /// Rounds and transposes the features.
    pub(crate) fn new(features: ArrayView2<'_, f64>) -> Self {
        let n_rows = features.nrows();
        let mut values = Vec::with_capacity(features.len());
        let mut gaps = Vec::with_capacity(features.ncols());
        let mut has_missing = Vec::with_capacity(features.ncols());
        for column in features.columns() {
            let start = values.len();
            values.extend(column.iter().map(|value| to_single(*value)));
            let rounded = &values[start..];
            has_missing.push(rounded.iter().any(|value| value.is_nan()));
            let greatest = rounded.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
            gaps.push(GAP.min(RELATIVE_GAP * greatest));
        }
        Self { n_rows, values, gaps, has_missing }
    }

    /// The number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns.
    pub(crate) fn n_columns(&self) -> usize {
        self.gaps.len()
    }

    /// The values of a column, NaN where one is missing.
    pub(crate) fn column(&self, column: u32) -> &[f32] {
        let start = column as usize * self.n_rows;
        &self.values[start..start + self.n_rows]
    }

    /// The distance up to which two values of a column count as equal.
    pub(crate) fn gap(&self, column: u32) -> f32 {
        self.gaps[column as usize]
    }

    /// Whether a column has missing values.
    pub(crate) fn has_missing(&self, column: u32) -> bool {
        self.has_missing[column as usize]
    }
}

/// Rounds to single precision. Greater numbers become the greatest one, all kinds of NaN become one kind, and
/// −0 becomes 0, so that bit patterns sort like values.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
fn to_single(value: f64) -> f32 {
    if value.is_nan() { f32::NAN } else { (value as f32).clamp(f32::MIN, f32::MAX) + 0.0 }
}

/// The double-precision threshold that divides numbers as `threshold` divides their single-precision roundings:
/// `to_single(x) <= threshold` exactly if `x <= threshold_for_doubles(threshold)`.
pub(crate) fn threshold_for_doubles(threshold: f64) -> f64 {
    let rounded = to_single(threshold);
    let below = if f64::from(rounded) > threshold { rounded.next_down() } else { rounded };
    let above = below.next_up();
    if !above.is_finite() {
        return f64::MAX;
    }
    let middle = f64::midpoint(f64::from(below), f64::from(above));
    // The middle itself rounds to the neighbour whose last bit is 0.
    if below.to_bits() & 1 == 0 { middle } else { middle.next_down() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_fall_on_the_side_of_their_rounding() {
        for threshold in [0.0, 4.9, -4.9, 0.1, 16_777_217.0, 16_777_219.0, -16_777_219.0, 1e-40, -1e30, 1e300]
        {
            let adjusted = threshold_for_doubles(threshold);
            let mut value = threshold - 1e-7 * threshold.abs() - 1e-46;
            for _ in 0..1000 {
                let goes_left = f64::from(to_single(value)) <= threshold;
                assert_eq!(value <= adjusted, goes_left, "{value} at {threshold}");
                value += 2e-10 * threshold.abs() + 2e-49;
            }
        }
    }

    #[test]
    fn the_gap_shrinks_in_columns_of_tiny_numbers() {
        let features = ndarray::array![[1.0, 1e-9], [2.0, 2e-9], [f64::NAN, 0.0]];
        let columns = Columns::new(features.view());
        assert_eq!(columns.gap(0).to_bits(), GAP.to_bits());
        assert!(columns.gap(1) < 1e-9);
        assert!(columns.has_missing(0) && !columns.has_missing(1));
    }
}
