//! Weights of terms: frequency in the text times inverse frequency among the texts.
//!
//! The weights are those of scikit-learn 1.9.1's `TfidfVectorizer`: the count of a term in a text times the
//! smooth inverse document frequency `ln((1 + n) / (1 + df)) + 1`, where `n` is the number of texts and `df` the
//! number of texts with the term; then each row is divided by its Euclidean norm.
//!
//! Sources: Spärck Jones 1972, "A statistical interpretation of term specificity and its application in
//! retrieval", Journal of Documentation 28(1), 11–21; Salton and Buckley 1988, "Term-weighting approaches in
//! automatic text retrieval", Information Processing & Management 24(5), 513–523; Manning, Raghavan and Schütze
//! 2008, "Introduction to Information Retrieval", section 6.4.1 (sublinear term frequency); Pedregosa et al.
//! 2011, "Scikit-learn: Machine Learning in Python", Journal of Machine Learning Research 12, 2825–2830.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use serde::{Deserialize, Serialize};

use super::{NamedColumns, error::TextError, terms::TermSettings};

/// A bound for the number of texts that have a term.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentBound {
    /// A number of texts, at least one.
    Count(u32),
    /// A share of all texts, from zero to one.
    Share(f64),
}

impl DocumentBound {
    /// The bound as a number of texts, which a share need not give whole.
    fn documents(self, all: u32) -> f64 {
        match self {
            Self::Count(count) => f64::from(count),
            Self::Share(share) => share * f64::from(all),
        }
    }

    /// Checks the limits of a bound for the setting `name`.
    fn validate(self, name: &'static str) -> Result<(), TextError> {
        match self {
            Self::Count(0) => Err(TextError::setting(name, "must be a count of at least 1")),
            Self::Share(share) if !(0.0..=1.0).contains(&share) => {
                Err(TextError::setting(name, "must be a share from 0 to 1"))
            }
            Self::Count(_) | Self::Share(_) => Ok(()),
        }
    }
}

/// How term weights are fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TfIdfSettings {
    /// How texts are split into terms.
    pub terms: TermSettings,
    /// A term in fewer texts is left out.
    pub min_df: DocumentBound,
    /// A term in more texts is left out.
    pub max_df: DocumentBound,
    /// How many terms remain at most: those that are most frequent in all texts together.
    pub max_features: Option<usize>,
    /// Whether `1 + ln(count)` takes the place of the count of a term in a text.
    pub sublinear_tf: bool,
}

impl Default for TfIdfSettings {
    /// Single words without bounds and with plain counts.
    fn default() -> Self {
        Self {
            terms: TermSettings::default(),
            min_df: DocumentBound::Count(1),
            max_df: DocumentBound::Share(1.0),
            max_features: None,
            sublinear_tf: false,
        }
    }
}

impl TfIdfSettings {
    /// Checks the limits of each setting.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] for the first setting that is out of its limits.
    pub fn validate(&self) -> Result<(), TextError> {
        self.terms.validate()?;
        self.min_df.validate("min_df")?;
        self.max_df.validate("max_df")?;
        if self.max_features == Some(0) {
            return Err(TextError::setting("max_features", "must be at least 1"));
        }
        Ok(())
    }

    /// Leaves out the terms that are in too few or too many of `all` texts and answers the others sorted.
    fn keep_terms(&self, counts: HashMap<String, TermCount>, all: u32) -> Result<Vec<KeptTerm>, TextError> {
        let (lowest, highest) = (self.min_df.documents(all), self.max_df.documents(all));
        if highest < lowest {
            return Err(TextError::setting("max_df", "gives fewer texts than min_df"));
        }
        let bounds = lowest..=highest;
        let mut kept: Vec<KeptTerm> =
            counts.into_iter().filter(|(_, count)| bounds.contains(&f64::from(count.documents))).collect();
        kept.sort_unstable_by(|first, second| first.0.cmp(&second.0));
        if let Some(limit) = self.max_features.filter(|&limit| limit < kept.len()) {
            kept.sort_by_key(|(_, count)| Reverse(count.total));
            kept.truncate(limit);
            kept.sort_unstable_by(|first, second| first.0.cmp(&second.0));
        }
        if kept.is_empty() { Err(TextError::NoTermRemains) } else { Ok(kept) }
    }
}

