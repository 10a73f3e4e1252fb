//! A foreign model's predictions are judged to the very numbers of a bundle's.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{path::Path, sync::Arc};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use sluicegate_learn::{Evaluate, TrainLinear, TrainLogistic, TrainSvm};
use sluicegate_plugin::{
    Column, ColumnType, Finished, Kind, PortSchema, PortType, ResolvedModel, SchemaCheck, Table, TaskError,
    testing::Bench,
};

/// Two features, and a target that follows from them.
fn rows(target: impl Fn(&[(f64, f64)]) -> ArrayRef) -> Table {
    let points: Vec<(f64, f64)> =
        (0..60).map(|row| (f64::from((row * 37) % 60) / 10.0, f64::from((row * 23) % 41) / 7.0)).collect();
    let x: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
    let y: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    table(&[("x", numbers(&x)), ("y", numbers(&y)), ("target", target(&points))])
}

/// A wavy border, so that no model finds all of it.
fn is_beyond((x, y): &(f64, f64)) -> bool {
    x + (y * 9.0).sin() > 3.0
}

fn two_texts() -> Table {
    rows(|points| {
        let names: Vec<&str> =
            points.iter().map(|point| if is_beyond(point) { "yes" } else { "no" }).collect();
        texts(&names)
    })
}

fn three_texts() -> Table {
    rows(|points| {
        let name = |(x, y): &(f64, f64)| match (x + y < 4.0, x > y) {
            (true, _) => "low",
            (_, true) => "right",
            _ => "up",
        };
        texts(&points.iter().map(name).collect::<Vec<_>>())
    })
}

fn table(columns: &[(&str, ArrayRef)]) -> Table {
    let columns = columns.iter().map(|(name, array)| (*name, Arc::clone(array)));
    Table::from_batch(RecordBatch::try_from_iter(columns).unwrap())
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn train(folder: &Path, kind: &dyn Kind, table: &Table) -> Finished {
    let folder = folder.join("train");
    std::fs::create_dir_all(&folder).unwrap();
    Bench::new(folder).table("table", table).run(kind, json!({ "target": "target" })).unwrap()
}

fn judged(folder: &Path, kind: &dyn Kind, table: &Table) -> Finished {
    let model = train(folder, kind, table).outputs["model"].path.clone();
    let bench = Bench::new(folder).table("table", table).file("model", PortType::Model, model);
    bench.run(&Evaluate, json!({})).unwrap()
}

fn foreign(table: &Table, params: Value) -> Result<Value, TaskError> {
    let folder = tempfile::tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("predictions", table).run(&Evaluate, params)?;
    Ok(finished.json("report"))
}

#[test]
fn what_evaluate_wrote_is_judged_to_the_same_numbers_when_it_comes_back() {
    // The numbers 2 and 10 sort otherwise as texts, which would turn the positive class round.
    let two_numbers = rows(|points| {
        let number = |point| if is_beyond(point) { 10 } else { 2 };
        Arc::new(Int64Array::from_iter_values(points.iter().map(number)))
    });
    let two_truths =
        rows(|points| Arc::new(BooleanArray::from(points.iter().map(is_beyond).collect::<Vec<_>>())));
    let line =
        rows(|points| numbers(&points.iter().map(|(x, y)| 3.0 * x - y + (x * y).sin()).collect::<Vec<_>>()));
    let cases: [(&str, Box<dyn Kind>, Table); 6] = [
        ("three texts", Box::new(TrainLogistic::default()), three_texts()),
        ("two numbers", Box::new(TrainLogistic::default()), two_numbers),
        ("two truths", Box::new(TrainLogistic::default()), two_truths),
        ("two texts by a score", Box::new(TrainSvm::default()), two_texts()),
        ("three texts without probabilities", Box::new(TrainSvm::default()), three_texts()),
        ("a number", Box::new(TrainLinear::default()), line),
    ];
    let parts =
        ["task", "n_rows", "metrics", "classes", "positive", "by_class", "confusion", "truth", "predictions"];
    for (what, kind, table) in &cases {
        let folder = tempfile::tempdir().unwrap();
        let first = judged(folder.path(), kind.as_ref(), table);
        let report = first.json("report");
        let again = foreign(&first.table("predictions"), json!({})).unwrap();
        for part in parts {
            assert_eq!(report[part], again[part], "{what}: {part}");
        }
        assert!(report["metrics"].as_object().unwrap().len() > 4, "{what}: {report}");
        assert_eq!(again["model"], "", "{what}");
        if *what == "two texts by a score" {
            assert!(again["metrics"]["roc_auc"].is_number(), "{again}");
        }
    }
}

#[test]
fn the_champion_is_judged_on_the_rows_that_a_foreign_model_predicted() {
    let own_rows = two_texts();
    let folder = tempfile::tempdir().unwrap();
    let model = train(folder.path(), &TrainLogistic::default(), &own_rows).outputs["model"].path.clone();
    let own =
        judged(tempfile::tempdir().unwrap().path(), &TrainSvm::default(), &own_rows).table("predictions");
    let champion = ResolvedModel { model: "bench".into(), version: 3, hash: "h".into(), path: model };
    let run = |rows: &Table| {
        let folder = tempfile::tempdir().unwrap();
        let bench = Bench::new(folder.path())
            .table("predictions", &own)
            .table("table", rows)
            .reference("champion", champion.clone());
        bench.run(&Evaluate, json!({ "versus": "champion" })).map(|finished| finished.json("report"))
    };
    let report = run(&own_rows).unwrap();
    assert_eq!(report["champion"]["version"], 3);
    let theirs =
        judged(tempfile::tempdir().unwrap().path(), &TrainLogistic::default(), &own_rows).json("report");
    assert_eq!(report["champion"]["metrics"], theirs["metrics"]);

    let others = rows(|points| texts(&vec!["yes"; points.len()]));
    let error = run(&others).unwrap_err();
    assert_eq!(error.code, "other_rows");
    assert!(error.message.contains("another `target`"), "{}", error.message);
    let error = run(&Table::from_batch(own_rows.batches()[0].slice(0, 10))).unwrap_err();
    assert!(error.message.contains("10 rows"), "{}", error.message);
}

#[test]
fn predictions_that_no_model_says_are_refused_with_column_and_row() {
    let truth = || ("truth", texts(&["a", "b"]));
    let said = || ("prediction", texts(&["a", "b"]));
    let probability = |class: &'static str, first: f64, second: f64| (class, numbers(&[first, second]));
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![0, 1]));
    let cases = [
        (vec![truth(), ("predicton", texts(&["a", "b"]))], "missing_column", "`prediction`"),
        (vec![truth(), ("prediction", whole)], "bad_predictions", "`prediction` holds whole numbers"),
        (
            vec![
                truth(),
                said(),
                probability("probability_a", 0.5, 0.2),
                probability("probability_b", 0.5, 0.2),
            ],
            "bad_predictions",
            "row 2 add up to 0.4",
        ),
        (
            vec![
                truth(),
                said(),
                probability("probability_a", 1.5, 0.2),
                probability("probability_b", -0.5, 0.8),
            ],
            "bad_predictions",
            "`probability_a` has 1.5 in row 1",
        ),
        (vec![truth(), said(), probability("probability_a", 1.0, 0.0)], "bad_predictions", "the only one"),
        (
            vec![
                truth(),
                said(),
                probability("probability_a", 1.0, 0.0),
                probability("probability_c", 0.0, 1.0),
            ],
            "bad_predictions",
            "no column `probability_b`",
        ),
    ];
    for (columns, code, words) in cases {
        let error = foreign(&table(&columns), json!({})).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(words), "{} should contain {words}", error.message);
    }
}

