use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use serde_json::{Value, json};
use sluicegate_plugin::{
    Column, ColumnType, Finished, Kind, PortSchema, SchemaCheck, Table, TaskError, testing::Bench,
};
use tempfile::{TempDir, tempdir};

use super::Clean;

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns).unwrap())
}

fn numbers(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn words(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// What a run leaves, with the folder that holds it.
struct Cleaned {
    finished: Finished,
    _folder: TempDir,
}

impl Cleaned {
    fn column(&self, idx: usize) -> ArrayRef {
        self.finished.table("table").to_batch().unwrap().column(idx).clone()
    }

    fn numbers(&self, idx: usize) -> Vec<Option<f64>> {
        self.column(idx).as_primitive::<Float64Type>().iter().collect()
    }

    fn integers(&self, idx: usize) -> Vec<Option<i64>> {
        self.column(idx).as_primitive::<Int64Type>().iter().collect()
    }

    fn words(&self, idx: usize) -> Vec<Option<String>> {
        self.column(idx).as_string::<i32>().iter().map(|word| word.map(Into::into)).collect()
    }

    fn summary(&self) -> &str {
        self.finished.summary.as_deref().unwrap()
    }
}

fn clean(table: &Table, params: Value) -> Result<Cleaned, TaskError> {
    let folder = tempdir().unwrap();
    let finished = Bench::new(folder.path()).table("table", table).run(&Clean, params)?;
    Ok(Cleaned { finished, _folder: folder })
}

fn error(table: &Table, params: Value) -> (String, String) {
    let error = clean(table, params).map(|_| ()).unwrap_err();
    (error.code, error.message)
}

#[test]
fn without_rules_nothing_changes() {
    let table = table(vec![("a", integers(&[Some(1), None]))]);
    let cleaned = clean(&table, json!({})).unwrap();
    assert_eq!(cleaned.finished.table("table"), table);
    assert_eq!(cleaned.summary(), "2 rows");
}

#[test]
fn rows_with_missing_values_are_dropped_and_counted() {
    let table = table(vec![
        ("a", numbers(&[Some(1.0), Some(f64::NAN), Some(3.0), Some(4.0)])),
        ("b", words(&[Some("x"), Some("y"), None, Some("z")])),
    ]);
    let cleaned = clean(&table, json!({ "drop_missing": true })).unwrap();
    assert_eq!(cleaned.numbers(0), [Some(1.0), Some(4.0)]);
    assert_eq!(cleaned.summary(), "2 rows (removed: 2 missing)");
    let some = clean(&table, json!({ "drop_missing": ["b"] })).unwrap();
    assert_eq!(some.numbers(0), [Some(1.0), None, Some(4.0)]);
    let report = some.finished.json("report");
    assert_eq!((&report["rows_in"], &report["rows_out"]), (&json!(4), &json!(3)));
    assert_eq!(
        report["rules"][0],
        json!({ "rule": "drop_missing", "rows_removed": 1, "values_changed": 0, "columns": { "b": { "n": 1 } } })
    );
    let metrics = &some.finished.metrics;
    let whole = |name: &str| format!("{}", metrics[name]);
    assert_eq!(
        [whole("rows_in"), whole("rows_out"), whole("removed_by_drop_missing"), whole("removed_by_outliers")],
        ["4", "3", "1", "0"]
    );
}

#[test]
fn missing_values_are_filled_by_column() {
    let table = table(vec![
        ("mean", numbers(&[Some(1.0), Some(2.0), None, Some(6.0)])),
        ("median", integers(&[Some(1), Some(2), None, Some(9)])),
        ("mode", words(&[Some("b"), Some("a"), None, Some("c")])),
        ("constant", integers(&[Some(1), None, None, Some(9)])),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]))),
    ]);
    let fill = json!({
        "mean": "mean", "median": "median", "mode": "mode", "constant": { "constant": 0 }, "flag": "mode"
    });
    let cleaned = clean(&table, json!({ "fill_missing": fill })).unwrap();
    assert_eq!(cleaned.numbers(0)[2], Some(3.0));
    assert_eq!(cleaned.numbers(1), [1.0, 2.0, 2.0, 9.0].map(Some));
    assert_eq!(cleaned.words(2)[2].as_deref(), Some("a"));
    assert_eq!(cleaned.integers(3), [1, 0, 0, 9].map(Some));
    assert!(cleaned.column(4).as_boolean().value(1));
    assert_eq!(cleaned.summary(), "4 rows (changed: 6 values)");
    assert_eq!(cleaned.finished.json("report")["rules"][0]["columns"]["mode"]["filled_with"], "\"a\"");
}

