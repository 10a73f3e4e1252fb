//! Tests against numbers of scikit-learn 1.9.1 on data that a formula gives.

use ndarray::Array2;

use super::*;
use crate::fit::algebra::FitError;

/// Rows of three columns with overlapping classes and weights.
fn example(n_rows: usize, n_classes: usize) -> (Array2<f64>, Vec<usize>, Vec<f64>) {
    let x = Array2::from_shape_fn((n_rows, 3), |(row, column)| {
        let t = row as f64;
        [(t * 0.7).sin() * 2.0, (t * 1.3).cos(), (t * 0.7).sin() + (t * 2.9).cos()][column]
    });
    let y = (0..n_rows)
        .map(|row| {
            let score = x[[row, 0]] - x[[row, 1]] + 1.5 * (row as f64 * 3.7).cos() + 3.0;
            (1..n_classes).filter(|class| score / 6.0 * n_classes as f64 >= *class as f64).count()
        })
        .collect();
    let weights = (0..n_rows).map(|row| ((row * 7) % 4) as f64).collect();
    (x, y, weights)
}

fn options(c: f64, l1_ratio: f64, solver: Solver) -> LogisticOptions {
    LogisticOptions { c, l1_ratio, fit_intercept: true, tol: 1e-11, max_iter: 1000, solver }
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * expected.abs().max(0.01), "{found} {expected}");
    }
}

fn fit(n_classes: usize, weighted: bool, options: &LogisticOptions) -> LogisticFit {
    let (x, y, weights) = example(80, n_classes);
    let weights = weighted.then_some(&*weights);
    logistic_regression(&Classification { x: x.view(), y: &y, n_classes, weights }, options, &|| false)
        .unwrap()
}

#[test]
fn two_classes_agree_with_scikit_learn_for_every_solver() {
    for solver in [Solver::Auto, Solver::NewtonCholesky, Solver::Lbfgs] {
        let fit = fit(2, false, &options(0.7, 0.0, solver));
        assert!(fit.converged && fit.gradient <= 1e-11);
        assert_close(&fit.coefficients.concat(), &BINARY.0, 1e-7);
        assert_close(&fit.intercepts, &BINARY.1, 1e-7);
    }
}

#[test]
fn three_weighted_classes_agree_with_scikit_learn_for_every_solver() {
    for solver in [Solver::Auto, Solver::NewtonCholesky, Solver::Lbfgs] {
        let fit = fit(3, true, &options(0.7, 0.0, solver));
        assert!(fit.converged);
        assert_close(&fit.coefficients.concat(), &MULTINOMIAL.0, 1e-7);
        assert_close(&fit.intercepts, &MULTINOMIAL.1, 1e-7);
    }
}

#[test]
fn l1_and_elastic_net_penalties_agree_with_saga() {
    let sparse = fit(2, false, &options(0.2, 1.0, Solver::Auto));
    assert_eq!(sparse.solver, "proximal-newton");
    assert_close(&sparse.coefficients.concat(), &BINARY_L1.0, 1e-6);
    assert_close(&sparse.intercepts, &BINARY_L1.1, 1e-6);
    let mixed = fit(3, true, &options(0.1, 0.6, Solver::Auto));
    assert_close(&mixed.coefficients.concat(), &MULTINOMIAL_ELASTIC_NET.0, 1e-6);
    assert_close(&mixed.intercepts, &MULTINOMIAL_ELASTIC_NET.1, 1e-6);
    assert!(mixed.converged && mixed.standard_errors.is_none());
}

#[test]
fn standard_errors_are_the_classical_ones_without_a_penalty() {
    for solver in [Solver::NewtonCholesky, Solver::Lbfgs] {
        let fit = fit(2, false, &options(f64::INFINITY, 0.0, solver));
        let errors = fit.standard_errors.unwrap();
        assert!(!errors.penalized);
        assert_close(&errors.coefficients.concat(), &BINARY_ERRORS.0, 1e-7);
        assert_close(&errors.intercepts.unwrap(), &[BINARY_ERRORS.1], 1e-7);
    }
}

