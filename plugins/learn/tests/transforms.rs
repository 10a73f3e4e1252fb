//! Transforms beside scikit-learn's: on rows that they were not fitted to, one at a time and all together.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{path::Path, sync::Arc};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use common::{fixture, uniform};
use serde_json::{Map, Value, json};
use sluicegate_learn::{CrossValidate, TrainBoosting, TrainLogistic};
use sluicegate_model::{Bundle, Frame, apply_all};
use sluicegate_plugin::{Kind, Table, TaskError, testing::Bench};

type Row = Map<String, Value>;

/// A table of rows; a column of texts has a text or nothing in every row.
fn table(rows: &[Row]) -> Table {
    let columns = rows[0].keys().map(|name| {
        let is_text = rows.iter().any(|row| row[name].is_string());
        let column: ArrayRef = if is_text {
            Arc::new(rows.iter().map(|row| row[name].as_str()).collect::<StringArray>())
        } else {
            Arc::new(rows.iter().map(|row| row[name].as_f64()).collect::<Float64Array>())
        };
        (name.clone(), column, true)
    });
    Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap())
}

fn train(kind: &dyn Kind, table: &Table, params: Value) -> Result<Bundle, TaskError> {
    let folder = tempfile::tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("table", table).run(kind, params)?;
    Ok(Bundle::load(Path::new(&finished.outputs["model"].path)).unwrap())
}

/// The features that an estimator would see.
fn transformed(bundle: &Bundle, rows: &[Row]) -> Frame {
    let mut frame = Frame::from_rows(rows, &bundle.signature).unwrap();
    apply_all(&bundle.transforms, &mut frame).unwrap();
    frame
}

/// A column's values, those of flags as numbers.
fn values(frame: &mut Frame, name: &str) -> Vec<f64> {
    let at = frame.position(name).unwrap_or_else(|| {
        panic!("no `{name}` among {:?}", frame.columns.iter().map(|(name, _)| name).collect::<Vec<_>>())
    });
    frame.columns[at].1.to_numbers().unwrap().clone()
}

fn rows_of(fixture: &Value) -> Vec<Row> {
    fixture.as_array().unwrap().iter().map(|row| row.as_object().unwrap().clone()).collect()
}

#[test]
fn held_out_rows_become_what_scikit_learn_makes_of_them() {
    let golden = fixture("transforms.json");
    let (training, held_out) = (table(&rows_of(&golden["training"])), rows_of(&golden["held_out"]));
    for case in golden["cases"].as_array().unwrap() {
        let (name, target) = (&case["name"], case["target"].as_str().unwrap());
        let exclude: Vec<&str> =
            ["two", "three", "number"].into_iter().filter(|other| *other != target).collect();
        let params = json!({
            "target": target, "exclude": exclude, "transforms": case["transforms"], "n_rounds": 1,
        });
        let bundle = train(&TrainBoosting::default(), &training, params).unwrap_or_else(|error| {
            panic!("{name}: {error}");
        });
        let bundle = Bundle::from_bytes(&bundle.to_bytes()).unwrap();
        let mut together = transformed(&bundle, &held_out);
        for dropped in case["dropped"].as_array().unwrap() {
            assert_eq!(together.position(dropped.as_str().unwrap()), None, "{name}: {dropped}");
        }
        for (at, column) in case["columns"].as_array().unwrap().iter().enumerate() {
            let column = column.as_str().unwrap();
            let found = values(&mut together, column);
            for (row, found) in found.iter().enumerate() {
                let wanted = case["values"][row][at].as_f64().unwrap_or(f64::NAN);
                let tolerance = case["tolerance"].as_f64().unwrap();
                let is_equal = (found - wanted).abs() <= tolerance * wanted.abs().max(1.0);
                assert!(
                    is_equal || found.is_nan() && wanted.is_nan(),
                    "{name}, `{column}`, row {row}: {found} for {wanted}"
                );
                let mut alone = transformed(&bundle, &held_out[row..=row]);
                assert_eq!(
                    values(&mut alone, column)[0].to_bits(),
                    found.to_bits(),
                    "{name}, row {row} alone"
                );
            }
        }
    }
}

