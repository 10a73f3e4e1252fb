use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
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

/// The rows of a result, as text.
fn rows(query: &str) -> String {
    let table = run(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let batch = table.to_batch().unwrap();
    let options = FormatOptions::new().with_null("-");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(",");
    (0..batch.num_rows()).map(row).collect::<Vec<_>>().join(" ")
}

/// Every operator that a query can need, against results that were worked out by hand. Patients are `1,30.5,a`,
/// `2,-,b` and `3,50,c`; visits are `1`, `1` and `3`.
#[test]
fn every_part_of_a_query_gives_its_rows() {
    for (query, expected) in [
        ("values (1, 'x'), (2, null)", "1,x 2,-"),
        ("select 1 as one where false", ""),
        ("select id from patients where Age is null or name = 'c'", "2 3"),
        ("select id from patients order by Age desc nulls last limit 1 offset 1", "1"),
        ("select id from patients offset 2", "3"),
        ("select id from patients union all select patient from visits", "1 2 3 1 1 3"),
        ("select id from patients except select patient from visits", "2"),
        ("select count(*) as n from patients, visits", "9"),
        (
            "select id, patient from patients left join visits on id = patient order by id, patient",
            "1,1 1,1 2,- 3,3",
        ),
        ("select id, patient from patients join visits on id + 2 = patient * 1", "1,3"),
        (
            "select id, patient from patients full join visits on id = patient + 1 order by 1, 2",
            "1,- 2,1 2,1 3,- -,3",
        ),
        (
            "select id, patient from patients left join visits on id > patient order by 1, 2",
            "1,- 2,1 2,1 3,1 3,1",
        ),
        ("select id from patients where id not in (select patient from visits)", "2"),
        ("select id from patients p where exists (select 1 from visits v where v.patient = p.id)", "1 3"),
        (
            "select id, (select count(*) from visits v where v.patient = id) as n from patients order by id",
            "1,2 2,0 3,1",
        ),
        ("select id from patients where Age > (select avg(Age) from patients)", "3"),
        ("select patient, count(*) as n from visits group by patient having count(*) > 1", "1,2"),
        (
            "select id > 1 as late, count(*) as n from patients group by rollup(id > 1) order by 1, 2",
            "false,1 true,2 -,3",
        ),
        (
            "select id > 1 as late, name < 'c' as low, count(*) as n from patients
             group by cube(id > 1, name < 'c') order by 1, 2",
            "false,true,1 false,-,1 true,false,1 true,true,1 true,-,2 -,false,1 -,true,2 -,-,3",
        ),
        (
            "select id > 1 as late, name < 'c' as low, count(*) as n from patients
             group by grouping sets ((id > 1), (name < 'c')) order by 1, 2",
            "false,-,1 true,-,2 -,false,1 -,true,2",
        ),
        ("select string_agg(name, '' order by id desc) as names from patients", "cba"),
        ("select sum(id) filter (where Age > 40) as s, count(distinct id) as n from patients", "3,3"),
        ("select distinct on (patient) patient from visits order by patient desc", "3 1"),
        ("select id, sum(id) over (order by id desc) as s from patients order by id", "1,6 2,5 3,3"),
        ("select id, lag(name) over (order by id) as before from patients order by id", "1,- 2,a 3,b"),
        (
            "select id, sum(id) over (order by id rows between 1 following and unbounded following) as s
             from patients order by id",
            "1,5 2,3 3,-",
        ),
        ("select id from patients qualify row_number() over (order by Age desc nulls last) = 1", "3"),
        (
            "with recursive t as (select 1 as n union all select n * 2 from t where n < 20) select n from t",
            "1 2 4 8 16 32",
        ),
        ("select unnest([3, 1]) as n", "3 1"),
        ("select value from generate_series(1, 7, 3)", "1 4 7"),
        ("select value from range(3)", "0 1 2"),
        ("select value from range(2, -3, -2)", "2 0 -2"),
        ("select value from generate_series(5, 1)", ""),
        ("select value from generate_series(1, null)", ""),
        ("select count(*) as n, max(value) as m from generate_series(1, 20000)", "20000,20000"),
        (
            "select value from generate_series(9223372036854775806, 9223372036854775807)",
            "9223372036854775806 9223372036854775807",
        ),
        (
            "select count(*) as n from generate_series(date '2024-02-27', date '2024-03-01', interval '1 day')",
            "4",
        ),
        ("select p.id from public.patients p where id between 2 and 3 and name like 'b%'", "2"),
    ] {
        assert_eq!(rows(query), expected, "{query}");
    }
}

#[test]
fn what_the_engine_cannot_run_says_so() {
    let several = error("select id from patients where id = (select patient from visits)");
    assert!(several.message.contains("more than one row"), "{several}");
    let lateral = error(
        "select p.id from patients p join lateral (select patient from visits where patient = p.id limit 1) v on true",
    );
    assert!(lateral.message.contains("write it as a join"), "{lateral}");
    let zero = error("select value from range(1, 5, 0)");
    assert!(zero.message.contains("the step of range cannot be zero"), "{zero}");
    let changing = error("select value from range(cast(random() * 5 as bigint))");
    assert!(changing.message.contains("is not a constant"), "{changing}");
    assert!(error("select value from series(1)").message.contains("'series' not found"));
    let frame = error(
        "select sum(id) over (order by id rows between 1 preceding and 3 preceding) as s from patients",
    );
    assert!(frame.message.contains("ends before it starts"), "{frame}");
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
