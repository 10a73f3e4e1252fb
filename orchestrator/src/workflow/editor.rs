//! The JSON Schema of workflow files, for editors: draft-07, with every kind's parameters in it.

mod schedule;
mod settings;

use serde_json::{Map, Value, json};

use super::{Hook, KindSource};

/// The schema of a workflow file that uses these kinds.
pub fn editor_schema(kinds: &dyn KindSource) -> Value {
    let mut definitions = Map::new();
    let mut rules = Vec::new();
    for name in kinds.names() {
        let Some(entry) = kinds.kind(name) else { continue };
        let mut schema = entry.schema.clone();
        let inner = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
        for (key, definition) in inner.iter().filter_map(Value::as_object).flatten() {
            definitions.insert(format!("{name}.{key}"), convert(definition, name));
        }
        definitions.insert(name.to_owned(), convert(&schema, name));
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        let required: Vec<&str> = if entry.schema["required"].as_array().is_some_and(|list| !list.is_empty())
        {
            vec!["with"]
        } else {
            Vec::new()
        };
        rules.push(json!({
            "if": { "properties": { "uses": { "const": name } }, "required": ["uses"] },
            "then": { "properties": { "with": reference }, "required": required },
        }));
    }
    let names = kinds.names();
    let described: Vec<Value> = names
        .iter()
        .filter_map(|name| kinds.kind(name))
        .map(|entry| json!({ "const": entry.description.name, "description": entry.description.summary }))
        .collect();
    definitions.insert("task".into(), settings::task(&described, &rules));
    definitions.insert("hook".into(), settings::hook(&described, &rules));
    let hooks: Map<_, _> = Hook::ALL
        .map(|(name, _)| (name.to_owned(), json!({ "$ref": "#/definitions/hook" })))
        .into_iter()
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Sluicegate workflow",
        "type": "object",
        "required": ["tasks"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "The workflow's name; also the default name of its model." },
            "description": { "type": "string" },
            "labels": { "type": "array", "items": { "type": "string" } },
            "max_parallel": { "type": "integer", "minimum": 1, "maximum": 1024, "description": "Tasks at a time." },
            "timeout": settings::duration(),
            "params": { "type": "object", "additionalProperties": settings::param() },
            "schedule": schedule::schedules(),
            "trigger": schedule::triggers(),
            "pools": settings::pools(),
            "defaults": settings::defaults(),
            "tasks": { "type": "object", "minProperties": 1, "additionalProperties": { "$ref": "#/definitions/task" } },
            "hooks": { "type": "object", "additionalProperties": false, "properties": hooks, "description": "What happens at the end of a run." },
            "outputs": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Output = \"task\" or \"task.port\", for workflows that run this one." },
        },
        "definitions": definitions,
    })
}

/// A schema of 2020-12 as draft-07, in which an expression may stand for any value.
fn convert(schema: &Value, kind: &str) -> Value {
    match schema {
        Value::Object(map) => {
            let mut converted = Map::new();
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("$schema" | "title", _) => {}
                    ("$ref", Value::String(path)) => {
                        let path = path.replace("#/$defs/", &format!("#/definitions/{kind}."));
                        converted.insert(key.clone(), Value::String(path));
                    }
                    ("properties", Value::Object(properties)) => {
                        let properties = properties
                            .iter()
                            .map(|(name, value)| (name.clone(), or_expression(convert(value, kind))));
                        converted.insert(key.clone(), Value::Object(properties.collect()));
                    }
                    ("default" | "enum" | "const" | "required" | "description", _) => {
                        converted.insert(key.clone(), value.clone());
                    }
                    _ => {
                        converted.insert(key.clone(), convert(value, kind));
                    }
                }
            }
            Value::Object(converted)
        }
        Value::Array(items) => items.iter().map(|item| convert(item, kind)).collect(),
        other => other.clone(),
    }
}

fn or_expression(schema: Value) -> Value {
    if schema["type"] == "string" {
        return schema;
    }
    let description = schema["description"].clone();
    let mut either = json!({ "anyOf": [schema, { "type": "string", "pattern": "\\{\\{.*\\}\\}" }] });
    if description.is_string() {
        either["description"] = description;
    }
    either
}
