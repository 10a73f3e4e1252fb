//! `data.split`: training and test rows.

mod sizes;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use arrow_array::{Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_select::take::take;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    Column, Context, Description, Port, PortType, Problem, SchemaCheck, Task, TaskError,
};

use crate::{
    columns::fail_on,
    table::{arrow_error, count, counted, one_batch, rebatch},
};

/// The kind `data.split`.
pub(crate) struct Split;

/// What `data.split` is asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The share of the rows that go to the test split, rounded up to whole rows. Without it and without `test_rows`
    /// it is 0.25.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    test_fraction: Option<f64>,
    /// A column whose values are to be equally frequent in both splits, such as the classes of a classification.
    stratify: Option<String>,
    /// The seed of the random numbers. Equal seeds and equal tables give equal splits.
    #[serde(default)]
    seed: u64,
    /// Whether rows are drawn at random (the default). Without it the last rows are the test split.
    shuffle: Option<bool>,
    /// The rows of the test split by their index from 0, in place of `test_fraction`, `stratify` and `shuffle`. All
    /// other rows are for training, in their order.
    #[schemars(length(min = 1))]
    test_rows: Option<Vec<u64>>,
}

const DOC: &str = "\
Splits a table into rows for training and rows for testing.

```toml
[tasks.split]
uses   = \"data.split\"
inputs = { table = \"clean\" }
with   = { test_fraction = 0.25, stratify = \"diagnosis\", seed = 42 }
```

**Sizes** are those of scikit-learn's `train_test_split`: `ceil(test_fraction · rows)` rows for the test, all others for training. With
`stratify` each class gets the whole part of its exact share, and the rows that are left over go to the classes with the
largest remainders; the seed decides between equal remainders.

**Order.** Both splits are shuffled, as scikit-learn does. `shuffle = false` keeps the order of the table: the first rows are for training,
the last for the test. With `test_rows` the test split has the order of the list.

**Random numbers** come from ChaCha8, seeded by `seed`: the same rows on every machine and with every build of this version of
the kind. They are not the rows that scikit-learn draws from the same seed; to reproduce a published split state its
`test_rows`.

Metrics: `train_rows`, `test_rows`.
";

impl Task for Split {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new(
            "data.split",
            "1",
            "Splits a table into training and test rows: random, stratified or given.",
        )
        .doc(DOC)
        .input(Port::new("table", PortType::Table, "The rows to split."))
        .output(Port::new("train", PortType::Table, "The rows to train on."))
        .output(Port::new("test", PortType::Table, "The rows to test on."))
        .error("no_rows", "The table has zero rows, or a split would have.")
        .error(
            "class_too_small",
            "A value of the `stratify` column stands in one row only, so that it cannot be in both splits.",
        )
        .error("one_class", "The `stratify` column has one value only.")
        .error("too_few_rows", "A split has fewer rows than the `stratify` column has values.")
        .error(
            "missing_values",
            "The `stratify` column has missing values; remove or fill them with `data.clean`.",
        )
        .error("missing_column", "The table has no column of the name in `stratify`.")
        .error("bad_test_rows", "`test_rows` names a row that the table does not have, or names one twice.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        params.problems()
    }

    fn schema(&self, params: &Params, check: &mut SchemaCheck) {
        let Some(input) = check.inputs.get("table").cloned() else {
            return;
        };
        check.problems.extend(params.column_problem(&input.columns));
        check.outputs.insert("train".into(), input.clone());
        check.outputs.insert("test".into(), input);
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let batch = one_batch(&ctx.table("table")?)?;
        if batch.num_rows() == 0 {
            return Err(TaskError::permanent("no_rows", "the input `table` has zero rows"));
        }
        let rows = params.rows(&batch)?;
        for (port, rows) in [("train", &rows.train), ("test", &rows.test)] {
            let indices = UInt64Array::from_iter_values(rows.iter().map(|row_idx| *row_idx as u64));
            ctx.write_table(port, &rebatch(&taken(&batch, &indices)?))?;
            ctx.metric(&format!("{port}_rows"), rows.len() as f64);
        }
        ctx.summary(format!("{} train, {} test", count(rows.train.len()), count(rows.test.len())));
        Ok(())
    }
}

/// Some rows of a batch. Rows drawn at random are far apart, so columns are read side by side.
fn taken(batch: &RecordBatch, rows: &UInt64Array) -> Result<RecordBatch, TaskError> {
    let columns = batch.columns().par_iter().map(|column| take(column, rows, None));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| arrow_error(&error))?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options).map_err(|error| arrow_error(&error))
}

