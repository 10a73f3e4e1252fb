//! The tree of a TOML file: values with the place they stand in.

use std::{borrow::Cow, ops::Range};

use serde_json::{Map, Number, Value as Json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Bytes of the file.
pub(super) type Span = Range<usize>;

/// A value with its place. Texts are borrowed from the file where they stand in it as they are.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    pub(super) span: Span,
    pub(super) value: NodeValue<'t>,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(super) enum NodeValue<'t> {
    String(Cow<'t, str>),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node<'t>>),
    Table(Table<'t>),
    /// A value that an expression gives at run time.
    Dynamic,
    /// An integer that does not fit into 64 bits, as written.
    TooLarge(String),
}

/// A table, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table<'t> {
    pub(super) entries: Vec<(Key<'t>, Node<'t>)>,
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) span: Span,
}

impl NodeValue<'_> {
    pub(super) fn of_integer(text: &str, radix: u32) -> Self {
        i64::from_str_radix(text, radix).map_or_else(|_| Self::TooLarge(text.into()), Self::Integer)
    }

    pub(super) fn of_float(text: &str) -> Self {
        Self::Float(text.parse().unwrap_or(f64::NAN))
    }
}

impl<'t> Table<'t> {
    pub(super) fn get(&self, name: &str) -> Option<&Node<'t>> {
        self.entry(name).map(|(_, node)| node)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&(Key<'t>, Node<'t>)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }

    /// Takes an entry out.
    pub(super) fn take(&mut self, name: &str) -> Option<(Key<'t>, Node<'t>)> {
        let at = self.entries.iter().position(|(key, _)| key.name == name)?;
        Some(self.entries.remove(at))
    }

    pub(super) fn from_toml(table: DeTable<'t>) -> Self {
        let entry = |(key, value): (Spanned<_>, _)| {
            let span = key.span();
            (Key { name: key.into_inner(), span }, Node::from_toml(value))
        };
        let mut entries: Vec<_> = table.into_iter().map(entry).collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        Self { entries }
    }
}

impl<'t> Node<'t> {
    fn from_toml(value: Spanned<DeValue<'t>>) -> Self {
        let span = value.span();
        let converted = match value.into_inner() {
            DeValue::String(text) => NodeValue::String(text),
            DeValue::Integer(number) => NodeValue::of_integer(number.as_str(), number.radix()),
            DeValue::Float(number) => NodeValue::of_float(number.as_str()),
            DeValue::Boolean(truth) => NodeValue::Boolean(truth),
            DeValue::Datetime(time) => NodeValue::Datetime(time.to_string()),
            DeValue::Array(items) => NodeValue::Array(items.into_iter().map(Self::from_toml).collect()),
            DeValue::Table(table) => NodeValue::Table(Table::from_toml(table)),
        };
        Self { span, value: converted }
    }

    /// The type's name with its article.
    pub(super) fn type_name(&self) -> &'static str {
        match self.value {
            NodeValue::String(_) => "a string",
            NodeValue::Integer(_) | NodeValue::TooLarge(_) => "an integer",
            NodeValue::Float(_) => "a number",
            NodeValue::Boolean(_) => "a boolean",
            NodeValue::Datetime(_) => "a date or time",
            NodeValue::Array(_) => "a list",
            NodeValue::Table(_) => "a table",
            NodeValue::Dynamic => "a value that is not known yet",
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let NodeValue::String(text) = &self.value { Some(text) } else { None }
    }

    pub(super) fn as_table(&self) -> Option<&Table<'t>> {
        if let NodeValue::Table(table) = &self.value { Some(table) } else { None }
    }

    pub(super) fn into_table(self) -> Option<Table<'t>> {
        if let NodeValue::Table(table) = self.value { Some(table) } else { None }
    }

    /// The value as JSON; `None` when it holds something that JSON cannot, or that is not known yet.
    pub(super) fn to_json(&self) -> Option<Json> {
        Some(match &self.value {
            NodeValue::String(text) => Json::String(text.to_string()),
            NodeValue::Datetime(text) => Json::String(text.clone()),
            NodeValue::Integer(number) => Json::Number((*number).into()),
            NodeValue::Float(number) => Json::Number(Number::from_f64(*number)?),
            NodeValue::Boolean(truth) => Json::Bool(*truth),
            NodeValue::Array(items) => Json::Array(items.iter().map(Self::to_json).collect::<Option<_>>()?),
            NodeValue::Table(table) => Json::Object(
                table
                    .entries
                    .iter()
                    .map(|(key, node)| Some((key.name.to_string(), node.to_json()?)))
                    .collect::<Option<Map<_, _>>>()?,
            ),
            NodeValue::Dynamic | NodeValue::TooLarge(_) => return None,
        })
    }

    /// The same place with a value from JSON.
    pub(super) fn with_json(&self, value: &Json) -> Node<'static> {
        let at = |value| Node { span: self.span.clone(), value };
        match value {
            Json::Null => at(NodeValue::Dynamic),
            Json::Bool(truth) => at(NodeValue::Boolean(*truth)),
            Json::Number(number) => at(match number.as_i64() {
                Some(number) => NodeValue::Integer(number),
                None => NodeValue::Float(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Json::String(text) => at(NodeValue::String(text.clone().into())),
            Json::Array(items) => {
                at(NodeValue::Array(items.iter().map(|item| self.with_json(item)).collect()))
            }
            Json::Object(map) => {
                let entry = |(name, value): (&String, &Json)| {
                    (Key { name: name.clone().into(), span: self.span.clone() }, self.with_json(value))
                };
                at(NodeValue::Table(Table { entries: map.iter().map(entry).collect() }))
            }
        }
    }

    /// The place that a JSON pointer names: as deep as it exists.
    pub(super) fn span_at(&self, pointer: &str) -> Span {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                NodeValue::Table(table) => table.get(&part),
                NodeValue::Array(items) => part.parse::<usize>().ok().and_then(|idx| items.get(idx)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.span.clone()
    }
}
