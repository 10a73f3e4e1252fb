//! Term weights against scikit-learn's.

use serde_json::Value;
use sluicegate_model::text::error::TextError;
use sluicegate_model::text::terms::{Analyzer, TermSettings};
use sluicegate_model::text::tf_idf::{DocumentBound, FittedTfIdf, TfIdfSettings};

use crate::{assert_cells, assert_close, golden, hard_texts, texts};

/// Reads the settings of how texts are split.
pub(crate) fn term_settings(value: &Value) -> TermSettings {
    let analyzer = match value["analyzer"].as_str() {
        Some("char") => Analyzer::Char,
        Some("char_wb") => Analyzer::CharWithinWord,
        _ => Analyzer::Word,
    };
    let size =
        |part: usize| value["ngram_range"][part].as_u64().map_or(1, |size| usize::try_from(size).unwrap());
    TermSettings { analyzer, ngram_range: (size(0), size(1)) }
}

/// Reads a bound that is a count or, with a point, a share.
fn bound(value: &Value, default: DocumentBound) -> DocumentBound {
    match (value.as_u64(), value.as_f64()) {
        (Some(count), _) => DocumentBound::Count(u32::try_from(count).unwrap()),
        (None, Some(share)) => DocumentBound::Share(share),
        (None, None) => default,
    }
}

/// Reads the settings of a case.
fn settings(value: &Value) -> TfIdfSettings {
    let default = TfIdfSettings::default();
    TfIdfSettings {
        terms: term_settings(value),
        min_df: bound(&value["min_df"], default.min_df),
        max_df: bound(&value["max_df"], default.max_df),
        max_features: value["max_features"].as_u64().map(|limit| usize::try_from(limit).unwrap()),
        sublinear_tf: value["sublinear_tf"].as_bool().unwrap_or(false),
    }
}

/// Compares one fit.
fn check_case(case: &Value, place: &str) {
    let (fit_texts, other_texts) = (texts(&case["texts"]), texts(&case["others"]));
    let fitted = FittedTfIdf::fit(&settings(&case["settings"]), &fit_texts);
    if let Some(message) = case["error"].as_str() {
        let expected = match fitted.unwrap_err() {
            TextError::EmptyVocabulary => "empty vocabulary",
            TextError::NoTermRemains => "After pruning, no terms remain",
            TextError::Setting { name: "max_df", .. } => "max_df corresponds to < documents than min_df",
            error => panic!("{place}: {error}"),
        };
        assert!(message.starts_with(expected), "{place}: {message}");
        return;
    }
    let fitted = fitted.unwrap();
    let vocabulary: Vec<&str> = texts(&case["vocabulary"]).into_iter().flatten().collect();
    assert_eq!(fitted.vocabulary, vocabulary, "{place}");
    assert_eq!(fitted.idf.len(), vocabulary.len(), "{place}");
    for (&actual, expected) in fitted.idf.iter().zip(case["idf"].as_array().unwrap()) {
        assert_close(actual, expected.as_f64().unwrap(), place);
    }
    let columns = fitted.apply("text", &fit_texts);
    assert!(columns.iter().zip(&vocabulary).all(|((name, _), term)| *name == format!("text:{term}")));
    assert_cells(&columns, fit_texts.len(), &case["fitted"], place);
    assert_cells(&fitted.apply("text", &other_texts), other_texts.len(), &case["applied"], place);
}

/// Vocabulary, inverse document frequencies, weights and errors of each golden fit agree.
#[test]
fn weights_are_those_of_scikit_learn() {
    let golden = golden("tf_idf");
    let cases = golden.as_array().unwrap();
    assert!(cases.len() > 30);
    for (index, case) in cases.iter().enumerate() {
        check_case(case, &format!("case {index} {}", case["settings"]));
    }
}

/// A missing text has no weights, in the fit and later.
#[test]
fn missing_text_has_zeros() {
    let fitted = FittedTfIdf::fit(&TfIdfSettings::default(), &[Some("some words"), None]).unwrap();
    let columns = fitted.apply("note", &[None, Some("words")]);
    assert_eq!(columns, [("note:some".into(), vec![0.0, 0.0]), ("note:words".into(), vec![0.0, 1.0])]);
}

/// Ties at the limit are resolved by the order of terms.
#[test]
fn equally_frequent_terms_are_kept_in_sorted_order() {
    let settings = TfIdfSettings { max_features: Some(3), ..TfIdfSettings::default() };
    let fitted = FittedTfIdf::fit(&settings, &[Some("dd cc zz bb aa zz")]).unwrap();
    assert_eq!(fitted.vocabulary, ["aa", "bb", "zz"]);
}

/// Each limit of a setting is checked before the fit.
#[test]
fn settings_out_of_their_limits_are_errors() {
    let default = TfIdfSettings::default;
    let wrong = [
        TfIdfSettings { min_df: DocumentBound::Count(0), ..default() },
        TfIdfSettings { max_df: DocumentBound::Share(1.5), ..default() },
        TfIdfSettings { max_df: DocumentBound::Share(f64::NAN), ..default() },
        TfIdfSettings { max_features: Some(0), ..default() },
        TfIdfSettings { min_df: DocumentBound::Count(2), max_df: DocumentBound::Count(1), ..default() },
    ];
    for settings in wrong {
        let error = FittedTfIdf::fit(&settings, &[Some("two words")]).unwrap_err();
        assert!(matches!(error, TextError::Setting { .. }), "{settings:?}: {error}");
    }
}

/// A fit is the same after it is written and read.
#[test]
fn fit_survives_json() {
    let golden = golden("tf_idf");
    let fitted = FittedTfIdf::fit(&TfIdfSettings::default(), &texts(&golden[0]["texts"])).unwrap();
    let written = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<FittedTfIdf>(&written).unwrap(), fitted);
}

/// A fit that was read from a damaged file gives columns all the same.
#[test]
fn damaged_fit_does_not_panic() {
    let written = r#"{"settings":{"terms":{"analyzer":"char","ngram_range":[0,99]},"min_df":{"count":0},
        "max_df":{"share":7.0},"max_features":null,"sublinear_tf":true},"vocabulary":["b","a","a"],"idf":""}"#;
    let fitted: FittedTfIdf = serde_json::from_str(written).unwrap();
    assert_eq!(fitted.apply("x", &[Some("abc"), None]).len(), 3);
}

/// Long and odd texts have finite weights with each analyzer.
#[test]
fn hard_texts_are_weighed_without_panic() {
    let owned = hard_texts();
    let texts: Vec<Option<&str>> = owned.iter().map(|text| Some(text.as_str())).collect();
    for analyzer in [Analyzer::Word, Analyzer::Char, Analyzer::CharWithinWord] {
        let terms = TermSettings { analyzer, ngram_range: (1, 2) };
        let settings = TfIdfSettings { terms, max_features: Some(50), ..TfIdfSettings::default() };
        let columns = FittedTfIdf::fit(&settings, &texts).unwrap().apply("text", &texts);
        assert!(columns.iter().all(|(_, values)| values.iter().all(|value| value.is_finite())));
    }
}
