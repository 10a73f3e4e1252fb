//! A thin singular value decomposition of a matrix given as columns.
//!
//! A Householder QR factorisation (Householder, "Unitary triangularization of a nonsymmetric matrix", J. ACM
//! 5, 1958) reduces the matrix, or its transpose if it is wide, to a small triangle. One-sided Jacobi rotations
//! (Hestenes, "Inversion of matrices by biorthogonalization and related results", J. SIAM 6, 1958) then make
//! the columns of that triangle orthogonal. For a tall matrix they run on the transposed triangle, which needs
//! fewer sweeps (Drmac and Veselic, "New fast and accurate Jacobi SVD algorithm I", SIAM J. Matrix Anal. Appl.
//! 29, 2008). Nothing is random: equal input gives equal output.

use super::{
    error::Error,
    numeric::{add_scaled, binary_scale, check_columns, divide, dot, float},
};

/// Squared lengths below this, in a matrix scaled to entries near 1, count as zero.
const NEGLIGIBLE: f64 = 1e-280;
/// Jacobi needs about ten sweeps; this only bounds the work on unforeseen input.
const MOST_SWEEPS: usize = 40;
/// Loadings that differ by less than this share are taken as equal when a sign is decided.
const TIE: f64 = 1e-12;

/// The factors of a matrix: the sum over `i` of `values[i]` times `left[i]` times `right[i]` transposed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Svd {
    /// Left singular vectors, one per singular value, each with an entry per row; empty if not asked for.
    pub(crate) left: Vec<Vec<f64>>,
    /// Singular values in descending order, as many as the smaller of the numbers of rows and columns.
    pub(crate) values: Vec<f64>,
    /// Right singular vectors, one per singular value, each with an entry per column.
    pub(crate) right: Vec<Vec<f64>>,
}

/// Decomposes the matrix with these columns into both sets of singular vectors and the singular values.
///
/// Vectors of singular values that are zero complete the others to an orthonormal set.
///
/// # Errors
///
/// The columns are empty, uneven or not finite, or a singular value overflows.
#[cfg(test)]
pub(crate) fn thin_svd(columns: &[&[f64]]) -> Result<Svd, Error> {
    decompose(columns, true)
}

/// Decomposes as [`thin_svd`] does but leaves out the left vectors, which saves most of the work.
///
/// # Errors
///
/// The columns are empty, uneven or not finite, or a singular value overflows.
pub(crate) fn right_svd(columns: &[&[f64]]) -> Result<Svd, Error> {
    decompose(columns, false)
}

impl Svd {
    /// Turns each pair of vectors so that the right vector's largest absolute entry is positive.
    ///
    /// This is `svd_flip(u_based_decision=False)` of scikit-learn 1.9.1, which takes the first of equal entries.
    /// Entries equal but for rounding (a share of 1e-12) count as equal here, so that rounding does not decide.
    pub(crate) fn orient(&mut self) {
        for (index, vector) in self.right.iter_mut().enumerate() {
            if is_negative(vector) {
                negate(vector);
                if let Some(partner) = self.left.get_mut(index) {
                    negate(partner);
                }
            }
        }
    }
}

/// Changes the sign of each entry.
fn negate(vector: &mut [f64]) {
    for entry in vector {
        *entry = -*entry;
    }
}

/// Says whether the first of the largest absolute entries is below zero.
fn is_negative(vector: &[f64]) -> bool {
    let largest = vector.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    vector.iter().find(|entry| entry.abs() >= largest * (1.0 - TIE)).is_some_and(|entry| *entry < 0.0)
}

/// Checks and scales the matrix, decomposes it and scales the singular values back.
fn decompose(columns: &[&[f64]], with_left: bool) -> Result<Svd, Error> {
    let rows = check_columns(columns)?;
    let scale = binary_scale(columns.iter().flat_map(|column| column.iter().copied()));
    let divisor = if scale > 0.0 { scale } else { 1.0 };
    let mut svd = if rows >= columns.len() {
        let matrix = columns.iter().map(|column| column.iter().map(|value| value / divisor).collect());
        decompose_tall(matrix.collect(), with_left)
    } else {
        let row = |index: usize| columns.iter().map(|column| column[index] / divisor).collect();
        decompose_wide((0..rows).map(row).collect(), with_left)
    };
    for value in &mut svd.values {
        *value *= divisor;
    }
    if svd.values.iter().all(|value| value.is_finite()) { Ok(svd) } else { Err(Error::Overflow) }
}

