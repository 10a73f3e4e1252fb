//! Reading a table's fields by hand: known keys, types, and what to say of the rest.

use sluicegate_plugin::DurationParam;

use super::{
    Diagnostic,
    diagnostic::did_you_mean,
    node::{Key, Node, NodeValue, Span, Table},
};

/// A text with its place.
#[derive(Clone, Debug)]
pub(super) struct Spanned {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Spanned {
    pub(super) fn new((text, node): (&str, &Node<'_>)) -> Self {
        Self { text: text.into(), span: node.span.clone() }
    }

    pub(super) fn of_key(key: &Key<'_>) -> Self {
        Self { text: key.name.to_string(), span: key.span.clone() }
    }
}

/// A table whose keys are known.
pub(super) struct Fields<'a> {
    pub(super) table: &'a Table<'a>,
    /// What the table is, for messages: "task `raw`".
    pub(super) what: String,
}

impl<'a> Fields<'a> {
    /// Reports every key that is neither known nor planned, and every planned one as not supported.
    pub(super) fn new(
        table: &'a Table<'a>,
        what: impl Into<String>,
        known: &[&'static str],
        later: &[&'static str],
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let what = what.into();
        for (key, _) in &table.entries {
            if known.contains(&&*key.name) {
                continue;
            }
            if later.contains(&&*key.name) {
                let message = format!("`{}` is not supported by this version", key.name);
                let hint = "remove it; nothing is ignored silently";
                found.push(
                    Diagnostic::error("E006", key.span.clone(), message).label("not supported").hint(hint),
                );
            } else {
                let message = format!("unknown key `{}` in {what}", key.name);
                let hint = did_you_mean(&key.name, known.iter().copied());
                found.push(
                    Diagnostic::error("E005", key.span.clone(), message).label("unknown").maybe_hint(hint),
                );
            }
        }
        Self { table, what }
    }

    pub(super) fn wrong_type(&self, name: &str, wanted: &str, node: &Node, found: &mut Vec<Diagnostic>) {
        found.push(wrong_type(&format!("`{name}` in {}", self.what), wanted, node));
    }

    pub(super) fn string(&self, name: &str, found: &mut Vec<Diagnostic>) -> Option<(&'a str, &'a Node<'a>)> {
        let node = self.table.get(name)?;
        let text = node.as_str();
        if text.is_none() {
            self.wrong_type(name, "a string", node, found);
        }
        text.map(|text| (text, node))
    }

    pub(super) fn boolean(&self, name: &str, found: &mut Vec<Diagnostic>) -> Option<(bool, &'a Node<'a>)> {
        let node = self.table.get(name)?;
        if let NodeValue::Boolean(truth) = node.value {
            return Some((truth, node));
        }
        self.wrong_type(name, "a boolean", node, found);
        None
    }

    pub(super) fn table(&self, name: &str, found: &mut Vec<Diagnostic>) -> Option<&'a Table<'a>> {
        let node = self.table.get(name)?;
        let table = node.as_table();
        if table.is_none() {
            self.wrong_type(name, "a table", node, found);
        }
        table
    }

    /// A list of strings.
    pub(super) fn strings(&self, name: &str, found: &mut Vec<Diagnostic>) -> Vec<(&'a str, &'a Node<'a>)> {
        let Some(node) = self.table.get(name) else { return Vec::new() };
        let NodeValue::Array(items) = &node.value else {
            self.wrong_type(name, "a list of strings", node, found);
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items {
            match item.as_str() {
                Some(text) => strings.push((text, item)),
                None => self.wrong_type(name, "a list of strings", item, found),
            }
        }
        strings
    }

    /// A table of strings.
    pub(super) fn string_table(&self, name: &str, found: &mut Vec<Diagnostic>) -> Vec<(Spanned, Spanned)> {
        let mut strings = Vec::new();
        for (key, node) in self.table(name, found).into_iter().flat_map(|table| &table.entries) {
            match node.as_str() {
                Some(text) => strings.push((Spanned::of_key(key), Spanned::new((text, node)))),
                None => self.wrong_type(&format!("{name}.{}", key.name), "a string", node, found),
            }
        }
        strings
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        what: &str,
        known: &[(&str, T)],
        found: &mut Vec<Diagnostic>,
    ) -> Option<T> {
        let (word, node) = self.string(name, found)?;
        let value = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if value.is_none() {
            let message = format!("`{word}` is not {what}");
            let hint = did_you_mean(word, known.iter().map(|(name, _)| *name));
            found.push(
                Diagnostic::error("E008", node.span.clone(), message).label("unknown").maybe_hint(hint),
            );
        }
        value
    }

    /// An integer within bounds.
    pub(super) fn integer(&self, name: &str, min: i64, max: i64, found: &mut Vec<Diagnostic>) -> Option<i64> {
        let node = self.table.get(name)?;
        match node.value {
            NodeValue::Integer(number) if (min..=max).contains(&number) => Some(number),
            NodeValue::Integer(number) => {
                let message =
                    format!("`{name}` in {} must be from {min} to {max}, found {number}", self.what);
                found.push(Diagnostic::error("E008", node.span.clone(), message).label("out of range"));
                None
            }
            _ => {
                self.wrong_type(name, "an integer", node, found);
                None
            }
        }
    }

    /// A number within bounds.
    pub(super) fn number(&self, name: &str, min: f64, max: f64, found: &mut Vec<Diagnostic>) -> Option<f64> {
        let node = self.table.get(name)?;
        let number = match node.value {
            NodeValue::Float(number) => number,
            NodeValue::Integer(number) => number as f64,
            _ => {
                self.wrong_type(name, "a number", node, found);
                return None;
            }
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        let message = format!("`{name}` in {} must be from {min} to {max}, found {number}", self.what);
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("out of range"));
        None
    }

    /// A duration in seconds: a number, or a text such as `500ms`, `1.5s`, `10m`, `2h`, `1d`. Must be above zero.
    pub(super) fn duration(&self, name: &str, found: &mut Vec<Diagnostic>) -> Option<f64> {
        let node = self.table.get(name)?;
        let allowed = match &node.value {
            NodeValue::Float(number) => DurationParam::from_seconds(*number),
            NodeValue::Integer(number) => DurationParam::from_seconds(*number as f64),
            NodeValue::String(text) => DurationParam::parse(text),
            _ => {
                self.wrong_type(name, "a duration", node, found);
                return None;
            }
        };
        if allowed.is_none() {
            let message = format!("`{name}` in {} is no duration above zero", self.what);
            let hint = "write seconds as a number, or a text such as `500ms`, `30s`, `10m`, `2h`, `1d`; at most a year";
            found.push(Diagnostic::error("E008", node.span.clone(), message).label("no duration").hint(hint));
        }
        allowed.map(|duration| duration.get().as_secs_f64())
    }
}

/// Tells whether a text can name a task or an output: lowercase letters, digits, `_` and `-`, at most 64.
pub(super) fn is_task_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

/// Tells whether a text can name a workflow, a pool or a mutex: letters, digits, `.`, `_` and `-`, at most 64.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The problem of a text that cannot be a name of something.
pub(super) fn bad_name(name: &str, what: &str, allowed: &str, span: &Span) -> Diagnostic {
    let shown: String = name.chars().take(80).collect();
    let message = format!("`{shown}` cannot be the name of {what}");
    Diagnostic::error("E011", span.clone(), message)
        .label("bad name")
        .hint(format!("use {allowed}, at most 64 of them"))
}

/// What [`is_task_name`] allows, in words.
pub(super) const TASK_NAME: &str = "lowercase letters, digits, `_` and `-`";

/// What [`is_name`] allows, in words.
pub(super) const NAME: &str = "letters, digits, `.`, `_` and `-`";

/// The problem of a value of another type than wanted.
pub(super) fn wrong_type(what: &str, wanted: &str, node: &Node) -> Diagnostic {
    let message = format!("{what} must be {wanted}, found {}", node.type_name());
    Diagnostic::error("E007", node.span.clone(), message).label(format!("expected {wanted}"))
}
