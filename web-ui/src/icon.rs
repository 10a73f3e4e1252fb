//! The mark and the icons: every state has a shape of its own, so that nobody needs the colours.

use maud::{Markup, PreEscaped, html};

/// The mark: a gate that is raised, and the water that passes.
pub(crate) const MARK: PreEscaped<&str> = PreEscaped(
    r#"<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path class="m-frame" d="M5 29V5.5M27 29V5.5M2.5 5.5h27"/><path class="m-gate" d="M9 2.5h14v13H9z"/><path class="m-slot" d="M13 6.2v6M19 6.2v6"/><path class="m-water" d="M2 21.5c2.3 0 2.3 1.8 4.7 1.8s2.3-1.8 4.6-1.8 2.4 1.8 4.7 1.8 2.3-1.8 4.7-1.8 2.3 1.8 4.6 1.8 2.4-1.8 4.7-1.8M2 27.2c2.3 0 2.3 1.8 4.7 1.8s2.3-1.8 4.6-1.8 2.4 1.8 4.7 1.8 2.3-1.8 4.7-1.8 2.3 1.8 4.6 1.8 2.4-1.8 4.7-1.8"/></svg>"#,
);

/// All icons, once a page; `icon` refers to them.
pub(crate) const SPRITE: PreEscaped<&str> = PreEscaped(concat!(
    r#"<svg class="sprite" aria-hidden="true">"#,
    // Done: filled. Reused: the same as an outline.
    r#"<symbol id="i-succeeded" viewBox="0 0 16 16"><circle class="fill" cx="8" cy="8" r="7"/><path class="cut" d="m4.8 8.3 2.2 2.2 4.2-4.7"/></symbol>"#,
    r#"<symbol id="i-cached" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="m5 8.3 2.1 2.1 4-4.5"/></symbol>"#,
    r#"<symbol id="i-running" viewBox="0 0 16 16"><circle class="faint" cx="8" cy="8" r="6"/><path class="line spin" d="M8 2a6 6 0 0 1 6 6"/><path class="fill" d="M6.4 5.2v5.6L11 8z"/></symbol>"#,
    r#"<symbol id="i-waiting" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="M8 4.6V8l2.4 1.6"/></symbol>"#,
    r#"<symbol id="i-ready" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><circle class="fill" cx="8" cy="8" r="2.4"/></symbol>"#,
    r#"<symbol id="i-blocked" viewBox="0 0 16 16"><circle class="line dots" cx="8" cy="8" r="6.2"/></symbol>"#,
    r#"<symbol id="i-queued" viewBox="0 0 16 16"><circle class="fill" cx="3" cy="8" r="1.7"/><circle class="fill" cx="8" cy="8" r="1.7"/><circle class="fill" cx="13" cy="8" r="1.7"/></symbol>"#,
    // A gate that is down.
    r#"<symbol id="i-rejected" viewBox="0 0 16 16"><path class="fill" d="M2.5 1.5h11a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-11a1 1 0 0 1 1-1z"/><path class="cut" d="M5 4.5v7M8 4.5v7M11 4.5v7"/></symbol>"#,
    r#"<symbol id="i-insufficient" viewBox="0 0 16 16"><path class="line" d="M2.2 2.2h11.6v11.6H2.2z"/><path class="line" d="M5 7.5v4M8 9.5v2M11 5v6.5"/></symbol>"#,
    r#"<symbol id="i-failed" viewBox="0 0 16 16"><path class="fill" d="M8 .6 15.4 8 8 15.4.6 8z"/><path class="cut" d="m5.7 5.7 4.6 4.6m0-4.6-4.6 4.6"/></symbol>"#,
    r#"<symbol id="i-unknown" viewBox="0 0 16 16"><path class="line" d="M8 1.5 14.5 8 8 14.5 1.5 8z"/><path class="line" d="M6.4 6.500A1.65 1.65 0 1 1 8 8.400v.5"/><circle class="fill" cx="8" cy="11" r=".9"/></symbol>"#,
    r#"<symbol id="i-interrupted" viewBox="0 0 16 16"><path class="line" d="M8 1.5 14.5 8 8 14.5 1.5 8z"/><path class="line" d="M8 4.800v3.4"/><circle class="fill" cx="8" cy="10.8" r=".95"/></symbol>"#,
    r#"<symbol id="i-cancelled" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><path class="fill" d="M5.5 5.500h5v5h-5z"/></symbol>"#,
    r#"<symbol id="i-skipped" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="M5 8h6"/></symbol>"#,
    r#"<symbol id="i-paused" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="6.2"/><path class="line" d="M6.4 5.500v5M9.6 5.500v5"/></symbol>"#,
    r#"<symbol id="i-sun" viewBox="0 0 16 16"><circle class="line" cx="8" cy="8" r="3"/><path class="line" d="M8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.9 13 13M3 13l1.1-1.100M11.9 4.1 13 3"/></symbol>"#,
    "</svg>",
));

/// An icon that only repeats what its text says.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg.i aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

/// A state: its icon and its word.
pub(crate) fn badge(word: &str) -> Markup {
    badge_as(word, word)
}

/// A look with a word of its own.
pub(crate) fn badge_as(look: &str, word: &str) -> Markup {
    html! { span class={ "badge s-" (look) } { (icon(look)) (word) } }
}

/// A state where there is room for the icon only.
pub(crate) fn dot(word: &str) -> Markup {
    html! { span class={ "dot s-" (word) } title=(word) { (icon(word)) span.sr { (word) } } }
}
