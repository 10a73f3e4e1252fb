//! Long files in pieces: the whole parser's tree takes fifty times the size of its text, ours a tenth of that.
//!
//! Files are cut only before a line `[tasks.NAME]`. A cut that falls into a text or a list leaves a piece that does not parse, which sends the
//! file back to the whole parser, so that a wrong cut cannot change what a file means.

use super::{builder::Builder, node::Table};

/// A piece is at least so long, in bytes.
const PIECE: usize = 256 << 10;

/// The tree of a long file; `None` when it has to be parsed as a whole, because it is short, broken or out of the ordinary.
pub(super) fn parse(text: &str) -> Option<Table<'_>> {
    let mut builder = Builder::new(text);
    let mut start = 0;
    let mut end = next_cut(text, 0)?;
    loop {
        builder.piece(start..end)?;
        if end == text.len() {
            return builder.finish();
        }
        start = end;
        end = next_cut(text, start).unwrap_or(text.len());
    }
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
