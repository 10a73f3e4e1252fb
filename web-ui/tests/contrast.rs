//! The colours of the style sheet, held to WCAG 2.2: text 4.5 to 1 (1.4.3), what marks a field 3 to 1 (1.4.11).

use std::collections::BTreeMap;

use sluicegate_web::view::{RunState, TaskState};

type Colour = [f64; 3];

/// The custom properties of the first block behind a mark.
fn block(css: &str, mark: &str) -> BTreeMap<String, Colour> {
    let text = css.split(mark).nth(1).and_then(|rest| rest.split('}').next()).expect("the block is there");
    text.split(';')
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
        .map(|(name, hex)| {
            let channel =
                |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits"));
            (name.to_owned(), [channel(0), channel(2), channel(4)])
        })
        .collect()
}

fn luminance(colour: Colour) -> f64 {
    let linear = colour.map(|channel| {
        let share = channel / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn mixed(colour: Colour, ground: Colour, share: f64) -> Colour {
    std::array::from_fn(|at| colour[at] * share + ground[at] * (1.0 - share))
}

#[test]
fn text_can_be_read_in_light_and_dark() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/app.css");
    let css = std::fs::read_to_string(file).expect("the style sheet");
    let by_system = block(&css, "@media (prefers-color-scheme: dark) { :root:not([data-theme=\"light\"]) {");
    let by_choice = block(&css, ":root[data-theme=\"dark\"] {");
    assert_eq!(by_system, by_choice, "dark is the same by the system and by choice");
    for (theme, colours, tint) in [("light", block(&css, ":root {"), 0.10), ("dark", by_choice, 0.15)] {
        let of = |name: &str| colours[name];
        let (card, paper) = (of("card"), of("paper"));
        let words = RunState::ALL.map(RunState::word).into_iter().chain(TaskState::ALL.map(TaskState::word));
        for word in words {
            for ground in [card, paper, mixed(of(word), card, tint)] {
                let seen = contrast(of(word), ground);
                assert!(seen >= 4.5, "{word} in {theme}: {seen:.2}");
            }
        }
        for word in ["ink", "soft", "accent"] {
            for ground in [card, paper, of("sunk")] {
                assert!(contrast(of(word), ground) >= 4.5, "{word} in {theme}");
            }
        }
        for cell in ["succeeded", "failed"] {
            assert!(contrast(of("ink"), mixed(of(cell), card, 0.48)) >= 4.5, "a full cell in {theme}");
        }
        assert!(contrast(of("accent-ink"), of("accent")) >= 4.5, "buttons in {theme}");
        assert!(contrast(of("deep-ink"), of("deep")) >= 4.5 && contrast(of("deep-soft"), of("deep")) >= 4.5);
        assert!(contrast(of("field"), card) >= 3.0, "fields in {theme}");
    }
}
