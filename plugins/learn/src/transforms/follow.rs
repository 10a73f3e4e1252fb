//! What becomes of columns before anything runs, so that a wrong name is an error at its line.

use sluicegate_model::{Pairs, indicator_name, rare_column};
use sluicegate_plugin::{Column, ColumnType, Problem};

use super::{
    Takes, Transform,
    params::{Of, PolynomialSettings, Statistic},
};
use crate::columns::Columns;

/// The columns at some step of the transforms, as far as they are known before the run.
pub(crate) struct Followed {
    columns: Vec<Column>,
    /// How columns begin that depend on the training rows, such as one for each category.
    open: Vec<String>,
}

impl Followed {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), open: Vec::new() }
    }

    /// Follows transforms one after the other; `prefix` is where they are written.
    pub(crate) fn through(mut self, transforms: &[Transform], prefix: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (number, transform) in transforms.iter().enumerate() {
            let (key, columns) = (transform.key(), transform.columns());
            let pointer = format!("{prefix}/{number}/{key}");
            let pointer = if transform.is_table() { format!("{pointer}/columns") } else { pointer };
            for (idx, name) in columns.named().iter().enumerate() {
                problems.extend(self.problem(format!("{pointer}/{idx}"), key, name, transform.takes()));
            }
            if let Transform::Group(of) = transform {
                let pointer = format!("{prefix}/{number}/group/by");
                problems.extend(self.problem(pointer, key, &of.settings.by, Takes::Texts));
            }
            self.apply(transform);
        }
        problems
    }

    fn problem(&self, pointer: String, key: &str, name: &str, takes: Takes) -> Option<Problem> {
        let Some(column) = self.columns.iter().find(|column| column.name == name) else {
            let is_open = self.open.iter().any(|start| name.starts_with(start));
            return (!is_open).then(|| Problem::missing_column(pointer, name, &self.columns));
        };
        let is_text = column.column_type == ColumnType::Text;
        let message = match takes {
            Takes::Numbers if is_text => format!("`{key}` cannot be applied to the text column `{name}`"),
            Takes::Texts if !is_text => {
                format!("`{key}` cannot be applied to `{name}`, which does not hold text")
            }
            _ => return None,
        };
        Some(Problem::new(pointer, message))
    }

    /// The names of the columns that a transform is applied to.
    fn chosen(&self, columns: &Columns, takes: Takes) -> Vec<String> {
        match columns {
            Columns::Named(names) => names.clone(),
            Columns::All => {
                let fits = |column: &&Column| takes.fits(column.column_type == ColumnType::Text);
                self.columns.iter().filter(fits).map(|column| column.name.clone()).collect()
            }
        }
    }

    fn add_number(&mut self, name: String) {
        self.columns.push(Column { name, column_type: ColumnType::Number });
    }

    /// What a transform makes of the columns.
    fn apply(&mut self, transform: &Transform) {
        let chosen = self.chosen(transform.columns(), transform.takes());
        match transform {
            Transform::OneHot(_) | Transform::OneHotIgnore(_) => {
                self.columns.retain(|column| !chosen.contains(&column.name));
                for name in chosen {
                    self.open.extend([format!("{name}="), rare_column(&name)]);
                }
            }
            Transform::Text(_) | Transform::Hash(_) | Transform::Datetime(_) => {
                self.columns.retain(|column| !chosen.contains(&column.name));
                self.open.extend(chosen.iter().map(|name| format!("{name}:")));
            }
            Transform::Ordinal(_) | Transform::CountEncode(_) | Transform::TargetEncode(_) => {
                for column in self.columns.iter_mut().filter(|column| chosen.contains(&column.name)) {
                    column.column_type = ColumnType::Number;
                }
                if matches!(transform, Transform::TargetEncode(_)) {
                    self.open.extend(chosen.iter().map(|name| format!("{name}:")));
                }
            }
            Transform::Impute(of) if of.settings.indicator => {
                self.open.extend(chosen.iter().map(|name| indicator_name(name)));
            }
            Transform::Bin(of) if of.settings.one_hot => {
                self.columns.retain(|column| !chosen.contains(&column.name));
                self.open.extend(chosen.iter().map(|name| format!("{name} in bin ")));
            }
            Transform::Pca(_) | Transform::Svd(_) => {
                self.columns.retain(|column| !chosen.contains(&column.name));
                self.open.push(transform.key().to_owned());
            }
            Transform::Polynomial(of) => self.polynomial(of, chosen),
            Transform::Pairs(of) => {
                let pairs = Pairs { columns: chosen, operations: of.settings.make.clone() };
                pairs.names().into_iter().for_each(|name| self.add_number(name));
            }
            Transform::Group(of) => {
                let statistics = of.settings.statistics.as_deref().unwrap_or(&[Statistic::Mean]);
                for (name, statistic) in
                    chosen.iter().flat_map(|name| statistics.iter().map(move |own| (name, own)))
                {
                    self.add_number(statistic.column(name, &of.settings.by));
                }
            }
            _ => {}
        }
    }

    /// Products begin with a column's name; there may be too many of them to name here.
    fn polynomial(&mut self, of: &Of<PolynomialSettings>, chosen: Vec<String>) {
        for name in chosen {
            self.open.push(format!("{name} "));
            if !of.settings.interactions_only {
                self.open.push(format!("{name}^"));
            }
        }
    }
}
