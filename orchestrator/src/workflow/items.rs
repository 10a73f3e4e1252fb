//! `for_each`: the items of a task, as far as they are known before the run.

use super::{
    Diagnostic,
    expression::{self, Part},
    node::{Node, NodeValue, Table},
    settings::wrong_type,
};

/// A task has at most so many items.
const MAX_ITEMS: usize = 10_000;

const HINT: &str = "write a list, a table of lists, or one whole expression that gives a list, such as `{{ tasks.find.outputs.files }}`";

/// Verifies `for_each` of a task; `resolved` is the same with parameters in place of expressions that they decide.
pub(super) fn verify(task: &str, node: &Node, resolved: &Node, found: &mut Vec<Diagnostic>) {
    let what = format!("`for_each` of task `{task}`");
    let n_items = match (&node.value, &resolved.value) {
        (NodeValue::Table(raw), NodeValue::Table(table)) => combinations(&what, node, raw, table, found),
        _ => list(&what, node, resolved, found),
    };
    if let Some(n_items) = n_items.filter(|n_items| *n_items > MAX_ITEMS) {
        let message = format!("{what} has {n_items} items; a task has at most {MAX_ITEMS}");
        let hint = "let one task do the work of several items";
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("too many items").hint(hint));
    }
    if node.to_json().is_none() {
        let message = format!("{what} holds a number that is not finite, or does not fit into 64 bits");
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("not allowed"));
    }
}

/// The number of combinations of a table of lists, when it is known.
fn combinations(
    what: &str,
    node: &Node,
    raw: &Table,
    table: &Table,
    found: &mut Vec<Diagnostic>,
) -> Option<usize> {
    if table.entries.is_empty() {
        let message = format!("{what} is a table without lists");
        found.push(Diagnostic::error("E008", node.span.clone(), message).label("empty").hint(HINT));
    }
    let lengths = raw.entries.iter().zip(&table.entries).map(|((key, node), (_, resolved))| {
        list(&format!("`{}` in {what}", key.name), node, resolved, found)
    });
    // All of them, so that every broken list is reported.
    let lengths: Vec<_> = lengths.collect();
    lengths.into_iter().try_fold(1_usize, |product, length| Some(product.saturating_mul(length?)))
}

/// The number of items of a list, or of an expression that gives one, when it is known.
fn list(what: &str, node: &Node, resolved: &Node, found: &mut Vec<Diagnostic>) -> Option<usize> {
    match (&node.value, &resolved.value) {
        (NodeValue::Array(items), _) => Some(items.len()),
        (NodeValue::String(text), _) if !is_whole_expression(text) => {
            found.push(wrong_type(what, "a list", node).hint(HINT));
            None
        }
        (NodeValue::String(_), NodeValue::Array(items)) => Some(items.len()),
        (NodeValue::String(_), NodeValue::Dynamic) => None,
        _ => {
            found.push(wrong_type(what, "a list", resolved).hint(HINT));
            None
        }
    }
}

/// An expression that does not parse counts as one: it is reported as such.
fn is_whole_expression(text: &str) -> bool {
    expression::is_template(text)
        && expression::parts(text).map_or(true, |parts| matches!(parts.as_slice(), [Part::Expression(_)]))
}

/// The keys that `item.NAME` may name; `None` when that is not known before the run.
pub(super) fn keys<'a>(resolved: &'a Node<'_>) -> Option<Vec<&'a str>> {
    match &resolved.value {
        NodeValue::Table(table) => Some(names(table)),
        NodeValue::Array(items) => {
            let mut keys = Vec::new();
            for item in items {
                match &item.value {
                    NodeValue::Table(table) => keys.extend(names(table)),
                    NodeValue::Dynamic | NodeValue::Array(_) => return None,
                    _ => {}
                }
            }
            keys.sort_unstable();
            keys.dedup();
            Some(keys)
        }
        _ => None,
    }
}

fn names<'a>(table: &'a Table<'_>) -> Vec<&'a str> {
    table.entries.iter().map(|(key, _)| &*key.name).collect()
}
