//! Queries over tables in memory.
//!
//! One thread and one partition, so that a query without ORDER BY gives the same order every time. The thread has a
//! large stack, because the planner recurses as deep as the query is nested.

use std::{collections::HashSet, panic, sync::Arc, thread};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion_common::{Column as ColumnName, DataFusionError, SchemaError};
use datafusion_expr::LogicalPlan;
use futures_util::StreamExt;
use sluicegate_plugin::{Column, ColumnType, PortSchema, Table, TaskError, nearest};

use super::{
    physical::operators,
    scan::Relation,
    session::{DEEPEST, Refusal, Session},
};
use crate::{
    columns::quoted_list,
    plain::{nested, plain_batch, plain_type},
    table::{one_batch, rebatch},
};

/// The planner's stack. Memory is only taken where it is used.
const STACK_BYTES: usize = 1 << 30;

/// A named table of the query.
pub(super) struct Source {
    name: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Source {
    /// A table with its rows.
    pub(super) fn table(name: &str, table: &Table) -> Result<Self, TaskError> {
        let rows = plain_batch(&one_batch(table)?)?;
        Ok(Self { name: name.into(), schema: rows.schema(), batches: rebatch(&rows).batches().to_vec() })
    }

    /// A table of which only the columns are known; `None` when a type is not.
    pub(super) fn known(name: &str, schema: &PortSchema) -> Option<Self> {
        let field = |column: &Column| {
            let data_type = match column.column_type {
                ColumnType::Number => DataType::Float64,
                ColumnType::Integer => DataType::Int64,
                ColumnType::Text => DataType::Utf8,
                ColumnType::Boolean => DataType::Boolean,
                ColumnType::Other(_) => return None,
            };
            Some(Field::new(&column.name, data_type, true))
        };
        let fields = schema.columns.iter().map(field).collect::<Option<Vec<_>>>()?;
        Some(Self { name: name.into(), schema: Arc::new(Schema::new(fields)), batches: Vec::new() })
    }
}

/// Plans a query and tells the columns of its result.
pub(super) fn plan(query: &str, sources: &[Source]) -> Result<PortSchema, TaskError> {
    apart(move || {
        let session = session(sources)?;
        let plan = checked_plan(&session, query, sources)?;
        let optimized = session.optimize(plan).map_err(|error| bad_query(&error, sources))?;
        let columns = optimized.schema().fields().iter().map(|field| result_column(field)).collect();
        Ok(PortSchema { columns, target: None })
    })
}

/// Runs a query. `tick` is called between batches and may stop the work.
pub(super) fn query(
    query: &str,
    sources: &[Source],
    tick: &(dyn Fn() -> Result<(), TaskError> + Sync),
) -> Result<Table, TaskError> {
    apart(move || {
        let session = session(sources)?;
        let plan = checked_plan(&session, query, sources)?;
        let failed = |error: &DataFusionError| query_failed(error, sources);
        let root =
            session.optimize(plan).and_then(|plan| operators(&plan)).map_err(|error| failed(&error))?;
        let schema = root.schema();
        let mut batches = Vec::new();
        runtime()?.block_on(async {
            let mut stream = root.execute(0, session.context()).map_err(|error| failed(&error))?;
            while let Some(batch) = stream.next().await {
                batches.push(batch.map_err(|error| failed(&error))?);
                tick()?;
            }
            Ok::<_, TaskError>(())
        })?;
        for field in schema.fields() {
            if plain_type(field.data_type()).is_none() {
                return Err(nested(field.name(), field.data_type()));
            }
        }
        let rows = one_batch(&Table::new(schema, batches))?;
        Ok(rebatch(&plain_batch(&rows)?))
    })
}

/// Runs a closure on a thread with a large stack. A panic in there is a failure of the query.
fn apart<T: Send>(work: impl FnOnce() -> Result<T, TaskError> + Send) -> Result<T, TaskError> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("query".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || panic::catch_unwind(panic::AssertUnwindSafe(work)))
            .map_err(|error| TaskError::transient("io", format!("cannot start a thread: {error}")))?;
        match worker.join() {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) | Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                Err(TaskError::permanent("query_failed", format!("the query engine panicked: {text}")))
            }
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, TaskError> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| TaskError::transient("io", format!("cannot start the query engine: {error}")))
}

/// A session that knows the given tables, and nothing else.
fn session(sources: &[Source]) -> Result<Session, TaskError> {
    let relation = |source: &Source| {
        let batches = Arc::new(source.batches.clone());
        (source.name.clone(), Relation::Rows { schema: source.schema.clone(), batches })
    };
    Session::new(sources.iter().map(relation)).map_err(|error| bad_query(&error, sources))
}

