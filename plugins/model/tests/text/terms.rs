//! Characters of words and white space as Python has them.

use serde_json::Value;
use sluicegate_model::text::error::TextError;
use sluicegate_model::text::terms::{
    Analyzer, LARGEST_NGRAM, TermSettings, is_white_space, is_word_character,
};

use crate::{golden, hard_texts};

/// Whether a code point is in one of the ranges.
fn contains(ranges: &Value, code: u32) -> bool {
    let ranges = ranges.as_array().unwrap();
    let after = ranges.partition_point(|range| range[0].as_u64().unwrap() <= u64::from(code));
    after > 0 && u64::from(code) <= ranges[after - 1][1].as_u64().unwrap()
}

/// Each code point that the Unicode version of Python assigns has the same class.
#[test]
fn characters_are_those_of_python() {
    let golden = golden("characters");
    for character in '\0'..=char::MAX {
        let code = u32::from(character);
        if contains(&golden["assigned"], code) {
            assert_eq!(is_word_character(character), contains(&golden["word"], code), "{code:x}");
        }
        assert_eq!(is_white_space(character), contains(&golden["space"], code), "{code:x}");
    }
}

/// A range out of its limits is refused, and does no harm if it is used all the same.
#[test]
fn range_of_ngrams_has_limits() {
    for ngram_range in [(0, 1), (2, 1), (1, LARGEST_NGRAM + 1), (0, 0), (usize::MAX, usize::MAX)] {
        let settings = TermSettings { ngram_range, ..TermSettings::default() };
        assert!(matches!(settings.validate(), Err(TextError::Setting { name: "ngram_range", .. })));
        settings.for_each_term("still no panic", &mut |_| {});
    }
}

/// Long and odd texts are split by each analyzer.
#[test]
fn hard_texts_have_terms_without_panic() {
    for text in hard_texts() {
        for analyzer in [Analyzer::Word, Analyzer::Char, Analyzer::CharWithinWord] {
            let settings = TermSettings { analyzer, ngram_range: (1, 3) };
            let mut count = 0_usize;
            settings.for_each_term(&text, &mut |term| count += term.len());
        }
    }
}

/// The analyzers have the names that scikit-learn gives them.
#[test]
fn settings_keep_the_names_of_scikit_learn() {
    let settings = TermSettings { analyzer: Analyzer::CharWithinWord, ngram_range: (2, 4) };
    let written = serde_json::to_string(&settings).unwrap();
    assert_eq!(written, r#"{"analyzer":"char_wb","ngram_range":[2,4]}"#);
    assert_eq!(serde_json::from_str::<TermSettings>(&written).unwrap(), settings);
}
