//! A tree straight from the parser's events, for long files that are written in the ordinary way.
//!
//! The builder knows tables with a header of their own, keys without dots, and values. Whatever else TOML has, and whatever may be wrong, is
//! not told: the file is then read by the whole parser, which has the last word. So the builder needs none of TOML's rules for
//! tables that are written in several places: a name that comes twice, in whatever way, is out of the ordinary.

use std::{borrow::Cow, collections::HashSet};

use toml_parser::{
    ErrorSink, ParseError, Source, Span as RawSpan,
    decoder::{Encoding, ScalarKind},
    lexer::Token,
    parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document},
};

use super::node::{Key, Node, NodeValue, Span, Table};

/// Deeper nesting is left to the whole parser, which refuses it.
const MAX_DEPTH: u32 = 80;

/// Longer tables are searched by hash for names that come twice.
const FEW: usize = 16;

/// A tree under construction.
pub(super) struct Builder<'t> {
    text: &'t str,
    /// Where the piece begins that is being read.
    from: usize,
    /// Room for the piece's tokens, used again for the next one.
    tokens: Vec<Token>,
    root: Table<'t>,
    /// The table of the last header, not yet in the tree.
    current: Table<'t>,
    /// The last header's names; empty before the first header.
    header: Vec<Key<'t>>,
    header_span: Span,
    in_header: bool,
    /// The key whose value comes next, in `current`.
    key: Option<Key<'t>>,
    /// Lists and inline tables that are not closed yet.
    open: Vec<Open<'t>>,
    is_ordinary: bool,
}

/// A list or an inline table that is not closed yet.
struct Open<'t> {
    start: usize,
    value: Container<'t>,
}

enum Container<'t> {
    Array(Vec<Node<'t>>),
    /// With the key whose value comes next.
    Table(Table<'t>, Option<Key<'t>>),
}