#[test]
fn standard_errors_of_several_classes_are_those_of_the_pseudo_inverse() {
    for (c, expected) in [(f64::INFINITY, MULTINOMIAL_ERRORS), (0.7, PENALIZED_ERRORS)] {
        for solver in [Solver::NewtonCholesky, Solver::Lbfgs] {
            let fit = fit(3, false, &options(c, 0.0, solver));
            let errors = fit.standard_errors.unwrap();
            assert_eq!(errors.penalized, c.is_finite());
            assert_close(&errors.coefficients.concat(), &expected.0, 1e-7);
            assert_close(&errors.intercepts.unwrap(), &expected.1, 1e-7);
            let sums = (0..3).map(|at| fit.coefficients.iter().map(|row| row[at]).sum::<f64>());
            assert!(sums.into_iter().all(|sum| sum.abs() < 1e-9));
        }
    }
}

#[test]
fn perfect_separation_without_a_penalty_does_not_converge_and_stays_finite() {
    let x = Array2::from_shape_fn((40, 2), |(row, column)| [row as f64, (row as f64).sin()][column]);
    for (solver, n_classes) in
        [(Solver::NewtonCholesky, 2), (Solver::Lbfgs, 2), (Solver::NewtonCholesky, 4), (Solver::Lbfgs, 4)]
    {
        let y: Vec<usize> = (0..40).map(|row| row * n_classes / 40).collect();
        let data = Classification { x: x.view(), y: &y, n_classes, weights: None };
        let options = LogisticOptions { tol: 1e-4, max_iter: 100, ..options(f64::INFINITY, 0.0, solver) };
        let fit = logistic_regression(&data, &options, &|| false).unwrap();
        assert!(!fit.converged && fit.separated && fit.n_iter <= 100, "{fit:?}");
        assert!(fit.coefficients.concat().iter().all(|value| value.is_finite()));
        assert!(fit.standard_errors.is_none());
    }
}

#[test]
fn a_column_that_separates_some_rows_does_not_converge_without_a_penalty() {
    let (x, mut y, _) = example(80, 2);
    let quasi = Array2::from_shape_fn((80, 2), |(row, column)| match column {
        0 => x[[row, 0]],
        _ => f64::from(u8::from(row % 9 == 0)),
    });
    for row in (0..80).step_by(9) {
        y[row] = 1;
    }
    let data = Classification { x: quasi.view(), y: &y, n_classes: 2, weights: None };
    let options = LogisticOptions { tol: 1e-4, max_iter: 50, ..options(f64::INFINITY, 0.0, Solver::Auto) };
    let fit = logistic_regression(&data, &options, &|| false).unwrap();
    assert!(!fit.converged && !fit.separated);
    assert!(fit.coefficients.concat().iter().all(|value| value.is_finite()));
}

#[test]
fn constant_and_repeated_columns_do_no_harm() {
    let (x, y, _) = example(80, 3);
    let odd = Array2::from_shape_fn((80, 4), |(row, column)| [0.0, 7.0, x[[row, 0]], x[[row, 0]]][column]);
    let data = Classification { x: odd.view(), y: &y, n_classes: 3, weights: None };
    for (c, l1_ratio) in [(f64::INFINITY, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 0.5)] {
        for solver in [Solver::NewtonCholesky, Solver::Lbfgs] {
            let options = LogisticOptions { tol: 1e-6, ..options(c, l1_ratio, solver) };
            let fit = logistic_regression(&data, &options, &|| false).unwrap();
            assert!(fit.converged, "{c} {l1_ratio} {fit:?}");
            assert!(fit.coefficients.iter().all(|row| row[0] == 0.0));
        }
    }
}

#[test]
fn without_columns_the_intercepts_are_the_frequencies() {
    let x = Array2::zeros((5, 0));
    for solver in [Solver::NewtonCholesky, Solver::Lbfgs] {
        let data = Classification { x: x.view(), y: &[0, 1, 1, 1, 1], n_classes: 2, weights: None };
        let fit = logistic_regression(&data, &options(1.0, 0.0, solver), &|| false).unwrap();
        assert_close(&fit.intercepts, &[4.0_f64.ln()], 1e-9);
    }
}

