use std::{collections::BTreeSet, sync::Arc};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type};
use serde_json::{Value, json};
use sluicegate_plugin::{
    Column, ColumnType, Finished, Kind, PortSchema, SchemaCheck, Table, TaskError, testing::Bench,
};
use tempfile::tempdir;

use super::Split;

fn table(labels: &[Option<&str>]) -> Table {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::try_from(labels.len()).unwrap()));
    let labels: ArrayRef = Arc::new(StringArray::from(labels.to_vec()));
    Table::from_batch(
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("label", labels, true)]).unwrap(),
    )
}

fn unlabelled(n: usize) -> Table {
    table(&vec![Some("x"); n])
}

fn ids(finished: &Finished, port: &str) -> Vec<i64> {
    let batch = finished.table(port).to_batch().unwrap();
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn split(table: &Table, params: Value) -> Result<(Vec<i64>, Vec<i64>), TaskError> {
    let folder = tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("table", table).run(&Split, params)?;
    Ok((ids(&finished, "train"), ids(&finished, "test")))
}

#[test]
fn every_row_is_in_exactly_one_split() {
    let (train, test) = split(&unlabelled(11), json!({})).unwrap();
    assert_eq!((train.len(), test.len()), (8, 3));
    let all: BTreeSet<_> = train.iter().chain(&test).copied().collect();
    assert_eq!(all, (0..11).collect());
}

#[test]
fn the_random_numbers_of_a_seed_never_change() {
    let (train, test) = split(&unlabelled(10), json!({ "seed": 42, "test_fraction": 0.3 })).unwrap();
    assert_eq!((train, test), (vec![7, 9, 4, 8, 1, 6, 2], vec![0, 3, 5]));
}

#[test]
fn the_seed_decides() {
    let of = |seed: u64| split(&unlabelled(50), json!({ "seed": seed })).unwrap();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert_eq!(of(0), split(&unlabelled(50), json!({})).unwrap());
}

#[test]
fn without_shuffling_the_last_rows_are_tested() {
    let (train, test) = split(&unlabelled(5), json!({ "shuffle": false, "test_fraction": 0.4 })).unwrap();
    assert_eq!((train, test), (vec![0, 1, 2], vec![3, 4]));
}

#[test]
fn given_rows_are_tested_in_their_order() {
    let (train, test) = split(&unlabelled(5), json!({ "test_rows": [3, 0] })).unwrap();
    assert_eq!((train, test), (vec![1, 2, 4], vec![3, 0]));
    let code = |rows: Value| split(&unlabelled(2), json!({ "test_rows": rows })).unwrap_err().code;
    assert_eq!(code(json!([2])), "bad_test_rows");
    assert_eq!(code(json!([1, 1])), "bad_test_rows");
    assert_eq!(code(json!([1, 0])), "no_rows");
}

#[test]
fn stratified_splits_keep_the_shares_of_classes() {
    let labels: Vec<_> = (0..569).map(|row| Some(if row < 212 { "malignant" } else { "benign" })).collect();
    let (train, test) = split(&table(&labels), json!({ "stratify": "label", "seed": 7 })).unwrap();
    let n_malignant = |rows: &[i64]| rows.iter().filter(|id| **id < 212).count();
    assert_eq!((train.len(), test.len()), (426, 143));
    assert_eq!((n_malignant(&train), n_malignant(&test)), (159, 53));
    let all: BTreeSet<_> = train.iter().chain(&test).copied().collect();
    assert_eq!(all.len(), 569);
}

#[test]
fn labels_that_cannot_be_stratified_are_refused() {
    let error = |labels: &[Option<&str>], fraction: f64| {
        split(&table(labels), json!({ "stratify": "label", "test_fraction": fraction })).unwrap_err()
    };
    let rare = error(&[Some("a"), Some("a"), Some("b"), Some("a")], 0.5);
    assert_eq!(
        (rare.code.as_str(), rare.message.as_str()),
        ("class_too_small", "the value `b` of column `label` stands in 1 row only")
    );
    let one = error(&[Some("a"); 6], 0.5);
    assert_eq!(
        (one.code.as_str(), one.message.as_str()),
        ("one_class", "column `label` has one value only, `a`")
    );
    let few = error(&[Some("a"), Some("b"), Some("c"), Some("a"), Some("b"), Some("c")], 0.2);
    assert_eq!(few.code, "too_few_rows");
    let missing = error(&[Some("a"), None, Some("b"), None], 0.5);
    assert_eq!(missing.message, "column `label` has 2 missing values, the first in row 2");
    let unknown = split(&unlabelled(4), json!({ "stratify": "labl" })).unwrap_err();
    assert_eq!(
        (unknown.code.as_str(), unknown.hints[0].as_str()),
        ("missing_column", "did you mean `label`?")
    );
}

#[test]
fn splits_without_rows_are_refused() {
    assert_eq!(split(&unlabelled(0), json!({})).unwrap_err().code, "no_rows");
    assert_eq!(split(&unlabelled(1), json!({})).unwrap_err().code, "no_rows");
    assert_eq!(split(&unlabelled(3), json!({ "test_fraction": 0.9 })).unwrap_err().code, "no_rows");
}

#[test]
fn parameters_that_exclude_each_other_are_problems() {
    let pointers = |params| -> Vec<String> {
        Kind::check(&Split, &params).into_iter().map(|problem| problem.pointer).collect()
    };
    assert_eq!(pointers(json!({ "test_fraction": 1.0 })), ["/test_fraction"]);
    assert_eq!(pointers(json!({ "stratify": "a", "shuffle": false })), ["/shuffle"]);
    assert_eq!(
        pointers(json!({ "test_rows": [1], "test_fraction": 0.5, "stratify": "a" })),
        ["/test_fraction", "/stratify"]
    );
}

#[test]
fn columns_pass_through_and_a_missing_one_is_a_problem() {
    let columns = vec![Column { name: "label".into(), column_type: ColumnType::Text }];
    let schema = PortSchema { columns, target: None };
    let mut check = SchemaCheck::default();
    check.inputs.insert("table".into(), schema.clone());
    Kind::schema(&Split, &json!({ "stratify": "labels" }), &mut check);
    assert_eq!((&check.outputs["train"], &check.outputs["test"]), (&schema, &schema));
    assert_eq!((check.problems[0].pointer.as_str(), check.problems.len()), ("/stratify", 1));
}

/// A table of rows with a number, a group and a time.
fn timed(n: usize) -> Table {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::try_from(n).unwrap()));
    let groups: ArrayRef = Arc::new(StringArray::from_iter_values((0..n).map(|row| format!("g{}", row % 7))));
    // Times go down while the rows go up, and two rows share each.
    let times: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..n).map(|row| format!("2026-01-{:02}", 28 - row / 2))));
    Table::from_batch(
        RecordBatch::try_from_iter([("id", ids), ("customer", groups), ("day", times)]).unwrap(),
    )
}

