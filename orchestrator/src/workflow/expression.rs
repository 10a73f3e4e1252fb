//! Expressions: `{{ … }}` in strings, and bare ones in `when`.
//!
//! A string that is one whole expression keeps the type of its value. Undefined names are errors, fuel bounds time and memory.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

/// Steps that one expression may take.
const FUEL: u64 = 100_000;

/// Longer texts are not looked at as expressions.
const MAX_TEXT: usize = 64 * 1024;

/// Longer expressions are not parsed: `not not not …` goes as deep as it is long, and the stack does not.
const MAX_EXPRESSION: usize = 16 * 1024;

/// An expression could not be parsed or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// Where in the text, in bytes.
    pub at: Option<Range<usize>>,
}

impl ExpressionError {
    fn new(message: impl Into<String>, at: Option<Range<usize>>) -> Self {
        Self { message: message.into(), at }
    }

    fn from_engine(error: &minijinja::Error, offset: usize) -> Self {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        let at = error.range().map(|range| range.start + offset..range.end + offset);
        Self::new(message, at)
    }
}

/// The engine knows no names of its own, so that one serves all: making it costs more than most expressions.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(64);
    engine
});

/// A part of a text: as it is, or an expression with the place of its inner text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Expression(Range<usize>),
}

/// Tells whether a string holds an expression.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// Splits a string into text and expressions.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, ExpressionError> {
    if text.len() > MAX_TEXT {
        return Err(ExpressionError::new(
            format!("a text with expressions has at most {MAX_TEXT} bytes"),
            None,
        ));
    }
    if let Some(at) = text.find("{%") {
        let message = "statements (`{% … %}`) are not allowed; use expressions (`{{ … }}`)";
        return Err(ExpressionError::new(message, Some(at..at + 2)));
    }
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        if open > from {
            parts.push(Part::Text(text[from..open].into()));
        }
        let close = closing(&text[open + 2..])
            .map(|at| open + 2 + at)
            .ok_or_else(|| ExpressionError::new("`{{` is not closed by `}}`", Some(open..open + 2)))?;
        parts.push(Part::Expression(open + 2..close));
        from = close + 2;
    }
    if from < text.len() {
        parts.push(Part::Text(text[from..].into()));
    }
    Ok(parts)
}

/// Where `}}` stands outside of strings and braces.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Parses a bare expression without evaluating it; `offset` is where it stands in its text.
pub(super) fn compile(expression: &str, offset: usize) -> Result<(), ExpressionError> {
    check_length(expression, offset)?;
    guarded(|| {
        ENGINE
            .compile_expression(expression)
            .map(drop)
            .map_err(|error| ExpressionError::from_engine(&error, offset))
    })
}

fn check_length(expression: &str, offset: usize) -> Result<(), ExpressionError> {
    if expression.len() <= MAX_EXPRESSION {
        return Ok(());
    }
    let message =
        format!("an expression has at most {MAX_EXPRESSION} bytes, and this has {}", expression.len());
    Err(ExpressionError::new(message, Some(offset..offset + 1)))
}

fn evaluate_bare(expression: &str, offset: usize, scope: &Value) -> Result<Value, ExpressionError> {
    check_length(expression, offset)?;
    guarded(|| {
        let failed = |error: minijinja::Error| ExpressionError::from_engine(&error, offset);
        let value = ENGINE
            .compile_expression(expression)
            .map_err(failed)?
            .eval(minijinja::value::Serde(scope))
            .map_err(failed)?;
        if value.is_undefined() {
            let whole = Some(offset..offset + expression.len());
            return Err(ExpressionError::new(format!("`{}` has no value", expression.trim()), whole));
        }
        serde_json::to_value(&value).map_err(|error| ExpressionError::new(error.to_string(), None))
    })
}

/// The engine is well tested, but a file from outside must never take the program down.
fn guarded<T>(work: impl FnOnce() -> Result<T, ExpressionError>) -> Result<T, ExpressionError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ExpressionError::new("the expression cannot be evaluated", None)))
}

/// Evaluates all expressions in a JSON value. A string that is one whole expression becomes its value; in other strings
/// values become text.
pub fn evaluate(template: &Value, scope: &Value) -> Result<Value, ExpressionError> {
    match template {
        Value::String(text) if is_template(text) => evaluate_text(text, scope),
        Value::Array(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| Ok((name.clone(), evaluate(value, scope)?))).collect()
        }
        other => Ok(other.clone()),
    }
}

fn evaluate_text(text: &str, scope: &Value) -> Result<Value, ExpressionError> {
    let parts = parts(text)?;
    if let [Part::Expression(range)] = parts.as_slice() {
        return evaluate_bare(&text[range.clone()], range.start, scope);
    }
    let mut rendered = String::new();
    for part in parts {
        match part {
            Part::Text(text) => rendered += &text,
            Part::Expression(range) => match evaluate_bare(&text[range.clone()], range.start, scope)? {
                Value::String(text) => rendered += &text,
                other => rendered += &other.to_string(),
            },
        }
    }
    Ok(Value::String(rendered))
}

/// Evaluates a bare expression to true or false; anything else is an error.
pub fn evaluate_condition(expression: &str, scope: &Value) -> Result<bool, ExpressionError> {
    match evaluate_bare(expression, 0, scope)? {
        Value::Bool(truth) => Ok(truth),
        other => {
            Err(ExpressionError::new(format!("`{expression}` is {other}, neither true nor false"), None))
        }
    }
}

/// A name with what follows it by dots and brackets, such as `tasks.scores.metrics.recall`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// The names, with their places.
    pub(super) names: Vec<(String, Range<usize>)>,
}

/// Finds the names in a bare expression that stand for values from outside.
pub(super) fn chains(expression: &str) -> Vec<Chain> {
    let bytes = expression.as_bytes();
    let mut chains = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = string_end(bytes, at, quote),
            byte if byte.is_ascii_digit() => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                    at += 1;
                }
            }
            byte if is_name(byte) => {
                let is_filter = expression[..at].trim_end().ends_with(['|', '.']);
                let (chain, end) = read_chain(expression, at);
                let is_test = expression[..at].trim_end().ends_with(" is")
                    || expression[..at].trim_end().ends_with(" is not");
                let next = expression[end..].trim_start();
                let is_call = chain.names.len() == 1 && next.starts_with('(');
                let is_argument = next.starts_with('=') && !next.starts_with("==");
                let first = chain.names[0].0.as_str();
                if !(is_filter || is_test || is_call || is_argument || WORDS.contains(&first)) {
                    chains.push(chain);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    chains
}

const WORDS: [&str; 13] =
    ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn read_chain(text: &str, start: usize) -> (Chain, usize) {
    let bytes = text.as_bytes();
    let name_end = |from: usize| (from..bytes.len()).find(|at| !is_name(bytes[*at])).unwrap_or(bytes.len());
    let mut end = name_end(start);
    let mut names = vec![(text[start..end].to_owned(), start..end)];
    loop {
        match bytes.get(end) {
            Some(b'.') if bytes.get(end + 1).is_some_and(|byte| is_name(*byte)) => {
                let from = end + 1;
                end = name_end(from);
                names.push((text[from..end].to_owned(), from..end));
            }
            Some(b'[') if matches!(bytes.get(end + 1), Some(b'"' | b'\'')) => {
                let close = string_end(bytes, end + 1, bytes[end + 1]);
                if bytes.get(close) != Some(&b']') {
                    break;
                }
                names.push((text[end + 2..close - 1].to_owned(), end + 2..close - 1));
                end = close + 1;
            }
            _ => break,
        }
    }
    (Chain { names }, end)
}
