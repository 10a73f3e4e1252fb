//! Long files in pieces: the parser's own tree takes fifty times the size of its text, ours a tenth of that.
//!
//! Files are cut only before a line `[tasks.NAME]`. A cut that falls into a text or a list leaves a piece that does not parse, and pieces
//! that speak of the same table cannot be joined: both send the file back to be parsed as a whole, which has the last word.

use std::collections::HashSet;

use toml::de::DeTable;

use super::node::{Node, Table};

/// A piece is at least so long, in bytes.
const PIECE: usize = 256 << 10;

/// The tree of a long file; `None` when it has to be parsed as a whole, because it is short, broken or out of the ordinary.
pub(super) fn parse(text: &str) -> Option<Table<'_>> {
    let mut end = next_cut(text, 0)?;
    let mut whole = parse_piece(text, 0, end)?;
    if whole.entry("tasks").is_some_and(|(_, node)| starts_with(text, node, '{')) {
        return None;
    }
    while end < text.len() {
        let start = end;
        end = next_cut(text, start).unwrap_or(text.len());
        join(&mut whole, parse_piece(text, start, end)?, text)?;
    }
    let tasks = whole.get("tasks")?.as_table()?;
    let mut names = HashSet::with_capacity(tasks.entries.len());
    tasks.entries.iter().all(|(key, _)| names.insert(&*key.name)).then_some(whole)
}

/// The first line `[tasks.NAME]` that leaves a piece of the wanted length before it.
fn next_cut(text: &str, from: usize) -> Option<usize> {
    const HEADER: &str = "\n[tasks.";
    let mut at = text.floor_char_boundary(from + PIECE);
    loop {
        at += text.get(at..)?.find(HEADER)? + 1;
        let name = text[at + HEADER.len() - 1..].split([']', '.', '\n']).next()?;
        if text[at + HEADER.len() - 1 + name.len()..].starts_with(']') {
            return Some(at);
        }
    }
}

fn parse_piece(text: &str, start: usize, end: usize) -> Option<Table<'_>> {
    let (tree, errors) = DeTable::parse_recoverable(&text[start..end]);
    errors.is_empty().then(|| Table::from_toml(tree.into_inner(), start))
}

/// Adds what stands in a later piece; `None` when it reopens a table of an earlier one, other than `tasks`.
fn join<'t>(whole: &mut Table<'t>, piece: Table<'t>, text: &str) -> Option<()> {
    for (key, node) in piece.entries {
        let Some((_, existing)) = whole.entries.iter_mut().find(|(other, _)| other.name == key.name) else {
            whole.entries.push((key, node));
            continue;
        };
        if key.name != "tasks" || starts_with(text, &node, '[') {
            return None;
        }
        existing.as_table_mut()?.entries.append(&mut node.into_table()?.entries);
    }
    Some(())
}

/// Tells how a table is written: `[` for a header of its own, `{` for one in a line.
fn starts_with(text: &str, node: &Node, sign: char) -> bool {
    text[node.span.start..].starts_with(sign)
}