#[test]
fn columns_may_have_other_names_and_the_task_may_be_said() {
    let told = table(&[("wanted", numbers(&[0.0, 1.0, 1.0])), ("said", numbers(&[0.0, 1.0, 0.0]))]);
    let report = foreign(&told, json!({ "truth": "wanted", "prediction": "said" })).unwrap();
    assert_eq!(report["task"], "regression");
    let params = json!({ "truth": "wanted", "prediction": "said", "task": "classification" });
    assert_eq!(foreign(&told, params).unwrap()["confusion"], json!([[1.0, 0.0], [1.0, 1.0]]));
}

#[test]
fn exactly_one_of_model_and_predictions_is_wanted_before_and_while_it_runs() {
    let problems = |ports: &[&str], params: Value| {
        let connected = Some(ports.iter().map(|port| (*port).into()).collect());
        let mut check = SchemaCheck { connected, ..SchemaCheck::default() };
        Kind::schema(&Evaluate, &params, &mut check);
        check.problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(problems(&["model", "table"], json!({})), "");
    assert_eq!(problems(&["predictions"], json!({})), "");
    assert_eq!(problems(&["table"], json!({})), "neither `model` nor `predictions` is connected");
    assert!(problems(&["model", "predictions", "table"], json!({})).starts_with("both"));
    assert!(problems(&["model"], json!({})).contains("`table` is not connected"));
    assert!(
        problems(&["predictions"], json!({ "versus": "champion" })).contains("`versus` is judged on them")
    );

    let folder = tempfile::tempdir().unwrap();
    let error = Bench::new(folder.path()).run(&Evaluate, json!({})).unwrap_err();
    assert_eq!(error.code, "missing_input");
}

#[test]
fn a_wrong_column_of_predictions_is_found_before_it_runs() {
    let columns =
        ["truth", "predicted"].map(|name| Column { name: name.into(), column_type: ColumnType::Text });
    let mut check = SchemaCheck::default();
    check.inputs.insert("predictions".into(), PortSchema { columns: columns.into(), target: None });
    Kind::schema(&Evaluate, &json!({}), &mut check);
    let [problem] = check.problems.as_slice() else { panic!("{:?}", check.problems) };
    assert_eq!(problem.pointer, "/prediction");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `predicted`?"));
}