fn three(table: &Table, params: Value) -> Result<[Vec<i64>; 3], TaskError> {
    let folder = tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("table", table).run(&Split, params)?;
    Ok(["train", "validation", "test"].map(|port| ids(&finished, port)))
}

#[test]
fn a_third_split_takes_its_share_of_all_rows() {
    let every = |params: Value| {
        let splits = three(&timed(40), params).unwrap();
        let all: BTreeSet<_> = splits.iter().flatten().copied().collect();
        assert_eq!(all.len(), 40);
        splits.map(|split| split.len())
    };
    assert_eq!(every(json!({ "test_fraction": 0.2, "validation_fraction": 0.1 })), [28, 4, 8]);
    let stratified = json!({ "test_fraction": 0.2, "validation_fraction": 0.2, "stratify": "customer" });
    assert_eq!(every(stratified), [24, 8, 8]);
    let ordered = json!({ "test_fraction": 0.25, "validation_fraction": 0.25, "shuffle": false });
    let [train, validation, test] = three(&timed(8), ordered).unwrap();
    assert_eq!((train, validation, test), (vec![0, 1, 2, 3], vec![4, 5], vec![6, 7]));
}

#[test]
fn a_group_is_in_one_split_only() {
    let params = json!({ "group": "customer", "test_fraction": 0.25, "validation_fraction": 0.2, "seed": 3 });
    let splits = three(&timed(40), params).unwrap();
    let groups = splits.map(|split| split.into_iter().map(|id| id % 7).collect::<BTreeSet<_>>());
    assert_eq!(groups.iter().map(BTreeSet::len).collect::<Vec<_>>(), [3, 2, 2]);
    assert_eq!(groups.iter().flatten().collect::<BTreeSet<_>>().len(), 7);
    let error = three(&timed(14), json!({ "group": "customer", "test_fraction": 0.95 })).unwrap_err();
    assert_eq!(error.code, "too_few_groups");
}

#[test]
fn the_latest_rows_are_tested_and_one_time_is_not_parted() {
    let [train, validation, test] =
        three(&timed(20), json!({ "time": "day", "test_fraction": 0.25, "validation_fraction": 0.25 }))
            .unwrap();
    assert_eq!(test.iter().copied().collect::<BTreeSet<_>>(), (0..6).collect());
    assert_eq!(validation.iter().copied().collect::<BTreeSet<_>>(), (6..12).collect());
    assert_eq!(train.iter().copied().collect::<BTreeSet<_>>(), (12..20).collect());
    let error = split(&timed(2), json!({ "time": "day", "test_fraction": 0.5 })).unwrap_err();
    assert_eq!(error.code, "one_time");
    let error = split(&table(&[Some("1"), None, Some("2")]), json!({ "time": "label" })).unwrap_err();
    assert_eq!(error.code, "missing_values");
}

#[test]
fn equal_rows_on_both_sides_are_counted() {
    let same: ArrayRef = Arc::new(StringArray::from(vec!["a"; 8]));
    let table = Table::from_batch(RecordBatch::try_from_iter([("x", same)]).unwrap());
    let folder = tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("table", &table).run(&Split, json!({})).unwrap();
    assert_eq!(finished.metrics["repeated_rows"].to_bits(), 2.0_f64.to_bits());
    let finished = Bench::new(folder.path()).table("table", &timed(9)).run(&Split, json!({})).unwrap();
    assert_eq!(finished.metrics["repeated_rows"].to_bits(), 0.0_f64.to_bits());
}

#[test]
fn ways_that_cannot_go_together_are_told_before_the_run() {
    let folder = tempdir().unwrap();
    let wrong = |params: Value| {
        let error = Bench::new(folder.path()).table("table", &timed(9)).run(&Split, params).unwrap_err();
        error.message
    };
    assert!(wrong(json!({ "time": "day", "stratify": "customer" })).contains("`time`"));
    assert!(wrong(json!({ "group": "customer", "shuffle": false })).contains("`shuffle`"));
    assert!(
        wrong(json!({ "test_fraction": 0.5, "validation_fraction": 0.5 })).contains("no rows for training")
    );
    assert!(wrong(json!({ "test_rows": [1], "group": "customer" })).contains("`test_rows`"));
}
