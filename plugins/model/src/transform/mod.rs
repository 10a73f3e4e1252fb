//! Fitted transforms: what was learned from the training rows, applied to any rows.

mod combine;
mod encode;
mod impute;
pub mod numeric;
mod project;
pub mod text;

use serde::{Deserialize, Serialize};

pub use combine::{GroupStatistic, PairOperation, Pairs, Polynomial};
pub use encode::{Lookup, LookupOutput, UnknownCategory, rare_column};
pub use impute::{Fill, Impute, indicator_name};
pub use project::Projection;

use self::{
    numeric::{bins, power, quantile},
    text::{datetime::DateSettings, hashed::HashedSettings, tf_idf::FittedTfIdf},
};
use crate::{Frame, InputColumn, ModelError};

/// A fitted transform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FittedTransform {
    /// `(x − offset) / scale · factor + shift`, for each column: standardize, min-max and robust scaling.
    Scale {
        /// The columns.
        columns: Vec<String>,
        /// One for each column.
        offset: Vec<f64>,
        /// One for each column; never zero.
        scale: Vec<f64>,
        /// Width of the wanted range; 1 but for min-max.
        factor: f64,
        /// Beginning of the wanted range; 0 but for min-max.
        shift: f64,
    },
    /// A text column becomes a column of zeros and ones for each category, in its place; all zeros for a missing text.
    OneHot {
        /// The column.
        column: String,
        /// The categories of the training rows, sorted.
        categories: Vec<String>,
        /// What to do with others.
        unknown: UnknownCategory,
        /// Categories that share the last column.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rare: Vec<String>,
    },
    /// A text column becomes the number of its category, from zero. A missing text, and a category that training did not
    /// see, become a missing value.
    Codes {
        /// The column.
        column: String,
        /// The categories of the training rows, sorted.
        categories: Vec<String>,
    },
    /// Missing values are filled.
    Impute(Impute),
    /// `ln(1 + x)`.
    Log {
        /// The columns.
        columns: Vec<String>,
    },
    /// Values beyond a bound become the bound.
    Clip {
        /// The columns, each with its least and its greatest value; missing for none.
        #[serde(with = "bounds")]
        columns: Vec<(String, f64, f64)>,
    },
    /// The power that makes a column most like a normal distribution, standardised.
    Power {
        /// The columns, each with its power.
        columns: Vec<(String, power::Fitted)>,
    },
    /// The share of the training rows below a value, or its normal quantile.
    Quantile {
        /// The columns, each with its quantiles.
        columns: Vec<(String, quantile::Fitted)>,
    },
    /// The number of the bin that a value falls into.
    Bin {
        /// The columns, each with its bins.
        columns: Vec<(String, bins::Fitted)>,
        /// Whether each bin becomes a column of zeros and ones.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        one_hot: bool,
    },
    /// A text column becomes numbers that belong to its categories.
    Lookup(Lookup),
    /// A text column becomes weights of its terms.
    TfIdf {
        /// The column.
        column: String,
        /// The vocabulary.
        fitted: FittedTfIdf,
    },
    /// A text column becomes a few columns by hashes.
    Hash {
        /// The column.
        column: String,
        /// Into how many columns, and of what.
        settings: HashedSettings,
    },
    /// A text column of dates becomes their parts.
    Datetime {
        /// The column.
        column: String,
        /// Which parts.
        settings: DateSettings,
    },
    /// Products of powers of columns.
    Polynomial(Polynomial),
    /// Every pair of some columns.
    Pairs(Pairs),
    /// A statistic of a column among the rows of each category of another.
    Group(GroupStatistic),
    /// Some columns make way for weighted sums of them.
    Project(Projection),
    /// Only these columns stay.
    Keep {
        /// Their names, in the order of the table.
        columns: Vec<String>,
        /// What was judged, with its score where it has one; a column that is not in `columns` was dropped.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scores: Vec<(String, Option<f64>)>,
    },
}

impl FittedTransform {
    fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        match self {
            Self::Scale { columns, offset, scale, factor, shift } => {
                let mut places = offset.iter().zip(scale);
                change(frame, columns, |_, values| {
                    let (offset, scale) = places.next().expect("there is one for each column");
                    for value in values {
                        *value = (*value - offset) / scale * factor + shift;
                    }
                    Ok(())
                })
            }
            Self::OneHot { column, categories, unknown, rare } => {
                encode::one_hot(frame, column, categories, rare, *unknown)
            }
            Self::Codes { column, categories } => encode::codes(frame, column, categories),
            Self::Impute(impute) => impute.apply(frame),
            Self::Log { columns } => change(frame, columns, log),
            Self::Clip { columns } => clip(frame, columns),
            Self::Power { columns } => change_each(frame, columns, |name, power, values| {
                power.apply(values).map_err(|row| no_power(name, row))
            }),
            Self::Quantile { columns } => change_each(frame, columns, |_, quantile, values| {
                quantile.apply(values);
                Ok(())
            }),
            Self::Bin { columns, one_hot } => {
                change_each(frame, columns, |_, bins, values| {
                    bins.apply(values);
                    Ok(())
                })?;
                let part =
                    |(name, bins): &(String, bins::Fitted)| encode::part_bins(frame, name, bins.n_bins());
                if *one_hot { columns.iter().try_for_each(part) } else { Ok(()) }
            }
            Self::Lookup(lookup) => lookup.apply(frame),
            Self::TfIdf { column, fitted } => {
                encode::replace_texts(frame, column, |texts| Ok(fitted.apply(column, texts)))
            }
            Self::Hash { column, settings } => {
                encode::replace_texts(frame, column, |texts| settings.apply(column, texts))
            }
            Self::Datetime { column, settings } => {
                encode::replace_texts(frame, column, |texts| settings.apply(column, texts))
            }
            Self::Polynomial(polynomial) => polynomial.apply(frame),
            Self::Pairs(pairs) => pairs.apply(frame),
            Self::Group(group) => group.apply(frame),
            Self::Project(projection) => projection.apply(frame),
            Self::Keep { columns, .. } => keep(frame, columns),
        }
    }

    /// Applies a transform to one row of numbers, given with the names of its columns; none when that is not enough.
    pub(crate) fn apply_to_row(&self, inputs: &[InputColumn], row: &mut [f64]) -> Option<()> {
        let Self::Scale { columns, offset, scale, factor, shift } = self else { return None };
        let mut next = 0;
        for ((name, offset), scale) in columns.iter().zip(offset).zip(scale) {
            let at = find(inputs, |input| input.name == *name, next)?;
            next = at + 1;
            row[at] = (row[at] - offset) / scale * factor + shift;
        }
        Some(())
    }
}

