//! The plugin `{{name}}`.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use sluicegate_plugin::{plugin, prelude::*};

/// Clips a column.
pub struct Clip;

/// Parameters of `{{name}}.clip`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipParams {
    /// The column to clip; it must hold floating-point numbers.
    column: String,
    /// The greatest value that stays.
    high: f64,
}

impl Task for Clip {
    type Params = ClipParams;

    fn describe(&self) -> Description {
        Description::new("{{name}}.clip", "1", "Clips a column to an upper bound.")
            .input(Port::new("table", PortType::Table, "the rows"))
            .output(Port::new("table", PortType::Table, "the rows, clipped"))
            .error("missing_column", "The table lacks the column, or it holds no floating-point numbers.")
    }

    // `sluice check` knows the columns before anything runs; this hands them on, and finds a wrong name.
    fn schema(&self, params: &ClipParams, check: &mut SchemaCheck) {
        let Some(table) = check.inputs.get("table").cloned() else { return };
        if !table.columns.iter().any(|column| column.name == params.column) {
            check.problems.push(Problem::missing_column("/column", &params.column, &table.columns));
        }
        check.outputs.insert("table".into(), table);
    }

    fn run(&self, ctx: &Context, params: ClipParams) -> Result<(), TaskError> {
        let mut n_clipped = 0;
        let clipped = ctx.table("table")?.map_batches(|batch| {
            ctx.check_cancelled()?;
            clip(batch, &params, &mut n_clipped)
        })?;
        ctx.metric("clipped", f64::from(n_clipped));
        ctx.info(&format!("{n_clipped} values were above {}", params.high));
        ctx.write_table("table", &clipped)
    }
}

fn clip(batch: &RecordBatch, params: &ClipParams, n_clipped: &mut u32) -> Result<RecordBatch, TaskError> {
    let missing = || TaskError::permanent("missing_column", format!("there is no column of numbers `{}`", params.column));
    let column_idx = batch.schema().index_of(&params.column).map_err(|_| missing())?;
    let numbers = batch.column(column_idx).as_any().downcast_ref::<Float64Array>().ok_or_else(missing)?;
    *n_clipped += u32::try_from(numbers.iter().flatten().filter(|x| *x > params.high).count()).unwrap_or(u32::MAX);
    let clipped: Float64Array = numbers.iter().map(|x| x.map(|x| x.min(params.high))).collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[column_idx] = Arc::new(clipped);
    RecordBatch::try_new(batch.schema(), columns).map_err(|error| TaskError::permanent("arrow", error.to_string()))
}

plugin!("{{name}}", Clip);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_plugin::testing::Bench;

    use super::*;

    #[test]
    fn what_is_above_the_bound_becomes_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 7.0]));
        let table = Table::from_batch(RecordBatch::try_from_iter([("x", numbers)]).unwrap());
        let bench = Bench::new(folder.path()).table("table", &table);
        let finished = bench.run(&Clip, json!({ "column": "x", "high": 1.0 })).unwrap();
        assert_eq!(finished.metrics.get("clipped"), Some(&1.0));
    }
}
