//! The kind `train.linear`.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, SchemaCheck, Task, TaskError};

use super::{Common, EstimatorSpec, check_columns, describe, run, spec::LinearSettings};
use crate::{columns::Columns, transforms::Transform};

/// Ordinary least squares.
pub struct TrainLinear;

/// Parameters of [`TrainLinear`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearParams {
    /// The column to predict.
    #[schemars(length(min = 1))]
    target: String,
    /// The columns to predict from; `"*"`, the default, means all but the target.
    #[serde(default)]
    features: Columns,
    /// Transforms in order, each a table with one key: `{ standardize = "*" }`, `{ min_max = ["a"] }`, `{ robust = "*" }`,
    /// `{ one_hot = ["colour"] }`. They are fitted on these rows and stored in the bundle.
    #[serde(default)]
    transforms: Vec<Transform>,
}

impl LinearParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainLinear {
    type Params = LinearParams;

    fn describe(&self) -> Description {
        describe("train.linear", "Fits a linear regression by least squares.", LINEAR_DOC)
            .error("not_numbers", "The target does not hold numbers.")
    }

    fn schema(&self, params: &LinearParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: LinearParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Linear(LinearSettings {});
        run(ctx, &params.common(), &spec)
    }
}

const LINEAR_DOC: &str = r#"
The same model as scikit-learn's `LinearRegression`: with columns that depend on each other, the solution of least norm.

```toml
[tasks.model]
uses   = "train.linear"
inputs = { table = "split.train" }
with   = { target = "progression", transforms = [{ standardize = "*" }] }
```
"#;
