//! What must hold between fits: threads, seeds, weights, the order in memory.

use ndarray::ShapeBuilder;

use super::*;

const LBFGS: Solver = Solver::Lbfgs { max_evaluations: 15_000 };

fn within_pool(n_threads: usize, run: impl Fn() -> MlpFit + Send + Sync) -> MlpFit {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(run)
}

fn distance(left: &Mlp, right: &Mlp) -> f64 {
    let parameters = |model: &Mlp| -> Vec<f64> {
        model.layers.iter().flat_map(|layer| layer.weights.iter().chain(&layer.biases).copied()).collect()
    };
    parameters(left).iter().zip(parameters(right)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_bits_are_the_same_on_any_number_of_threads() {
    // Enough weights and rows to run on threads.
    let data = Data::new(2500, 190, 4).weighted();
    for (solver, max_iter) in
        [(Solver::Adam(Adam::default()), 2), (Solver::Sgd(Sgd::default()), 2), (LBFGS, 3)]
    {
        let options = MlpOptions {
            hidden_layer_sizes: vec![150, 20],
            solver,
            max_iter,
            seed: 3,
            ..MlpOptions::default()
        };
        let training = Training { rows: data.rows(), validation: Validation::Share(0.4) };
        let run = || fit(&training, &options, &never).unwrap();
        let one = within_pool(1, run);
        assert_eq!(one, within_pool(2, run));
        assert_eq!(one, within_pool(8, run));
    }
}

#[test]
fn a_weight_counts_like_repeated_rows() {
    let few = Data::new(100, 3, 3);
    let mut weighted = Data::new(100, 3, 3);
    weighted.weights = Some(vec![25.0; 100]);
    let mut repeated = Data::new(100, 3, 3);
    repeated.features = Array2::from_shape_fn((2500, 3), |(i, j)| few.features[(i % 100, j)]);
    repeated.classes = (0..2500).map(|i| few.classes[i % 100]).collect();
    repeated.values = vec![0.0; 2500];
    for solver in [LBFGS, Solver::Sgd(Sgd::default())] {
        let options = MlpOptions {
            hidden_layer_sizes: vec![6],
            solver,
            alpha: 3.0,
            max_iter: 8,
            batch_size: Some(10_000),
            ..MlpOptions::default()
        };
        let fits = [&weighted, &repeated].map(|data| fit(&data.training(), &options, &never).unwrap());
        assert!(distance(&fits[0].model, &fits[1].model) < 1e-9);
        assert!((fits[0].loss - fits[1].loss).abs() < 1e-12);
    }
}

#[test]
fn features_in_column_major_memory_give_the_same_fit() {
    let data = Data::new(50, 3, 2);
    let mut column_major = Array2::zeros((50, 3).f());
    column_major.assign(&data.features);
    let options = MlpOptions { max_iter: 3, ..MlpOptions::default() };
    let rows = Rows { features: column_major.view(), ..data.rows() };
    let found = fit(&Training { rows, validation: Validation::None }, &options, &never);
    assert_eq!(found, fit(&data.training(), &options, &never));
}

#[test]
fn the_seed_decides_the_start_and_the_shuffles() {
    let data = Data::new(50, 3, 2);
    let options = |seed| MlpOptions { max_iter: 3, batch_size: Some(8), seed, ..MlpOptions::default() };
    let run = |seed| fit(&data.training(), &options(seed), &never).unwrap();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).model, run(2).model);
    let sizes = [3, 100, 1];
    let from = |seed| fit_from(&start(&sizes), &data.training(), &options(seed), &never).unwrap();
    assert_ne!(from(1).model, from(2).model);
}

#[test]
fn a_held_out_share_stops_early_with_the_best_weights() {
    let data = Data::new(300, 3, 3);
    let training = Training { rows: data.rows(), validation: Validation::Share(0.2) };
    let options = MlpOptions { n_iter_no_change: 3, ..MlpOptions::default() };
    let fit = fit(&training, &options, &never).unwrap();
    assert_eq!(fit.validation_scores.len(), fit.n_iter);
    assert!(fit.n_iter < 200 && fit.converged());
}