#[test]
fn one_class_no_rows_and_a_stop_are_told_apart() {
    let x = Array2::zeros((3, 1));
    let wanted = options(1.0, 0.0, Solver::Auto);
    let fit = |y: &[usize], weights: Option<&[f64]>, stop: bool| {
        let x = x.slice(ndarray::s![..y.len(), ..]);
        let data = Classification { x, y, n_classes: 2, weights };
        logistic_regression(&data, &wanted, &|| stop).unwrap_err()
    };
    assert_eq!(fit(&[], None, false), FitError::NoRows);
    assert_eq!(fit(&[1, 1, 1], None, false), FitError::OneClass);
    assert_eq!(fit(&[1, 0, 1], Some(&[1.0, 0.0, 2.0]), false), FitError::OneClass);
    assert_eq!(fit(&[1, 0, 1], None, true), FitError::Stopped);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let (x, y, weights) = example(60_000, 3);
    let data = Classification { x: x.view(), y: &y, n_classes: 3, weights: Some(&weights) };
    for (solver, l1_ratio) in [(Solver::NewtonCholesky, 0.0), (Solver::Lbfgs, 0.0), (Solver::Auto, 0.9)] {
        let fits = [1, 2, 8].map(|n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let options = LogisticOptions { tol: 1e-5, ..options(0.01, l1_ratio, solver) };
            let fit = pool.install(|| logistic_regression(&data, &options, &|| false).unwrap());
            assert!(fit.converged);
            (fit.coefficients, fit.intercepts)
        });
        assert_eq!(fits[0], fits[1]);
        assert_eq!(fits[0], fits[2]);
    }
}

// Golden numbers, printed by scikit-learn and NumPy.

/// Coefficients row by row, and intercepts.
const BINARY: ([f64; 3], [f64; 1]) =
    ([0.991_814_426_005_1, -1.090_461_778_357, 0.457_822_131_99], [0.102_533_279_273_8]);
/// Coefficients row by row, and intercepts.
const BINARY_L1: ([f64; 3], [f64; 1]) =
    ([0.932_191_001_881_6, -0.393_000_177_271_7, 0.0], [0.072_296_675_758_9]);
/// Of the coefficients and of the intercept.
const BINARY_ERRORS: ([f64; 3], f64) =
    ([0.344_815_306_009_1, 0.529_355_940_592_1, 0.468_616_787_577], 0.319_026_942_974_2);
/// Coefficients row by row, and intercepts.
const MULTINOMIAL: ([f64; 9], [f64; 3]) = (
    [
        -1.377_247_410_747_2,
        1.437_175_155_3,
        0.063_313_884_667,
        0.235_814_033_270_5,
        0.009_348_344_215_3,
        -0.067_337_045_395_7,
        1.141_433_377_476_7,
        -1.446_523_499_515_4,
        0.004_023_160_728_7,
    ],
    [-0.534_273_928_436_9, 0.658_748_870_729_3, -0.124_474_942_292_3],
);
/// Coefficients row by row, and intercepts.
const MULTINOMIAL_ELASTIC_NET: ([f64; 9], [f64; 3]) = (
    [
        -0.864_387_711_646_6,
        0.384_192_133_701_2,
        0.0,
        0.0,
        0.0,
        0.0,
        0.519_246_314_779_7,
        -0.603_598_315_955_7,
        0.0,
    ],
    [-0.187_257_686_478_5, 0.249_648_092_778_1, -0.062_390_406_299_5],
);
/// Of the coefficients row by row, and of the intercepts, by the pseudo-inverse.
const MULTINOMIAL_ERRORS: ([f64; 9], [f64; 3]) = (
    [
        0.484_384_181_481_9,
        0.483_890_876_727_6,
        0.398_833_207_503_5,
        0.282_338_637_082_2,
        0.321_359_052_863_2,
        0.265_546_125_893_1,
        0.397_918_732_256_1,
        0.513_796_738_916_3,
        0.382_420_944_167_3,
    ],
    [0.417_961_567_714_8, 0.289_083_454_083_7, 0.388_568_210_991_3],
);
/// Of the coefficients row by row, and of the intercepts, by the pseudo-inverse.
const PENALIZED_ERRORS: ([f64; 9], [f64; 3]) = (
    [
        0.557_183_904_933_9,
        0.578_393_755_489_8,
        0.562_307_720_859_6,
        0.521_046_880_036_8,
        0.540_649_691_887,
        0.531_563_996_912_4,
        0.545_421_608_079_1,
        0.583_475_991_738_9,
        0.561_521_889_180_9,
    ],
    [0.300_149_715_365_1, 0.222_451_170_840_9, 0.296_948_600_623_2],
);
