//! What a cell looks like, by its spelling alone.

use super::raw::Form;

/// What a cell looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Token {
    /// A missing value.
    Missing,
    /// An integer of 64 bits.
    Integer,
    /// An integer that needs more than 64 bits.
    BigInteger,
    /// Digits after a leading zero, as in a postal code.
    Code,
    /// A decimal number.
    Number,
    /// Infinity, or NaN where that is not a spelling of a missing value.
    NotFinite,
    /// `true` or `false`.
    Boolean,
    /// Anything else.
    Text,
    /// A list or an object.
    Nested,
}

/// The number of tokens.
pub(super) const N_TOKENS: usize = Token::Nested as usize + 1;

/// The spellings of a missing value.
pub(super) struct Missing {
    words: Vec<String>,
    first_bytes: [bool; 256],
    empty: bool,
}

impl Missing {
    const DEFAULT: [&str; 5] = ["", "NA", "N/A", "null", "NULL"];

    /// The given spellings, or the default ones.
    pub(super) fn new(spellings: Option<&[String]>) -> Self {
        let words: Vec<String> = match spellings {
            Some(words) => words.iter().map(|word| word.trim().to_owned()).collect(),
            None => Self::DEFAULT.map(ToOwned::to_owned).to_vec(),
        };
        let mut first_bytes = [false; 256];
        for byte in words.iter().filter_map(|word| word.as_bytes().first()) {
            first_bytes[usize::from(*byte)] = true;
        }
        Self { empty: words.iter().any(String::is_empty), words, first_bytes }
    }

    /// Tells whether a cell, without white space around it, spells a missing value.
    pub(super) fn matches(&self, cell: &str) -> bool {
        match cell.as_bytes().first() {
            None => self.empty,
            Some(byte) => self.first_bytes[usize::from(*byte)] && self.words.iter().any(|word| word == cell),
        }
    }
}

/// Tells what a cell looks like.
pub(super) fn classify(form: Form, cell: &str, missing: &Missing) -> Token {
    match form {
        Form::Absent => return Token::Missing,
        Form::Nested => return Token::Nested,
        Form::Plain | Form::Quoted => {}
    }
    let cell = cell.trim();
    if missing.matches(cell) {
        return Token::Missing;
    }
    if form == Form::Quoted {
        return Token::Text;
    }
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    match unsigned.as_bytes().first() {
        Some(b'0'..=b'9' | b'.') => numeric(cell, unsigned),
        Some(b'i' | b'I' | b'n' | b'N') if is_not_finite(unsigned) => Token::NotFinite,
        _ if parse_boolean(cell).is_some() => Token::Boolean,
        _ => Token::Text,
    }
}

/// The boolean that a word spells in the usual three ways.
pub(super) fn parse_boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn is_not_finite(unsigned: &str) -> bool {
    ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word))
}

/// Tells integers and decimal numbers apart, by the grammar that Rust's `f64` parser takes.
fn numeric(cell: &str, unsigned: &str) -> Token {
    let bytes = unsigned.as_bytes();
    let n_whole = n_digits(bytes);
    let mut rest = &bytes[n_whole..];
    if rest.is_empty() {
        return match n_whole {
            1 => Token::Integer,
            _ if bytes[0] == b'0' => Token::Code,
            2..=18 => Token::Integer,
            _ if cell.parse::<i64>().is_ok() => Token::Integer,
            _ => Token::BigInteger,
        };
    }
    let mut n_fraction = 0;
    if rest[0] == b'.' {
        n_fraction = n_digits(&rest[1..]);
        rest = &rest[1 + n_fraction..];
    }
    if n_whole + n_fraction == 0 {
        return Token::Text;
    }
    match rest {
        [] => Token::Number,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..]
            if !exponent.is_empty() && n_digits(exponent) == exponent.len() =>
        {
            Token::Number
        }
        _ => Token::Text,
    }
}

fn n_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(cell: &str) -> Token {
        classify(Form::Plain, cell, &Missing::new(None))
    }

    #[test]
    fn spellings_are_told_apart() {
        for (cell, expected) in [
            ("", Token::Missing),
            ("  NA ", Token::Missing),
            ("NaN", Token::NotFinite),
            ("-12", Token::Integer),
            ("0", Token::Integer),
            ("9223372036854775807", Token::Integer),
            ("9223372036854775808", Token::BigInteger),
            ("007", Token::Code),
            ("0.5", Token::Number),
            ("1.", Token::Number),
            ("+.5e-3", Token::Number),
            ("-inf", Token::NotFinite),
            ("Infinity", Token::NotFinite),
            ("True", Token::Boolean),
            ("1,5", Token::Text),
            (".", Token::Text),
            ("1e", Token::Text),
            ("--1", Token::Text),
            ("0x10", Token::Text),
        ] {
            assert_eq!(token(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_quoted_number_is_text() {
        assert_eq!(classify(Form::Quoted, "12", &Missing::new(None)), Token::Text);
    }

    proptest! {
        #[test]
        fn what_looks_like_a_number_parses_as_one(cell in "[-+]?[0-9.eE+-]{1,12}") {
            let parses = cell.parse::<f64>().is_ok();
            let looks = matches!(token(&cell), Token::Integer | Token::BigInteger | Token::Code | Token::Number);
            prop_assert_eq!(looks, parses);
        }
    }
}