/// Decomposes a matrix with at least as many rows as columns: `A = Q R`, Jacobi on `R` transposed.
fn decompose_tall(matrix: Vec<Vec<f64>>, with_left: bool) -> Svd {
    let rows = matrix.first().map_or(0, Vec::len);
    let triangle = Triangle::new(matrix);
    let mut jacobi = Jacobi::new(transpose(&triangle.upper), with_left);
    jacobi.run();
    let (values, right) = normalise(jacobi.columns);
    let expand = |vector: Vec<f64>| triangle.multiply(vector, rows);
    let left = if with_left { jacobi.rotations.into_iter().map(expand).collect() } else { Vec::new() };
    Svd { left, values, right }
}

/// Decomposes a wide matrix, given as rows: `A` transposed `= Q R`, Jacobi on `R`.
fn decompose_wide(matrix: Vec<Vec<f64>>, with_left: bool) -> Svd {
    let columns = matrix.first().map_or(0, Vec::len);
    let triangle = Triangle::new(matrix);
    let mut jacobi = Jacobi::new(triangle.upper.clone(), with_left);
    jacobi.run();
    let (values, small) = normalise(jacobi.columns);
    let right = small.into_iter().map(|vector| triangle.multiply(vector, columns)).collect();
    let left = if with_left { jacobi.rotations } else { Vec::new() };
    Svd { left, values, right }
}

/// Exchanges the rows and columns of a square matrix.
fn transpose(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..matrix.len()).map(|row| matrix.iter().map(|column| column[row]).collect()).collect()
}

/// A Householder factorisation `Q R` of a matrix with at least as many rows as columns.
struct Triangle {
    /// Vectors `v` of squared length 2 (or empty); vector `k` acts on the rows from `k` on as `I - v v'`.
    reflectors: Vec<Vec<f64>>,
    /// Columns of the square upper triangle `R`.
    upper: Vec<Vec<f64>>,
}

impl Triangle {
    /// Factorises the matrix with these columns.
    fn new(mut columns: Vec<Vec<f64>>) -> Self {
        let size = columns.len();
        let mut reflectors = Vec::with_capacity(size);
        for index in 0..size {
            let (done, later) = columns.split_at_mut(index + 1);
            let (reflector, corner) = reflect(&done[index][index..]);
            for column in later {
                reflect_into(&reflector, &mut column[index..]);
            }
            done[index][index] = corner;
            done[index][index + 1..].fill(0.0);
            reflectors.push(reflector);
        }
        for column in &mut columns {
            column.truncate(size);
        }
        Self { reflectors, upper: columns }
    }

    /// Multiplies `Q` by a short vector, which gives one of this length.
    fn multiply(&self, mut vector: Vec<f64>, length: usize) -> Vec<f64> {
        vector.resize(length, 0.0);
        for (index, reflector) in self.reflectors.iter().enumerate().rev() {
            reflect_into(reflector, &mut vector[index..]);
        }
        vector
    }
}

/// Returns the reflector that takes the vector to a multiple of the first unit vector, and the multiple.
///
/// Golub and Van Loan, "Matrix computations", 4th edition, section 5.1: the sign avoids cancellation.
fn reflect(vector: &[f64]) -> (Vec<f64>, f64) {
    let square = dot(vector, vector);
    if square < NEGLIGIBLE {
        return (Vec::new(), 0.0);
    }
    let corner = -square.sqrt().copysign(vector[0]);
    let mut reflector = vector.to_vec();
    reflector[0] -= corner;
    let divisor = (dot(&reflector, &reflector) / 2.0).sqrt();
    divide(&mut reflector, divisor);
    (reflector, corner)
}

/// Applies a reflector of squared length 2; an empty one does nothing.
fn reflect_into(reflector: &[f64], vector: &mut [f64]) {
    if !reflector.is_empty() {
        let product = dot(reflector, vector);
        add_scaled(vector, -product, reflector);
    }
}