/// How often a term is in the texts.
#[derive(Clone, Copy, Debug)]
struct TermCount {
    /// The number of texts with the term.
    documents: u32,
    /// The number of times the term is in all texts together.
    total: u64,
    /// The last row with the term.
    last_row: usize,
}

/// A term with its counts.
type KeptTerm = (String, TermCount);

/// Fitted term weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedTfIdf {
    /// The settings of the fit.
    pub settings: TfIdfSettings,
    /// The terms, in ascending order of their code points.
    pub vocabulary: Vec<String>,
    /// The inverse document frequency of each term.
    #[serde(with = "crate::packed")]
    pub idf: Vec<f64>,
}

impl FittedTfIdf {
    /// Fits the vocabulary and the inverse document frequencies to `texts`.
    ///
    /// A missing text counts as an empty one. Of terms that are equally frequent, `max_features` keeps the first
    /// in sorted order.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] for a setting out of its limits, [`TextError::EmptyVocabulary`] when no text has a
    /// term and [`TextError::NoTermRemains`] when the bounds leave out all.
    pub fn fit(settings: &TfIdfSettings, texts: &[Option<&str>]) -> Result<Self, TextError> {
        settings.validate()?;
        let counts = count_terms(&settings.terms, texts);
        if counts.is_empty() {
            return Err(TextError::EmptyVocabulary);
        }
        let all = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        let kept = settings.keep_terms(counts, all)?;
        let idf = kept.iter().map(|(_, count)| inverse_document_frequency(all, count.documents)).collect();
        let vocabulary = kept.into_iter().map(|(term, _)| term).collect();
        Ok(Self { settings: settings.clone(), vocabulary, idf })
    }

    /// The weights of each term in `texts`, in columns called `NAME:TERM`.
    ///
    /// A missing text, and a text without a term of the vocabulary, has zeros in all columns.
    #[must_use]
    pub fn apply(&self, name: &str, texts: &[Option<&str>]) -> NamedColumns {
        let positions: HashMap<&str, usize> =
            self.vocabulary.iter().enumerate().map(|(position, term)| (term.as_str(), position)).collect();
        let mut columns: NamedColumns =
            self.vocabulary.iter().map(|term| (format!("{name}:{term}"), vec![0.0; texts.len()])).collect();
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            for (position, weight) in self.weigh(text, &positions) {
                let column = columns.get_mut(position);
                if let Some(cell) = column.and_then(|(_, values)| values.get_mut(row)) {
                    *cell = weight;
                }
            }
        }
        columns
    }

    /// The weights of one text by the position of the term in the vocabulary.
    fn weigh(&self, text: &str, positions: &HashMap<&str, usize>) -> BTreeMap<usize, f64> {
        let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
        self.settings.terms.for_each_term(text, &mut |term| {
            if let Some(&position) = positions.get(term) {
                *weights.entry(position).or_insert(0.0) += 1.0;
            }
        });
        for (position, weight) in &mut weights {
            if self.settings.sublinear_tf {
                *weight = weight.ln() + 1.0;
            }
            *weight *= self.idf.get(*position).copied().unwrap_or(0.0);
        }
        let norm = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
        if norm > 0.0 {
            for weight in weights.values_mut() {
                *weight /= norm;
            }
        }
        weights
    }
}

/// Counts each term of the texts.
fn count_terms(settings: &TermSettings, texts: &[Option<&str>]) -> HashMap<String, TermCount> {
    let mut counts: HashMap<String, TermCount> = HashMap::new();
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        settings.for_each_term(text, &mut |term| {
            if let Some(count) = counts.get_mut(term) {
                count.total = count.total.saturating_add(1);
                if count.last_row != row {
                    count.documents = count.documents.saturating_add(1);
                    count.last_row = row;
                }
            } else {
                counts.insert(term.to_owned(), TermCount { documents: 1, total: 1, last_row: row });
            }
        });
    }
    counts
}

/// The smooth inverse document frequency, as if one more text had each term once.
fn inverse_document_frequency(all: u32, documents: u32) -> f64 {
    ((1.0 + f64::from(all)) / (1.0 + f64::from(documents))).ln() + 1.0
}
