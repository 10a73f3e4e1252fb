//! The type of a column, from the look of all its values.

use super::{
    raw::RawTable,
    token::{Missing, N_TOKENS, Token, classify},
};
use crate::columns::ValueType;

/// How often each look occurs in a column, and where first.
pub(super) struct Profile {
    counts: [usize; N_TOKENS],
    first: [usize; N_TOKENS],
}

/// What type a column gets, and what a person should know of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) value_type: ValueType,
    pub(super) doubt: Option<Doubt>,
}

/// What makes an inferred type doubtful.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// All values are missing.
    AllMissing,
    /// More than half of the values are numbers, some are not.
    Mixed { n_odd: usize, n_values: usize, first_row: usize },
    /// Numbers with leading zeros, such as codes.
    Codes { first_row: usize },
    /// Integers that need more than 64 bits.
    TooBig { first_row: usize },
}

impl Profile {
    /// Looks at every value of a column.
    pub(super) fn of(raw: &RawTable, column_idx: usize, missing: &Missing) -> Self {
        let mut profile = Self { counts: [0; N_TOKENS], first: [0; N_TOKENS] };
        for (row_idx, (form, cell)) in raw.cells(column_idx).enumerate() {
            let token = classify(form, cell, missing) as usize;
            if profile.counts[token] == 0 {
                profile.first[token] = row_idx;
            }
            profile.counts[token] += 1;
        }
        profile
    }

    /// The index of the first row that holds a list or an object.
    pub(super) fn first_nested(&self) -> Option<usize> {
        self.first_of(&[Token::Nested])
    }

    /// Decides the type.
    pub(super) fn decide(&self) -> Decision {
        let numbers = self.count(&[Token::Integer, Token::BigInteger, Token::Number, Token::NotFinite]);
        let n_values = self.counts.iter().sum::<usize>() - self.count(&[Token::Missing]);
        let decide = |value_type, doubt| Decision { value_type, doubt };
        if n_values == 0 {
            return decide(ValueType::Number, Some(Doubt::AllMissing));
        }
        if numbers == n_values {
            return match self.first_of(&[Token::BigInteger]) {
                _ if self.count(&[Token::Number, Token::NotFinite]) > 0 => decide(ValueType::Number, None),
                Some(first_row) => decide(ValueType::Text, Some(Doubt::TooBig { first_row })),
                None => decide(ValueType::Integer, None),
            };
        }
        if self.count(&[Token::Boolean]) == n_values {
            return decide(ValueType::Boolean, None);
        }
        decide(ValueType::Text, self.doubt_of_text(numbers, n_values))
    }

    fn doubt_of_text(&self, numbers: usize, n_values: usize) -> Option<Doubt> {
        let codes = self.count(&[Token::Code]);
        if numbers + codes == n_values {
            return self.first_of(&[Token::Code]).map(|first_row| Doubt::Codes { first_row });
        }
        let n_odd = n_values - numbers - codes;
        let first_row = self.first_of(&[Token::Boolean, Token::Text])?;
        (n_odd * 2 < n_values).then_some(Doubt::Mixed { n_odd, n_values, first_row })
    }

    fn count(&self, tokens: &[Token]) -> usize {
        tokens.iter().map(|token| self.counts[*token as usize]).sum()
    }

    fn first_of(&self, tokens: &[Token]) -> Option<usize> {
        tokens
            .iter()
            .filter(|token| self.counts[**token as usize] > 0)
            .map(|token| self.first[*token as usize])
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(cells: &[&str]) -> Decision {
        let mut raw = RawTable { names: vec!["a".into()], ..RawTable::default() };
        for cell in cells {
            let chunk = raw.open_chunk();
            assert!(chunk.columns[0].push(cell));
            chunk.places.push(0);
        }
        Profile::of(&raw, 0, &Missing::new(None)).decide()
    }

    #[test]
    fn the_narrowest_type_that_holds_all_values_is_taken() {
        assert_eq!(decide(&["1", "", "2"]).value_type, ValueType::Integer);
        assert_eq!(decide(&["1", "2.5"]).value_type, ValueType::Number);
        assert_eq!(decide(&["true", "False"]).value_type, ValueType::Boolean);
        assert_eq!(decide(&["1", "x"]), Decision { value_type: ValueType::Text, doubt: None });
        assert_eq!(decide(&["true", "1"]).value_type, ValueType::Text);
    }

    #[test]
    fn one_word_among_ten_numbers_is_doubted() {
        let mut cells = vec!["1.5"; 10];
        cells.push("abc");
        let doubt = Doubt::Mixed { n_odd: 1, n_values: 11, first_row: 10 };
        assert_eq!(decide(&cells), Decision { value_type: ValueType::Text, doubt: Some(doubt) });
    }

    #[test]
    fn codes_and_huge_integers_stay_text() {
        assert_eq!(decide(&["12", "007"]).doubt, Some(Doubt::Codes { first_row: 1 }));
        assert_eq!(decide(&["99999999999999999999"]).doubt, Some(Doubt::TooBig { first_row: 0 }));
        assert_eq!(decide(&["", "NA"]).doubt, Some(Doubt::AllMissing));
    }
}
