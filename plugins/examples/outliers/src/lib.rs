//! The plugin `outliers`: rows whose values are far from the median, measured by the median absolute deviation.
//!
//! The modified z-score of a value x is 0.6745 (x − median) / MAD, with MAD = median |x − median|; 0.6745 is the 0.75 quantile of the
//! standard normal distribution, which makes the score comparable to an ordinary one on normal data. Source: Iglewicz and Hoaglin,
//! "How to Detect and Handle Outliers" (1993), whose threshold of 3.5 is the default.

mod score;

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_schema::{DataType, Field, Schema};
use sluicegate_plugin::{plugin, prelude::*};

use score::Scale;

/// Finds outliers.
pub struct Detect;

/// Parameters of `outliers.detect`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectParams {
    /// The columns to look at, of floating-point numbers; a row is as far out as its farthest value.
    #[schemars(length(min = 1))]
    columns: Vec<String>,
    /// The modified z-score from which on a value is an outlier.
    #[serde(default = "threshold")]
    #[schemars(range(min = 0.0))]
    threshold: f64,
    /// Remove the outliers, instead of marking them in the columns `outlier` and `outlier_score`.
    #[serde(default)]
    remove: bool,
}

fn threshold() -> f64 {
    3.5
}

const DOC: &str = r#"
The modified z-score of a value is `0.6745 (x − median) / MAD`, with the median absolute deviation `MAD = median |x − median|` (Iglewicz and
Hoaglin, 1993). Unlike mean and standard deviation, median and MAD do not move with the outliers themselves. Where more than half of a column
is one value, its MAD is zero: every other value is then infinitely far out. Missing values have no score.

```toml
[tasks.typical]
uses   = "outliers.detect"
inputs = { table = "raw" }
with   = { columns = ["bmi", "blood_pressure"], remove = true }
```
"#;

impl Task for Detect {
    type Params = DetectParams;

    fn describe(&self) -> Description {
        Description::new("outliers.detect", "1", "Marks or removes rows that are far from the median.")
            .doc(DOC)
            .input(Port::new("table", PortType::Table, "the rows"))
            .output(Port::new("table", PortType::Table, "the rows, marked or without the outliers"))
            .output(Port::new("medians", PortType::Value, "median and MAD of each column"))
            .error("missing_column", "The table lacks one of the columns, or it holds no floating-point numbers.")
    }

    fn schema(&self, params: &DetectParams, check: &mut SchemaCheck) {
        let Some(mut table) = check.inputs.get("table").cloned() else { return };
        for (column_idx, name) in params.columns.iter().enumerate() {
            let pointer = format!("/columns/{column_idx}");
            match table.columns.iter().find(|column| column.name == *name) {
                None => check.problems.push(Problem::missing_column(pointer, name, &table.columns)),
                Some(column) if column.column_type != ColumnType::Number => {
                    let problem = Problem::new(pointer, format!("column `{name}` holds no floating-point numbers"));
                    check.problems.push(problem.hint("`data.clean` can convert it"));
                }
                Some(_) => {}
            }
        }
        if !params.remove {
            for (name, column_type) in [("outlier", ColumnType::Boolean), ("outlier_score", ColumnType::Number)] {
                table.columns.push(Column { name: name.into(), column_type });
            }
        }
        check.outputs.insert("table".into(), table);
    }

    fn run(&self, ctx: &Context, params: DetectParams) -> Result<(), TaskError> {
        let table = ctx.table("table")?;
        let all = table.to_batch().map_err(|error| TaskError::permanent("bad_table", error.to_string()))?;
        let mut scales = Vec::new();
        let mut worst = vec![0.0_f64; all.num_rows()];
        for name in &params.columns {
            ctx.check_cancelled()?;
            let values = numbers(&all, name)?;
            let scale = Scale::of(values.iter().flatten());
            for (worst, value) in worst.iter_mut().zip(values) {
                *worst = worst.max(value.map_or(0.0, |value| scale.score(value).abs()));
            }
            ctx.info(&format!("`{name}`: median {}, MAD {}", scale.median, scale.mad));
            scales.push((name.clone(), serde_json_value(&scale)));
        }
        let is_outlier: BooleanArray = worst.iter().map(|score| Some(*score > params.threshold)).collect();
        let n_outliers = is_outlier.true_count();
        ctx.metric("outliers", n_outliers as f64);
        ctx.metric("rows", all.num_rows() as f64);
        ctx.summary(format!("{n_outliers} of {} rows", all.num_rows()));
        ctx.write_value("medians", scales.into_iter().collect::<serde_json::Map<_, _>>().into())?;
        let arrow = |error: arrow_schema::ArrowError| TaskError::permanent("arrow", error.to_string());
        let result = if params.remove { kept(&all, &is_outlier) } else { marked(&all, is_outlier, worst) };
        ctx.write_table("table", &Table::from_batch(result.map_err(arrow)?))
    }
}

fn serde_json_value(scale: &Scale) -> serde_json::Value {
    serde_json::json!({ "median": scale.median, "mad": scale.mad })
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array, TaskError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Float64Type>());
    column.ok_or_else(|| {
        TaskError::permanent("missing_column", format!("the table has no column of floating-point numbers `{name}`"))
    })
}

fn kept(batch: &RecordBatch, is_outlier: &BooleanArray) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let keep: BooleanArray = is_outlier.iter().map(|outlier| outlier.map(|outlier| !outlier)).collect();
    arrow_select::filter::filter_record_batch(batch, &keep)
}

fn marked(
    batch: &RecordBatch,
    is_outlier: BooleanArray,
    scores: Vec<f64>,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("outlier", DataType::Boolean, false)));
    fields.push(Arc::new(Field::new("outlier_score", DataType::Float64, false)));
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns.push(Arc::new(is_outlier));
    columns.push(Arc::new(Float64Array::from(scores)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

plugin!("outliers", Detect);
