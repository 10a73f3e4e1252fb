//! Secrets that must not be seen.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn mask(secrets: &[&str]) -> Mask {
    Mask::of(&secrets.iter().map(|secret| ((*secret).to_owned(), Secret::new(*secret))).collect())
}

fn in_pieces(mask: &Mask, pieces: &[&[u8]]) -> String {
    let mut stream = mask.stream();
    let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| stream.feed(piece)).collect();
    shown.extend(stream.finish());
    String::from_utf8(shown).unwrap()
}

/// Base64 as an encoder writes it, to compare with.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..=group.len() {
            text.push(letter((bits >> (18 - 6 * n) & 63).try_into().unwrap(), b'+', b'/').into());
        }
    }
    text
}

#[test]
fn a_secret_is_hidden_wherever_it_stands() {
    let mask = mask(&["hunter2", "hunter2000\n"]);
    assert_eq!(mask.text("hunter2 and hunter2000!"), "*** and ***!");
    assert_eq!(mask.text("nothing to see"), "nothing to see");
    let mut value = json!({ "a": ["x hunter2"], "hunter2": 1, "n": null });
    mask.value(&mut value);
    assert_eq!(value, json!({ "a": ["x ***"], "***": 1, "n": null }));
    let error = mask.error(TaskError::permanent("bad", "login hunter2 refused").hint("not hunter2?"));
    assert_eq!((error.message.as_str(), error.hints[0].as_str()), ("login *** refused", "not ***?"));
}

#[test]
fn a_secret_that_is_cut_by_a_read_is_hidden_and_what_only_looks_like_one_is_shown() {
    let mask = mask(&["abcdef"]);
    assert_eq!(in_pieces(&mask, &[b"x abc", b"def y"]), "x *** y");
    assert_eq!(in_pieces(&mask, &[b"x abc", b"d", b"", b"xy abc"]), "x abcdxy abc");
    let mut stream = mask.stream();
    assert_eq!(stream.feed(b"a line\n"), b"a line\n", "what is no beginning is not held back");
}

#[test]
fn a_number_that_is_a_secret_is_hidden_as_one() {
    let mut value = json!([1234, 5]);
    mask(&["1234"]).value(&mut value);
    assert_eq!(value, json!(["***", 5]));
}

#[test]
fn without_secrets_nothing_is_hidden_and_the_debug_form_says_nothing() {
    assert!(mask(&["", "\n"]).is_empty());
    assert!(!format!("{:?}", mask(&["hunter2"])).contains("hunter2"));
}

proptest! {
    #[test]
    fn no_secret_is_left_in_any_text_cut_anywhere(
        secrets in prop::collection::vec("[ab]{1,5}", 1..4),
        text in "[abc]{0,60}",
        cuts in prop::collection::vec(0usize..60, 0..5),
    ) {
        let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mask = mask(&names);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        let shown = in_pieces(&mask, &pieces);
        for secret in &secrets {
            prop_assert!(!shown.contains(secret), "{shown}");
        }
        prop_assert_eq!(shown, mask.text(&text));
    }

    #[test]
    fn a_secret_in_base64_is_hidden_whatever_stands_around_it(
        before in prop::collection::vec(any::<u8>(), 0..5),
        secret in "[a-zA-Z0-9!?]{8,20}",
        after in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let mask = mask(&[&secret]);
        let whole = [before.as_slice(), secret.as_bytes(), after.as_slice()].concat();
        let encoded = base64(&whole);
        let shown = mask.text(&encoded).into_owned();
        prop_assert!(shown.contains("***"), "{encoded}");
        prop_assert!(shown.len() < before.len() * 2 + after.len() * 2 + 12, "{shown}");
    }

    #[test]
    fn a_text_of_whole_characters_stays_one(secret in "[äé€]{1,3}", text in "[äé€x]{0,20}") {
        let shown = mask(&[&secret]).text(&text).into_owned();
        prop_assert!(!shown.contains('\u{fffd}'), "{shown}");
    }
}