/// Rows of noise: a text of many values, numbers, and classes that nothing tells.
fn noise(n_rows: usize, seed: u64) -> Table {
    let random = uniform(3 * n_rows, seed);
    let row = |at: usize| {
        let [text, x, class] = [random[3 * at], random[3 * at + 1], random[3 * at + 2]];
        let row = json!({
            "t": format!("t{}", (text * 200.0).floor()), "x": x, "y": if class < 0.5 { "no" } else { "yes" },
        });
        row.as_object().unwrap().clone()
    };
    table(&(0..n_rows).map(row).collect::<Vec<Row>>())
}

#[test]
fn an_encoded_target_does_not_leak() {
    let table = noise(1000, 4);
    let folder = tempfile::tempdir().unwrap();
    let params = json!({
        "target": "y", "estimator": { "boosting": {} },
        "transforms": [{ "target_encode": ["t"] }, { "group": { "columns": ["x"], "by": "u" } }],
    });
    let bench = |params: Value| Bench::new(folder.path()).table("table", &table).run(&CrossValidate, params);
    let message = bench(params).unwrap_err().message;
    assert!(message.contains("`u`"), "{message}");
    let params = json!({
        "target": "y", "estimator": { "boosting": {} }, "transforms": [{ "target_encode": ["t"] }],
    });
    let area = bench(params).unwrap().metrics["roc_auc"];
    assert!((area - 0.5).abs() < 0.06, "{area}");
}

#[test]
fn what_cannot_be_transformed_is_an_error_with_a_next_step() {
    let mut rows: Vec<Row> = (0..8)
        .map(|at| {
            let row = json!({ "a": at, "b": if at == 3 { Value::Null } else { json!(at) }, "e": Value::Null,
                "t": format!("c{}", at % 2), "y": if at % 2 == 0 { "no" } else { "yes" } });
            row.as_object().unwrap().clone()
        })
        .collect();
    rows[0]["a"] = json!(-1.0);
    let table = table(&rows);
    let fit = |transforms: Value| {
        let params = json!({ "target": "y", "exclude": ["e"], "transforms": transforms });
        train(&TrainLogistic::default(), &table, params)
    };
    let one_hot = json!({ "one_hot": ["t"] });
    for (transforms, words) in [
        (json!([one_hot, { "log": ["a"] }, { "impute": "*" }]), "row 1"),
        (json!([one_hot, { "standardize": ["b"] }]), "missing value in row 4"),
        (json!([{ "impute": "*" }, one_hot, { "standardize": ["t"] }]), "`t`"),
        (
            json!([{ "impute": "*" }, { "polynomial": { "columns": ["a"], "degree": 2 } }, { "polynomial": ["a"] }, one_hot]),
            "`a^2`",
        ),
        (json!([{ "impute": "*" }, { "ordinal": { "columns": ["t"], "order": { "t": ["c0"] } } }]), "`c1`"),
        (json!([{ "impute": { "by": "modus" } }]), "modus"),
        (json!([{ "impute": { "colums": ["a"] } }]), "colums"),
    ] {
        let error = fit(transforms.clone()).unwrap_err();
        assert!(error.message.contains(words), "{transforms}: {error}");
    }
    let params = json!({ "target": "y", "transforms": [{ "impute": ["b", "e"] }, one_hot] });
    let error = train(&TrainLogistic::default(), &table, params).unwrap_err();
    assert_eq!(error.code, "all_missing");
}

#[test]
fn rows_that_training_accepted_are_accepted_in_service() {
    let golden = fixture("transforms.json");
    let rows = rows_of(&golden["training"]);
    let params = json!({
        "target": "two", "exclude": ["three", "number"],
        "transforms": [
            { "impute": { "columns": ["g", "h"], "by": "median", "indicator": true } },
            { "target_encode": ["town"] }, { "one_hot": ["city", "size"] }, { "standardize": "*" },
        ],
    });
    let bundle = train(&TrainLogistic::default(), &table(&rows), params).unwrap();
    let inputs: Vec<Row> = rows
        .into_iter()
        .map(|row| {
            row.into_iter().filter(|(name, _)| !["two", "three", "number"].contains(&name.as_str())).collect()
        })
        .collect();
    let together = bundle.predict_rows(&inputs).unwrap().probabilities.unwrap();
    for (row, own) in inputs.iter().zip(together.chunks(2)) {
        let alone = bundle.predict_rows(std::slice::from_ref(row)).unwrap().probabilities.unwrap();
        assert_eq!(alone, own);
    }
}