impl<'t> Builder<'t> {
    /// A builder for the pieces of a file.
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            from: 0,
            tokens: Vec::new(),
            root: Table::default(),
            current: Table::default(),
            header: Vec::new(),
            header_span: 0..0,
            in_header: false,
            key: None,
            open: Vec::new(),
            is_ordinary: true,
        }
    }

    /// Reads the next piece; `None` when it is out of the ordinary.
    pub(super) fn piece(&mut self, piece: Span) -> Option<()> {
        self.from = piece.start;
        let source = Source::new(&self.text[piece]);
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.clear();
        tokens.extend(source.lex());
        let mut n_errors = 0;
        let mut count = |_: ParseError| n_errors += 1;
        let mut checked = ValidateWhitespace::new(self, source);
        parse_document(&tokens, &mut RecursionGuard::new(&mut checked, MAX_DEPTH), &mut count);
        self.tokens = tokens;
        (n_errors == 0 && self.is_ordinary && self.open.is_empty()).then_some(())
    }

    /// The tree of all pieces; `None` when a name comes twice.
    pub(super) fn finish(mut self) -> Option<Table<'t>> {
        self.close_table();
        (self.is_ordinary && has_no_twins(&self.root)).then_some(self.root)
    }

    /// A place in the file.
    fn span(&self, raw: RawSpan) -> Span {
        raw.start() + self.from..raw.end() + self.from
    }

    /// Puts the table of the last header into the tree.
    fn close_table(&mut self) {
        let current = std::mem::take(&mut self.current);
        let Some(last) = self.header.pop() else {
            self.root.entries.extend(current.entries);
            return;
        };
        let mut parent = &mut self.root;
        for key in self.header.drain(..) {
            let is_new = parent.entries.last().is_none_or(|(other, _)| other.name != key.name);
            if is_new {
                let node = Node { span: key.span.clone(), value: NodeValue::Table(Table::default()) };
                parent.entries.push((key, node));
            }
            let Some((_, node)) = parent.entries.last_mut() else { return };
            let is_inline = self.text[node.span.start..].starts_with('{');
            match &mut node.value {
                NodeValue::Table(table) if !is_inline => parent = table,
                _ => {
                    self.is_ordinary = false;
                    return;
                }
            }
        }
        let node = Node { span: self.header_span.clone(), value: NodeValue::Table(current) };
        parent.entries.push((last, node));
    }

    fn put(&mut self, node: Node<'t>) {
        let (table, key) = match self.open.last_mut().map(|open| &mut open.value) {
            Some(Container::Array(items)) => return items.push(node),
            Some(Container::Table(table, key)) => (table, key),
            None => (&mut self.current, &mut self.key),
        };
        match key.take() {
            Some(key) => table.entries.push((key, node)),
            None => self.is_ordinary = false,
        }
    }

    fn close(&mut self, end: RawSpan) {
        let Some(Open { start, value }) = self.open.pop() else {
            self.is_ordinary = false;
            return;
        };
        let value = match value {
            Container::Array(mut items) => {
                items.shrink_to_fit();
                NodeValue::Array(items)
            }
            Container::Table(mut table, _) => {
                table.entries.shrink_to_fit();
                NodeValue::Table(table)
            }
        };
        self.put(Node { span: start..self.span(end).end, value });
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: RawSpan, _: &mut dyn ErrorSink) {
        self.current.entries.shrink_to_fit();
        self.close_table();
        self.in_header = true;
        self.header_span = self.span(span);
    }

    fn std_table_close(&mut self, span: RawSpan, _: &mut dyn ErrorSink) {
        self.in_header = false;
        self.header_span.end = self.span(span).end;
    }

    fn array_table_open(&mut self, _: RawSpan, _: &mut dyn ErrorSink) {
        self.is_ordinary = false;
    }

    fn inline_table_open(&mut self, span: RawSpan, _: &mut dyn ErrorSink) -> bool {
        let start = self.span(span).start;
        self.open.push(Open { start, value: Container::Table(Table::default(), None) });
        true
    }

    fn inline_table_close(&mut self, span: RawSpan, _: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn array_open(&mut self, span: RawSpan, _: &mut dyn ErrorSink) -> bool {
        let start = self.span(span).start;
        self.open.push(Open { start, value: Container::Array(Vec::new()) });
        true
    }

    fn array_close(&mut self, span: RawSpan, _: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn simple_key(&mut self, span: RawSpan, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let place = self.span(span);
        let mut name = Cow::Borrowed("");
        raw(&self.text[place.clone()], encoding).decode_key(&mut name, error);
        let key = Key { name, span: place };
        if self.in_header {
            self.header.push(key);
            return;
        }
        let pending = match self.open.last_mut().map(|open| &mut open.value) {
            Some(Container::Table(_, pending)) => pending,
            _ => &mut self.key,
        };
        *pending = Some(key);
    }

    fn key_sep(&mut self, _: RawSpan, _: &mut dyn ErrorSink) {
        self.is_ordinary &= self.in_header;
    }

    fn scalar(&mut self, span: RawSpan, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let place = self.span(span);
        let mut text = Cow::Borrowed("");
        let kind = raw(&self.text[place.clone()], encoding).decode_scalar(&mut text, error);
        let value = match kind {
            ScalarKind::String => NodeValue::String(text),
            ScalarKind::Boolean(truth) => NodeValue::Boolean(truth),
            ScalarKind::Float => NodeValue::of_float(&text),
            ScalarKind::Integer(radix) => NodeValue::of_integer(&text, radix.value()),
            ScalarKind::DateTime => {
                self.is_ordinary = false;
                return;
            }
        };
        self.put(Node { span: place, value });
    }

    fn error(&mut self, _: RawSpan, _: &mut dyn ErrorSink) {
        self.is_ordinary = false;
    }
}

fn raw(text: &str, encoding: Option<Encoding>) -> toml_parser::Raw<'_> {
    toml_parser::Raw::new_unchecked(text, encoding, RawSpan::new_unchecked(0, text.len()))
}

/// Tells whether all names in all tables differ.
fn has_no_twins(table: &Table<'_>) -> bool {
    let names = || table.entries.iter().map(|(key, _)| &*key.name);
    let differ = if table.entries.len() <= FEW {
        names().enumerate().all(|(at, name)| names().skip(at + 1).all(|other| other != name))
    } else {
        let mut seen = HashSet::with_capacity(table.entries.len());
        names().all(|name| seen.insert(name))
    };
    differ && table.entries.iter().all(|(_, node)| has_no_twins_below(node))
}

fn has_no_twins_below(node: &Node<'_>) -> bool {
    match &node.value {
        NodeValue::Table(table) => has_no_twins(table),
        NodeValue::Array(items) => items.iter().all(has_no_twins_below),
        _ => true,
    }
}
