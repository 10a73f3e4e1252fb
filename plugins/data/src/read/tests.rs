use std::{fmt::Write, path::Path, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, Float32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use serde_json::{Value, json};
use sluicegate_plugin::{
    Column, ColumnType, Finished, Kind, PortType, SchemaCheck, Table, TaskError, testing::Bench,
};
use tempfile::{TempDir, tempdir};

use super::Read;
use crate::write::Write as WriteKind;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn read_with(content: &str, name: &str, mut params: Value) -> Result<(Finished, String, TempDir), TaskError> {
    let folder = folder(&[(name, content.as_bytes())]);
    params["path"] = name.into();
    let bench = Bench::new(folder.path());
    let finished = bench.run(&Read, params)?;
    let log = bench.log();
    Ok((finished, log, folder))
}

fn types(finished: &Finished) -> Vec<(String, ColumnType)> {
    finished.table("table").columns().into_iter().map(|column| (column.name, column.column_type)).collect()
}

fn csv_error(content: &str, params: Value) -> TaskError {
    read_with(content, "t.csv", params).map(|_| ()).unwrap_err()
}

#[track_caller]
fn expect_error(error: &TaskError, code: &str, message: &str) {
    assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
    assert!(!error.retryable);
}

#[test]
fn types_are_inferred_from_all_values() {
    let text = "i,n,b,t,m\n1,1.5,true,x,\n2, 2 ,False,NA,NA\n,-3e2,,y,\n";
    let (finished, _, _folder) = read_with(text, "t.csv", json!({ "types": { "m": "number" } })).unwrap();
    assert_eq!(
        types(&finished),
        [
            ("i".into(), ColumnType::Integer),
            ("n".into(), ColumnType::Number),
            ("b".into(), ColumnType::Boolean),
            ("t".into(), ColumnType::Text),
            ("m".into(), ColumnType::Number),
        ]
    );
    let batch = finished.table("table").to_batch().unwrap();
    let integers: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(integers, [Some(1), Some(2), None]);
    let numbers: Vec<_> = batch.column(1).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(numbers, [Some(1.5), Some(2.0), Some(-300.0)]);
    let words: Vec<_> = batch.column(3).as_string::<i32>().iter().collect();
    assert_eq!(words, [Some("x"), None, Some("y")]);
    expect_error(
        &csv_error(text, json!({})),
        "no_values",
        "`t.csv`: column `m` has no value in any of the 3 rows",
    );
    assert_eq!(finished.summary.as_deref(), Some("3 rows × 5 columns"));
    assert_eq!(finished.metrics["rows"].to_bits(), 3.0_f64.to_bits());
}

#[test]
fn a_text_late_in_a_number_column_makes_it_text_when_that_is_allowed() {
    let mut text = String::from("age,id\n");
    for row in 1..=2000 {
        let age = if row == 1700 { "abc".into() } else { format!("{row}.5") };
        writeln!(text, "{age},{row}").unwrap();
    }
    let (finished, log, _folder) = read_with(&text, "t.csv", json!({ "mixed": "text" })).unwrap();
    assert_eq!(types(&finished)[0].1, ColumnType::Text);
    assert!(
        log.contains("column `age`: 1 of 2,000 values is not a number, first at row 1,700 (`abc`)"),
        "{log}"
    );
}

#[test]
fn a_text_in_a_column_that_is_stated_as_number_is_an_error_at_its_place() {
    let error =
        csv_error("id,age\n1,30\n2,abc\n\n3,\"x\ny\"\n4,40\n", json!({ "types": { "age": "number" } }));
    expect_error(
        &error,
        "bad_value",
        "`t.csv`: row 2 (line 3), column `age`: `abc` is not a number; \
         row 3 (line 5), column `age`: `x\\ny` is not a number",
    );
}

#[test]
fn a_word_among_numbers_fails_unless_it_is_allowed() {
    let rows = "1\n".repeat(20);
    let error = csv_error(&format!("a\n{rows}oops\n"), json!({}));
    expect_error(
        &error,
        "mixed_types",
        "`t.csv`: row 21 (line 22), column `a`: `oops` is not a number, as most values of the column are",
    );
    assert!(error.hints[0].contains("types = { a = \"text\" }"), "{error:?}");
}

#[test]
fn ragged_rows_are_named_and_counted() {
    let mut text = String::from("a,b,c\r\n1,2,3\r\n1,2\r\n");
    text.push_str(&"1,2,3,4\r\n".repeat(16));
    expect_error(
        &csv_error(&text, json!({})),
        "ragged_rows",
        "`t.csv`: row 2 (line 3) has 2 fields, the first row of the file has 3; \
         row 3 (line 4) has 4 fields, the first row of the file has 3; \
         row 4 (line 5) has 4 fields, the first row of the file has 3; \
         row 5 (line 6) has 4 fields, the first row of the file has 3; \
         row 6 (line 7) has 4 fields, the first row of the file has 3; and 12 more",
    );
}

#[test]
fn bad_headers_are_refused() {
    expect_error(
        &csv_error("a,,b,a\n1,2,3,4\n", json!({})),
        "bad_header",
        "`t.csv`: the header on line 1 is wrong: column 2 has no name; columns 1 and 4 are both named `a`",
    );
}

#[test]
fn files_without_rows_are_refused() {
    expect_error(&csv_error("", json!({})), "empty_file", "`t.csv`: the file is empty");
    expect_error(&csv_error("\n\r\n\n", json!({})), "empty_file", "`t.csv`: the file is empty");
    expect_error(&csv_error("a,b\n", json!({})), "no_rows", "`t.csv`: the file has a header, but zero rows");
    expect_error(&csv_error("a,b", json!({})), "no_rows", "`t.csv`: the file has a header, but zero rows");
    let error = read_with("", "t.jsonl", json!({})).map(|_| ()).unwrap_err();
    expect_error(&error, "empty_file", "`t.jsonl`: the file is empty");
    let error = read_with("\n\n", "t.jsonl", json!({})).map(|_| ()).unwrap_err();
    assert_eq!(error.code, "no_rows");
}

#[test]
fn nan_is_missing_when_that_is_stated_and_infinity_never() {
    let (finished, _, _folder) = read_with("a\n1.5\nNaN\n", "t.csv", json!({ "missing": ["NaN"] })).unwrap();
    assert_eq!(finished.table("table").n_missing(0), 1);
    expect_error(
        &csv_error("a,b\n1.5,1\n-inf,2\n1e999,3\n", json!({})),
        "not_finite",
        "`t.csv`: row 2 (line 3), column `a`: `-inf` is not a finite number; \
         row 3 (line 4), column `a`: `1e999` is not a finite number",
    );
    let error = csv_error("a\n1.5\nNaN\n", json!({}));
    expect_error(&error, "not_finite", "`t.csv`: row 2 (line 3), column `a`: `NaN` is not a finite number");
}

#[test]
fn bytes_that_are_not_text_are_refused_with_their_place() {
    let folder = folder(&[
        ("latin.csv", b"a,b\n1,x\n2,caf\xe9\n"),
        ("split.csv", b"a,b\n\xc3,\xa9\n"),
        ("nul.csv", b"a,b\n1,\0\n"),
        ("nul-end.csv", b"a\n1\n\0"),
        ("latin.jsonl", b"{\"a\": 1}\n{\"a\": \"\xe9\"}\n"),
    ]);
    let bench = Bench::new(folder.path());
    let error = |path: &str| bench.run(&Read, json!({ "path": path })).map(|_| ()).unwrap_err();
    let latin = error("latin.csv");
    expect_error(&latin, "not_utf8", "`latin.csv`: line 3, column 2 is not UTF-8 (in the row at byte 8)");
    assert_eq!(error("split.csv").code, "not_utf8");
    expect_error(&error("nul.csv"), "nul_byte", "`nul.csv`: the row on line 2 holds a NUL byte");
    expect_error(&error("nul-end.csv"), "nul_byte", "`nul-end.csv`: the row on line 3 holds a NUL byte");
    expect_error(
        &error("latin.jsonl"),
        "not_utf8",
        "`latin.jsonl`: line 2 is not UTF-8 (byte 8 of the line)",
    );
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_rows() {
    for text in ["a,b\n1,2\n3,\"4\n5,6\n7,8\n", "a,b\n1,2\n3,\"4", "a\n1\n\"", "a,b\n1,2\n\"3,4\n5,6\n"] {
        assert_eq!(csv_error(text, json!({})).code, "open_quote", "{text:?}");
    }
    expect_error(
        &csv_error("a,b\n1,2\n3,\"4\n5,6\n", json!({})),
        "open_quote",
        "`t.csv`: the row on line 3 opens a quote that is never closed",
    );
}

#[test]
fn quoted_values_line_ends_and_a_byte_order_mark_are_understood() {
    for ending in ["", "\n", "\r\n", "\n\n"] {
        let text = format!("\u{feff}a,b\r\n1,\"x, \"\"y\"\"\"\r\n2,\"p\nq\"{ending}");
        let (finished, _, _folder) = read_with(&text, "t.csv", json!({})).unwrap();
        let batch = finished.table("table").to_batch().unwrap();
        assert_eq!(batch.schema().field(0).name(), "a");
        let words: Vec<_> = batch.column(1).as_string::<i32>().iter().flatten().collect();
        assert_eq!(words, ["x, \"y\"", "p\nq"]);
    }
}

#[test]
fn columns_delimiter_and_header_are_heeded() {
    let params = json!({ "columns": ["c", "a"], "delimiter": ";" });
    let (finished, _, _folder) = read_with("a;b;c\n1;2;x\n", "t.csv", params).unwrap();
    assert_eq!(types(&finished), [("c".into(), ColumnType::Text), ("a".into(), ColumnType::Integer)]);
    let (finished, _, _folder) = read_with("1\t2\n3\t4\n", "t.tsv", json!({ "header": false })).unwrap();
    assert_eq!(
        types(&finished),
        [("column_1".into(), ColumnType::Integer), ("column_2".into(), ColumnType::Integer)]
    );
    assert_eq!(finished.table("table").n_rows(), 2);
    let (_, log, _folder) = read_with("a;b\n1;2\n", "t.csv", json!({})).unwrap();
    assert!(log.contains("separated by ';'"), "{log}");
}

#[test]
fn codes_with_leading_zeros_stay_text() {
    let (finished, log, _folder) = read_with("zip\n01067\n80331\n", "t.csv", json!({})).unwrap();
    assert_eq!(types(&finished)[0].1, ColumnType::Text);
    assert!(log.contains("column `zip`: values with leading zeros, first at row 1 (`01067`)"), "{log}");
    let stated = json!({ "types": { "zip": "integer" } });
    let (finished, _, _folder) = read_with("zip\n01067\n80331\n", "t.csv", stated).unwrap();
    assert_eq!(types(&finished)[0].1, ColumnType::Integer);
}

#[test]
fn columns_that_the_file_lacks_are_named_with_the_nearest() {
    let error = csv_error("diagnosis,age\nx,1\n", json!({ "types": { "diagnossi": "text" } }));
    expect_error(&error, "missing_column", "with.types.diagnossi: the file has no column `diagnossi`");
    assert_eq!(error.hints, ["did you mean `diagnosis`?"]);
    let error = csv_error("diagnosis,age\nx,1\n", json!({ "columns": ["agee"] }));
    assert_eq!((error.code.as_str(), error.hints[0].as_str()), ("missing_column", "did you mean `age`?"));
    let error = read_with("{\"age\": null}\n", "t.jsonl", json!({ "columns": ["age", "agee"] }));
    let error = error.map(|_| ()).unwrap_err();
    expect_error(&error, "missing_column", "with.columns.1: the file has no column `agee`");
}

#[test]
fn files_that_cannot_be_read_at_all_say_why() {
    let folder = folder(&[("patients.csv", b"a\n1\n"), ("table.dat", b"a\n1\n")]);
    let bench = Bench::new(folder.path());
    let error = bench.run(&Read, json!({ "path": "patient.csv" })).unwrap_err();
    expect_error(&error, "missing_file", "there is no file `patient.csv`");
    assert_eq!(error.hints, ["did you mean `patients.csv` in the same folder?"]);
    std::fs::create_dir(folder.path().join("d.csv")).unwrap();
    let error = bench.run(&Read, json!({ "path": "d.csv" })).unwrap_err();
    expect_error(&error, "not_a_file", "`d.csv` is a directory");
    let error = bench.run(&Read, json!({ "path": "table.dat" })).unwrap_err();
    assert_eq!(error.code, "bad_params");
    assert!(error.message.contains("the extension `.dat` of `table.dat`"), "{error}");
    assert!(bench.run(&Read, json!({ "path": "table.dat", "format": "csv" })).is_ok());
}

#[test]
fn the_input_file_takes_the_place_of_the_path() {
    let folder = folder(&[("artifact", b"a\n1\n")]);
    let unconnected = Bench::new(folder.path());
    let error = unconnected.run(&Read, json!({ "format": "csv" })).unwrap_err();
    expect_error(&error, "no_source", "neither `path` is given nor the input `file` connected");
    let connected = Bench::new(folder.path()).file("file", PortType::File, folder.path().join("artifact"));
    let finished = connected.run(&Read, json!({ "format": "csv" })).unwrap();
    assert_eq!(finished.table("table").n_rows(), 1);
    let error = connected.run(&Read, json!({ "path": "artifact", "format": "csv" })).unwrap_err();
    assert_eq!(error.code, "no_source");
}

#[test]
fn json_lines_have_the_union_of_keys_in_order_of_appearance() {
    let text = "{\"b\": 1, \"a\": \"007\"}\n\n{\"c\": true, \"b\": 2.5}\n{\"a\": null, \"b\": null}\n";
    let (finished, _, _folder) = read_with(text, "t.jsonl", json!({})).unwrap();
    assert_eq!(
        types(&finished),
        [("b".into(), ColumnType::Number), ("a".into(), ColumnType::Text), ("c".into(), ColumnType::Boolean),]
    );
    let table = finished.table("table");
    assert_eq!([table.n_missing(0), table.n_missing(1), table.n_missing(2)], [1, 2, 2]);
}

#[test]
fn bad_json_lines_are_named() {
    let text = "{\"a\": 1}\n{\"a\": }\n[1]\n{\"a\": 1, \"a\": 2}\n{\"a\": 2} x\n";
    let error = read_with(text, "t.ndjson", json!({})).map(|_| ()).unwrap_err();
    expect_error(
        &error,
        "bad_line",
        "`t.ndjson`: row 2 (line 2, character 7): expected value; \
         row 3 (line 3, character 0): invalid type: sequence, expected an object; \
         row 4 (line 4, character 12): the key `a` stands twice; \
         row 5 (line 5, character 10): trailing characters",
    );
}

#[test]
fn nested_json_is_an_error_unless_it_is_read_as_text() {
    let text = "{\"a\": 1}\n{\"a\": [1, 2]}\n";
    let error = read_with(text, "t.jsonl", json!({})).map(|_| ()).unwrap_err();
    expect_error(&error, "nested_column", "`t.jsonl`: row 2 (line 2), column `a` holds a list or an object");
    let stated = json!({ "types": { "a": "text" } });
    let (finished, _, _folder) = read_with(text, "t.jsonl", stated).unwrap();
    let batch = finished.table("table").to_batch().unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().value(1), "[1,2]");
}

#[test]
fn many_rows_come_in_several_batches_with_one_type() {
    let mut text = String::from("a,b\n");
    for row in 0..70_000 {
        writeln!(text, "{row},{}", if row == 69_999 { "0.5" } else { "1" }).unwrap();
    }
    let (finished, _, _folder) = read_with(&text, "t.csv", json!({})).unwrap();
    let table = finished.table("table");
    assert_eq!((table.batches().len(), table.n_rows()), (2, 70_000));
    assert_eq!(types(&finished)[1].1, ColumnType::Number);
}

fn check(folder: &Path, params: &Value) -> SchemaCheck {
    let mut check = SchemaCheck { base_dir: folder.into(), ..SchemaCheck::default() };
    Kind::schema(&Read, params, &mut check);
    check
}

#[test]
fn columns_are_known_before_the_run() {
    let mut text = String::from("a,b,c,late\n");
    for row in 0..1500 {
        writeln!(text, "{row},{},,{}", if row == 7 { "x" } else { "1" }, row + 1).unwrap();
    }
    let folder = folder(&[("t.csv", text.as_bytes())]);
    let check = check(folder.path(), &json!({ "path": "t.csv", "types": { "late": "text" } }));
    let column = |name: &str, column_type| Column { name: name.into(), column_type };
    let unknown = || ColumnType::Other("unknown".into());
    assert_eq!(
        check.outputs["table"].columns,
        [
            column("a", ColumnType::Integer),
            column("b", unknown()),
            column("c", unknown()),
            column("late", ColumnType::Text),
        ]
    );
    assert!(check.problems.is_empty());
}

#[test]
fn a_missing_file_or_column_is_a_problem_before_the_run() {
    let folder = folder(&[("iris.csv", b"sepal,class\n1,x\n"), ("bad.csv", b"a,b\n1\n")]);
    let found = check(folder.path(), &json!({ "path": "irris.csv" })).problems;
    assert_eq!(
        (found[0].pointer.as_str(), found[0].message.as_str()),
        ("/path", "there is no file `irris.csv`")
    );
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `iris.csv` in the same folder?"));
    let params = json!({ "path": "iris.csv", "columns": ["sepall"], "types": { "clas": "text" } });
    let found = check(folder.path(), &params).problems;
    let pointers: Vec<_> = found.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/types/clas", "/columns/0"]);
    let content = check(folder.path(), &json!({ "path": "bad.csv" }));
    assert!(content.problems.is_empty() && content.outputs.is_empty());
}

#[test]
fn parameters_that_contradict_each_other_are_problems() {
    let found = |params: Value| -> Vec<String> {
        Kind::check(&Read, &params).into_iter().map(|problem| problem.pointer).collect()
    };
    assert_eq!(found(json!({})), [""]);
    assert_eq!(found(json!({ "path": "a.txt" })), ["/path"]);
    assert_eq!(found(json!({ "path": "a.csv", "delimiter": "ab" })), ["/delimiter"]);
    assert_eq!(found(json!({ "path": "a.parquet", "header": true, "missing": [] })), ["/header", "/missing"]);
    assert_eq!(
        found(json!({ "path": "a.csv", "columns": ["a", "a"], "types": { "b": "text" } })),
        ["/columns/1", "/types/b"]
    );
    assert!(found(json!({ "path": "a.csv", "header": false })).is_empty());
}

/// Puts a table into `t.parquet`.
fn parquet(columns: Vec<(&str, ArrayRef)>) -> TempDir {
    let folder = tempdir().unwrap();
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let table = Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns).unwrap());
    Bench::new(folder.path()).table("table", &table).run(&WriteKind, json!({ "path": "t.parquet" })).unwrap();
    folder
}

