//! `data.split`: training and test rows.

mod sizes;
mod ways;

#[cfg(test)]
mod tests;

use std::{collections::HashSet, fmt::Write};

use arrow_array::{RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_select::take::take;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_plugin::{
    Column, Context, Description, LogLevel, Port, PortType, Problem, SchemaCheck, Task, TaskError,
};

use crate::table::{arrow_error, can_be_compared, count, counted, one_batch, rebatch, row_hashes};

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
    /// A column whose equal values stay in one split, such as a customer of whom there are several rows. The fractions
    /// are then of its different values.
    group: Option<String>,
    /// A column of numbers, or of dates and times as ISO 8601 has them, by which rows are ordered: the latest ones are
    /// the test split, those before them the validation split. Rows of one time stay in one split.
    time: Option<String>,
    /// The share of the rows that go to the output `validation`.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    validation_fraction: Option<f64>,
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

**Groups.** With `group` the fractions count the different values of a column, as scikit-learn's `GroupShuffleSplit`
does, and all rows of one value go to one split. With `time` nothing is drawn: the latest rows are tested, so a model
is judged by what came after it.

**Three ways.** `validation_fraction` makes a third split, drawn like the first; connect it to the input `validation` of
`train.boosting` for early stopping.

A warning tells how many rows of the test are equal, in all columns, to rows for training.

**Random numbers** come from ChaCha8, seeded by `seed`: the same rows on every machine and with every build of this version of
the kind. They are not the rows that scikit-learn draws from the same seed; to reproduce a published split state its
`test_rows`.

Metrics: `train_rows`, `test_rows`, `validation_rows`, `repeated_rows` (rows of the test that are for training as well).
";

impl Task for Split {
    type Params = Params;

    fn describe(&self) -> Description {
        Description::new(
            "data.split",
            "1",
            "Splits a table into training, test and validation rows: random, stratified, by group or by time.",
        )
        .doc(DOC)
        .input(Port::new("table", PortType::Table, "The rows to split."))
        .output(Port::new("train", PortType::Table, "The rows to train on."))
        .output(Port::new("test", PortType::Table, "The rows to test on."))
        .output(
            Port::new("validation", PortType::Table, "The rows to validate on, with `validation_fraction`.").optional(),
        )
        .error("too_few_groups", "The `group` column has fewer values than there are splits.")
        .error("one_time", "The `time` column cannot be cut where it should: too many rows have one value.")
        .error("no_rows", "The table has zero rows, or a split would have.")
        .error(
            "class_too_small",
            "A value of the `stratify` column stands in one row only, so that it cannot be in both splits.",
        )
        .error("one_class", "The `stratify` column has one value only.")
        .error("too_few_rows", "A split has fewer rows than the `stratify` column has values.")
        .error(
            "missing_values",
            "The column of `stratify`, `group` or `time` has missing values; remove or fill them with `data.clean`.",
        )
        .error("missing_column", "The table has no column of the name in `stratify`, `group` or `time`.")
        .error("bad_test_rows", "`test_rows` names a row that the table does not have, or names one twice.")
    }

    fn check(&self, params: &Params) -> Vec<Problem> {
        params.problems()
    }

    fn schema(&self, params: &Params, check: &mut SchemaCheck) {
        let Some(input) = check.inputs.get("table").cloned() else {
            return;
        };
        check.problems.extend(params.column_problems(&input.columns));
        check.outputs.insert("train".into(), input.clone());
        check.outputs.insert("validation".into(), input.clone());
        check.outputs.insert("test".into(), input);
    }

    fn run(&self, ctx: &Context, params: Params) -> Result<(), TaskError> {
        let batch = one_batch(&ctx.table("table")?)?;
        if batch.num_rows() == 0 {
            return Err(TaskError::permanent("no_rows", "the input `table` has zero rows"));
        }
        let rows = params.rows(&batch)?;
        rows.warn(ctx, &batch)?;
        let splits = [("train", &rows.train), ("test", &rows.test), ("validation", &rows.validation)];
        for (port, rows) in splits {
            if port == "validation" && params.validation_fraction.is_none() {
                continue;
            }
            let indices = UInt64Array::from_iter_values(rows.iter().map(|row_idx| *row_idx as u64));
            ctx.write_table(port, &rebatch(&taken(&batch, &indices)?))?;
            ctx.metric(&format!("{port}_rows"), rows.len() as f64);
        }
        let mut summary = format!("{} train, {} test", count(rows.train.len()), count(rows.test.len()));
        if params.validation_fraction.is_some() {
            write!(summary, ", {} validation", count(rows.validation.len()))
                .expect("a text can be written to");
        }
        ctx.summary(summary);
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

/// The row indices of the splits.
#[derive(Debug, Default)]
struct Rows {
    train: Vec<usize>,
    test: Vec<usize>,
    validation: Vec<usize>,
}

impl Rows {
    /// Tells how many rows of the test are for training too.
    fn warn(&self, ctx: &Context, batch: &RecordBatch) -> Result<(), TaskError> {
        // Columns of maps and unions cannot be compared.
        if batch.num_columns() == 0 || !can_be_compared(batch.columns()) {
            return Ok(());
        }
        let hashes = row_hashes(batch.columns(), batch.num_rows())?;
        let train: HashSet<u64> = self.train.iter().map(|row| hashes[*row]).collect();
        let n_repeated = self.test.iter().filter(|row| train.contains(&hashes[**row])).count();
        ctx.metric("repeated_rows", n_repeated as f64);
        if n_repeated > 0 {
            let (rows, all) = (counted(n_repeated, "row"), count(self.test.len()));
            let stand = if n_repeated == 1 { "is" } else { "are" };
            ctx.log(
                LogLevel::Warn,
                &format!(
                    "{rows} of the {all} for the test {stand} equal to rows for training, which makes a model \
                     look better than it is; see `drop_duplicates` of `data.clean`, or `group`"
                ),
            );
        }
        Ok(())
    }
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
        if self.validation_fraction.is_some_and(|fraction| !(fraction > 0.0 && fraction < 1.0)) {
            let message = "a validation fraction lies between 0 and 1, both excluded";
            problems.push(Problem::new("/validation_fraction", message));
        } else if let Some(validation) = self.validation_fraction
            && validation + self.test_fraction.unwrap_or(0.25) >= 1.0
        {
            let message = "the test and the validation split would leave no rows for training";
            problems.push(Problem::new("/validation_fraction", message));
        }
        problems.extend(self.contradictions());
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
            ("group", self.group.is_some()),
            ("time", self.time.is_some()),
            ("validation_fraction", self.validation_fraction.is_some()),
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

    /// Ways of drawing rows that cannot go together.
    fn contradictions(&self) -> Vec<Problem> {
        let given = [
            ("time", self.time.is_some()),
            ("group", self.group.is_some()),
            ("stratify", self.stratify.is_some()),
        ];
        let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        let mut problems = Vec::new();
        for other in given.iter().skip(1) {
            let message = format!("rows are drawn by `{}`, not by `{other}` as well", given[0]);
            problems.push(Problem::new(format!("/{other}"), message).hint("keep only one of them"));
        }
        if self.shuffle.is_some() && (self.time.is_some() || self.group.is_some()) {
            let message = format!("`shuffle` has no meaning beside `{}`", given[0]);
            problems.push(Problem::new("/shuffle", message).hint("leave it out"));
        }
        problems
    }

    fn column_problems(&self, have: &[Column]) -> Vec<Problem> {
        let named = [("/stratify", &self.stratify), ("/group", &self.group), ("/time", &self.time)];
        let named = named.into_iter().filter_map(|(pointer, name)| Some((pointer, name.as_ref()?)));
        named
            .filter(|(_, name)| !have.iter().any(|column| column.name == **name))
            .map(|(pointer, name)| Problem::missing_column(pointer, name, have))
            .collect()
    }

    fn rows(&self, batch: &RecordBatch) -> Result<Rows, TaskError> {
        let n_rows = batch.num_rows();
        if let Some(test_rows) = &self.test_rows {
            return given(test_rows, n_rows);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let test_fraction = self.test_fraction.unwrap_or(0.25);
        let (rest, test) = self.part(batch, (0..n_rows).collect(), ("test", test_fraction), &mut rng)?;
        let Some(fraction) = self.validation_fraction else {
            return Ok(Rows { train: rest, test, validation: Vec::new() });
        };
        let (train, validation) = self.part(batch, rest, ("validation", fraction), &mut rng)?;
        Ok(Rows { train, test, validation })
    }

    /// Parts rows into those that are left and those of a split, which has a share of all rows of the table.
    fn part(
        &self,
        batch: &RecordBatch,
        mut rows: Vec<usize>,
        (split, fraction): (&str, f64),
        rng: &mut ChaCha8Rng,
    ) -> Result<(Vec<usize>, Vec<usize>), TaskError> {
        if let Some(name) = &self.group {
            return ways::by_group(batch, name, &rows, (split, fraction), rng);
        }
        let (_, n_taken) = sizes::train_and_test(batch.num_rows(), fraction);
        let n_left = rows.len().saturating_sub(n_taken);
        if n_left == 0 {
            let what = format!("{} for the {split} leave zero rows for training", counted(n_taken, "row"));
            return Err(TaskError::permanent("no_rows", what)
                .hint(format!("lower `{split}_fraction`, or bring more rows")));
        }
        if let Some(name) = &self.time {
            return ways::by_time(batch, name, rows, n_left);
        }
        if let Some(name) = &self.stratify {
            return ways::stratified(batch, name, &rows, (n_left, n_taken), rng);
        }
        if self.shuffle == Some(false) {
            let taken = rows.split_off(n_left);
            return Ok((rows, taken));
        }
        rows.shuffle(rng);
        let left = rows.split_off(n_taken);
        Ok((left, rows))
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
    Ok(Rows { train, test, validation: Vec::new() })
}