/// The state of one-sided Jacobi rotations on a square matrix.
struct Jacobi {
    /// Columns that become orthogonal.
    columns: Vec<Vec<f64>>,
    /// Columns of the product of all rotations; empty vectors if it is not wanted.
    rotations: Vec<Vec<f64>>,
    /// Squared lengths of `columns`.
    squares: Vec<f64>,
    /// Cosines below this count as zero.
    tolerance: f64,
}

impl Jacobi {
    /// Starts with these columns and no rotation.
    fn new(columns: Vec<Vec<f64>>, with_rotations: bool) -> Self {
        let size = columns.len();
        let unit = |index: usize| (0..size).map(|row| if row == index { 1.0 } else { 0.0 }).collect();
        let rotations = if with_rotations { (0..size).map(unit).collect() } else { vec![Vec::new(); size] };
        let tolerance = 2.0 * f64::EPSILON * float(size).sqrt();
        Self { columns, rotations, squares: vec![0.0; size], tolerance }
    }

    /// Sweeps over all pairs until none needs a rotation; leaves the columns in descending length.
    fn run(&mut self) {
        self.sort();
        for _ in 0..MOST_SWEEPS {
            let mut moved = false;
            for first in 0..self.columns.len() {
                for second in first + 1..self.columns.len() {
                    moved |= self.rotate(first, second);
                }
            }
            self.sort();
            if !moved {
                break;
            }
        }
    }

    /// Recomputes the squared lengths and puts the columns in descending order of them.
    ///
    /// Large columns first speed convergence (de Rijk, SIAM J. Sci. Stat. Comput. 10, 1989).
    fn sort(&mut self) {
        let squares: Vec<f64> = self.columns.iter().map(|column| dot(column, column)).collect();
        let mut order: Vec<usize> = (0..squares.len()).collect();
        order.sort_by(|&one, &other| squares[other].total_cmp(&squares[one]));
        self.columns = order.iter().map(|&index| std::mem::take(&mut self.columns[index])).collect();
        self.rotations = order.iter().map(|&index| std::mem::take(&mut self.rotations[index])).collect();
        self.squares = order.iter().map(|&index| squares[index]).collect();
    }

    /// Makes two columns orthogonal; says whether they were not.
    ///
    /// Golub and Van Loan, "Matrix computations", 4th edition, sections 8.5.2 and 8.6.4: the smaller angle.
    fn rotate(&mut self, first: usize, second: usize) -> bool {
        let (alpha, beta) = (self.squares[first], self.squares[second]);
        if alpha.min(beta) < NEGLIGIBLE {
            return false;
        }
        let gamma = dot(&self.columns[first], &self.columns[second]);
        if gamma.abs() <= self.tolerance * alpha.sqrt() * beta.sqrt() {
            return false;
        }
        let zeta = (beta - alpha) / (2.0 * gamma);
        let tangent = 1.0_f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
        let cosine = 1.0 / tangent.hypot(1.0);
        turn(&mut self.columns, first, second, cosine, cosine * tangent);
        turn(&mut self.rotations, first, second, cosine, cosine * tangent);
        self.squares[first] = alpha - tangent * gamma;
        self.squares[second] = beta + tangent * gamma;
        tangent.abs() > 0.0
    }
}

/// Turns two of the columns, `first < second`, in their plane.
fn turn(columns: &mut [Vec<f64>], first: usize, second: usize, cosine: f64, sine: f64) {
    let (head, tail) = columns.split_at_mut(second);
    for (one, other) in head[first].iter_mut().zip(&mut tail[0]) {
        (*one, *other) = (cosine * *one - sine * *other, sine * *one + cosine * *other);
    }
}

/// Splits orthogonal columns in descending length into lengths and an orthonormal set.
fn normalise(mut columns: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut lengths: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
    let rank = lengths.partition_point(|length| length * length >= NEGLIGIBLE);
    lengths[rank..].fill(0.0);
    for (column, length) in columns.iter_mut().zip(&lengths[..rank]) {
        divide(column, *length);
    }
    for index in rank..columns.len() {
        columns[index] = completing(&columns[..index], columns[index].len());
    }
    (lengths, columns)
}

