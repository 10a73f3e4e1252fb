//! The training kinds, one for each estimator.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use sluicegate_plugin::{Context, Description, Port, PortType, SchemaCheck, Task, TaskError};

use super::{check_columns, params::TrainParams, run};
use crate::estimator::{
    BoostingSettings, ForestSettings, KnnSettings, Learner, LinearSettings, LogisticSettings, MlpSettings,
    NaiveBayesSettings, SvmSettings, SvrSettings, TreeSettings,
};

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
/// The kind `train.svr`.
pub type TrainSvr = Train<SvrSettings>;
/// The kind `train.tree`.
pub type TrainTree = Train<TreeSettings>;
/// The kind `train.forest`.
pub type TrainForest = Train<ForestSettings>;
/// The kind `train.knn`.
pub type TrainKnn = Train<KnnSettings>;
/// The kind `train.naive_bayes`.
pub type TrainNaiveBayes = Train<NaiveBayesSettings>;
/// The kind `train.mlp`.
pub type TrainMlp = Train<MlpSettings>;
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

const BAD_WEIGHT: &str = "The weight has a negative value, or no value above zero.";

const NO_CONVERGENCE: &str =
    "The solver reached its limit of iterations, and `on_no_convergence` is `error`.";

fn weighed(description: Description) -> Description {
    description
        .error("bad_weight", BAD_WEIGHT)
        .error("bad_class_weight", "`class_weight` names something that is not a class.")
}

/// The description of an estimator for classes and for numbers.
fn either(description: Description) -> Description {
    weighed(classes(description))
        .error("not_numbers", "The target of a regression does not hold numbers.")
        .error(
            "task_unclear",
            "The target holds whole numbers, and `task` does not say whether they are classes.",
        )
}

impl Trainable for LinearSettings {
    fn describe() -> Description {
        let description =
            numeric("train.linear", "Fits a linear regression, with or without a penalty.", LINEAR_DOC);
        Description { version: "2".into(), ..description }
            .output(Port::new("coefficients", PortType::Table, COEFFICIENTS))
            .error("not_numbers", "The target does not hold numbers.")
            .error("bad_weight", BAD_WEIGHT)
            .error("no_convergence", NO_CONVERGENCE)
    }
}

const COEFFICIENTS: &str = "each coefficient, with its standard error where it is defined";

const LINEAR_DOC: &str = r#"
The same models as scikit-learn's `LinearRegression`, `Ridge`, `Lasso` and `ElasticNet`; with columns that depend on
each other, least squares gives the solution of least norm. Standard errors are the classical ones, of least squares
with more rows than coefficients.

```toml
[tasks.model]
uses   = "train.linear"
inputs = { table = "split.train" }
with   = { target = "progression", transforms = [{ standardize = "*" }], method = "ridge", alpha = 1.5 }
```
"#;

impl Trainable for LogisticSettings {
    fn describe() -> Description {
        let description =
            numeric("train.logistic", "Fits a logistic regression for two or more classes.", LOGISTIC_DOC);
        weighed(classes(Description { version: "2".into(), ..description }))
            .output(Port::new("coefficients", PortType::Table, COEFFICIENTS))
            .error("no_convergence", NO_CONVERGENCE)
    }
}

const LOGISTIC_DOC: &str = r#"
The same model as scikit-learn's `LogisticRegression`: a penalty of strength 1/`c`, the intercept not penalised,
softmax for more than two classes. Standard errors are the square roots of the diagonal of the inverse Hessian, the
penalty included.

```toml
[tasks.model]
uses   = "train.logistic"
inputs = { table = "split.train" }
with   = { target = "class", transforms = [{ standardize = "*" }], c = 0.8 }
```
"#;

impl Trainable for SvmSettings {
    fn describe() -> Description {
        let description = classes(numeric(
            "train.svm",
            "Fits support vector machines, one for each pair of classes.",
            SVM_DOC,
        ));
        weighed(Description { version: "2".into(), ..description })
            .error("no_convergence", NO_CONVERGENCE)
            .error("too_few_rows", "A class has fewer rows than the folds that `probability` needs.")
    }
}

const SVM_DOC: &str = r#"
The same model as scikit-learn's `SVC`: one machine for each pair of classes, the class with most votes wins. Give it
features of like size (`standardize`). Memory is bounded by `cache_mb`, not by the square of the rows. With
`probability`, the decisions for rows held back in five folds are calibrated, the most probable class is predicted,
and the model takes six times as long to fit.

```toml
[tasks.model]
uses   = "train.svm"
inputs = { table = "split.train" }
with   = { target = "diagnosis", transforms = [{ standardize = "*" }], kernel = { rbf = { gamma = "scale" } }, c = 1.0 }
```
"#;

impl Trainable for SvrSettings {
    fn describe() -> Description {
        numeric("train.svr", "Fits support vector regression.", SVR_DOC)
            .error("not_numbers", "The target does not hold numbers.")
            .error("bad_weight", BAD_WEIGHT)
            .error("no_convergence", NO_CONVERGENCE)
    }
}

const SVR_DOC: &str = r#"
The same model as scikit-learn's `SVR`: deviations up to `epsilon` cost nothing, larger ones `c` for each unit. Give
it features of like size (`standardize`).

```toml
[tasks.model]
uses   = "train.svr"
inputs = { table = "split.train" }
with   = { target = "progression", transforms = [{ standardize = "*" }], c = 20.0, epsilon = 5.0 }
```
"#;

