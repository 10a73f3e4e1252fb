use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::expansion::Expansion;
use super::search::Search;
use super::tree::KdTree;
use super::*;

const METRICS: [Metric; 8] = [
    Metric::Euclidean,
    Metric::Manhattan,
    Metric::Chebyshev,
    Metric::Cosine,
    Metric::Minkowski { p: 3.0 },
    Metric::Minkowski { p: 1.5 },
    Metric::Minkowski { p: 2.0 },
    Metric::Minkowski { p: f64::INFINITY },
];

fn never() -> bool {
    false
}

/// Values of a generator, by name.
fn values(kind: &str, n_values: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n_values)
        .map(|_| match kind {
            "continuous" => random.gen_range(-1.0..1.0),
            "integers" => f64::from(random.gen_range(-1..=1)),
            "far" => 1e7 + random.gen_range(-1e-3..1e-3),
            "huge" => random.gen_range(-1.0..1.0) * 1e160,
            "tiny" => random.gen_range(-1.0..1.0) * 1e-170,
            "scales" => random.gen_range(-1.0..1.0) * 10_f64.powi(random.gen_range(-8..8)),
            _ => 3.0,
        })
        .collect()
}

fn model(metric: Metric, k: usize, n_features: usize, rows: Vec<f64>) -> Neighbours {
    let targets = Targets::Values((0..rows.len() / n_features).map(|row| row as f64).collect());
    let options = NeighbourOptions { k, metric, weights: VoteWeights::Distance };
    Neighbours::new(options, n_features, targets, rows, &never).unwrap()
}

/// All distances, sorted; only for metrics whose definition is exact.
fn by_definition(metric: Metric, k: usize, rows: &[f64], query: &[f64]) -> Vec<(f64, usize)> {
    let differences = |row: &[f64]| row.iter().zip(query).map(|(a, b)| (a - b).abs()).collect::<Vec<f64>>();
    let mut all: Vec<(f64, usize)> = rows
        .chunks(query.len())
        .map(differences)
        .map(|differences| match metric {
            Metric::Euclidean => differences.iter().fold(0.0, |sum, x| sum + x * x),
            Metric::Manhattan => differences.iter().fold(0.0, |sum, x| sum + x),
            _ => differences.iter().fold(0.0, |largest: f64, x| largest.max(*x)),
        })
        .enumerate()
        .map(|(row, ranking)| (ranking, row))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all.into_iter().map(|(ranking, row)| (metric.distance(ranking), row)).collect()
}

