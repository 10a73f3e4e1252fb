//! Fits from given starting weights without shuffling, against scikit-learn 1.9.1 (`MLPClassifier`,
//! `MLPRegressor`).

use super::*;

/// What scikit-learn reached.
struct Expected {
    n_iter: usize,
    loss: f64,
    /// `Σ cos(k) · parameter k`, over each layer's weights, then its biases.
    checksum: f64,
    tolerance: f64,
}

fn checksum(model: &Mlp) -> f64 {
    let parameters = model.layers.iter().flat_map(|layer| layer.weights.iter().chain(&layer.biases));
    parameters.zip(0..).map(|(parameter, k)| parameter * f64::from(k).cos()).sum()
}

fn check(training: &Training, options: &MlpOptions, expected: &Expected) -> MlpFit {
    let n_outputs = match training.rows.targets {
        Targets::Classes { n_classes, .. } if n_classes > 2 => n_classes,
        _ => 1,
    };
    let sizes = [&[3], options.hidden_layer_sizes.as_slice(), &[n_outputs]].concat();
    let fit = fit_from(&start(&sizes), training, options, &never).unwrap();
    assert_eq!(fit.n_iter, expected.n_iter);
    assert_eq!(fit.loss_curve.len(), fit.n_iter);
    assert!((fit.loss - expected.loss).abs() < expected.tolerance, "{}", fit.loss);
    let found = checksum(&fit.model);
    assert!((found - expected.checksum).abs() < 10.0 * expected.tolerance, "{found}");
    fit
}

fn options(hidden_layer_sizes: &[usize], activation: Activation, solver: Solver) -> MlpOptions {
    let hidden_layer_sizes = hidden_layer_sizes.to_vec();
    MlpOptions { hidden_layer_sizes, activation, solver, shuffle: false, ..MlpOptions::default() }
}

fn adam(learning_rate: f64) -> Solver {
    Solver::Adam(Adam { learning_rate, ..Adam::default() })
}

const LBFGS: Solver = Solver::Lbfgs { max_evaluations: 15_000 };

#[test]
fn adam_follows_scikit_learn() {
    let data = Data::new(24, 3, 3).weighted();
    let options = options(&[5, 4], Activation::Relu, adam(0.01));
    let options = MlpOptions { alpha: 0.01, batch_size: Some(10), max_iter: 12, ..options };
    let expected = Expected {
        n_iter: 12,
        loss: 1.011_729_359_266_692,
        checksum: 0.199_719_923_518_762_1,
        tolerance: 1e-12,
    };
    let fit = check(&data.training(), &options, &expected);
    assert!((fit.loss_curve[0] - 1.163_653_763_444_553).abs() < 1e-12);
    assert!(!fit.converged());
}

#[test]
fn sgd_with_nesterov_momentum_and_an_adaptive_rate_follows_scikit_learn() {
    let data = Data::new(24, 3, 2);
    let sgd = Sgd { learning_rate: 0.1, schedule: Schedule::Adaptive, ..Sgd::default() };
    let options = options(&[6], Activation::Tanh, Solver::Sgd(sgd));
    let options = MlpOptions {
        alpha: 0.1,
        batch_size: Some(7),
        max_iter: 40,
        n_iter_no_change: 2,
        tol: 1e-2,
        ..options
    };
    let expected = Expected {
        n_iter: 30,
        loss: 0.642_345_010_100_474_1,
        checksum: 0.851_000_826_772_775,
        tolerance: 1e-12,
    };
    let fit = check(&data.training(), &options, &expected);
    assert_eq!(fit.ending, Ending::NoImprovement);
}

