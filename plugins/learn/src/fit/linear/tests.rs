//! Tests against numbers of scikit-learn 1.9.1 on data that a formula gives.

use ndarray::Array2;

use super::*;
use crate::fit::algebra::FitError;

/// Rows of three columns, the third nearly the sum of the others, and their target.
fn example(n_rows: usize) -> (Array2<f64>, Vec<f64>, Vec<f64>) {
    let x = Array2::from_shape_fn((n_rows, 3), |(row, column)| {
        let t = row as f64;
        let (a, b) = ((t * 0.7).sin() * 3.0 + 1.0, (t * 1.3).cos() * 2.0 + t * 0.05);
        [a, b, a + b + (t * 2.1).sin() * 0.1][column]
    });
    let y = (0..n_rows)
        .map(|row| 2.0 * x[[row, 0]] - x[[row, 1]] + 0.5 * x[[row, 2]] + 4.0 + (row as f64 * 3.7).cos() * 0.5)
        .collect();
    let weights = (0..n_rows).map(|row| ((row * 7) % 4) as f64).collect();
    (x, y, weights)
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-9), "{found} {expected}");
    }
}

#[test]
fn least_squares_agrees_with_scikit_learn_and_the_classical_standard_errors() {
    let (x, y, _) = example(30);
    let data = Regression { x: x.view(), y: &y, weights: None };
    let fit = least_squares(&data, true, &|| false).unwrap();
    assert_close(&fit.coefficients, &OLS.0, 1e-11);
    assert_close(&[fit.intercept], &[OLS.1], 1e-11);
    assert_close(&[fit.r_squared.unwrap()], &[OLS_R_SQUARED], 1e-12);
    let errors = fit.standard_errors.unwrap();
    assert_close(&errors.coefficients, &OLS_ERRORS.0, 1e-10);
    assert_close(&[errors.intercept.unwrap()], &[OLS_ERRORS.1], 1e-10);
    assert_eq!(fit.rank, Some(3));
}

#[test]
fn weighted_fits_agree_with_scikit_learn() {
    let (x, y, weights) = example(30);
    let data = Regression { x: x.view(), y: &y, weights: Some(&weights) };
    let fit = least_squares(&data, true, &|| false).unwrap();
    assert_close(&fit.coefficients, &WEIGHTED_OLS.0, 1e-11);
    assert_close(&[fit.intercept], &[WEIGHTED_OLS.1], 1e-11);
    let fit = ridge(&data, 1.5, true, &|| false).unwrap();
    assert_close(&fit.coefficients, &WEIGHTED_RIDGE.0, 1e-11);
    assert_close(&[fit.intercept], &[WEIGHTED_RIDGE.1], 1e-11);
    let fit = elastic_net(&data, &options(0.3, 0.6), &|| false).unwrap();
    assert_close(&fit.coefficients, &WEIGHTED_ELASTIC_NET.0, 1e-7);
    assert_close(&[fit.intercept], &[WEIGHTED_ELASTIC_NET.1], 1e-7);
}

#[test]
fn lasso_agrees_with_scikit_learn_and_reports_its_gap() {
    let (x, y, _) = example(30);
    let data = Regression { x: x.view(), y: &y, weights: None };
    let fit = elastic_net(&data, &options(0.2, 1.0), &|| false).unwrap();
    assert_close(&fit.coefficients, &LASSO.0, 1e-7);
    assert_close(&[fit.intercept], &[LASSO.1], 1e-7);
    let descent = fit.descent.unwrap();
    assert!(descent.converged && descent.gap <= descent.tolerance && descent.n_iter > 0);
}

#[test]
fn the_limit_of_sweeps_ends_coordinate_descent() {
    let (x, y, _) = example(30);
    let data = Regression { x: x.view(), y: &y, weights: None };
    let fit =
        elastic_net(&data, &ElasticNetOptions { max_iter: 1, ..options(0.001, 1.0) }, &|| false).unwrap();
    let descent = fit.descent.unwrap();
    assert!(!descent.converged && descent.n_iter == 1 && descent.gap > descent.tolerance);
}

#[test]
fn wide_problems_have_the_least_norm_and_no_standard_errors() {
    let (x, y, _) = example(12);
    let (wide, target) = (x.t().to_owned(), &y[..3]);
    let data = Regression { x: wide.view(), y: target, weights: None };
    let fit = least_squares(&data, true, &|| false).unwrap();
    let predictions = wide.dot(&ndarray::Array1::from(fit.coefficients.clone())) + fit.intercept;
    assert_close(predictions.as_slice().unwrap(), target, 1e-12);
    assert_eq!(fit.rank, Some(2));
    assert!(fit.standard_errors.is_none());
    // Of least norm: a combination of the centred rows, so orthogonal to whatever those do not span.
    let smaller = ridge(&data, 1e-9, true, &|| false).unwrap();
    assert_close(&smaller.coefficients, &fit.coefficients, 1e-6);
}