/// The logical plan of a query, after all that is refused was refused.
fn checked_plan(session: &Session, query: &str, sources: &[Source]) -> Result<LogicalPlan, TaskError> {
    let plan = session.plan(query).map_err(|refusal| match refusal {
        Refusal::Bad(error) => bad_query(&error, sources),
        Refusal::NotAQuery => not_a_query(),
        Refusal::TooDeep => {
            let what = format!("an expression of the query is nested deeper than {DEEPEST} levels");
            TaskError::permanent("bad_query", what)
                .hint("write long chains of `or` as `in (…)`, and long sums as a table that is summed")
        }
        Refusal::Changing(function) => {
            let what = format!(
                "the function `{function}` gives another value in every run, and the result is cached"
            );
            TaskError::permanent("not_deterministic", what).hint("hand the value in as a parameter")
        }
    })?;
    let mut seen = HashSet::new();
    for field in plan.schema().fields() {
        if !seen.insert(field.name()) {
            let what = format!("two columns of the result are named `{}`", field.name());
            return Err(TaskError::permanent("duplicate_column", what).hint("rename one of them with `as`"));
        }
    }
    Ok(plan)
}

fn not_a_query() -> TaskError {
    TaskError::permanent("not_a_query", "the statement is not a query that reads its inputs")
        .hint("write one SELECT query")
}

fn result_column(field: &Field) -> Column {
    let column_type = match plain_type(field.data_type()) {
        Some(DataType::Float64) => ColumnType::Number,
        Some(DataType::Int64) => ColumnType::Integer,
        Some(DataType::Boolean) => ColumnType::Boolean,
        Some(_) => ColumnType::Text,
        None => ColumnType::Other(field.data_type().to_string()),
    };
    Column { name: field.name().clone(), column_type }
}

/// The failure of a query that cannot be planned, with what it could have named.
fn bad_query(error: &DataFusionError, sources: &[Source]) -> TaskError {
    let text = message(error);
    if text.contains("RecursionLimitExceeded") {
        return TaskError::permanent("bad_query", "the query is nested deeper than 50 levels")
            .hint("take it apart with `with name as (…)`, or into several tasks");
    }
    let mut failure = TaskError::permanent("bad_query", text.clone());
    if let Some(name) = wanted_table(&text) {
        failure.message = format!("there is no table `{name}` among the inputs");
        if let Some(near) = nearest(&name, sources.iter().map(|source| source.name.as_str())) {
            return failure.hint(format!("did you mean `{near}`?"));
        }
    } else if let DataFusionError::SchemaError(error, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = error.as_ref()
    {
        failure.message = format!("there is no column `{}`", column_text(field));
        let names = sources
            .iter()
            .flat_map(|source| source.schema.fields().iter().map(|field| field.name().as_str()));
        if let Some(near) = nearest(&field.name, names) {
            return failure.hint(format!("did you mean `{near}`?"));
        }
    }
    failure.hint(known(sources))
}

/// The failure of a query that could be planned but not run.
fn query_failed(error: &DataFusionError, sources: &[Source]) -> TaskError {
    match error.find_root() {
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => bad_query(error, sources),
        _ => TaskError::permanent("query_failed", message(error)),
    }
}

fn column_text(column: &ColumnName) -> String {
    match &column.relation {
        Some(table) => format!("{table}.{}", column.name),
        None => column.name.clone(),
    }
}

/// The table that a planning error misses.
fn wanted_table(text: &str) -> Option<String> {
    let rest = text.split_once("table '")?.1;
    let (name, rest) = rest.split_once('\'')?;
    rest.starts_with(" not found").then(|| name.rsplit('.').next().unwrap_or(name).to_owned())
}

/// The first line of an error, without the engine's own prefixes.
fn message(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    let prefixes =
        ["Error during planning: ", "SQL error: ", "Schema error: ", "Arrow error: ", "Execution error: "];
    let mut text = text;
    for prefix in prefixes {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let text = text.trim_start_matches("ParserError(\"").trim_end_matches("\")").trim_end_matches('.');
    format!("the query is wrong: {text}")
}

/// The tables and their columns, as a hint.
fn known(sources: &[Source]) -> String {
    let table = |source: &Source| {
        let columns = quoted_list(source.schema.fields().iter().map(|field| field.name().as_str()));
        format!("table `{}` has {columns}", source.name)
    };
    if sources.is_empty() {
        return "no input is connected, so that there are no tables".into();
    }
    sources.iter().map(table).collect::<Vec<_>>().join("; ")
}