#[test]
fn sgd_with_plain_momentum_and_inverse_scaling_follows_scikit_learn() {
    let data = Data::new(24, 3, 0).weighted();
    let sgd = Sgd {
        learning_rate: 0.2,
        schedule: Schedule::InverseScaling { power: 0.25 },
        momentum: 0.5,
        nesterov: false,
    };
    let options = options(&[4, 3], Activation::Logistic, Solver::Sgd(sgd));
    let options = MlpOptions { alpha: 0.001, batch_size: Some(9), max_iter: 15, tol: 0.0, ..options };
    let expected = Expected {
        n_iter: 13,
        loss: 0.296_646_965_459_697,
        checksum: 0.102_758_411_516_060_63,
        tolerance: 1e-12,
    };
    check(&data.training(), &options, &expected);
}

#[test]
fn a_network_without_hidden_layers_follows_scikit_learn() {
    let data = Data::new(24, 3, 0);
    let options = options(&[], Activation::Relu, adam(0.05));
    let options = MlpOptions { alpha: 0.0, max_iter: 300, tol: 1e-3, n_iter_no_change: 3, ..options };
    let expected = Expected {
        n_iter: 13,
        loss: 0.261_902_589_154_856_7,
        checksum: 0.065_027_763_996_575_26,
        tolerance: 1e-12,
    };
    let fit = check(&data.training(), &options, &expected);
    assert!(fit.converged());
}

#[test]
fn lbfgs_reaches_scikit_learns_minimum() {
    let data = Data::new(24, 3, 3).weighted();
    let options = options(&[5], Activation::Tanh, LBFGS);
    let options = MlpOptions { alpha: 0.5, tol: 1e-6, ..options };
    let expected = Expected {
        n_iter: 75,
        loss: 0.654_151_291_782_167_5,
        checksum: -12.364_163_994_171_161,
        tolerance: 1e-6,
    };
    let fit = check(&data.training(), &options, &expected);
    assert!(fit.converged());
}

#[test]
fn lbfgs_takes_scikit_learns_iterations() {
    let data = Data::new(24, 3, 0);
    let options = options(&[5, 4], Activation::Logistic, LBFGS);
    let options = MlpOptions { alpha: 0.001, tol: 1e-6, max_iter: 20, ..options };
    let expected = Expected {
        n_iter: 20,
        loss: 0.243_088_500_430_362_73,
        checksum: -6.486_364_276_732_064,
        tolerance: 1e-9,
    };
    let fit = check(&data.training(), &options, &expected);
    assert_eq!(fit.ending, Ending::IterationLimit);
}

#[test]
fn early_stopping_by_accuracy_keeps_scikit_learns_best_weights() {
    let data = Data::new(60, 3, 2).weighted();
    let training =
        Training { rows: data.rows_between(0, 45), validation: Validation::Rows(data.rows_between(45, 60)) };
    let options = options(&[8], Activation::Relu, adam(0.02));
    let options = MlpOptions { alpha: 0.001, batch_size: Some(9), n_iter_no_change: 4, ..options };
    let expected = Expected {
        n_iter: 7,
        loss: 0.598_934_556_550_869_9,
        checksum: 1.057_973_084_203_463,
        tolerance: 1e-12,
    };
    let fit = check(&training, &options, &expected);
    assert!((fit.validation_scores[0] - 0.539_682_539_682_539_7).abs() < 1e-12);
    assert!((fit.validation_scores[6] - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn early_stopping_by_r_squared_keeps_scikit_learns_best_weights() {
    let data = Data::new(60, 3, 0);
    let training =
        Training { rows: data.rows_between(0, 45), validation: Validation::Rows(data.rows_between(45, 60)) };
    let options = options(&[8], Activation::Tanh, adam(0.02));
    let options = MlpOptions { alpha: 0.001, batch_size: Some(9), n_iter_no_change: 2, ..options };
    let expected = Expected {
        n_iter: 9,
        loss: 0.265_070_774_417_677_5,
        checksum: 1.347_556_514_068_445,
        tolerance: 1e-12,
    };
    let fit = check(&training, &options, &expected);
    let scores = [-0.824_938_127_394_173_4, -0.311_017_086_975_432_73, -0.101_220_711_491_419_42];
    assert!(fit.validation_scores.iter().zip(scores).all(|(found, score)| (found - score).abs() < 1e-11));
}