#[test]
fn constant_and_repeated_columns_do_no_harm() {
    let (x, y, _) = example(30);
    let sum = 0.1 + 0.2;
    let odd = Array2::from_shape_fn((30, 5), |(row, column)| match column {
        0 => sum,
        1 => 1e9 / 3.0,
        2 => 2.0 * x[[row, 0]],
        _ => x[[row, column - 3]],
    });
    let data = Regression { x: odd.view(), y: &y, weights: None };
    let penalized = [ridge(&data, 1.0, true, &|| false), elastic_net(&data, &options(0.1, 0.5), &|| false)];
    for fit in penalized.into_iter().chain([least_squares(&data, true, &|| false)]) {
        let fit = fit.unwrap();
        assert_eq!(fit.coefficients[..2], [0.0, 0.0]);
        assert!(fit.r_squared.unwrap() > 0.5);
    }
    let fit = least_squares(&data, true, &|| false).unwrap();
    assert_eq!(fit.rank, Some(2));
    assert_close(&[fit.coefficients[2]], &[2.0 * fit.coefficients[3]], 1e-12);
}

#[test]
fn a_single_row_gives_a_constant_model() {
    let x = Array2::from_elem((1, 2), 3.0);
    let data = Regression { x: x.view(), y: &[5.0], weights: None };
    for fit in [
        least_squares(&data, true, &|| false),
        ridge(&data, 1.0, true, &|| false),
        elastic_net(&data, &options(0.1, 0.5), &|| false),
    ] {
        let fit = fit.unwrap();
        assert_eq!((fit.coefficients, fit.intercept, fit.r_squared), (vec![0.0, 0.0], 5.0, None));
    }
}

#[test]
fn no_rows_no_columns_and_no_weight_are_told_apart() {
    let none = Array2::zeros((0, 2));
    let data = Regression { x: none.view(), y: &[], weights: None };
    assert_eq!(least_squares(&data, true, &|| false).unwrap_err(), FitError::NoRows);
    let x = Array2::zeros((3, 0));
    let data = Regression { x: x.view(), y: &[1.0, 2.0, 6.0], weights: None };
    for fit in [
        least_squares(&data, true, &|| false),
        ridge(&data, 1.0, true, &|| false),
        elastic_net(&data, &options(0.1, 0.5), &|| false),
    ] {
        assert_close(&[fit.unwrap().intercept], &[3.0], 1e-15);
    }
    let data = Regression { weights: Some(&[0.0; 3]), ..data };
    assert_eq!(ridge(&data, 1.0, true, &|| false).unwrap_err(), FitError::NoRows);
}

#[test]
fn a_stop_ends_the_fit() {
    let (x, y, _) = example(30);
    let data = Regression { x: x.view(), y: &y, weights: None };
    assert_eq!(least_squares(&data, true, &|| true).unwrap_err(), FitError::Stopped);
    assert_eq!(elastic_net(&data, &options(0.1, 0.5), &|| true).unwrap_err(), FitError::Stopped);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let (x, y, weights) = example(60_000);
    let data = Regression { x: x.view(), y: &y, weights: Some(&weights) };
    let fits = [1, 2, 8].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let ordinary = least_squares(&data, true, &|| false).unwrap();
            let sparse = elastic_net(&data, &options(0.3, 0.6), &|| false).unwrap();
            (ordinary.coefficients, ordinary.intercept, sparse.coefficients, sparse.intercept)
        })
    });
    assert_eq!(fits[0], fits[1]);
    assert_eq!(fits[0], fits[2]);
}

fn options(alpha: f64, l1_ratio: f64) -> ElasticNetOptions {
    ElasticNetOptions { alpha, l1_ratio, tol: 1e-14, max_iter: 10_000, fit_intercept: true }
}

// Golden numbers, printed by scikit-learn and NumPy.

/// Coefficients and intercept.
const OLS: ([f64; 3], f64) =
    ([2.574_519_906_945_9, -0.415_420_103_484_1, -0.073_251_209_765_2], 4.003_980_965_591);
/// Of `OLS`.
const OLS_R_SQUARED: f64 = 0.995_512_509_442_8;
/// Of the coefficients and of the intercept.
const OLS_ERRORS: ([f64; 3], f64) =
    ([0.994_514_367_655, 0.995_990_132_091_3, 0.994_777_001_027_4], 0.089_155_824_659_9);
/// Coefficients and intercept.
const WEIGHTED_OLS: ([f64; 3], f64) =
    ([3.337_661_152_047_3, 0.362_233_030_973_2, -0.839_101_584_284_5], 3.992_980_765_827_2);
/// Coefficients and intercept.
const WEIGHTED_RIDGE: ([f64; 3], f64) =
    ([1.880_898_360_980_5, -1.056_937_451_338_8, 0.599_825_362_067_9], 4.005_276_397_297_8);
/// Coefficients and intercept.
const WEIGHTED_ELASTIC_NET: ([f64; 3], f64) =
    ([2.224_613_810_090_7, -0.528_513_793_734_3, 0.163_854_033_347], 4.041_332_297_268_1);
/// Coefficients and intercept.
const LASSO: ([f64; 3], f64) = ([2.458_136_862_618_5, -0.401_512_669_296_4, 0.0], 3.985_467_932_066_4);