#[test]
fn parquet_columns_become_plain_in_the_wanted_order_and_types() {
    let folder = parquet(vec![
        ("small", Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef),
        ("half", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("whole", Arc::new(Float64Array::from(vec![3.0, 4.0]))),
        ("digits", Arc::new(StringArray::from(vec!["1.5", "-2"]))),
    ]);
    let params = json!({
        "path": "t.parquet",
        "columns": ["digits", "small", "half", "whole"],
        "types": { "digits": "number", "whole": "integer" },
    });
    let finished = Bench::new(folder.path()).run(&Read, params.clone()).unwrap();
    use_types(&finished, &check(folder.path(), &params));
    let table = finished.table("table");
    assert_eq!([table.n_missing(1), table.n_missing(2)], [1, 1], "NaN is missing");
    let batch = table.to_batch().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Float64Type>().values(), &[1.5, -2.0]);
}

fn use_types(finished: &Finished, check: &SchemaCheck) {
    let names = ["digits", "small", "half", "whole"].map(str::to_owned);
    let kinds = [ColumnType::Number, ColumnType::Integer, ColumnType::Number, ColumnType::Integer];
    let expected: Vec<_> = names.into_iter().zip(kinds).collect();
    assert_eq!(types(finished), expected);
    let known: Vec<_> =
        check.outputs["table"].columns.iter().map(|c| (c.name.clone(), c.column_type.clone())).collect();
    assert_eq!(known, expected);
}

