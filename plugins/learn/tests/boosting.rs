//! The kind `train.boosting`, tried as its users see it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use common::uniform;
use serde_json::{Value, json};
use sluicegate_learn::TrainBoosting;
use sluicegate_model::{Bundle, Output};
use sluicegate_plugin::{Finished, Table, TaskError, testing::Bench};

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    Table::from_batch(RecordBatch::try_from_iter(columns).unwrap())
}

fn try_train(table: &Table, params: Value) -> Result<(Bundle, Finished), TaskError> {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", table);
    let finished = bench.run(&TrainBoosting::default(), params)?;
    Ok((Bundle::load(&finished.outputs["model"].path).unwrap(), finished))
}

fn train(table: &Table, params: Value) -> Bundle {
    try_train(table, params).unwrap().0
}

fn values(bundle: &Bundle, table: &Table) -> Vec<f64> {
    match bundle.predict_table(table).unwrap().output {
        Output::Values(values) => values,
        Output::Classes(classes) => classes.into_iter().map(|class| class as f64).collect(),
    }
}

/// `y = step(a) + b` with noise; `a` is missing in a fifth of the rows, and a missing `a` means a high `y`.
fn with_missing(n: usize) -> Table {
    let (a, b, noise, gone) = (uniform(n, 1), uniform(n, 2), uniform(n, 3), uniform(n, 4));
    let is_gone = |row: usize| gone[row] < 0.2;
    let y: Float64Array = (0..n)
        .map(|row| {
            let step = if is_gone(row) { 5.0 } else { f64::from(u8::from(a[row] > 0.5)) };
            Some(step + b[row] + 0.1 * noise[row])
        })
        .collect();
    let a: Float64Array = (0..n).map(|row| (!is_gone(row)).then_some(a[row])).collect();
    table(vec![("a", Arc::new(a)), ("b", Arc::new(Float64Array::from(b))), ("y", Arc::new(y))])
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let rows = with_missing(3000);
    let params = json!({
        "target": "y", "n_rounds": 20, "row_sample": 0.7, "column_sample": 0.5, "seed": 7,
        "early_stopping": { "rounds": 5 },
    });
    let bytes = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| train(&rows, params.clone()).to_bytes())
    };
    let one = bytes(1);
    assert_eq!(one, bytes(2));
    assert_eq!(one, bytes(8));
}

#[test]
fn missing_values_go_where_they_belong_and_may_be_missing_later() {
    let rows = with_missing(2000);
    let bundle = train(&rows, json!({ "target": "y" }));
    let object = |value: Value| value.as_object().unwrap().clone();
    let predicted = bundle
        .predict_rows(&[
            object(json!({ "a": null, "b": 0.5 })),
            object(json!({ "b": 0.5 })),
            object(json!({ "a": 0.9, "b": 0.5 })),
        ])
        .unwrap();
    let Output::Values(values) = predicted.output else { panic!() };
    assert!((values[0] - 5.55).abs() < 0.2, "{values:?}");
    assert!((values[0] - values[1]).abs() < f64::EPSILON, "absent is missing");
    assert!((values[2] - 1.55).abs() < 0.2, "{values:?}");
}

#[test]
fn texts_are_categories_and_an_unseen_one_is_missing() {
    let n = 3000;
    let noise = uniform(n, 5);
    let city = |row: usize| ["Bern", "Oslo", "Rome", "Lima", "Cairo", "Paris", "Quito"][row % 7];
    let y: Float64Array = (0..n)
        .map(|row| {
            Some(if ["Oslo", "Lima", "Quito"].contains(&city(row)) { 3.0 } else { 1.0 } + 0.1 * noise[row])
        })
        .collect();
    let rows = table(vec![
        ("city", Arc::new(StringArray::from_iter_values((0..n).map(city))) as ArrayRef),
        ("y", Arc::new(y)),
    ]);
    let bundle = train(&rows, json!({ "target": "y", "n_rounds": 200 }));
    let object = |value: Value| value.as_object().unwrap().clone();
    let rows = ["Lima", "Rome", "Atlantis"].map(|city| object(json!({ "city": city })));
    let Output::Values(values) = bundle.predict_rows(&rows).unwrap().output else { panic!() };
    assert!((values[0] - 3.05).abs() < 0.02 && (values[1] - 1.05).abs() < 0.02, "{values:?}");
    assert!(values[2].is_finite());
    let again = Bundle::from_bytes(&bundle.to_bytes()).unwrap();
    assert_eq!(again, bundle);
}

#[test]
fn monotone_features_never_turn_round() {
    let n = 4000;
    let (a, noise) = (uniform(n, 6), uniform(n, 7));
    let y: Float64Array =
        (0..n).map(|row| Some(a[row] + 0.4 * (12.0 * a[row]).sin() + 0.5 * noise[row])).collect();
    let rows = table(vec![("a", Arc::new(Float64Array::from(a)) as ArrayRef), ("y", Arc::new(y))]);
    let grid: Float64Array = (0..500).map(|at| Some(f64::from(at) / 500.0)).collect();
    let grid = table(vec![("a", Arc::new(grid) as ArrayRef)]);
    let rises = |params: Value| {
        let predicted = values(&train(&rows, params), &grid);
        let turns = predicted.windows(2).filter(|pair| pair[1] < pair[0] - 1e-12).count();
        (turns, predicted[499] - predicted[0])
    };
    assert!(rises(json!({ "target": "y" })).0 > 5, "the data turn round");
    let (turns, rise) = rises(json!({ "target": "y", "monotone": { "a": "up" } }));
    assert!(turns == 0 && rise > 0.5, "{turns} turns, {rise} up");
}

