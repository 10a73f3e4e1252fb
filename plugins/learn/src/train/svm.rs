//! The kind `train.svm`.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{Context, Description, SchemaCheck, Task, TaskError};

use super::{
    Common, EstimatorSpec, check_columns, describe, run,
    spec::{KernelParam, Positive, SvmSettings},
};
use crate::{columns::Columns, transforms::Transform};

/// Support vector machines, one for each pair of classes.
pub struct TrainSvm;

/// Parameters of [`TrainSvm`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SvmParams {
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
    /// Penalty of errors; scikit-learn's `C`.
    #[serde(default = "one")]
    c: Positive,
    /// `"linear"`, `"rbf"`, `{ rbf = { gamma = … } }` or `{ polynomial = { degree = 3, gamma = …, coef0 = 0.0 } }`; `gamma` is `"scale"`
    /// (the default), `"auto"` or a number, as in scikit-learn.
    #[serde(default = "default_kernel")]
    kernel: KernelParam,
    /// Where the solver stops.
    #[serde(default = "svm_tol")]
    tol: Positive,
}

impl SvmParams {
    fn common(&self) -> Common<'_> {
        Common { target: &self.target, features: &self.features, transforms: &self.transforms }
    }
}

impl Task for TrainSvm {
    type Params = SvmParams;

    fn describe(&self) -> Description {
        describe("train.svm", "Fits support vector machines, one for each pair of classes.", SVM_DOC)
            .error("one_class", "The target has one class only.")
            .error("too_many_classes", "The target looks like a number to predict.")
            .error("not_classes", "The target holds numbers with fractions.")
            .error("too_many_rows", "The kernel matrix would not fit into memory.")
    }

    fn schema(&self, params: &SvmParams, check: &mut SchemaCheck) {
        check_columns(check, &params.common());
    }

    fn run(&self, ctx: &Context, params: SvmParams) -> Result<(), TaskError> {
        let spec = EstimatorSpec::Svm(SvmSettings { c: params.c, kernel: params.kernel, tol: params.tol });
        run(ctx, &params.common(), &spec)
    }
}

/// `C` where the author gives none.
fn one() -> Positive {
    Positive(1.0)
}

fn svm_tol() -> Positive {
    SvmSettings::default().tol
}

fn default_kernel() -> KernelParam {
    SvmSettings::default().kernel
}

const SVM_DOC: &str = r#"
The same model as scikit-learn's `SVC`: one machine for each pair of classes, the class with most votes wins. Give it features of
like size (`standardize`). Memory grows with the square of the rows.

```toml
[tasks.model]
uses   = "train.svm"
inputs = { table = "split.train" }
with   = { target = "diagnosis", transforms = [{ standardize = "*" }], kernel = { rbf = { gamma = "scale" } }, c = 1.0 }
```
"#;
