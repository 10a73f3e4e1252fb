//! Small, degenerate and hopeless inputs.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn solvers() -> [Solver; 3] {
    [Solver::Adam(Adam::default()), Solver::Sgd(Sgd::default()), Solver::Lbfgs { max_evaluations: 15_000 }]
}

fn options(solver: Solver) -> MlpOptions {
    MlpOptions { hidden_layer_sizes: vec![4], solver, max_iter: 20, ..MlpOptions::default() }
}

#[test]
fn one_row_no_features_and_constant_columns_can_be_fitted() {
    for (n_rows, n_features) in [(1, 3), (7, 0), (1, 0), (2, 1)] {
        for n_classes in [0, 1, 2, 3] {
            for solver in solvers() {
                let mut data = Data::new(n_rows, n_features, n_classes);
                data.features.fill(2.5);
                let fit = fit(&data.training(), &options(solver), &never).unwrap();
                let rows: Vec<f64> = data.features.iter().copied().collect();
                let outputs = fit.model.predict(&rows, n_rows);
                assert_eq!(outputs.len(), n_rows * fit.model.n_outputs());
                assert!(outputs.iter().all(|output| output.is_finite()));
            }
        }
    }
}

#[test]
fn rows_without_weight_leave_the_starting_weights() {
    let mut data = Data::new(10, 3, 2);
    data.weights = Some(vec![0.0; 10]);
    for solver in solvers() {
        let from = start(&[3, 4, 1]);
        let fit = fit_from(&from, &data.training(), &options(solver), &never).unwrap();
        assert_eq!(fit.model.layers, from);
    }
}

#[test]
fn no_rows_are_an_error() {
    let data = Data::new(0, 3, 2);
    for solver in solvers() {
        assert!(matches!(fit(&data.training(), &options(solver), &never), Err(FitError::TooFewRows(_))));
    }
}

#[test]
fn a_validation_share_without_rows_is_an_error() {
    let data = Data::new(6, 3, 2);
    for share in [0.0, 0.1, 1.0] {
        let training = Training { rows: data.rows(), validation: Validation::Share(share) };
        let result = fit(&training, &options(Solver::Adam(Adam::default())), &never);
        assert!(matches!(result, Err(FitError::TooFewRows(_))));
    }
}

#[test]
fn starting_weights_of_another_shape_are_an_error() {
    let data = Data::new(6, 3, 2);
    let options = options(Solver::Adam(Adam::default()));
    for sizes in [&[3, 5, 1][..], &[3, 1], &[2, 4, 1]] {
        let result = fit_from(&start(sizes), &data.training(), &options, &never);
        assert!(matches!(result, Err(FitError::StartingWeights(_))));
    }
}

#[test]
fn a_diverged_loss_is_an_error_that_names_the_next_step() {
    let mut data = Data::new(40, 3, 0);
    data.values.iter_mut().for_each(|value| *value *= 1e6);
    let sgd = Solver::Sgd(Sgd { learning_rate: 10.0, ..Sgd::default() });
    let options = MlpOptions { max_iter: 200, ..options(sgd) };
    let error = fit(&data.training(), &options, &never).unwrap_err();
    assert!(matches!(error, FitError::NotFinite(_)));
    let message = error.to_string();
    assert!(message.ends_with("lower the learning rate, or standardize the features"), "{message}");
}

#[test]
fn features_that_overflow_the_loss_are_an_error() {
    let mut data = Data::new(10, 3, 0);
    data.features.fill(1e200);
    for solver in solvers() {
        assert!(matches!(fit(&data.training(), &options(solver), &never), Err(FitError::NotFinite(_))));
    }
}

#[test]
fn every_solver_stops_when_asked() {
    let data = Data::new(30, 3, 2);
    for solver in solvers() {
        let n_calls = AtomicUsize::new(0);
        let stop = || n_calls.fetch_add(1, Ordering::Relaxed) >= 5;
        assert_eq!(fit(&data.training(), &options(solver), &stop), Err(FitError::Stopped));
        assert_eq!(n_calls.into_inner(), 6);
    }
}
