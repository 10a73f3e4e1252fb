//! `data.sql`: a DataFusion query over the inputs.

mod engine;
mod physical;
mod scan;
mod session;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, Port, PortType, Problem, SchemaCheck, Task, TaskError};

use self::engine::{Source, plan, query};
use crate::table::table_size;

/// The kind `data.sql`.
pub(crate) struct Sql;

/// What `data.sql` is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// One SELECT query. Every input is a table under the name of its port.
    #[schemars(length(min = 1))]
    query: String,
}

/// The longest query, in bytes: what a query asks of the planner's stack grows with it.
const LONGEST_QUERY: usize = 64 << 10;

const DOC: &str = "\
Runs one SQL query (DataFusion's dialect, close to PostgreSQL's) over its inputs. Every input is a table under the name that
you give it:

```toml
[tasks.joined]
uses   = \"data.sql\"
inputs = { patients = \"clean\", visits = \"visits\" }

[tasks.joined.with]
query = \"\"\"
select p.id, p.age, count(*) as n_visits
from patients p join visits v on v.patient = p.id
group by p.id, p.age
order by p.id
\"\"\"
```

Names of tables and columns are taken as they are written, upper and lower case told apart; names with other characters than letters, digits
and `_` stand in double quotes. Names of functions are not case sensitive.

**Order.** Without ORDER BY the order of the rows is not promised: state it, above all when the rows go on to `data.split`.

Only queries are allowed: no CREATE, COPY, INSERT or SET, no files, and no functions whose value changes from run to run, such as `now()`
and `random()`, since the result is cached. Columns of the result become numbers, integers, text or booleans; give computed columns names with `as`.
A query without rows in its result is not an error here, but most kinds refuse a table without rows.

Metrics: `rows`, `columns`.
";

impl Task for Sql {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new("data.sql", "1", "Runs a SQL query over its inputs.")
            .doc(DOC)
            .more_inputs(PortType::Table)
            .output(Port::new("table", PortType::Table, "The rows of the result."))
            .error("bad_query", "The query is not SQL, or names a table, column or function that is not there; the message lists those that are.")
            .error("not_a_query", "The statement is not a SELECT query.")
            .error("not_deterministic", "The query calls a function whose value changes from run to run.")
            .error("duplicate_column", "Two columns of the result have the same name; rename one with `as`.")
            .error("query_failed", "The query failed on these rows, such as a text that cannot be cast to a number or a division of integers by zero.")
            .error("nested_column", "A column of the result holds lists or structs.")
            .error("bad_value", "An integer of the result does not fit 64 bits.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        if params.query.trim().is_empty() {
            return vec![Problem::new("/query", "the query is empty")];
        }
        if params.query.len() > LONGEST_QUERY {
            return vec![Problem::new("/query", format!("the query is longer than {LONGEST_QUERY} bytes"))];
        }
        Vec::new()
    }

    fn schema(&self, params: &Params, check: &mut SchemaCheck) {
        if check.inputs.is_empty() || !Task::check(self, params).is_empty() {
            return;
        }
        let sources =
            check.inputs.iter().filter_map(|(name, schema)| Source::known(name, schema)).collect::<Vec<_>>();
        if sources.len() < check.inputs.len() {
            return;
        }
        match plan(&params.query, &sources) {
            Ok(columns) => {
                check.outputs.insert("table".into(), columns);
            }
            Err(error) => {
                let problem = Problem::new("/query", error.message);
                check.problems.push(error.hints.into_iter().fold(problem, Problem::hint));
            }
        }
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let mut sources = Vec::with_capacity(ctx.inputs().len());
        for name in ctx.inputs().keys() {
            sources.push(Source::table(name, &ctx.table(name)?)?);
        }
        let table = query(&params.query, &sources, &|| ctx.check_cancelled())?;
        ctx.write_table("table", &table)?;
        ctx.metric("rows", table.n_rows() as f64);
        ctx.metric("columns", table.n_columns() as f64);
        ctx.summary(table_size(&table));
        Ok(())
    }
}