#[test]
fn the_star_fills_the_columns_that_are_not_named() {
    let table = table(vec![
        ("a", numbers(&[Some(1.0), Some(3.0), None])),
        ("class", integers(&[Some(0), Some(1), Some(1)])),
        ("b", numbers(&[Some(1.0), None, Some(3.0)])),
        ("t", words(&[Some("x"), None, Some("y")])),
    ]);
    let fill = json!({ "fill_missing": { "*": "mean", "b": { "constant": -1 } } });
    let cleaned = clean(&table, fill).unwrap();
    assert_eq!((cleaned.numbers(0)[2], cleaned.numbers(2)[1]), (Some(2.0), Some(-1.0)));
    assert_eq!(cleaned.integers(1), [0, 1, 1].map(Some), "a column without missing values keeps its type");
    assert_eq!(cleaned.words(3)[1], None);
    let texts = clean(&table, json!({ "fill_missing": { "*": { "constant": "?" } } })).unwrap();
    assert_eq!(texts.words(3)[1].as_deref(), Some("?"));
    assert_eq!(texts.numbers(0)[2], None);
}

#[test]
fn columns_without_any_value_are_named() {
    let table = table(vec![("a", numbers(&[None, None])), ("b", integers(&[Some(1), Some(2)]))]);
    for fill in ["mean", "median", "mode"] {
        let (code, message) = error(&table, json!({ "fill_missing": { "a": fill } }));
        assert_eq!(code, "all_missing");
        assert_eq!(message, format!("all values of column `a` are missing, so that it has no {fill}"));
    }
    let (code, message) = error(&table, json!({ "drop_missing": true }));
    assert_eq!(code, "all_missing");
    assert_eq!(
        message,
        "all values are missing in column `a`, so that `drop_missing` would remove every row"
    );
    assert!(clean(&table, json!({ "drop_missing": ["b"] })).is_ok());
}

#[test]
fn text_is_trimmed_before_missing_values_are_filled() {
    let table = table(vec![("t", words(&[Some(" a "), Some("  "), Some("?"), Some("b")]))]);
    let params = json!({ "trim": true, "missing": ["?"], "fill_missing": { "t": { "constant": "none" } } });
    let cleaned = clean(&table, params).unwrap();
    assert_eq!(cleaned.words(0), ["a", "none", "none", "b"].map(|word| Some(word.into())));
    let rules = cleaned.finished.json("report")["rules"].clone();
    let changed: Vec<_> =
        rules.as_array().unwrap().iter().map(|rule| rule["values_changed"].clone()).collect();
    assert_eq!(changed, [json!(2), json!(1), json!(2)]);
}

#[test]
fn ranges_drop_clip_or_fail() {
    let table = table(vec![
        ("age", integers(&[Some(-1), Some(0), Some(120), Some(121), None])),
        ("x", numbers(&[Some(0.5), Some(2.5), Some(-2.5), Some(0.0), Some(f64::INFINITY)])),
    ]);
    let dropped = clean(&table, json!({ "ranges": { "age": { "min": 0, "max": 120 } } })).unwrap();
    assert_eq!(dropped.integers(0), [Some(0), Some(120), None]);
    assert_eq!(dropped.summary(), "3 rows (removed: 2 out of range)");
    let ranges =
        json!({ "age": { "max": 100, "action": "clip" }, "x": { "min": -1, "max": 1, "action": "clip" } });
    let clipped = clean(&table, json!({ "ranges": ranges })).unwrap();
    assert_eq!(clipped.integers(0), [Some(-1), Some(0), Some(100), Some(100), None]);
    assert_eq!(clipped.numbers(1), [0.5, 1.0, -1.0, 0.0, 1.0].map(Some));
    let (code, message) =
        error(&table, json!({ "ranges": { "age": { "min": 0, "max": 120, "action": "fail" } } }));
    assert_eq!(code, "out_of_range");
    assert_eq!(message, "column `age` leaves its range: row 1: -1 is below 0; row 4: 121 is above 120");
}

#[test]
fn outliers_by_quartiles_are_dropped_or_clipped() {
    // numpy: quartiles of [1..9, 100] are 3.25 and 7.75, so that the bounds are -3.5 and 14.5.
    let mut values: Vec<_> = (1..10).map(|value| Some(f64::from(value))).collect();
    values.push(Some(100.0));
    let table = table(vec![("a", numbers(&values))]);
    let dropped = clean(&table, json!({ "outliers": [{ "columns": "*" }] })).unwrap();
    assert_eq!(dropped.numbers(0).len(), 9);
    assert_eq!(dropped.summary(), "9 rows (removed: 1 outlier)");
    let rule = json!({ "columns": ["a"], "method": "iqr", "action": "clip" });
    let clipped = clean(&table, json!({ "outliers": [rule] })).unwrap();
    assert_eq!(clipped.numbers(0)[9], Some(14.5));
    let bounds = &clipped.finished.json("report")["rules"][0]["columns"]["a"];
    assert_eq!((&bounds["min"], &bounds["max"]), (&json!(-3.5), &json!(14.5)));
}

#[test]
fn outliers_by_z_score_use_the_population_deviation() {
    // numpy: mean 1, std 3 for nine zeros and a ten, so that the ten has the z-score 3 exactly.
    let mut values = vec![Some(0); 9];
    values.push(Some(10));
    let table = table(vec![("a", integers(&values)), ("constant", numbers(&[Some(0.1); 10]))]);
    let rule = |threshold: f64| json!({ "outliers": [{ "columns": "*", "method": "z_score", "threshold": threshold }] });
    assert_eq!(clean(&table, rule(3.0)).unwrap().integers(0).len(), 10);
    assert_eq!(clean(&table, rule(2.99)).unwrap().integers(0).len(), 9);
    let clip = json!({ "outliers": [{ "columns": ["a"], "method": "z_score", "threshold": 0.5, "action": "clip" }] });
    assert_eq!(
        clean(&table, clip).unwrap().numbers(0)[9],
        Some(2.5),
        "integers become numbers when they must"
    );
}

