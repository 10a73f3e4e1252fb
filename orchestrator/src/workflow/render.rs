//! Problems as text for people and as JSON for editors.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{
    Diagnostic, Severity, Source,
    source::{Place, floor},
};

/// Longer lines are cut around the place.
const MAX_LINE: usize = 200;

/// At most so many problems are printed; the rest is counted.
const MAX_PRINTED: usize = 50;

/// Renders problems: file, line and column, the line itself, a caret, code and hint.
pub fn render(source: &Source, diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(MAX_PRINTED) {
        text += &render_one(source, diagnostic, &renderer);
        text += "\n\n";
    }
    if diagnostics.len() > MAX_PRINTED {
        text += &format!("and {} more problems\n\n", diagnostics.len() - MAX_PRINTED);
    }
    text
}

/// The part of a line that is shown, and the place within it.
struct Window {
    text: String,
    place: Place,
    span: Range<usize>,
}

fn window(source: &Source, span: &Range<usize>) -> Window {
    let text = source.text();
    let start = floor(text, span.start);
    let line = source.line_around(start);
    let start = start.clamp(line.start, line.end);
    let end = floor(text, span.end).clamp(start, line.end);
    let from = if line.len() > MAX_LINE {
        floor(text, start.saturating_sub(40).max(line.start))
    } else {
        line.start
    };
    let until = if line.len() > MAX_LINE { floor(text, (from + MAX_LINE).min(line.end)) } else { line.end };
    let end = end.min(until);
    let place = source.place(start);
    Window { text: text[from..until].to_owned(), place, span: start - from..end - from }
}

fn render_one(source: &Source, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group: Group<'_> =
        Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    let name = source.name.as_str();
    match &diagnostic.span {
        None => group = group.element(annotate_snippets::Origin::path(name)),
        Some(span) => {
            group = group.element(snippet(
                name,
                window(source, span),
                &diagnostic.label,
                AnnotationKind::Primary,
            ));
            for (span, label) in &diagnostic.related {
                group = group.element(snippet(name, window(source, span), label, AnnotationKind::Context));
            }
        }
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

fn snippet<'a>(
    name: &'a str,
    window: Window,
    label: &'a str,
    kind: AnnotationKind,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let span = if window.span.is_empty() {
        window.span.start..(window.span.start + 1).min(window.text.len())
    } else {
        window.span
    };
    let annotation = kind.span(span);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(window.text).path(name).line_start(window.place.line).fold(false).annotation(annotation)
}

/// Problems for editors: lines and columns from 1, columns in characters, ends exclusive.
pub fn to_json(source: &Source, diagnostics: &[Diagnostic]) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let places =
                diagnostic.span.as_ref().map(|span| (source.place(span.start), source.place(span.end)));
            json!({
                "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
                "code": diagnostic.code,
                "message": diagnostic.message,
                "label": diagnostic.label,
                "hint": diagnostic.hint,
                "file": source.name,
                "line": places.map(|(start, _)| start.line),
                "column": places.map(|(start, _)| start.column),
                "end_line": places.map(|(_, end)| end.line),
                "end_column": places.map(|(_, end)| end.column),
            })
        })
        .collect()
}
