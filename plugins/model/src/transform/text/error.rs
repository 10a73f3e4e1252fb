//! The errors of the transforms.

use std::fmt;

/// How many characters of a text an error keeps.
const KEPT_CHARACTERS: usize = 120;

/// Why a transform could not be fitted or applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextError {
    /// A setting has a value that the transform does not take.
    Setting {
        /// The name of the setting.
        name: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// No text has a term: all are missing, empty or without a word of two characters.
    EmptyVocabulary,
    /// Each term is in too few or too many texts, so that none remains.
    NoTermRemains,
    /// A text is not a date in the form that the settings ask for.
    NotADate {
        /// The row of the text, counted from zero.
        row: usize,
        /// The text, shortened when it is long.
        text: String,
    },
}

impl TextError {
    /// An error about the setting `name`.
    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { name, reason: reason.into() }
    }

    /// The error for a text that is not a date. It quotes at most the beginning of a long text.
    pub(crate) fn not_a_date(row: usize, text: &str) -> Self {
        let mut kept: String = text.chars().take(KEPT_CHARACTERS).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        Self::NotADate { row, text: kept }
    }
}

impl fmt::Display for TextError {
    /// Writes the error as one sentence without a full stop.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { name, reason } => write!(formatter, "`{name}` {reason}"),
            Self::EmptyVocabulary => write!(formatter, "the vocabulary is empty: no text has a term"),
            Self::NoTermRemains => {
                write!(formatter, "no term remains: lower `min_df` or raise `max_df`")
            }
            Self::NotADate { row, text } => {
                write!(formatter, "row {} is not a date: {text:?}", row + 1)
            }
        }
    }
}

impl std::error::Error for TextError {}