#[test]
fn every_way_to_search_finds_the_same_rows_at_the_same_distances() {
    for (seed, kind) in
        ["continuous", "integers", "far", "huge", "tiny", "scales", "constant"].iter().enumerate()
    {
        for (n_rows, n_features, k) in [(1, 1, 1), (40, 2, 40), (700, 3, 5), (900, 11, 8), (300, 20, 3)] {
            let rows = values(kind, n_rows * n_features, seed as u64);
            let mut queries = values(kind, 70 * n_features, 100 + seed as u64);
            queries.extend(&rows[..n_features]);
            queries.extend(vec![0.0; n_features]);
            queries.extend(vec![1e25; n_features]);
            for metric in METRICS {
                let model = model(metric, k, n_features, rows.clone());
                let scan = model.clone().with_search(|space| Some(Search::scan(space))).unwrap();
                let expected = scan.nearest(&queries);
                let tree = model.clone().with_search(|space| {
                    KdTree::new(space.points, space.n_columns, &never).map(Search::Tree)
                });
                let expansion = model.clone().with_search(|space| {
                    Expansion::new(space.points, space.n_columns).map(Search::Expansion)
                });
                let is_squared = matches!(metric.simplified(), Metric::Euclidean | Metric::Cosine);
                for other in [tree, expansion.filter(|_| is_squared), Some(model)].into_iter().flatten() {
                    assert_eq!(other.nearest(&queries), expected, "{kind} {metric:?} {n_rows}×{n_features}");
                }
                if matches!(metric, Metric::Euclidean | Metric::Manhattan | Metric::Chebyshev) {
                    for (query, expected) in queries.chunks(n_features).zip(expected) {
                        assert_eq!(by_definition(metric, k, &rows, query), expected, "{kind} {metric:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn one_query_gives_the_same_as_many_on_any_number_of_threads() {
    for n_features in [3, 20] {
        let model = model(Metric::Euclidean, 4, n_features, values("continuous", 500 * n_features, 1));
        let queries = values("continuous", 400 * n_features, 2);
        let alone: Vec<_> = queries.chunks(n_features).flat_map(|query| model.nearest(query)).collect();
        for n_threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            assert_eq!(pool.install(|| model.nearest(&queries)), alone);
        }
    }
}

#[test]
fn zero_distances_take_all_the_votes() {
    let options = NeighbourOptions { k: 3, weights: VoteWeights::Distance, metric: Metric::Euclidean };
    let rows = vec![0.0, 0.0, 1.0, 3.0];
    let targets = Targets::Classes { n_classes: 2, classes: vec![0, 1, 1, 1] };
    let model = Neighbours::new(options, 1, targets, rows, &never).unwrap();
    let predicted = model.predict(&[0.0, 0.25]);
    // At 0.25 the votes are 4 and 4 + 4/3.
    let expected = [0.5, 0.5, 3.0 / 7.0, 4.0 / 7.0];
    let NeighbourPredictions::Classes { classes, probabilities } = predicted else {
        panic!("a classification")
    };
    assert_eq!(classes, [0, 1]);
    for (probability, expected) in probabilities.iter().zip(expected) {
        assert!((probability - expected).abs() < 1e-15, "{probabilities:?}");
    }
}

#[test]
fn rows_without_a_direction_are_at_cosine_distance_one() {
    let rows = vec![3.0, 4.0, 0.0, 0.0, -6.0, -8.0, 4.0, -3.0];
    let model = model(Metric::Cosine, 4, 2, rows);
    assert_eq!(model.nearest(&[0.0, 0.0]), [[(1.0, 0), (1.0, 1), (1.0, 2), (1.0, 3)]]);
    let found = &model.nearest(&[30.0, 40.0])[0];
    let rows: Vec<usize> = found.iter().map(|found| found.1).collect();
    assert_eq!((found[0], rows[3]), ((0.0, 0), 2));
    for ((distance, _), expected) in found.iter().zip([0.0, 1.0, 1.0, 2.0]) {
        assert!((distance - expected).abs() < 1e-15, "{found:?}");
    }
}

#[test]
fn scikit_learn_predicts_the_same() {
    // KNeighborsRegressor(3, weights="distance", p=3) and p=1, on rows (i % 7, i² % 11) with targets i.
    let rows: Vec<f64> = (0..30_i32).flat_map(|i| [f64::from(i % 7), f64::from((i * i) % 11)]).collect();
    let query = [2.3, 4.1, 5.5, 8.2];
    for (metric, expected) in [
        (Metric::Minkowski { p: 3.0 }, [8.794_797_590_507_432, 17.853_416_736_576_357]),
        (Metric::Manhattan, [9.199_999_999_999_996, 17.513_786_146_603_902]),
    ] {
        let NeighbourPredictions::Values(predicted) = model(metric, 3, 2, rows.clone()).predict(&query)
        else {
            panic!("a regression")
        };
        for (predicted, expected) in predicted.iter().zip(expected) {
            assert!((predicted - expected).abs() < 1e-12, "{predicted} is not {expected}");
        }
    }
}

#[test]
fn powers_with_a_name_of_their_own_are_stored_under_it() {
    for (p, expected) in
        [(1.0, Metric::Manhattan), (2.0, Metric::Euclidean), (f64::INFINITY, Metric::Chebyshev)]
    {
        let rows = values("continuous", 200, 5);
        let (powers, named) =
            (model(Metric::Minkowski { p }, 3, 2, rows.clone()), model(expected, 3, 2, rows));
        assert_eq!(powers, named);
    }
}

#[test]
fn a_model_that_was_stored_predicts_the_same() {
    for metric in METRICS {
        let model = model(metric, 3, 2, values("continuous", 200, 3));
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Neighbours>(&text).unwrap(), model);
    }
}

#[test]
fn a_damaged_model_is_refused() {
    let model = model(Metric::Euclidean, 3, 2, values("continuous", 200, 3));
    let text = serde_json::to_string(&model).unwrap();
    for (old, new) in
        [("\"k\":3", "\"k\":0"), ("\"k\":3", "\"k\":101"), ("\"n_features\":2", "\"n_features\":3")]
    {
        assert!(serde_json::from_str::<Neighbours>(&text.replace(old, new)).is_err(), "{new}");
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let fit = |k: usize, n_features: usize, rows: Vec<f64>, stop: bool| {
        let targets = Targets::Values(vec![0.0; rows.len() / n_features.max(1)]);
        let options = NeighbourOptions { k, ..NeighbourOptions::default() };
        Neighbours::new(options, n_features, targets, rows, &|| stop).map(|_| ())
    };
    assert_eq!(fit(5, 1, vec![1.0; 4], false), Err(FitError::TooFewRows { n_rows: 4, k: 5 }));
    assert_eq!(fit(1, 2, vec![1.0, f64::NAN], false), Err(FitError::NotFinite("row 0, column 1".into())));
    assert!(matches!(fit(1, 0, vec![], false), Err(FitError::Inconsistent(_))));
    assert_eq!(fit(5, 1, vec![1.0; 20_000], true), Err(FitError::Stopped));
}

#[test]
fn predictions_can_be_stopped() {
    let model = model(Metric::Euclidean, 3, 20, values("continuous", 2000, 3));
    assert!(model.predict_until(&values("continuous", 2000, 4), &|| true).is_none());
}