impl Trainable for TreeSettings {
    fn describe() -> Description {
        either(numeric("train.tree", "Fits one decision tree, which can be printed and drawn.", TREE_DOC))
            .output(Port::new(
                "importances",
                PortType::Table,
                "each feature's share of what the splits reduced",
            ))
            .output(Port::new("text", PortType::File, "the tree as indented text"))
            .output(Port::new("dot", PortType::File, "the tree as a graph, for Graphviz"))
    }
}

const TREE_DOC: &str = r#"
The same tree as scikit-learn's `DecisionTreeClassifier` or `DecisionTreeRegressor`, where no two splits are equally
good; of equal ones the first column's is taken. Missing values need no filling.

```toml
[tasks.model]
uses   = "train.tree"
inputs = { table = "split.train" }
with   = { target = "class", max_depth = 4 }
```
"#;

impl Trainable for ForestSettings {
    fn describe() -> Description {
        either(numeric(
            "train.forest",
            "Fits a random forest or extra trees, for classes or numbers.",
            FOREST_DOC,
        ))
        .output(Port::new(
            "importances",
            PortType::Table,
            "each feature's share of what the splits reduced",
        ))
    }
}

const FOREST_DOC: &str = r#"
The mean of many trees, as scikit-learn's `RandomForestClassifier`, `RandomForestRegressor` and extra trees. Missing
values need no filling. The same rows, settings and `seed` give the same bytes on any number of threads.

```toml
[tasks.model]
uses   = "train.forest"
inputs = { table = "split.train" }
with   = { target = "class", n_trees = 300, out_of_bag = true }
```
"#;

impl Trainable for KnnSettings {
    fn describe() -> Description {
        classes(numeric(
            "train.knn",
            "Keeps the training rows, and predicts by the nearest of them.",
            KNN_DOC,
        ))
        .error("not_numbers", "The target of a regression does not hold numbers.")
        .error(
            "task_unclear",
            "The target holds whole numbers, and `task` does not say whether they are classes.",
        )
        .error("too_few_rows", "There are fewer rows than neighbours.")
    }
}

const KNN_DOC: &str = r#"
The same predictions as scikit-learn's `KNeighborsClassifier` and `KNeighborsRegressor`; of rows at the same distance
the first counts as nearer. Give it features of like size (`standardize`). The bundle holds all training rows.

```toml
[tasks.model]
uses   = "train.knn"
inputs = { table = "split.train" }
with   = { target = "class", transforms = [{ standardize = "*" }], k = 7, weights = "distance" }
```
"#;

impl Trainable for NaiveBayesSettings {
    fn describe() -> Description {
        weighed(classes(numeric("train.naive_bayes", "Fits a naive Bayes classifier.", NAIVE_BAYES_DOC)))
            .error("bad_priors", "`priors` does not name just the classes, or does not add up to 1.")
    }
}

const NAIVE_BAYES_DOC: &str = r#"
The same models as scikit-learn's `GaussianNB`, `MultinomialNB`, `BernoulliNB` and `CategoricalNB`. A category that
training did not see says nothing about the class.

```toml
[tasks.model]
uses   = "train.naive_bayes"
inputs = { table = "split.train" }
with   = { target = "class" }
```
"#;

impl Trainable for MlpSettings {
    fn describe() -> Description {
        either(numeric("train.mlp", "Fits a neural network, for classes or numbers.", MLP_DOC))
            .input(
                Port::new(
                    "validation",
                    PortType::Table,
                    "rows that decide when to stop, with `early_stopping`",
                )
                .optional(),
            )
            .output(Port::new("curve", PortType::Table, "the loss after each epoch"))
            .error("no_convergence", NO_CONVERGENCE)
            .error("bad_validation", "The input `validation` does not fit the training rows.")
            .error("too_few_rows", "There are too few rows to hold some back for early stopping.")
    }
}

const MLP_DOC: &str = r#"
A multi-layer perceptron with the objective, solvers and defaults of scikit-learn's `MLPClassifier` and
`MLPRegressor`. Give it features of like size (`standardize`). The same rows, settings and `seed` give the same bytes
on any number of threads.

```toml
[tasks.model]
uses   = "train.mlp"
inputs = { table = "split.train" }
with   = { target = "digit", task = "classification", transforms = [{ min_max = "*" }], layers = [64], early_stopping = {} }
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
Histogram gradient boosting: columns are cut into at most 255 bins, and trees grow at the leaf that gains most, as in
LightGBM and scikit-learn's `HistGradientBoosting`, whose defaults these are. Missing values need no filling: every
split sends them to the side that gains more. Text columns need no encoding: they are categories, and a split parts
them into two groups; a category that training did not see is treated as missing. Only the 255 most frequent
categories of a column count; the others are treated as missing.

The loss is `log_loss` for classes. For numbers it is `squared`, `absolute` (the prediction is the median), `{
quantile = 0.9 }` or `poisson`. The same rows, settings and `seed` give the same bytes on any number of threads.

`importances` lists the features by what their splits took off the training loss.

```toml
[tasks.model]
uses   = "train.boosting"
inputs = { table = "split.train" }
with   = { target = "churned", n_rounds = 500, learning_rate = 0.05, early_stopping = { rounds = 20 } }
```
"#;
