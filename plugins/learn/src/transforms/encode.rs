//! Fitting what turns texts into numbers.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use sluicegate_model::{
    ColumnData, FittedTransform, Frame, Lookup, LookupOutput, MISSING, Texts, UnknownCategory, apply_all,
};
use sluicegate_plugin::TaskError;

use super::params::{
    CountEncodeSettings, OneHotSettings, OrdinalSettings, Smoothing, TargetEncodeSettings, UnknownOrdinal,
};
use crate::training_set::Target;

/// A text column by its sorted categories.
struct Categories {
    names: Vec<String>,
    /// Each row's category; `None` where the text is missing.
    of_row: Vec<Option<usize>>,
}

impl Categories {
    fn of(texts: &Texts) -> Self {
        let names = texts.sorted();
        let place = |text: &String| names.binary_search(text).unwrap_or_default();
        let places: Vec<usize> = texts.distinct.iter().map(place).collect();
        let of_row = |code: &u32| (*code != MISSING).then(|| places[*code as usize]);
        let of_row = texts.codes.iter().map(of_row).collect();
        Self { names, of_row }
    }

    /// The number of rows of each category.
    fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.of_row.iter().flatten().for_each(|category| counts[*category] += 1);
        counts
    }
}

/// Finds the categories of a column, and which of them are rare by scikit-learn's `OneHotEncoder`.
pub(super) fn one_hot(settings: &OneHotSettings, texts: &Texts, column: String) -> FittedTransform {
    let found = Categories::of(texts);
    let counts = found.counts();
    let n_rows = texts.codes.len() as f64;
    let bound = settings.min_frequency.map(|bound| if bound < 1.0 { bound * n_rows } else { bound });
    let mut is_rare: Vec<bool> =
        counts.iter().map(|count| bound.is_some_and(|bound| (*count as f64) < bound)).collect();
    let n_columns = is_rare.iter().filter(|is_rare| !**is_rare).count() + 1;
    if let Some(most) = settings.max_categories.filter(|most| *most < n_columns) {
        // Of equally frequent categories the later ones keep their columns.
        let mut by_count: Vec<usize> = (0..counts.len()).collect();
        by_count.sort_by_key(|category| counts[*category]);
        let n_rare = counts.len() + 1 - most.max(1);
        by_count[..n_rare.min(counts.len())].iter().for_each(|category| is_rare[*category] = true);
    }
    let (rare, frequent): (Vec<_>, Vec<_>) =
        found.names.into_iter().zip(is_rare).partition(|(_, is_rare)| *is_rare);
    let names = |parted: Vec<(String, bool)>| parted.into_iter().map(|(name, _)| name).collect();
    FittedTransform::OneHot {
        column,
        categories: names(frequent),
        unknown: settings.unknown,
        rare: names(rare),
    }
}

/// A category that training did not see is ignored.
pub(super) fn one_hot_ignore(texts: &Texts, column: String) -> FittedTransform {
    let settings = OneHotSettings { unknown: UnknownCategory::Ignore, ..OneHotSettings::default() };
    one_hot(&settings, texts, column)
}

/// Numbers the categories of a column.
pub(super) fn ordinal(
    settings: &OrdinalSettings,
    texts: &Texts,
    column: String,
) -> Result<FittedTransform, TaskError> {
    let mut categories = texts.sorted();
    let mut values: Vec<f64> = (0..categories.len()).map(|at| at as f64).collect();
    if let Some(order) = settings.order.get(&column) {
        let place = |category: &String| order.iter().position(|own| own == category);
        if let Some(other) = categories.iter().find(|category| place(category).is_none()) {
            let message =
                format!("column `{column}` has the category `{other}`, which its `order` does not have");
            return Err(TaskError::permanent("unknown_category", message));
        }
        categories.clone_from(order);
        categories.sort_unstable();
        values = categories.iter().map(|category| place(category).unwrap_or_default() as f64).collect();
    }
    let output = LookupOutput { name: column.clone(), values, unknown: f64::NAN, missing: f64::NAN };
    let refuses_unknown = settings.unknown == UnknownOrdinal::Error;
    Ok(FittedTransform::Lookup(Lookup { column, categories, outputs: vec![output], refuses_unknown }))
}

/// Counts the rows of each category.
pub(super) fn count_encode(settings: CountEncodeSettings, texts: &Texts, column: String) -> FittedTransform {
    let found = Categories::of(texts);
    let whole = if settings.share { texts.codes.len().max(1) as f64 } else { 1.0 };
    let values = found.counts().into_iter().map(|count| count as f64 / whole).collect();
    let n_missing = found.of_row.iter().filter(|category| category.is_none()).count();
    let missing = n_missing as f64 / whole;
    let output = LookupOutput { name: column.clone(), values, unknown: 0.0, missing };
    let (categories, outputs) = (found.names, vec![output]);
    FittedTransform::Lookup(Lookup { column, categories, outputs, refuses_unknown: false })
}

