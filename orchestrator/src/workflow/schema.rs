//! A task's parameters against the JSON Schema of its kind: the part of JSON Schema 2020-12 that parameters use.

use serde_json::Value;

use super::{
    Diagnostic,
    diagnostic::did_you_mean,
    node::{Node, NodeValue, Span, Table},
};

/// Schemas that refer to themselves end somewhere.
const MAX_DEPTH: usize = 32;

/// Verifies parameters.
pub(super) struct SchemaWalk<'a> {
    /// The whole schema, for `$ref`.
    pub(super) root: &'a Value,
    /// The kind's name.
    pub(super) kind: &'a str,
}

impl SchemaWalk<'_> {
    /// Reports everything in `node` that the schema does not allow. `place` names the parameter, empty for the whole.
    pub(super) fn walk(&self, node: &Node, schema: &Value, place: &str, found: &mut Vec<Diagnostic>) {
        self.walk_deep(node, schema, place, 0, found);
    }

    fn walk_deep(&self, node: &Node, schema: &Value, place: &str, depth: usize, found: &mut Vec<Diagnostic>) {
        let schema = self.resolve(schema);
        if depth > MAX_DEPTH || matches!(node.value, NodeValue::Dynamic) || schema.as_bool() == Some(true) {
            return;
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(options) = schema[key].as_array() {
                return self.alternatives(node, options, place, depth, found);
            }
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.walk_deep(node, part, place, depth + 1, found);
        }
        if let Some(constant) = schema.get("const") {
            return self.one_of(node, std::slice::from_ref(constant), place, found);
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.one_of(node, values, place, found);
        }
        if !has_type(node, &schema["type"]) {
            let wanted = self.type_words(schema);
            let message = format!("{} must be {wanted}, found {}", named(place, self.kind), node.type_name());
            found.push(
                Diagnostic::error("E019", node.span.clone(), message).label(format!("expected {wanted}")),
            );
            return;
        }
        match &node.value {
            NodeValue::Table(table) => self.table(node, table, schema, place, depth, found),
            NodeValue::Array(items) => self.list(node, items, schema, place, depth, found),
            NodeValue::Integer(number) => bounds(*number as f64, node, schema, place, self.kind, found),
            NodeValue::Float(number) => bounds(*number, node, schema, place, self.kind, found),
            NodeValue::String(text) => {
                let min = schema["minLength"].as_u64().unwrap_or(0);
                if (text.chars().count() as u64) < min {
                    let message = format!("{} must not be empty", named(place, self.kind));
                    found.push(Diagnostic::error("E020", node.span.clone(), message).label("too short"));
                }
            }
            NodeValue::TooLarge(text) => {
                let message =
                    format!("{} is {text}, which does not fit into 64 bits", named(place, self.kind));
                found.push(Diagnostic::error("E020", node.span.clone(), message).label("too large"));
            }
            _ => {}
        }
    }

    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..MAX_DEPTH {
            let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else { break };
            schema = self.root.pointer(path).unwrap_or(&Value::Bool(true));
        }
        schema
    }

    fn table(
        &self,
        node: &Node,
        table: &Table,
        schema: &Value,
        place: &str,
        depth: usize,
        found: &mut Vec<Diagnostic>,
    ) {
        let properties = schema["properties"].as_object();
        for (key, value) in &table.entries {
            let inner = join(place, &key.name);
            if let Some(property) = properties.and_then(|map| map.get(&*key.name)) {
                self.walk_deep(value, property, &inner, depth + 1, found);
                continue;
            }
            match &schema["additionalProperties"] {
                Value::Bool(false) => {
                    let names = properties.into_iter().flatten().map(|(name, _)| name.as_str());
                    let of = if place.is_empty() { format!("`{}`", self.kind) } else { format!("`{place}`") };
                    let message = format!("unknown parameter `{}` of {of}", key.name);
                    let hint = did_you_mean(&key.name, names)
                        .unwrap_or_else(|| format!("`sluice kinds show {}` lists its parameters", self.kind));
                    found.push(
                        Diagnostic::error("E018", key.span.clone(), message).label("unknown").hint(hint),
                    );
                }
                more @ Value::Object(_) => self.walk_deep(value, more, &inner, depth + 1, found),
                _ => {}
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if table.get(name).is_none() {
                let property = properties.and_then(|map| map.get(name)).unwrap_or(&Value::Null);
                let doc =
                    property["description"].as_str().and_then(|doc| doc.lines().next()).unwrap_or_default();
                let message = format!("{} lacks parameter `{name}`", named(place, self.kind));
                let wanted = self.type_words(self.resolve(property));
                let hint = format!("add `{name}`, {wanted}: {doc}");
                found.push(
                    Diagnostic::error("E021", node.span.clone(), message)
                        .label(format!("`{name}` is missing"))
                        .hint(hint),
                );
            }
        }
        let n_entries = table.entries.len() as u64;
        if n_entries < schema["minProperties"].as_u64().unwrap_or(0) {
            let message = format!("{} must not be empty", named(place, self.kind));
            found.push(Diagnostic::error("E020", node.span.clone(), message).label("empty"));
        }
    }

    fn list(
        &self,
        node: &Node,
        items: &[Node],
        schema: &Value,
        place: &str,
        depth: usize,
        found: &mut Vec<Diagnostic>,
    ) {
        let n_items = items.len() as u64;
        let (min, max) =
            (schema["minItems"].as_u64().unwrap_or(0), schema["maxItems"].as_u64().unwrap_or(u64::MAX));
        if n_items < min || n_items > max {
            let what = named(place, self.kind);
            let message = match (n_items < min, min) {
                (true, 1) => format!("{what} must not be empty"),
                (true, _) => format!("{what} must have at least {min} entries, found {n_items}"),
                (false, _) => format!("{what} must have at most {max} entries, found {n_items}"),
            };
            found.push(Diagnostic::error("E020", node.span.clone(), message).label("wrong length"));
        }
        for (idx, item) in items.iter().enumerate() {
            let item_schema = schema["prefixItems"].get(idx).unwrap_or(&schema["items"]);
            if item_schema.is_object() {
                self.walk_deep(item, item_schema, &format!("{place}[{idx}]"), depth + 1, found);
            }
        }
    }

    fn one_of(&self, node: &Node, values: &[Value], place: &str, found: &mut Vec<Diagnostic>) {
        if node.to_json().is_some_and(|value| values.contains(&value)) {
            return;
        }
        let words: Vec<_> = values.iter().map(Value::to_string).collect();
        let seen = node.to_json().map_or_else(|| node.type_name().to_owned(), |value| value.to_string());
        let message = format!("{} must be {}, found {seen}", named(place, self.kind), words.join(" or "));
        let hint = node.as_str().and_then(|text| did_you_mean(text, values.iter().filter_map(Value::as_str)));
        found.push(
            Diagnostic::error("E020", node.span.clone(), message).label("not allowed").maybe_hint(hint),
        );
    }

    /// One of several schemas must fit. The one that is meant is told by its tag or its type, so that its own problems can be named.
    fn alternatives(
        &self,
        node: &Node,
        options: &[Value],
        place: &str,
        depth: usize,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut closest: Option<(usize, Vec<Diagnostic>)> = None;
        for option in options {
            let mut problems = Vec::new();
            self.walk_deep(node, option, place, depth + 1, &mut problems);
            if problems.is_empty() {
                return;
            }
            let likeness = Self::likeness(node, self.resolve(option));
            if closest.as_ref().is_none_or(|(best, _)| likeness > *best) {
                closest = Some((likeness, problems));
            }
        }
        match closest {
            Some((1.., problems)) => found.extend(problems),
            _ => self.none_fits(node, options, place, found),
        }
    }

    /// How much a schema looks like what was meant: 2 for a table with a key that the schema asks for, 1 for a list or table alike.
    fn likeness(node: &Node, schema: &Value) -> usize {
        match &node.value {
            NodeValue::Table(table) => {
                let required: Vec<_> =
                    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if required.iter().any(|name| table.get(name).is_some()) {
                    2
                } else {
                    usize::from(required.is_empty() && schema["properties"].is_object())
                }
            }
            NodeValue::Array(_) => usize::from(schema["type"] == "array"),
            NodeValue::Integer(_) | NodeValue::Float(_) => {
                usize::from(schema["type"] == "number" || schema["type"] == "integer")
            }
            _ => 0,
        }
    }

    fn none_fits(&self, node: &Node, options: &[Value], place: &str, found: &mut Vec<Diagnostic>) {
        let mut words = Vec::new();
        let mut tags = Vec::new();
        for option in options {
            let option = self.resolve(option);
            let values = option["enum"].as_array().cloned().unwrap_or_default();
            tags.extend(
                values.iter().chain(option.get("const")).filter_map(Value::as_str).map(str::to_owned),
            );
            let keys = option["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            tags.extend(keys.map(str::to_owned));
            words.push(self.type_words(option));
        }
        words.dedup();
        let seen = match (&node.value, node.as_str()) {
            (_, Some(text)) => format!("\"{text}\""),
            (NodeValue::Table(table), _) => match table.entries.first() {
                Some((key, _)) => format!("a table with `{}`", key.name),
                None => "an empty table".into(),
            },
            _ => node.type_name().into(),
        };
        let message = format!("{} must be {}, found {seen}", named(place, self.kind), words.join(" or "));
        let written = match &node.value {
            NodeValue::Table(table) => table.entries.first().map(|(key, _)| &*key.name),
            _ => node.as_str(),
        };
        let hint = written
            .and_then(|written| sluicegate_plugin::nearest(written, tags.iter().map(String::as_str)))
            .map(|near| format!("did you mean `{near}`?"));
        let span = first_key(node).unwrap_or_else(|| node.span.clone());
        found.push(Diagnostic::error("E019", span, message).label("not allowed").maybe_hint(hint));
    }

    /// What a schema wants, in words.
    fn type_words(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        for key in ["oneOf", "anyOf"] {
            if let Some(options) = schema[key].as_array() {
                let mut words: Vec<_> = options
                    .iter()
                    .map(|option| self.type_words(option))
                    .filter(|word| word != "nothing")
                    .collect();
                words.dedup();
                return words.join(" or ");
            }
        }
        let constants: Vec<_> = schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .chain(schema.get("const"))
            .map(Value::to_string)
            .collect();
        if !constants.is_empty() {
            return constants.join(" or ");
        }
        match &schema["type"] {
            Value::String(name) if name == "object" => {
                let keys: Vec<_> =
                    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                match keys.as_slice() {
                    [one] => format!("a table `{{ {one} = … }}`"),
                    _ => "a table".into(),
                }
            }
            Value::String(name) => word(name).into(),
            Value::Array(names) => {
                let words: Vec<_> =
                    names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(word).collect();
                words.join(" or ")
            }
            _ => "another value".into(),
        }
    }
}

fn first_key(node: &Node) -> Option<Span> {
    node.as_table().and_then(|table| table.entries.first()).map(|(key, _)| key.span.clone())
}

fn word(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "a boolean",
        "array" => "a list",
        "object" => "a table",
        "null" => "nothing",
        _ => "another value",
    }
}

