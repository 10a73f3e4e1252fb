//! The JSON Schema of workflow files, for editors: draft-07, with every kind's parameters in it.

use serde_json::{Map, Value, json};

use super::{KindSource, RunIf};

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
    definitions.insert("task".into(), task(&described, rules));
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
            "params": { "type": "object", "additionalProperties": param() },
            "defaults": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "retry": retry(), "timeout": duration(), "env": env() },
                "description": "Settings of tasks that do not say otherwise.",
            },
            "tasks": { "type": "object", "minProperties": 1, "additionalProperties": { "$ref": "#/definitions/task" } },
        },
        "definitions": definitions,
    })
}

fn param() -> Value {
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": ["string", "integer", "number", "boolean"] },
            "default": { "type": ["string", "number", "boolean"] },
            "min": { "type": "number" },
            "max": { "type": "number" },
            "choices": { "type": "array" },
            "help": { "type": "string" },
        },
    })
}

fn task(kinds: &[Value], rules: Vec<Value>) -> Value {
    json!({
        "type": "object",
        "required": ["uses"],
        "additionalProperties": false,
        "properties": {
            "uses": { "oneOf": kinds, "description": "The kind." },
            "description": { "type": "string" },
            "with": { "type": "object", "description": "The kind's parameters." },
            "inputs": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Input = \"task\" or \"task.port\"." },
            "needs": { "type": "array", "items": { "type": "string" }, "description": "Tasks that must have succeeded." },
            "when": { "type": "string", "description": "An expression; the task is skipped when it is false." },
            "run_if": {
                "enum": RunIf::ALL.map(|(word, _)| word),
                "description": "What must have become of the tasks before it.",
            },
            "retry": retry(),
            "timeout": duration(),
            "effect": { "enum": ["pure", "idempotent", "once"] },
            "cache": { "type": "boolean" },
            "env": env(),
        },
        "allOf": rules,
    })
}

fn duration() -> Value {
    json!({ "type": ["number", "string"], "description": "Seconds, or a text such as `30s` or `10m`." })
}

fn env() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn retry() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "attempts": { "type": "integer", "minimum": 1, "maximum": 100 },
            "backoff": { "enum": ["constant", "exponential"] },
            "initial": duration(),
            "max": duration(),
            "factor": { "type": "number", "minimum": 1, "maximum": 100 },
            "jitter": { "type": "boolean" },
        },
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
