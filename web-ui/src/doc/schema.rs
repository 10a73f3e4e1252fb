//! A JSON Schema as documentation.

use maud::{Markup, html};
use serde_json::Value;

use super::markdown;

/// Schemas refer to themselves; deeper than this is not followed.
const DEEPEST: usize = 5;

/// Documents a schema that stands alone.
pub(crate) fn schema(schema: &Value) -> Markup {
    render(schema, schema, 0)
}

/// Documents a schema of a document, whose references it may use.
pub(crate) fn schema_in(document: &Value, schema: &Value) -> Markup {
    render(document, schema, 0)
}

fn render(root: &Value, schema: &Value, depth: usize) -> Markup {
    let schema = resolve(root, schema);
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        @if let Some(properties) = schema["properties"].as_object().filter(|map| !map.is_empty()) {
            dl.schema {
                @for (name, property) in properties {
                    dt { code { (name) } " " span.type { (type_words(root, property, 0)) }
                        @if required.contains(&name.as_str()) { span.must { " required" } }
                        @for remark in remarks(resolve(root, property), property) { span.sub { " " (remark) } } }
                    dd { (markdown(description(root, property)))
                        @if let Some(inner) = inner(root, property).filter(|_| depth < DEEPEST) {
                            details { summary { "its keys" } (render(root, inner, depth + 1)) }
                        }
                        (choices(root, property, depth)) }
                }
            }
        } @else if depth == 0 {
            @if schema.is_null() || schema == &Value::Bool(true) || schema.as_object().is_some_and(|map| map.get("type").is_some_and(|kind| kind == "object")) { p.empty { "none" } }
            @else { span.type { (type_words(root, schema, 0)) } (choices(root, schema, depth)) }
        }
    }
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut at = schema;
    for _ in 0..DEEPEST {
        match at["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => at = root.pointer(pointer).unwrap_or(&Value::Null),
            None => break,
        }
    }
    at
}

fn description<'a>(root: &'a Value, property: &'a Value) -> &'a str {
    property["description"]
        .as_str()
        .or_else(|| resolve(root, property)["description"].as_str())
        .unwrap_or_default()
}

/// The schema of a property's own keys, or of its items'.
fn inner<'a>(root: &'a Value, property: &'a Value) -> Option<&'a Value> {
    let property = resolve(root, property);
    let has_keys = |schema: &Value| schema["properties"].as_object().is_some_and(|map| !map.is_empty());
    if has_keys(property) {
        return Some(property);
    }
    let items = resolve(root, &property["items"]);
    has_keys(items).then_some(items)
}

/// Alternatives that have a description each.
fn choices(root: &Value, property: &Value, depth: usize) -> Markup {
    let property = resolve(root, property);
    let property = if property["type"] == "array" { resolve(root, &property["items"]) } else { property };
    let options: Vec<_> = ["oneOf", "anyOf"]
        .iter()
        .filter_map(|key| property[*key].as_array())
        .flatten()
        .map(|option| resolve(root, option))
        .filter(|option| option["description"].is_string() || option["properties"].is_object())
        .collect();
    html! {
        @if options.len() > 1 && depth < DEEPEST {
            ul.options { @for option in options { li { span.type { (type_words(root, option, 0)) } " " (option["description"].as_str().unwrap_or_default())
                @if option["properties"].is_object() { details { summary { "its keys" } (render(root, option, depth + 1)) } } } } }
        }
    }
}

fn remarks(schema: &Value, property: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
        remarks.push(format!("default {default}"));
    }
    let bound = |key: &str, word: &str| schema[key].as_f64().map(|bound| format!("{word} {bound}"));
    remarks.extend(bound("minimum", "at least"));
    remarks.extend(bound("exclusiveMinimum", "more than"));
    remarks.extend(bound("maximum", "at most"));
    remarks.extend(bound("exclusiveMaximum", "less than"));
    remarks
}

/// A type in a few words.
fn type_words(root: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolve(root, schema);
    if depth > DEEPEST {
        return "…".into();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[key].as_array() {
            let mut words: Vec<_> = options
                .iter()
                .map(|option| type_words(root, option, depth + 1))
                .filter(|word| word != "null")
                .collect();
            words.dedup();
            return words.join(" | ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            format!("list of {}", type_words(root, &schema["items"], depth + 1))
        }
        Value::String(name) if name == "object" => match schema["properties"].as_object() {
            Some(map) => format!("{{ {} }}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
            None => "table".into(),
        },
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<_> =
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            names.join(" | ")
        }
        _ => "any".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::schema;
    use serde_json::json;

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let recursive = json!({
            "properties": { "child": { "$ref": "#" }, "odd": { "$ref": "#/properties/odd" } }, "required": ["child"],
        });
        let html = schema(&recursive).into_string();
        assert!(html.contains("required") && html.len() < 100_000);
    }

    #[test]
    fn types_defaults_bounds_and_texts_are_there() {
        let html = schema(&json!({ "properties": {
            "c": { "type": "number", "default": 1.0, "exclusiveMinimum": 0, "description": "Penalty, see `svm`." },
            "kernel": { "enum": ["linear", "rbf"] },
        } }))
        .into_string();
        for part in [
            "number",
            "default 1.0",
            "more than 0",
            "<code>svm</code>",
            "&quot;linear&quot; | &quot;rbf&quot;",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
