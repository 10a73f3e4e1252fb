//! The training kinds, one for each estimator.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use sluicegate_plugin::{Context, Description, Port, PortType, SchemaCheck, Task, TaskError};

use super::{check_columns, params::TrainParams, run};
use crate::estimator::{BoostingSettings, Learner, LinearSettings, LogisticSettings, SvmSettings};

/// A kind that trains the estimator of these settings.
pub struct Train<S>(PhantomData<fn() -> S>);

impl<S> Default for Train<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// The kind `train.linear`.
pub type TrainLinear = Train<LinearSettings>;
/// The kind `train.logistic`.
pub type TrainLogistic = Train<LogisticSettings>;
/// The kind `train.svm`.
pub type TrainSvm = Train<SvmSettings>;
/// The kind `train.boosting`.
pub type TrainBoosting = Train<BoostingSettings>;

/// Settings that have a training kind.
pub(crate) trait Trainable: Learner + DeserializeOwned + JsonSchema + 'static {
    /// Says what the kind is.
    fn describe() -> Description;
}

impl<S: Trainable> Task for Train<S> {
    type Params = TrainParams<S>;

    fn describe(&self) -> Description {
        S::describe()
    }

    fn schema(&self, params: &TrainParams<S>, check: &mut SchemaCheck) {
        check_columns(check, &params.common, &params.settings);
    }

    fn run(&self, ctx: &Context, params: TrainParams<S>) -> Result<(), TaskError> {
        run(ctx, &params.common, &params.settings)
    }
}

fn describe(name: &str, summary: &str, doc: &str) -> Description {
    Description::new(name, "1", summary)
        .doc(doc)
        .input(Port::new("table", PortType::Table, "the training rows"))
        .output(Port::new("model", PortType::Model, "the bundle: transforms, estimator and signature"))
        .error("missing_column", "The target, the weight or a feature is not a column of the table.")
        .error("missing_value", "The target has a missing value.")
        .error(
            "bad_feature",
            "A feature has a value that is not finite, a type that a model cannot use, or a missing value that this estimator \
             cannot use.",
        )
        .error("no_rows", "The table has zero rows.")
        .error("no_fit", "The solver found no finite solution.")
}

/// The description of an estimator that cannot use texts.
fn numeric(name: &str, summary: &str, doc: &str) -> Description {
    describe(name, summary, doc)
        .error("text_feature", "A text column is used as it is; add `one_hot` or leave it out.")
}

fn classes(description: Description) -> Description {
    description
        .error("one_class", "The target has one class only.")
        .error("too_many_classes", "The target looks like a number to predict.")
        .error("not_classes", "The target holds numbers with fractions.")
}

impl Trainable for LinearSettings {
    fn describe() -> Description {
        numeric("train.linear", "Fits a linear regression by least squares.", LINEAR_DOC)
            .error("not_numbers", "The target does not hold numbers.")
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

impl Trainable for LogisticSettings {
    fn describe() -> Description {
        classes(numeric(
            "train.logistic",
            "Fits a logistic regression for two or more classes.",
            LOGISTIC_DOC,
        ))
    }
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

impl Trainable for SvmSettings {
    fn describe() -> Description {
        classes(numeric("train.svm", "Fits support vector machines, one for each pair of classes.", SVM_DOC))
            .error("too_many_rows", "The kernel matrix would not fit into memory.")
    }
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

impl Trainable for BoostingSettings {
    fn describe() -> Description {
        classes(describe(
            "train.boosting",
            "Fits gradient-boosted trees, for classes or numbers.",
            BOOSTING_DOC,
        ))
        .input(
            Port::new("validation", PortType::Table, "rows that decide when to stop, with `early_stopping`")
                .optional(),
        )
        .output(Port::new("importances", PortType::Table, "what each feature took off the loss"))
        .output(
            Port::new("curve", PortType::Table, "the loss after each round, with `early_stopping`")
                .optional(),
        )
        .error("not_numbers", "The target of a regression does not hold numbers.")
        .error(
            "task_unclear",
            "The target holds whole numbers, and `task` does not say whether they are classes.",
        )
        .error("bad_target", "The target has a negative number, and the loss is for counts.")
        .error("bad_weight", "The weight has a negative value, or no value above zero.")
        .error("bad_class_weight", "`class_weight` names something that is not a class.")
        .error("bad_validation", "The input `validation` does not fit the training rows.")
        .error("too_few_rows", "There are too few rows to hold some back for early stopping.")
        .error("too_many_rows", "There are more than 67 million rows.")
    }
}

const BOOSTING_DOC: &str = r#"
Histogram gradient boosting: columns are cut into at most 255 bins, and trees grow at the leaf that gains most, as in LightGBM and scikit-learn's
`HistGradientBoosting`, whose defaults these are. Missing values need no filling: every split sends them to the side that gains more. Text columns need
no encoding: they are categories, and a split parts them into two groups; a category that training did not see is treated as missing. Only the 255 most
frequent categories of a column count; the others are treated as missing.

The loss is `log_loss` for classes. For numbers it is `squared`, `absolute` (the prediction is the median), `{ quantile = 0.9 }` or `poisson`. The same rows,
settings and `seed` give the same bytes on any number of threads.

`importances` lists the features by what their splits took off the training loss.

```toml
[tasks.model]
uses   = "train.boosting"
inputs = { table = "split.train" }
with   = { target = "churned", n_rounds = 500, learning_rate = 0.05, early_stopping = { rounds = 20 } }
```
"#;