#[test]
fn early_stopping_keeps_the_best_round() {
    let n = 1500;
    let (a, noise) = (uniform(n, 8), uniform(n, 9));
    let y: Float64Array = (0..n).map(|row| Some(a[row] + 3.0 * noise[row])).collect();
    let rows = table(vec![("a", Arc::new(Float64Array::from(a)) as ArrayRef), ("y", Arc::new(y))]);
    let (bundle, finished) = try_train(
        &rows,
        json!({ "target": "y", "n_rounds": 500, "early_stopping": { "rounds": 5, "share": 0.2 } }),
    )
    .unwrap();
    let n_rounds = finished.metrics["n_rounds"];
    assert!((1.0..100.0).contains(&n_rounds), "{n_rounds}");
    assert!(finished.outputs.contains_key("curve"));
    let sluicegate_model::Estimator::Trees(trees) = &bundle.estimator else { panic!() };
    assert!((trees.ensemble.n_trees() as f64 - n_rounds).abs() < f64::EPSILON);
}

#[test]
fn a_weight_of_two_is_the_row_twice() {
    let n = 240;
    let (a, noise) = (uniform(n, 10), uniform(n, 11));
    let class = |row: usize| i64::from(a[row] + 0.3 * noise[row] > 0.6);
    let once = table(vec![
        ("a", Arc::new(Float64Array::from(a.clone())) as ArrayRef),
        (
            "w",
            Arc::new(Float64Array::from_iter_values((0..n).map(|row| if row % 3 == 0 { 2.0 } else { 1.0 }))),
        ),
        ("y", Arc::new(Int64Array::from_iter_values((0..n).map(class)))),
    ]);
    let twice: Vec<usize> =
        (0..n).flat_map(|row| std::iter::repeat_n(row, if row % 3 == 0 { 2 } else { 1 })).collect();
    let twice = table(vec![
        ("a", Arc::new(Float64Array::from_iter_values(twice.iter().map(|row| a[*row]))) as ArrayRef),
        ("y", Arc::new(Int64Array::from_iter_values(twice.iter().map(|row| class(*row))))),
    ]);
    let params = |weight: &str| json!({ "target": "y", "weight": weight, "task": "classification", "min_samples_leaf": 1, "max_leaves": 4, "n_rounds": 10 });
    let probabilities = |bundle: &Bundle| bundle.predict_table(&once).unwrap().probabilities.unwrap();
    let (weighted, doubled) =
        (probabilities(&train(&once, params("w"))), probabilities(&train(&twice, params(""))));
    for (one, other) in weighted.iter().zip(&doubled) {
        assert!((one - other).abs() < 1e-5, "{one} and {other}");
    }
}

#[test]
fn what_cannot_be_learned_from_is_an_error_with_a_next_step() {
    let numbers = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let whole = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let texts = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let a = || numbers(vec![1.0, 2.0, 3.0, 4.0]);
    let cases = [
        ("task_unclear", table(vec![("a", a()), ("y", whole(vec![0, 1, 0, 1]))]), json!({ "target": "y" })),
        ("one_class", table(vec![("a", a()), ("y", texts(vec!["x"; 4]))]), json!({ "target": "y" })),
        (
            "not_numbers",
            table(vec![("a", a()), ("y", texts(vec!["x", "y", "x", "y"]))]),
            json!({ "target": "y", "task": "regression" }),
        ),
        (
            "bad_feature",
            table(vec![("a", numbers(vec![1.0, f64::INFINITY, 0.0, 1.0])), ("y", a())]),
            json!({ "target": "y", "task": "regression" }),
        ),
        (
            "bad_target",
            table(vec![("a", a()), ("y", numbers(vec![1.0, -1.0, 0.0, 2.0]))]),
            json!({ "target": "y", "loss": "poisson" }),
        ),
        (
            "bad_weight",
            table(vec![("a", a()), ("w", numbers(vec![0.0; 4])), ("y", texts(vec!["x", "y", "x", "y"]))]),
            json!({ "target": "y", "weight": "w" }),
        ),
        (
            "bad_class_weight",
            table(vec![("a", a()), ("y", texts(vec!["x", "y", "x", "y"]))]),
            json!({ "target": "y", "class_weight": { "z": 2.0 } }),
        ),
        (
            "too_few_rows",
            table(vec![("a", a()), ("y", texts(vec!["x", "y", "x", "y"]))]),
            json!({ "target": "y", "early_stopping": {} }),
        ),
    ];
    for (code, table, params) in cases {
        let error = try_train(&table, params).map(drop).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
    }
    // Too little to split is a model without splits: it predicts the mean.
    for n in [1, 5] {
        let rows = table(vec![
            ("a", numbers(vec![f64::NAN; n])),
            ("y", numbers((0..n).map(|at| at as f64 + 0.5).collect())),
        ]);
        let mean = n as f64 / 2.0;
        let found = values(&train(&rows, json!({ "target": "y" })), &rows);
        assert!(found.iter().all(|value| (value - mean).abs() < 1e-9), "{found:?}");
    }
}
