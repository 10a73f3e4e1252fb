//! `secrets`: names under which a task sees what must not be seen, and where that comes from.

use super::{
    Diagnostic, expression,
    model::SecretSource,
    node::{Node, NodeValue, Table},
    settings::{Fields, Spanned, wrong_type},
};

const SOURCES: [&str; 3] = ["env", "file", "command"];

/// Secrets by name, with the place of the name.
pub(super) type Secrets = Vec<(Spanned, SecretSource)>;

/// Reads `secrets`, in addition to the inherited ones. A name that is also in `env` would have two values.
pub(super) fn secrets(
    fields: &Fields<'_>,
    inherited: &[(Spanned, SecretSource)],
    env: &[(Spanned, Spanned)],
    found: &mut Vec<Diagnostic>,
) -> Secrets {
    let table = fields.table("secrets", found);
    let mut own = Secrets::new();
    for (key, node) in table.into_iter().flat_map(|table| &table.entries) {
        if !is_variable(&key.name) {
            let message = format!("`{}` cannot be the name of a secret", key.name);
            let hint =
                "a secret becomes an environment variable: use letters, digits and `_`, no digit first";
            found.push(Diagnostic::error("E011", key.span.clone(), message).label("bad name").hint(hint));
        }
        if let Some(source) = source(&key.name, node, found) {
            own.push((Spanned::of_key(key), source));
        }
    }
    let is_own = |name: &str| own.iter().any(|(key, _)| key.text == name);
    let inherited: Vec<_> = inherited.iter().filter(|(key, _)| !is_own(&key.text)).cloned().collect();
    let own_env = |name: &str| {
        fields
            .table
            .get("env")
            .and_then(Node::as_table)
            .and_then(|env| env.entry(name))
            .map(|(key, _)| Spanned::of_key(key))
    };
    let clashes = own.iter().filter(|(key, _)| env.iter().any(|(other, _)| other.text == key.text));
    let clashes = clashes.map(|(key, _)| key.clone());
    for key in clashes.chain(inherited.iter().filter_map(|(key, _)| own_env(&key.text))) {
        let message = format!("`{}` is both in `env` and in `secrets`", key.text);
        let hint = "rename one of them; a program sees both as environment variables";
        found.push(Diagnostic::error("E004", key.span, message).label("here again").hint(hint));
    }
    inherited.into_iter().chain(own).collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads where a secret comes from: exactly one source.
pub(super) fn source(name: &str, node: &Node, found: &mut Vec<Diagnostic>) -> Option<SecretSource> {
    let what = format!("secret `{name}`");
    let Some(table) = node.as_table() else {
        let hint = "write `{ env = \"VARIABLE\" }`, `{ file = \"PATH\" }` or `{ command = [\"PROGRAM\"] }`; the secret itself has no place in a file";
        found.push(wrong_type(&what, "a table that names its source", node).hint(hint));
        return None;
    };
    let fields = Fields::new(table, what.clone(), &SOURCES, &[], found);
    if SOURCES.iter().filter(|source| table.get(source).is_some()).count() != 1 {
        let message = format!("{what} must have exactly one source");
        let problem = Diagnostic::error("E008", node.span.clone(), message).label("here");
        found.push(problem.hint("give `env`, `file` or `command`"));
        return None;
    }
    if let Some((text, node)) = fields.string("env", found) {
        return plain(&what, &[(text, node)], found).then(|| SecretSource::Env(text.into()));
    }
    if let Some((text, node)) = fields.string("file", found) {
        return plain(&what, &[(text, node)], found).then(|| SecretSource::File(text.into()));
    }
    command(&fields, table, found)
}

fn command(fields: &Fields<'_>, table: &Table, found: &mut Vec<Diagnostic>) -> Option<SecretSource> {
    let words = fields.strings("command", found);
    let node = table.get("command")?;
    let NodeValue::Array(items) = &node.value else { return None };
    if items.is_empty() {
        let message = format!("`command` of {} is empty", fields.what);
        let problem = Diagnostic::error("E008", node.span.clone(), message).label("empty");
        found.push(problem.hint("give a program and its arguments"));
        return None;
    }
    if words.len() < items.len() || !plain(&fields.what, &words[..1], found) {
        return None;
    }
    let no_expressions =
        words[1..].iter().all(|word| word.0.is_empty() || plain(&fields.what, &[*word], found));
    no_expressions.then(|| SecretSource::Command(words.iter().map(|(word, _)| (*word).to_owned()).collect()))
}

/// Where a secret comes from is fixed: no expressions, and not nothing.
fn plain(what: &str, texts: &[(&str, &Node)], found: &mut Vec<Diagnostic>) -> bool {
    let before = found.len();
    for (text, node) in texts {
        let wrong = match *text {
            "" => "is empty",
            text if expression::is_template(text) => "cannot be an expression",
            _ => continue,
        };
        let message = format!("the source of {what} {wrong}");
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("not allowed"));
    }
    found.len() == before
}
