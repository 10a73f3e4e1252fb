//! Transforms of a text column into columns of numbers.
//!
//! A text column is a slice of optional texts, where `None` is a missing text. A transform answers named columns of
//! numbers with one number for each row:
//!
//! - [`tf_idf`]: weights of words or character n-grams, as scikit-learn's `TfidfVectorizer` gives them;
//! - [`hashed`]: signed feature hashing, as scikit-learn's `FeatureHasher` gives it;
//! - [`datetime`]: parts of a date or time and their cyclic pairs.

pub mod date_text;
pub mod datetime;
pub mod error;
pub mod hashed;
pub mod terms;
pub mod tf_idf;
mod word_marks;

/// Columns of numbers with their names, all with one number for each row.
pub type NamedColumns = Vec<(String, Vec<f64>)>;