#[test]
fn bad_values_in_parquet_are_named_by_row_and_column() {
    let folder = parquet(vec![
        ("a", Arc::new(Float64Array::from(vec![0.5, f64::INFINITY])) as ArrayRef),
        ("b", Arc::new(StringArray::from(vec!["1", "x"]))),
        ("raw", Arc::new(BinaryArray::from(vec![b"1".as_slice(), b"2"]))),
    ]);
    let error = |params: Value| Bench::new(folder.path()).run(&Read, params).unwrap_err();
    let nested = error(json!({ "path": "t.parquet" }));
    assert_eq!(nested.code, "nested_column");
    let bad = error(json!({ "path": "t.parquet", "columns": ["a", "b"], "types": { "b": "integer" } }));
    expect_error(
        &bad,
        "not_finite",
        "`t.parquet`: row 2, column `a`: `inf` is not a finite number; row 2, column `b`: `x` is not an integer",
    );
    std::fs::write(folder.path().join("t.parquet"), "PAR1 but not really").unwrap();
    assert_eq!(error(json!({ "path": "t.parquet" })).code, "bad_parquet");
    std::fs::write(folder.path().join("t.parquet"), "").unwrap();
    assert_eq!(error(json!({ "path": "t.parquet" })).code, "empty_file");
}
