//! New columns out of several.

use serde::{Deserialize, Serialize};

use super::no_column;
use crate::{ColumnData, Frame, MISSING, ModelError};

/// Products of powers of columns: `PolynomialFeatures` without the constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polynomial {
    /// The columns.
    pub columns: Vec<String>,
    /// Each product as places in `columns`, one for each factor; those of one factor are the columns themselves, which
    /// stay where they are.
    pub products: Vec<Vec<usize>>,
}

impl Polynomial {
    /// The name of a product: `a b^2`.
    #[must_use]
    pub fn name_of(&self, product: &[usize]) -> String {
        let mut names: Vec<String> = Vec::new();
        for run in product.chunk_by(|one, other| one == other) {
            let column = &self.columns[run[0]];
            names.push(if run.len() == 1 { column.clone() } else { format!("{column}^{}", run.len()) });
        }
        names.join(" ")
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        frame.make_numbers(&self.columns);
        let columns = self.columns.iter().map(|name| frame.numbers(name).ok_or_else(|| no_column(name)));
        let columns: Vec<&[f64]> = columns.collect::<Result<_, _>>()?;
        let product = |product: &Vec<usize>| {
            let value = |row: usize| product.iter().map(|at| columns[*at][row]).product();
            (self.name_of(product), (0..frame.n_rows).map(value).collect())
        };
        let made: Vec<(String, Vec<f64>)> =
            self.products.iter().filter(|product| product.len() > 1).map(product).collect();
        frame.add_all(made)
    }
}

/// What two columns make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairOperation {
    /// The first and the second.
    Sum,
    /// The first without the second.
    Difference,
    /// The first times the second.
    Product,
    /// The first over the second; missing where the second is zero.
    Ratio,
}

impl PairOperation {
    fn sign(self) -> char {
        match self {
            Self::Sum => '+',
            Self::Difference => '-',
            Self::Product => '*',
            Self::Ratio => '/',
        }
    }

    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => one + other,
            Self::Difference => one - other,
            Self::Product => one * other,
            Self::Ratio if other == 0.0 => f64::NAN,
            Self::Ratio => one / other,
        }
    }

    /// The name of what two columns make: `a / b`.
    #[must_use]
    pub fn name_of(self, one: &str, other: &str) -> String {
        format!("{one} {} {other}", self.sign())
    }
}

/// Every pair of some columns, by some operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    /// The columns; each makes a pair with every later one.
    pub columns: Vec<String>,
    /// What the pairs make.
    pub operations: Vec<PairOperation>,
}

impl Pairs {
    /// The names of the columns that it makes.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (at, one) in self.columns.iter().enumerate() {
            for other in &self.columns[at + 1..] {
                names.extend(self.operations.iter().map(|operation| operation.name_of(one, other)));
            }
        }
        names
    }

    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        frame.make_numbers(&self.columns);
        let mut made = Vec::new();
        for (at, one) in self.columns.iter().enumerate() {
            let first = frame.numbers(one).ok_or_else(|| no_column(one))?;
            for other in &self.columns[at + 1..] {
                let second = frame.numbers(other).ok_or_else(|| no_column(other))?;
                for operation in &self.operations {
                    let values = first.iter().zip(second).map(|(one, other)| operation.of(*one, *other));
                    made.push((operation.name_of(one, other), values.collect()));
                }
            }
        }
        frame.add_all(made)
    }
}

/// A statistic of a column among the rows of each category of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupStatistic {
    /// The column of categories.
    pub by: String,
    /// The categories of the training rows, sorted.
    pub categories: Vec<String>,
    /// The name of the new column.
    pub name: String,
    /// The statistic of each category.
    #[serde(with = "crate::packed")]
    pub values: Vec<f64>,
    /// For a category that training did not see, and for a missing one.
    #[serde(with = "super::number")]
    pub otherwise: f64,
}

impl GroupStatistic {
    pub(super) fn apply(&self, frame: &mut Frame) -> Result<(), ModelError> {
        let at = frame.position(&self.by).ok_or_else(|| no_column(&self.by))?;
        let ColumnData::Texts(texts) = &frame.columns[at].1 else { return Err(no_column(&self.by)) };
        let numbers = super::encode::numbers(texts, &self.categories);
        let value = |code: &u32| {
            let category = if *code == MISSING { None } else { numbers[*code as usize] };
            category.map_or(self.otherwise, |category| self.values[category])
        };
        let values = texts.codes.iter().map(value).collect();
        frame.add(self.name.clone(), ColumnData::Numbers(values))
    }
}