#[test]
fn the_first_of_equal_rows_is_kept() {
    let table = table(vec![
        ("a", integers(&[Some(1), Some(1), None, None, Some(2)])),
        ("b", words(&[Some("x"), Some("y"), Some("x"), Some("x"), Some("x")])),
    ]);
    let all = clean(&table, json!({ "drop_duplicates": true })).unwrap();
    assert_eq!(all.integers(0), [Some(1), Some(1), None, Some(2)]);
    assert_eq!(all.summary(), "4 rows (removed: 1 duplicate)");
    let keyed = clean(&table, json!({ "drop_duplicates": ["a"] })).unwrap();
    assert_eq!(keyed.words(1), ["x", "x", "x"].map(|word| Some(word.into())));
}

#[test]
fn removing_too_many_rows_fails_and_says_why() {
    let table = table(vec![
        ("a", numbers(&[Some(1.0), None, None, Some(4.0)])),
        ("b", numbers(&[Some(1.0), Some(2.0), None, Some(1.0)])),
    ]);
    let params = json!({ "drop_missing": true, "max_removed_fraction": 0.25 });
    let (code, message) = error(&table, params);
    assert_eq!(code, "too_many_rows_removed");
    assert_eq!(
        message,
        "2 of 4 rows were removed (50.0 %), more than `max_removed_fraction` 0.25 allows: 2 missing (`a`: 2, `b`: 1)"
    );
    let (code, message) = error(
        &table,
        json!({ "ranges": { "b": { "min": 9 } }, "drop_missing": ["b"], "max_removed_fraction": 1.0 }),
    );
    assert_eq!(code, "no_rows");
    assert_eq!(message, "all 4 rows were removed: 1 missing (`b`: 1), 3 out of range (`b`: 3)");
}

#[test]
fn tables_that_rules_cannot_work_on_are_refused() {
    let empty = table(vec![("a", numbers(&[]))]);
    assert_eq!(error(&empty, json!({})).0, "no_rows");
    let infinite = table(vec![("a", numbers(&[Some(1.0), Some(f64::INFINITY)]))]);
    let (code, message) = error(&infinite, json!({ "outliers": [{ "columns": "*" }] }));
    assert_eq!((code.as_str(), message.as_str()), ("not_finite", "row 2, column `a`: inf is not finite"));
    let text = table(vec![("a", words(&[Some("x")]))]);
    assert_eq!(error(&text, json!({ "ranges": { "a": { "min": 0 } } })).0, "wrong_type");
    assert_eq!(error(&text, json!({ "drop_missing": ["b"] })).0, "missing_column");
}

#[test]
fn columns_are_checked_before_the_run() {
    let column = |name: &str, column_type| Column { name: name.into(), column_type };
    let columns = vec![
        column("age", ColumnType::Integer),
        column("name", ColumnType::Text),
        column("odd", ColumnType::Other("unknown".into())),
    ];
    let mut check = SchemaCheck::default();
    check.inputs.insert("table".into(), PortSchema { columns, target: None });
    let params = json!({
        "trim": ["age"],
        "drop_missing": ["agee"],
        "fill_missing": { "name": "mean", "age": "median", "odd": "mean" },
        "ranges": { "name": { "min": 0 } },
        "outliers": [{ "columns": ["age", "name"] }],
    });
    Kind::schema(&Clean, &params, &mut check);
    let found: Vec<_> = check.problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(
        found,
        ["/trim/0", "/drop_missing/0", "/fill_missing/name", "/ranges/name", "/outliers/0/columns/1"]
    );
    assert_eq!(check.outputs["table"].columns[0].column_type, ColumnType::Number);
}

#[test]
fn parameters_that_cannot_be_right_are_problems() {
    let pointers = |params: Value| -> Vec<String> {
        Kind::check(&Clean, &params).into_iter().map(|problem| problem.pointer).collect()
    };
    assert!(pointers(json!({ "drop_missing": true, "trim": "*", "drop_duplicates": ["a"] })).is_empty());
    assert_eq!(
        pointers(json!({ "ranges": { "a": {}, "b": { "min": 2, "max": 1 } } })),
        ["/ranges/a", "/ranges/b"]
    );
    assert_eq!(
        pointers(json!({ "drop_duplicates": [], "trim": ["a", "a"] })),
        ["/trim/1", "/drop_duplicates"]
    );
    assert_eq!(
        pointers(json!({ "outliers": [{ "columns": false, "threshold": -1 }] })),
        ["/outliers/0/columns", "/outliers/0/threshold"]
    );
    let word = Kind::check(&Clean, &json!({ "drop_missing": "age" }));
    assert!(word[0].message.contains("for one column write [\"age\"]"), "{word:?}");
}