fn named(place: &str, kind: &str) -> String {
    if place.is_empty() { format!("`with` of `{kind}`") } else { format!("`{place}`") }
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn has_type(node: &Node, wanted: &Value) -> bool {
    let fits = |name: &str| match (&node.value, name) {
        (NodeValue::String(_) | NodeValue::Datetime(_), "string")
        | (NodeValue::Integer(_) | NodeValue::TooLarge(_), "integer" | "number")
        | (NodeValue::Float(_), "number")
        | (NodeValue::Boolean(_), "boolean")
        | (NodeValue::Array(_), "array")
        | (NodeValue::Table(_), "object") => true,
        (NodeValue::Float(number), "integer") => number.fract() == 0.0,
        _ => false,
    };
    match wanted {
        Value::String(name) => fits(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(fits),
        _ => true,
    }
}

fn bounds(number: f64, node: &Node, schema: &Value, place: &str, kind: &str, found: &mut Vec<Diagnostic>) {
    let bound = |key: &str| schema[key].as_f64();
    let wrong = if number.is_nan() {
        Some("must be a number, not NaN".to_owned())
    } else if let Some(min) = bound("minimum").filter(|min| number < *min) {
        Some(format!("must be at least {min}"))
    } else if let Some(max) = bound("maximum").filter(|max| number > *max) {
        Some(format!("must be at most {max}"))
    } else if let Some(min) = bound("exclusiveMinimum").filter(|min| number <= *min) {
        Some(format!("must be above {min}"))
    } else {
        bound("exclusiveMaximum").filter(|max| number >= *max).map(|max| format!("must be below {max}"))
    };
    if let Some(wrong) = wrong {
        let message = format!("{} {wrong}, found {number}", named(place, kind));
        found.push(Diagnostic::error("E020", node.span.clone(), message).label("out of range"));
    }
}