/// The index of a column. Columns mostly stand in the order in which they are asked for: the search begins at `from`.
fn find<T>(columns: &[T], is_wanted: impl Fn(&T) -> bool, from: usize) -> Option<usize> {
    (from..columns.len()).chain(0..from.min(columns.len())).find(|at| is_wanted(&columns[*at]))
}

/// Changes the numbers of some columns in their place.
fn change<'a>(
    frame: &mut Frame,
    columns: impl IntoIterator<Item = &'a String>,
    mut each: impl FnMut(&str, &mut [f64]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let mut next = 0;
    for name in columns {
        let at = find(&frame.columns, |(column, _)| column == name, next).ok_or_else(|| no_column(name))?;
        next = at + 1;
        each(name, frame.columns[at].1.to_numbers().ok_or_else(|| no_column(name))?)?;
    }
    Ok(())
}

/// Changes the numbers of some columns, each by what was fitted to it.
fn change_each<T>(
    frame: &mut Frame,
    columns: &[(String, T)],
    each: impl Fn(&str, &T, &mut [f64]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let mut fitted = columns.iter().map(|(_, fitted)| fitted);
    change(frame, columns.iter().map(|(name, _)| name), |name, values| {
        each(name, fitted.next().expect("there is one for each column"), values)
    })
}

fn no_power(name: &str, row: usize) -> ModelError {
    ModelError::Columns(format!("column `{name}` has a value in row {} that `power` cannot take", row + 1))
}

fn log(name: &str, values: &mut [f64]) -> Result<(), ModelError> {
    if let Some(row) = values.iter().position(|value| *value <= -1.0) {
        let message = format!("column `{name}` has the value {} in row {}", values[row], row + 1);
        return Err(ModelError::Columns(format!("{message}; `log` takes values above -1")));
    }
    for value in values {
        *value = value.ln_1p();
    }
    Ok(())
}

fn clip(frame: &mut Frame, columns: &[(String, f64, f64)]) -> Result<(), ModelError> {
    let mut bounds = columns.iter().map(|(_, least, greatest)| (*least, *greatest));
    change(frame, columns.iter().map(|(name, ..)| name), |_, values| {
        let (least, greatest) = bounds.next().expect("there are two for each column");
        // Neither takes a missing value for a bound.
        for value in values {
            if *value < least {
                *value = least;
            } else if *value > greatest {
                *value = greatest;
            }
        }
        Ok(())
    })
}

fn keep(frame: &mut Frame, columns: &[String]) -> Result<(), ModelError> {
    if let Some(name) = columns.iter().find(|name| frame.position(name).is_none()) {
        return Err(no_column(name));
    }
    let kept: std::collections::HashSet<&String> = columns.iter().collect();
    frame.columns.retain(|(name, _)| kept.contains(name));
    Ok(())
}

fn no_column(name: &str) -> ModelError {
    ModelError::Columns(format!("a transform wants column `{name}`, which is absent or has another type"))
}

/// Applies transforms in order.
pub fn apply_all(transforms: &[FittedTransform], frame: &mut Frame) -> Result<(), ModelError> {
    transforms.iter().try_for_each(|transform| transform.apply(frame))
}

/// A number that may be missing, which JSON has no number for.
mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Some(*number).filter(|number| !number.is_nan()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }
}

/// Columns with two bounds, each of which may be missing.
mod bounds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Bounded = (String, Option<f64>, Option<f64>);

    pub(super) fn serialize<S: Serializer>(
        columns: &[(String, f64, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let known = |bound: f64| Some(bound).filter(|bound| !bound.is_nan());
        let bounded = columns.iter().map(|(name, least, greatest)| (name, known(*least), known(*greatest)));
        bounded.collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, f64, f64)>, D::Error> {
        let bounded = Vec::<Bounded>::deserialize(deserializer)?.into_iter();
        let or_none = |bound: Option<f64>| bound.unwrap_or(f64::NAN);
        Ok(bounded.map(|(name, least, greatest)| (name, or_none(least), or_none(greatest))).collect())
    }
}
