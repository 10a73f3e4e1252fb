use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, types::Int32Type,
};
use serde_json::json;
use sluicegate_plugin::{Kind, Table, testing::Bench};
use tempfile::tempdir;

use super::Write;
use crate::read::Read;

fn table() -> Table {
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("n", Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), None, Some(1e300)])), true),
        ("i", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-1), None])), true),
        ("t", Arc::new(StringArray::from(vec![Some("a,\"b\"\n;"), Some("é"), None])), true),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), true),
    ];
    Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns).unwrap())
}

#[test]
fn what_is_written_reads_back_the_same_in_every_format() {
    let folder = tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("table", &table());
    for path in ["out/deep/t.csv", "t.tsv", "t.parquet", "t.jsonl"] {
        let finished = bench.run(&Write, json!({ "path": path })).unwrap();
        assert_eq!(finished.summary, Some(format!("3 rows to {path}")));
        let artifact = std::fs::read(&finished.outputs["file"].path).unwrap();
        assert_eq!(artifact, std::fs::read(folder.path().join(path)).unwrap());
        let read = Bench::new(folder.path()).run(&Read, json!({ "path": path })).unwrap();
        assert_eq!(read.table("table"), table(), "{path}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_and_nothing_else_stays() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("t.csv"), "old").unwrap();
    let bench = Bench::new(folder.path()).table("table", &table());
    bench.run(&Write, json!({ "path": "out/t.csv" })).unwrap();
    let names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["t.csv"]);
    assert!(std::fs::read_to_string(out.join("t.csv")).unwrap().starts_with("n,i,t,b\n0.30000000000000004,"));
}

#[test]
fn what_a_format_cannot_hold_leaves_the_old_file_alone() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), "old").unwrap();
    let lists: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]));
    let lists = Table::from_batch(RecordBatch::try_from_iter([("l", lists)]).unwrap());
    let bench = Bench::new(folder.path()).table("table", &lists);
    assert_eq!(bench.run(&Write, json!({ "path": "t.csv" })).unwrap_err().code, "bad_table");
    assert_eq!(std::fs::read_to_string(folder.path().join("t.csv")).unwrap(), "old");
}

#[test]
fn a_folder_cannot_be_written_to_as_a_file() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("d.csv")).unwrap();
    std::fs::write(folder.path().join("f"), "").unwrap();
    let bench = Bench::new(folder.path()).table("table", &table());
    assert_eq!(bench.run(&Write, json!({ "path": "d.csv" })).unwrap_err().code, "not_a_file");
    assert_eq!(bench.run(&Write, json!({ "path": "f/t.csv" })).unwrap_err().code, "io");
    let pointers = |params| -> Vec<String> {
        Kind::check(&Write, &params).into_iter().map(|problem| problem.pointer).collect()
    };
    assert_eq!(pointers(json!({ "path": "a.txt" })), ["/path"]);
    assert_eq!(pointers(json!({ "path": "a.csv/" })), ["/path"]);
    assert_eq!(pointers(json!({ "path": "a.parquet", "delimiter": ";" })), ["/delimiter"]);
}
