//! How a task says that it failed, and how a kind says that its parameters are wrong.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Why an attempt failed. The text is a lowercase fragment that names the thing and the place; hints name the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct TaskError {
    /// A stable snake-case code, such as `missing_column`.
    pub code: String,
    /// What went wrong, and where.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub hints: Vec<String>,
    /// False when another attempt with the same input cannot succeed; the engine then does not retry.
    pub retryable: bool,
    /// How the program ended that the task ran, when that is what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl TaskError {
    /// The code of an attempt that stopped because it was asked to.
    pub const CANCELLED: &'static str = "cancelled";

    /// The code of an error that its receiver has heard of in a better form.
    pub(crate) const TOLD: &'static str = "told";

    /// The code of an attempt that ended because memory ran out.
    pub const OUT_OF_MEMORY: &'static str = "out_of_memory";

    /// The next step when memory ran out.
    pub const MORE_MEMORY: &'static str =
        "raise `resources.memory`, run fewer tasks at a time, or let the task work on less at once";

    /// A failure that may pass: a network that did not answer, a resource that was busy.
    pub fn transient(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hints: Vec::new(), retryable: true, exit: None }
    }

    /// A failure that will happen again with the same input: bad data, bad parameters.
    pub fn permanent(code: &str, message: impl Into<String>) -> Self {
        Self { retryable: false, ..Self::transient(code, message) }
    }

    /// The attempt stopped because it was asked to.
    pub fn cancelled() -> Self {
        Self::permanent(Self::CANCELLED, "cancelled")
    }

    /// A mistake in the kind.
    pub fn panicked(message: &str) -> Self {
        Self::permanent("panic", format!("the task panicked: {message}"))
            .hint("this is a mistake in the kind; please report it with the task's log")
    }

    /// A file operation that failed, such as `TaskError::io("read", path, &error)`.
    pub fn io(verb: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::transient("io", format!("cannot {verb} `{}`: {error}", path.display()))
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says how the program ended.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = Some(exit);
        self
    }
}

/// An error in one line with its causes, each of them once.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// One thing that is wrong with a task's parameters or input columns, found before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as a JSON pointer into `with`, such as `/columns/0`; empty for the task as a whole.
    pub pointer: String,
    /// What is wrong: a lowercase fragment, names in backticks.
    pub message: String,
    /// The next step, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place in `with`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), hint: None }
    }

    /// A column that the table does not have, with the nearest name it does have as the hint.
    pub fn missing_column(pointer: impl Into<String>, name: &str, have: &[crate::Column]) -> Self {
        let problem = Self::new(pointer, format!("the table has no column `{name}`"));
        match crate::schema::nearest(name, have.iter().map(|column| column.name.as_str())) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!(
                "it has {}",
                have.iter().map(|c| format!("`{}`", c.name)).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
