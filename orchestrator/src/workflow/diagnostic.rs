//! What is wrong with a workflow file.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The workflow cannot run.
    Error,
    /// It can, but perhaps not as meant.
    Warning,
}

/// One problem with its place and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, listed in `docs/workflow-format.md`.
    pub code: &'static str,
    /// What is wrong: a lowercase fragment, names in backticks.
    pub message: String,
    /// Where, in bytes; absent when the problem is not in the file.
    pub span: Option<Range<usize>>,
    /// A few words at the place.
    pub label: String,
    /// The next step.
    pub hint: Option<String>,
    /// Other places that matter, with a few words each.
    pub related: Vec<(Range<usize>, String)>,
}

impl Diagnostic {
    /// An error at a place.
    pub(super) fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            span: Some(span),
            label: String::new(),
            hint: None,
            related: Vec::new(),
        }
    }

    /// An error that is not in the file.
    pub(super) fn elsewhere(code: &'static str, message: impl Into<String>) -> Self {
        Self { span: None, ..Self::error(code, 0..0, message) }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    pub(super) fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }
}

/// A hint with the nearest right name, or else with all of them when they are few.
pub(super) fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = sluicegate_plugin::nearest(name, names.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<_> = names.take(13).map(|name| format!("`{name}`")).collect();
    match all.len() {
        0 => None,
        1 => Some(format!("it can only be {}", all[0])),
        2..=12 => Some(format!("it can be {}", all.join(", "))),
        _ => None,
    }
}

/// The problem of a file that cannot be looked at.
pub fn unreadable(message: &str) -> Diagnostic {
    Diagnostic::elsewhere("E001", message)
}