/// The row indices of both splits.
#[derive(Debug, Default)]
struct Rows {
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Params {
    /// Finds what the schema cannot express.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.test_fraction.is_some_and(|fraction| !(fraction > 0.0 && fraction < 1.0)) {
            problems
                .push(Problem::new("/test_fraction", "a test fraction lies between 0 and 1, both excluded"));
        }
        if self.stratify.is_some() && self.shuffle == Some(false) {
            problems.push(
                Problem::new("/shuffle", "rows that are stratified are drawn at random")
                    .hint("leave out `shuffle` or `stratify`"),
            );
        }
        let Some(test_rows) = &self.test_rows else {
            return problems;
        };
        if test_rows.is_empty() {
            problems.push(Problem::new("/test_rows", "the test split would have zero rows"));
        }
        let others = [
            ("test_fraction", self.test_fraction.is_some()),
            ("stratify", self.stratify.is_some()),
            ("shuffle", self.shuffle.is_some()),
        ];
        for (name, _) in others.into_iter().filter(|(_, given)| *given) {
            problems.push(
                Problem::new(
                    format!("/{name}"),
                    format!("`test_rows` already says which rows are tested, not `{name}`"),
                )
                .hint("keep only one of them"),
            );
        }
        problems
    }

    fn column_problem(&self, have: &[Column]) -> Option<Problem> {
        let name = self.stratify.as_ref()?;
        let missing = !have.iter().any(|column| column.name == *name);
        missing.then(|| Problem::missing_column("/stratify", name, have))
    }

    fn rows(&self, batch: &RecordBatch) -> Result<Rows, TaskError> {
        let n_rows = batch.num_rows();
        if let Some(test_rows) = &self.test_rows {
            return given(test_rows, n_rows);
        }
        let (n_train, n_test) = sizes::train_and_test(n_rows, self.test_fraction.unwrap_or(0.25));
        if n_train == 0 {
            let what = format!("{} for the test leave zero rows for training", counted(n_test, "row"));
            return Err(
                TaskError::permanent("no_rows", what).hint("lower `test_fraction`, or bring more rows")
            );
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        if let Some(name) = &self.stratify {
            return stratified(batch, name, (n_train, n_test), &mut rng);
        }
        let mut rows: Vec<usize> = (0..n_rows).collect();
        if self.shuffle == Some(false) {
            let test = rows.split_off(n_train);
            return Ok(Rows { train: rows, test });
        }
        rows.shuffle(&mut rng);
        let train = rows.split_off(n_test);
        Ok(Rows { train, test: rows })
    }
}

/// The split that a list of test rows makes.
fn given(test_rows: &[u64], n_rows: usize) -> Result<Rows, TaskError> {
    let bad = |what: String| Err(TaskError::permanent("bad_test_rows", what));
    let mut is_test = vec![false; n_rows];
    let mut test = Vec::with_capacity(test_rows.len());
    for row in test_rows {
        let Some(row_idx) = usize::try_from(*row).ok().filter(|row_idx| *row_idx < n_rows) else {
            return bad(format!("`test_rows` names row {row}, the last row is {}", n_rows - 1));
        };
        if std::mem::replace(&mut is_test[row_idx], true) {
            return bad(format!("`test_rows` names row {row} twice"));
        }
        test.push(row_idx);
    }
    if test.len() == n_rows {
        return Err(TaskError::permanent("no_rows", "`test_rows` leave zero rows for training"));
    }
    let train = (0..n_rows).filter(|row_idx| !is_test[*row_idx]).collect();
    Ok(Rows { train, test })
}

/// Draws each class by its share, then shuffles both splits.
fn stratified(
    batch: &RecordBatch,
    name: &str,
    (n_train, n_test): (usize, usize),
    rng: &mut ChaCha8Rng,
) -> Result<Rows, TaskError> {
    let mut classes = classes(batch, name)?;
    let n_classes = classes.len();
    if let Some(class) = classes.iter().find(|class| class.rows.len() < 2) {
        let what = format!("the value `{}` of column `{name}` stands in 1 row only", class.label);
        return Err(TaskError::permanent("class_too_small", what)
            .hint("a stratified split needs at least 2 rows of every value"));
    }
    if n_classes == 1 {
        let what = format!("column `{name}` has one value only, `{}`", classes[0].label);
        return Err(TaskError::permanent("one_class", what).hint("leave out `stratify`, or bring other rows"));
    }
    for (split, n) in [("train", n_train), ("test", n_test)] {
        if n < n_classes {
            let what = format!(
                "{} for `{split}` cannot hold {n_classes} values of column `{name}`",
                counted(n, "row")
            );
            return Err(TaskError::permanent("too_few_rows", what).hint("change `test_fraction`"));
        }
    }
    let class_sizes: Vec<usize> = classes.iter().map(|class| class.rows.len()).collect();
    let train_sizes = sizes::by_class(&class_sizes, n_train, rng);
    let mut rows = Rows::default();
    for (class, n_train) in classes.iter_mut().zip(train_sizes) {
        class.rows.shuffle(rng);
        rows.train.extend(&class.rows[..n_train]);
        rows.test.extend(&class.rows[n_train..]);
    }
    rows.train.shuffle(rng);
    rows.test.shuffle(rng);
    Ok(rows)
}

/// The rows of one value.
struct Class {
    label: String,
    rows: Vec<usize>,
}

/// The values of a column with their rows, in order of first appearance.
fn classes(batch: &RecordBatch, name: &str) -> Result<Vec<Class>, TaskError> {
    let Some(column) = batch.column_by_name(name) else {
        let have = sluicegate_plugin::Table::from_batch(batch.clone()).columns();
        let problem = Problem::missing_column("/stratify", name, &have);
        return fail_on(vec![problem], "missing_column").map(|()| Vec::new());
    };
    let formatter =
        ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(|error| arrow_error(&error))?;
    let mut classes: Vec<Class> = Vec::new();
    let mut idx_of: HashMap<String, usize> = HashMap::new();
    let mut n_missing = 0;
    let mut first_missing = 0;
    for row_idx in 0..batch.num_rows() {
        let label = formatter.value(row_idx).to_string();
        if column.is_null(row_idx) || label == "NaN" {
            first_missing = if n_missing == 0 { row_idx } else { first_missing };
            n_missing += 1;
            continue;
        }
        let class_idx = *idx_of.entry(label).or_insert_with_key(|label| {
            classes.push(Class { label: label.clone(), rows: Vec::new() });
            classes.len() - 1
        });
        classes[class_idx].rows.push(row_idx);
    }
    if n_missing > 0 {
        let what = format!(
            "column `{name}` has {}, the first in row {}",
            counted(n_missing, "missing value"),
            first_missing + 1
        );
        return Err(
            TaskError::permanent("missing_values", what).hint("remove or fill them with `data.clean`")
        );
    }
    Ok(classes)
}
