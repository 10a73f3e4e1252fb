//! Fitting what makes numbers of texts by their words or as dates.

use sluicegate_model::{
    FittedTransform, Texts,
    text::{
        datetime::DateSettings,
        hashed::{HashedSettings, HashedSource},
        terms::TermSettings,
        tf_idf::{DocumentBound, FittedTfIdf, TfIdfSettings},
    },
};
use sluicegate_plugin::TaskError;

use super::params::{DatetimeSettings, HashSettings, TextSettings};

/// Finds the vocabulary of a column.
pub(super) fn text(
    settings: &TextSettings,
    texts: &Texts,
    column: String,
) -> Result<FittedTransform, TaskError> {
    let rows: Vec<Option<&str>> = (0..texts.codes.len()).map(|row| texts.get(row)).collect();
    let settings = TfIdfSettings {
        terms: TermSettings { analyzer: settings.analyzer, ngram_range: settings.ngrams },
        min_df: bound(settings.min_df, settings.min_df < 1.0),
        max_df: bound(settings.max_df, settings.max_df <= 1.0),
        max_features: Some(settings.max_features),
        sublinear_tf: settings.sublinear_tf,
    };
    let fitted = FittedTfIdf::fit(&settings, &rows).map_err(|error| wrong("text", &column, &error))?;
    Ok(FittedTransform::TfIdf { column, fitted })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn bound(bound: f64, is_share: bool) -> DocumentBound {
    if is_share { DocumentBound::Share(bound) } else { DocumentBound::Count(bound as u32) }
}

/// Nothing is fitted: a hash does not depend on the rows.
pub(super) fn hash(settings: &HashSettings, column: String) -> Result<FittedTransform, TaskError> {
    let source = match settings.analyzer {
        None => HashedSource::Category,
        Some(analyzer) => HashedSource::Terms(TermSettings { analyzer, ngram_range: settings.ngrams }),
    };
    let settings = HashedSettings { columns: settings.n, source };
    settings.validate().map_err(|error| wrong("hash", &column, &error))?;
    Ok(FittedTransform::Hash { column, settings })
}

/// Nothing is fitted: the parts of a date do not depend on the rows.
pub(super) fn datetime(settings: &DatetimeSettings, column: String) -> Result<FittedTransform, TaskError> {
    let DatetimeSettings { format, parts, cyclic } = settings.clone();
    let settings = DateSettings { format, parts, cycles: cyclic };
    settings.validate().map_err(|error| wrong("datetime", &column, &error))?;
    Ok(FittedTransform::Datetime { column, settings })
}

fn wrong(transform: &str, column: &str, error: &dyn std::error::Error) -> TaskError {
    TaskError::permanent("transform", format!("`{transform}` of column `{column}`: {error}"))
}
