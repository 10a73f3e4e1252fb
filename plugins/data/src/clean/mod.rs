//! `data.clean`: removes, fills, bounds and counts what does not belong in a table.
//!
//! The rules run in one fixed order on a [`frame::Frame`]; each leaves an account in the [`tally::Tally`].

mod bounds;
mod columns;
mod duplicates;
mod frame;
mod missing;
mod params;
mod stats;
mod tally;

#[cfg(test)]
mod tests;

use sluicegate_plugin::{Context, Description, Port, PortType, Problem, SchemaCheck, Task, TaskError};

use self::{frame::Frame, params::Params, tally::Tally};
use crate::{
    columns::{Columns, fail_on},
    table::rebatch,
};

/// The kind `data.clean`.
pub(crate) struct Clean;

impl Task for Clean {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new("data.clean", "1", "Fills, bounds and removes bad values and rows, and counts what it did.")
            .doc(include_str!("doc.md"))
            .input(Port::new("table", PortType::Table, "The rows to clean."))
            .output(Port::new("table", PortType::Table, "The rows that are left, in their order."))
            .output(Port::new("report", PortType::Report, "Rows removed and values changed by each rule and column."))
            .error("no_rows", "The input has zero rows, or the rules removed all rows; the message says which rules.")
            .error("too_many_rows_removed", "A larger share of the rows than `max_removed_fraction` was removed.")
            .error("all_missing", "A column has no value at all, and a rule needs one: a fill by mean, median or mode, or `drop_missing`, which would remove every row.")
            .error("out_of_range", "A value is outside a range whose `action` is `fail`; the first five rows are named.")
            .error("not_finite", "A rule needs a column's statistics, and the column holds infinity.")
            .error("missing_column", "A rule names a column that the table does not have.")
            .error("wrong_type", "A rule for numbers names a column of another type, or a constant is of another type than its column.")
            .error("nested_column", "A column holds lists or objects.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        params.problems()
    }

    fn schema(&self, params: &Params, check: &mut SchemaCheck) {
        columns::schema(params, check);
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let mut frame = Frame::new(&ctx.table("table")?)?;
        if frame.n_rows() == 0 {
            return Err(TaskError::permanent("no_rows", "the input `table` has zero rows"));
        }
        let problems = columns::problems(&params, &frame.described());
        let lacking = problems.iter().any(|problem| problem.message.contains("has no column"));
        fail_on(problems, if lacking { "missing_column" } else { "wrong_type" })?;
        let tally = clean(ctx, &mut frame, &params)?;
        tally.log(ctx);
        tally.judge(params.max_removed_fraction)?;
        ctx.write_table("table", &rebatch(&frame.finish()?))?;
        ctx.write_json("report", PortType::Report, &tally)?;
        tally.publish(ctx);
        Ok(())
    }
}

/// Runs the rules in their order.
fn clean(ctx: &Context, frame: &mut Frame, params: &Params) -> Result<Tally, TaskError> {
    let mut tally = Tally::new(frame.n_rows());
    if params.trim != Columns::None {
        tally.add(missing::trim(frame, &params.trim)?, frame);
    }
    if !params.missing.is_empty() {
        tally.add(missing::spellings(frame, &params.missing)?, frame);
    }
    if !params.fill_missing.is_empty() {
        tally.add(missing::fill(frame, params)?, frame);
    }
    if params.drop_missing != Columns::None {
        tally.add(missing::drop_missing(frame, &params.drop_missing)?, frame);
    }
    ctx.check_cancelled()?;
    if !params.ranges.is_empty() {
        tally.add(bounds::ranges(frame, &params.ranges)?, frame);
    }
    for rule in &params.outliers {
        ctx.check_cancelled()?;
        tally.add(bounds::outliers(frame, rule)?, frame);
    }
    ctx.check_cancelled()?;
    if params.drop_duplicates != Columns::None {
        tally.add(duplicates::drop_duplicates(frame, &params.drop_duplicates)?, frame);
    }
    Ok(tally)
}