/// Returns a unit vector orthogonal to a short orthonormal set: the unit vector farthest from it, made orthogonal.
///
/// Two passes of Gram-Schmidt are enough (Giraud, Langou, Rozloznik and van den Eshof, Numer. Math. 101, 2005).
fn completing(basis: &[Vec<f64>], length: usize) -> Vec<f64> {
    let covered = |row: usize| basis.iter().map(|vector| vector[row] * vector[row]).sum::<f64>();
    let covers: Vec<f64> = (0..length).map(covered).collect();
    let farthest = (0..length).min_by(|&one, &other| covers[one].total_cmp(&covers[other])).unwrap_or(0);
    let mut vector: Vec<f64> = (0..length).map(|row| if row == farthest { 1.0 } else { 0.0 }).collect();
    for _ in 0..2 {
        for known in basis {
            let product = dot(&vector, known);
            add_scaled(&mut vector, -product, known);
        }
    }
    let norm = dot(&vector, &vector).sqrt();
    divide(&mut vector, norm);
    vector
}

/// Tests of what the public functions do not show.
#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference between the factors' product and the matrix, and from orthonormality.
    fn worst(columns: &[Vec<f64>]) -> f64 {
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let svd = thin_svd(&views).unwrap();
        let mut error: f64 = 0.0;
        for (index, column) in columns.iter().enumerate() {
            for (row, value) in column.iter().enumerate() {
                let term = |rank: usize| svd.values[rank] * svd.left[rank][row] * svd.right[rank][index];
                error = error.max((value - (0..svd.values.len()).map(term).sum::<f64>()).abs());
            }
        }
        for set in [&svd.left, &svd.right] {
            for (index, one) in set.iter().enumerate() {
                for (place, other) in set.iter().enumerate() {
                    let expected = if index == place { 1.0 } else { 0.0 };
                    error = error.max((dot(one, other) - expected).abs());
                }
            }
        }
        error
    }

    /// Matrices of all shapes are the product of orthonormal factors.
    #[test]
    fn factors_multiply_back() {
        let entry = |row: u32, column: u32| f64::from((row * row * 7 + column * 13 + row * column * 5) % 11);
        for (rows, columns) in [(1, 1), (1, 5), (5, 1), (30, 6), (6, 30), (9, 9)] {
            let matrix: Vec<Vec<f64>> =
                (0..columns).map(|column| (0..rows).map(|row| entry(row, column)).collect()).collect();
            assert!(worst(&matrix) < 1e-12, "{rows} by {columns}");
        }
    }

    /// Missing directions are completed.
    #[test]
    fn deficient_and_zero_matrices_have_orthonormal_factors() {
        assert!(worst(&vec![vec![0.0; 4]; 3]) < 1e-12);
        assert!(worst(&vec![vec![0.0; 3]; 5]) < 1e-12);
        assert!(worst(&vec![vec![1.0, 2.0, 3.0]; 7]) < 1e-12);
        assert!(worst(&vec![vec![1.0, 2.0, 3.0, -1.0]; 2]) < 1e-12);
    }

    /// A column smaller by 1e-100 keeps its relative accuracy.
    #[test]
    fn graded_columns_keep_small_values() {
        let columns = [[1.0, 1.0, 0.0], [1e-100, -1e-100, 0.0]];
        let svd = right_svd(&[&columns[0], &columns[1]]).unwrap();
        assert!((svd.values[0] / 2.0_f64.sqrt() - 1.0).abs() < 1e-14);
        assert!((svd.values[1] / 2.0_f64.sqrt() / 1e-100 - 1.0).abs() < 1e-14);
    }

    /// Each defect has its error.
    #[test]
    fn refuses_what_is_no_matrix() {
        assert_eq!(thin_svd(&[]), Err(Error::Empty));
        assert_eq!(thin_svd(&[&[], &[]]), Err(Error::Empty));
        assert_eq!(thin_svd(&[&[1.0], &[]]), Err(Error::Ragged { column: 1, expected: 1, found: 0 }));
        assert_eq!(thin_svd(&[&[f64::NAN]]), Err(Error::NotFinite { column: 0 }));
        assert_eq!(thin_svd(&[&[f64::MAX; 3], &[f64::MAX; 3]]), Err(Error::Overflow));
    }
}