/// Fits target encodings (Micci-Barreca 2001; smoothing and folds as scikit-learn's `TargetEncoder`) and applies them:
/// a training row gets the encoding that the rows of the other folds give, so that it never sees its own target.
pub(super) fn target_encode(
    settings: &TargetEncodeSettings,
    frame: &mut Frame,
    columns: Vec<String>,
    target: &Target,
) -> Result<Vec<FittedTransform>, TaskError> {
    let outcomes = outcomes(target);
    if outcomes.iter().any(|outcome| outcome.values.len() != frame.n_rows) {
        let message = "`target_encode` needs a target to average, and this kind has none";
        return Err(TaskError::permanent("transform", message).hint("use `count_encode` or `one_hot`"));
    }
    let folds = folds(target, settings, frame.n_rows);
    let all = vec![true; frame.n_rows];
    let mut fitted = Vec::new();
    for column in columns {
        let Some(texts) = frame.texts(&column) else { continue };
        let found = Categories::of(texts);
        let encode = |outcome: &Outcome, used: &[bool]| {
            let name =
                outcome.class.as_ref().map_or_else(|| column.clone(), |class| format!("{column}:{class}"));
            encoding(settings.smoothing, &found, &outcome.values, used, name)
        };
        let mut crossed: Vec<Vec<f64>> = vec![vec![0.0; frame.n_rows]; outcomes.len()];
        for fold in 0..settings.folds {
            let used: Vec<bool> = folds.iter().map(|own| *own != fold).collect();
            for (outcome, crossed) in outcomes.iter().zip(&mut crossed) {
                let output = encode(outcome, &used);
                for row in (0..frame.n_rows).filter(|row| folds[*row] == fold) {
                    crossed[row] =
                        found.of_row[row].map_or(output.missing, |category| output.values[category]);
                }
            }
        }
        let outputs: Vec<LookupOutput> = outcomes.iter().map(|outcome| encode(outcome, &all)).collect();
        let names: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
        let (categories, refuses_unknown) = (found.names, false);
        let lookup = FittedTransform::Lookup(Lookup { column, categories, outputs, refuses_unknown });
        let applied = apply_all(std::slice::from_ref(&lookup), frame);
        applied.map_err(|error| TaskError::permanent("transform", error.to_string()))?;
        for (name, values) in names.iter().zip(crossed) {
            if let Some(at) = frame.position(name) {
                frame.columns[at].1 = ColumnData::Numbers(values);
            }
        }
        fitted.push(lookup);
    }
    Ok(fitted)
}

/// What is averaged: the target's numbers, or for each class (the second of two) whether a row has it.
struct Outcome {
    class: Option<String>,
    values: Vec<f64>,
}

fn outcomes(target: &Target) -> Vec<Outcome> {
    let (classes, indices) = match target {
        Target::Numbers(values) => return vec![Outcome { class: None, values: values.clone() }],
        Target::Classes { classes, indices } => (classes, indices),
    };
    let of = |class: usize| indices.iter().map(|own| f64::from(u8::from(*own == class))).collect();
    if classes.len() <= 2 {
        return vec![Outcome { class: None, values: of(1) }];
    }
    let named = classes.iter().enumerate();
    named.map(|(at, class)| Outcome { class: Some(class.to_string()), values: of(at) }).collect()
}

/// Each row's fold; of each class every fold has the same share.
fn folds(target: &Target, settings: &TargetEncodeSettings, n_rows: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n_rows).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.seed));
    if let Target::Classes { indices, .. } = target {
        order.sort_by_key(|row| indices[*row]);
    }
    let mut folds = vec![0; n_rows];
    for (at, row) in order.into_iter().enumerate() {
        folds[row] = at % settings.folds;
    }
    folds
}

/// The mean outcome of each category among some rows, drawn to that of all of them.
fn encoding(
    smoothing: Smoothing,
    categories: &Categories,
    values: &[f64],
    used: &[bool],
    name: String,
) -> LookupOutput {
    let rows: Vec<usize> = (0..values.len()).filter(|row| used[*row]).collect();
    let mean_of = |sum: f64, n: f64| if n > 0.0 { sum / n } else { 0.0 };
    let n = rows.len() as f64;
    let mean = mean_of(rows.iter().map(|row| values[*row]).sum(), n);
    let variance = mean_of(rows.iter().map(|row| (values[*row] - mean).powi(2)).sum(), n);
    // Missing texts are one more category.
    let n_groups = categories.names.len() + 1;
    let group = |row: usize| categories.of_row[row].unwrap_or(n_groups - 1);
    let (mut counts, mut sums) = (vec![0.0; n_groups], vec![0.0; n_groups]);
    for row in &rows {
        counts[group(*row)] += 1.0;
        sums[group(*row)] += values[*row];
    }
    let mut squares = vec![0.0; n_groups];
    for row in &rows {
        let group = group(*row);
        squares[group] += (values[*row] - sums[group] / counts[group]).powi(2);
    }
    let encode = |group: usize| match smoothing {
        _ if counts[group] == 0.0 => mean,
        Smoothing::Rows(rows) => (sums[group] + rows * mean) / (counts[group] + rows),
        Smoothing::Auto => {
            let between = variance * counts[group];
            let weight = between / (between + squares[group] / counts[group]);
            if weight.is_nan() {
                mean
            } else {
                weight * (sums[group] / counts[group]) + (1.0 - weight) * mean
            }
        }
    };
    let mut encoded: Vec<f64> = (0..n_groups).map(encode).collect();
    let missing = encoded.pop().unwrap_or(mean);
    LookupOutput { name, values: encoded, unknown: mean, missing }
}
