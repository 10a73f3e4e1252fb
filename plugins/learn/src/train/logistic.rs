//! The kind `train.logistic`.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, SchemaCheck, Task, TaskError};

use super::{
    Common, EstimatorSpec, check_columns, describe, run,
    spec::{LogisticSettings, Positive},
};
use crate::{columns::Columns, transforms::Transform};

/// Logistic regression for two or more classes.
pub struct TrainLogistic;

/// Parameters of [`TrainLogistic`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogisticParams {
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
    /// Inverse strength of the L2 penalty; scikit-learn's `C`.
    #[serde(default = "one")]
    c: Positive,
    /// Iterations at the most.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    max_iter: u64,
    /// Where the solver stops at the latest: the largest gradient of the mean loss.
    #[serde(default = "logistic_tol")]
    tol: Positive,
}

impl LogisticParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainLogistic {
    type Params = LogisticParams;

    fn describe(&self) -> Description {
        describe("train.logistic", "Fits a logistic regression for two or more classes.", LOGISTIC_DOC)
            .error("one_class", "The target has one class only.")
            .error("too_many_classes", "The target looks like a number to predict.")
            .error("not_classes", "The target holds numbers with fractions.")
    }

    fn schema(&self, params: &LogisticParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: LogisticParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Logistic(LogisticSettings {
            c: params.c,
            max_iter: params.max_iter,
            tol: params.tol,
        });
        run(ctx, &params.common(), &spec)
    }
}

/// `C` where the author gives none.
fn one() -> Positive {
    Positive(1.0)
}

fn hundred() -> u64 {
    LogisticSettings::default().max_iter
}

fn logistic_tol() -> Positive {
    LogisticSettings::default().tol
}

const LOGISTIC_DOC: &str = r#"
The same model as scikit-learn's `LogisticRegression`: an L2 penalty of strength 1/`c`, the intercept not penalised, softmax for more
than two classes.

```toml
[tasks.model]
uses   = "train.logistic"
inputs = { table = "split.train" }
with   = { target = "class", transforms = [{ standardize = "*" }], c = 0.8 }
```
"#;
