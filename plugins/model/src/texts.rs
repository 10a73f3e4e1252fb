//! A text column: each different text once, and which of them every row has.

use std::collections::HashMap;

/// The code of a missing text.
pub const MISSING: u32 = u32::MAX;

/// Texts by code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// The different texts, in the order of their first rows.
    pub distinct: Vec<String>,
    /// For each row the place of its text, or [`MISSING`].
    pub codes: Vec<u32>,
}

impl Texts {
    /// The text of a row; `None` where it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.distinct.get(self.codes[row] as usize).map(String::as_str)
    }

    /// Puts a text in place of the missing ones.
    pub(crate) fn fill(&mut self, text: &str) {
        if !self.codes.contains(&MISSING) {
            return;
        }
        let mut filled = TextsBuilder::default();
        for code in &self.codes {
            filled.push(Some(self.distinct.get(*code as usize).map_or(text, String::as_str)));
        }
        *self = filled.finish();
    }

    /// The different texts, sorted.
    pub fn sorted(&self) -> Vec<String> {
        let mut sorted = self.distinct.clone();
        sorted.sort_unstable();
        sorted
    }
}

/// Collects a text column row by row.
#[derive(Default)]
pub(crate) struct TextsBuilder {
    texts: Texts,
    places: HashMap<String, u32>,
}

impl TextsBuilder {
    /// Adds a row.
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let code = match text {
            None => MISSING,
            Some(text) => self.places.get(text).copied().unwrap_or_else(|| self.new_text(text)),
        };
        self.texts.codes.push(code);
    }

    fn new_text(&mut self, text: &str) -> u32 {
        let code =
            u32::try_from(self.texts.distinct.len()).expect("there are fewer texts than rows of a table");
        self.texts.distinct.push(text.to_owned());
        self.places.insert(text.to_owned(), code);
        code
    }

    /// The column.
    pub(crate) fn finish(self) -> Texts {
        self.texts
    }
}
