use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use serde_json::json;
use sluicegate_plugin::{Column, ColumnType, Finished, Kind, SchemaCheck, Table, TaskError, testing::Bench};
use tempfile::tempdir;

use super::Sql;

fn patients() -> Table {
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])), true),
        ("Age", Arc::new(Float64Array::from(vec![Some(30.5), None, Some(50.0)])), true),
        ("name", Arc::new(StringArray::from(vec!["a", "b", "c"])), true),
    ];
    Table::from_batch(RecordBatch::try_from_iter_with_nullable(columns).unwrap())
}

fn visits() -> Table {
    let patients: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 3]));
    Table::from_batch(RecordBatch::try_from_iter_with_nullable([("patient", patients, true)]).unwrap())
}

fn run(query: &str) -> Result<Table, TaskError> {
    let folder = tempdir().unwrap();
    let bench = Bench::new(folder.path()).table("patients", &patients()).table("visits", &visits());
    let finished: Finished = bench.run(&Sql, json!({ "query": query }))?;
    Ok(finished.table("table"))
}

fn error(query: &str) -> TaskError {
    run(query).unwrap_err()
}

fn check(query: &str) -> SchemaCheck {
    let mut check = SchemaCheck::default();
    for (name, table) in [("patients", patients()), ("visits", visits())] {
        let columns = table.columns();
        check.inputs.insert(name.into(), sluicegate_plugin::PortSchema { columns, target: None });
    }
    Kind::schema(&Sql, &json!({ "query": query }), &mut check);
    check
}

#[test]
fn inputs_are_joined_and_counted() {
    let table = run(
        "SELECT p.id, count(v.patient) AS n, cast(p.id as int) AS small, upper(name) AS name, Age > 40 AS old
         FROM patients p LEFT JOIN visits v ON v.patient = p.id GROUP BY p.id, name, Age ORDER BY p.id",
    )
    .unwrap();
    let types: Vec<_> = table.columns().into_iter().map(|column| column.column_type).collect();
    let integer = || ColumnType::Integer;
    assert_eq!(types, [integer(), integer(), integer(), ColumnType::Text, ColumnType::Boolean]);
    let batch = table.to_batch().unwrap();
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values(), &[2, 0, 1]);
    assert_eq!(batch.column(3).as_string::<i32>().value(2), "C");
}

#[test]
fn mistakes_in_a_query_name_what_there_is() {
    let table = error("select * from patient");
    assert_eq!(
        (table.code.as_str(), table.message.as_str()),
        ("bad_query", "there is no table `patient` among the inputs")
    );
    assert_eq!(table.hints, ["did you mean `patients`?"]);
    let column = error("select age from patients");
    assert_eq!(
        (column.message.as_str(), column.hints[0].as_str()),
        ("there is no column `age`", "did you mean `Age`?")
    );
    let far = error("select whatever from visits");
    assert_eq!(far.hints, ["table `patients` has `id`, `Age`, `name`; table `visits` has `patient`"]);
    assert_eq!(error("selec * from patients").code, "bad_query");
    assert_eq!(error("select 1; select 2").code, "bad_query");
}

#[test]
fn only_queries_are_allowed() {
    for statement in [
        "create table t as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "copy patients to '/tmp/should-not-exist.csv'",
        "insert into visits values (1)",
        "drop table visits",
        "set datafusion.execution.batch_size = 1",
        "explain analyze select 1",
        "explain select 1",
        "prepare q as select 1",
    ] {
        let error = error(statement);
        assert!(matches!(error.code.as_str(), "not_a_query" | "bad_query"), "{statement}: {error:?}");
    }
    assert_eq!(error("select * from '/etc/passwd'").code, "bad_query");
}

#[test]
fn functions_that_change_from_run_to_run_are_refused() {
    for query in [
        "select now() as t",
        "select random() as r from patients",
        "select id from patients where exists (select 1 from visits where random() > 0.5)",
        "select id from patients order by uuid()",
        "select current_date as d",
    ] {
        assert_eq!(error(query).code, "not_deterministic", "{query}");
    }
}

#[test]
fn results_that_are_no_table_are_refused() {
    assert_eq!(error("select p.id, q.id from patients p, patients q").code, "duplicate_column");
    assert_eq!(error("select array_agg(id) as l from patients").code, "nested_column");
    let failed = error("select cast(name as bigint) as n from patients");
    assert_eq!(failed.code, "query_failed");
    assert!(failed.message.contains('a'), "{failed}");
    assert_eq!(error("select id / 0 as x from patients").code, "query_failed");
}

#[test]
fn a_deeply_nested_query_does_not_take_the_process_down() {
    let deep = format!("select {}1{} as x", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(error(&deep).message, "the query is nested deeper than 50 levels");
    let long = format!("select 1{} as x", "+1".repeat(20_000));
    let refused = error(&long);
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("bad_query", "an expression of the query is nested deeper than 500 levels")
    );
    assert!(run(&format!("select id from patients where {} true", "id = 1 or ".repeat(400))).is_ok());
    let longer = format!("select 1{} as x", "+1".repeat(40_000));
    assert_eq!(error(&longer).code, "bad_params");
}

#[test]
fn columns_of_the_result_are_known_before_the_run() {
    let known = check("select id, Age * 2 as double, name || 'x' as word from patients");
    let column = |name: &str, column_type| Column { name: name.into(), column_type };
    assert_eq!(
        known.outputs["table"].columns,
        [
            column("id", ColumnType::Integer),
            column("double", ColumnType::Number),
            column("word", ColumnType::Text)
        ]
    );
    let wrong = check("select agee from patients");
    assert_eq!(wrong.problems[0].pointer, "/query");
    assert_eq!(wrong.problems[0].message, "there is no column `agee`");
    assert!(check("select upper(id, 3) as x from patients").problems.len() == 1);
}
