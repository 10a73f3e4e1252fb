//! Standard output and standard error, with or without colours.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::args::Colour;

/// A colour or weight, when colours are on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Dim,
    Bold,
    Good,
    Bad,
    Warn,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Bold => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warn => "\x1b[33m",
        }
    }

    /// Wraps a text, when `colour` is on.
    pub(super) fn paint(self, text: &str, colour: bool) -> String {
        if colour && self != Self::Plain { format!("{}{text}\x1b[0m", self.code()) } else { text.to_owned() }
    }
}

/// Where commands print.
pub(super) struct Out {
    stdout: std::io::Stdout,
    stderr: std::io::Stderr,
    /// Colours on standard output.
    pub(super) colour: bool,
    /// Colours on standard error.
    pub(super) colour_err: bool,
    /// Standard error is a terminal that can show live progress.
    pub(super) live: bool,
}

impl Out {
    pub(super) fn new(colour: Colour) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let decide = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain,
        };
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            colour: decide(stdout.is_terminal()),
            colour_err: decide(stderr.is_terminal()),
            live: stderr.is_terminal() && !dumb,
            stdout,
            stderr,
        }
    }

    /// Prints a line on standard output. A reader that went away ends nothing.
    pub(super) fn line(&mut self, text: &str) {
        let _ = writeln!(self.stdout, "{text}");
    }

    /// Prints text as it is.
    pub(super) fn text(&mut self, text: &str) {
        let _ = self.stdout.write_all(text.as_bytes());
    }

    /// Prints bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.stdout.write_all(bytes);
    }

    /// Prints a value as JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(&text),
            Err(error) => self.error(&format!("cannot print JSON: {error}")),
        }
    }

    /// Prints a line on standard error.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{text}");
    }

    /// Prints text on standard error as it is.
    pub(super) fn note_text(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
    }

    /// Prints an error.
    pub(super) fn error(&mut self, text: &str) {
        let label = Style::Bad.paint("error:", self.colour_err);
        self.note(&format!("{label} {text}"));
    }

    /// Prints the next step.
    pub(super) fn hint(&mut self, text: &str) {
        let label = Style::Good.paint("hint:", self.colour_err);
        self.note(&format!("{label} {text}"));
    }

    /// Wraps a text for standard output.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        style.paint(text, self.colour)
    }
}
