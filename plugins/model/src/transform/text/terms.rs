//! Splits a text into terms: words, n-grams of words or n-grams of characters.
//!
//! The rules are those of scikit-learn 1.9.1's `CountVectorizer` with its default lower-casing and its default
//! token pattern `(?u)\b\w\w+\b` (Pedregosa et al. 2011, "Scikit-learn: Machine Learning in Python", Journal of
//! Machine Learning Research 12, 2825–2830).

use serde::{Deserialize, Serialize};

use super::{error::TextError, word_marks::is_mark};

/// The largest n-gram that the settings take, so that a long text cannot fill the memory.
pub const LARGEST_NGRAM: usize = 32;

/// What a term is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Analyzer {
    /// Words of at least two word characters, joined by one space in n-grams.
    #[default]
    #[serde(rename = "word")]
    Word,
    /// Characters of the whole text, where two or more white-space characters in a row count as one space.
    #[serde(rename = "char")]
    Char,
    /// Characters inside each word between white space, with a space before and after the word.
    #[serde(rename = "char_wb")]
    CharWithinWord,
}

/// How texts are split into terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermSettings {
    /// What a term is made of.
    pub analyzer: Analyzer,
    /// The smallest and the largest number of words or characters in a term.
    pub ngram_range: (usize, usize),
}

impl Default for TermSettings {
    /// Single words.
    fn default() -> Self {
        Self { analyzer: Analyzer::Word, ngram_range: (1, 1) }
    }
}

impl TermSettings {
    /// Checks that the range of n-grams ascends, begins at one or more and ends at [`LARGEST_NGRAM`] or less.
    ///
    /// # Errors
    ///
    /// [`TextError::Setting`] when it does not.
    pub fn validate(&self) -> Result<(), TextError> {
        let (smallest, largest) = self.ngram_range;
        if smallest == 0 || smallest > largest || largest > LARGEST_NGRAM {
            let reason = format!("must be 1 <= smallest <= largest <= {LARGEST_NGRAM}");
            return Err(TextError::setting("ngram_range", reason));
        }
        Ok(())
    }

    /// Calls `visit` with each term of `text`, as often as the term is in it.
    pub fn for_each_term(&self, text: &str, visit: &mut dyn FnMut(&str)) {
        let lowered = text.to_lowercase();
        match self.analyzer {
            Analyzer::Word => self.visit_words(&lowered, visit),
            Analyzer::Char => self.visit_characters(&collapse_white_space(&lowered), visit),
            Analyzer::CharWithinWord => self.visit_characters_within_words(&lowered, visit),
        }
    }

    /// The sizes of n-grams, within the limits even when the settings were not validated.
    fn sizes(&self) -> std::ops::RangeInclusive<usize> {
        let (smallest, largest) = self.ngram_range;
        smallest.max(1)..=largest.min(LARGEST_NGRAM)
    }

    /// Visits the n-grams of words.
    fn visit_words(&self, text: &str, visit: &mut dyn FnMut(&str)) {
        let words: Vec<&str> = words(text).collect();
        let mut term = String::new();
        for size in self.sizes() {
            for window in words.windows(size) {
                term.clear();
                for (index, word) in window.iter().enumerate() {
                    if index > 0 {
                        term.push(' ');
                    }
                    term.push_str(word);
                }
                visit(&term);
            }
        }
    }

    /// Visits the n-grams of characters.
    fn visit_characters(&self, text: &str, visit: &mut dyn FnMut(&str)) {
        let boundaries = boundaries(text);
        for size in self.sizes() {
            visit_windows(text, &boundaries, size, visit);
        }
    }

    /// Visits the n-grams of characters inside each padded word, where a short word counts once.
    fn visit_characters_within_words(&self, text: &str, visit: &mut dyn FnMut(&str)) {
        for word in text.split(is_white_space).filter(|word| !word.is_empty()) {
            let padded = format!(" {word} ");
            let boundaries = boundaries(&padded);
            for size in self.sizes() {
                if size + 1 >= boundaries.len() {
                    visit(&padded);
                    break;
                }
                visit_windows(&padded, &boundaries, size, visit);
            }
        }
    }
}

/// Whether a character is part of a word: a letter, a number or an underscore.
///
/// It is Python's `\w`: unlike [`char::is_alphanumeric`], it does not take combining vowel signs and other
/// marks, and not circled letters.
#[must_use]
pub fn is_word_character(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    character.is_alphanumeric() && !is_mark(character)
}

/// Whether a character is white space for Python, which adds four control characters to Unicode's.
#[must_use]
pub fn is_white_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// The runs of at least two word characters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character| !is_word_character(character)).filter(|word| word.chars().nth(1).is_some())
}

/// Puts one space in place of each run of two or more white-space characters; a single one stays as it is.
fn collapse_white_space(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if !is_white_space(character) {
            collapsed.push(character);
            continue;
        }
        let mut is_run = false;
        while characters.next_if(|&next| is_white_space(next)).is_some() {
            is_run = true;
        }
        collapsed.push(if is_run { ' ' } else { character });
    }
    collapsed
}

/// Where each character begins, followed by the length of the text.
fn boundaries(text: &str) -> Vec<usize> {
    text.char_indices().map(|(start, _)| start).chain(std::iter::once(text.len())).collect()
}

/// Visits each run of `size` characters, given where the characters begin.
fn visit_windows(text: &str, boundaries: &[usize], size: usize, visit: &mut dyn FnMut(&str)) {
    let ends = boundaries.iter().skip(size);
    for (&start, &end) in boundaries.iter().zip(ends) {
        if let Some(term) = text.get(start..end) {
            visit(term);
        }
    }
}
