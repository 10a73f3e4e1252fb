//! The settings of tasks, hooks and defaults, as a schema.

use serde_json::{Map, Value, json};

use crate::workflow::{RunIf, defaults, task};

/// A task, of one of `kinds`; `rules` say which parameters go with which kind.
pub(super) fn task(kinds: &[Value], rules: &[Value]) -> Value {
    of_kind(&task::KEYS, kinds, rules)
}

/// A hook.
pub(super) fn hook(kinds: &[Value], rules: &[Value]) -> Value {
    of_kind(&task::HOOK_KEYS, kinds, rules)
}

fn of_kind(keys: &[&str], kinds: &[Value], rules: &[Value]) -> Value {
    let mut properties = picked(keys);
    properties.insert("uses".into(), json!({ "oneOf": kinds, "description": "The kind." }));
    json!({
        "type": "object",
        "required": ["uses"],
        "additionalProperties": false,
        "properties": properties,
        "allOf": rules,
    })
}

/// `[defaults]`.
pub(super) fn defaults() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": picked(&defaults::KEYS),
        "description": "Settings of tasks and hooks that do not say otherwise.",
    })
}

/// The settings with these names; none of them is unknown, or a test would fail.
fn picked(keys: &[&str]) -> Map<String, Value> {
    let Value::Object(all) = all() else { return Map::new() };
    all.into_iter().filter(|(name, _)| keys.contains(&name.as_str())).collect()
}

fn all() -> Value {
    let list = || json!({ "anyOf": [{ "type": "array", "maxItems": 10_000 }, { "type": "string", "pattern": "\\{\\{.*\\}\\}" }] });
    json!({
        "description": { "type": "string" },
        "with": { "type": "object", "description": "The kind's parameters." },
        "inputs": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Input = \"task\" or \"task.port\"." },
        "needs": { "type": "array", "items": { "type": "string" }, "description": "Tasks that must have succeeded." },
        "when": { "type": "string", "description": "An expression; the task is skipped when it is false." },
        "run_if": {
            "enum": RunIf::ALL.map(|(word, _)| word),
            "description": "What must have become of the tasks before it.",
        },
        "for_each": {
            "anyOf": [list(), { "type": "object", "minProperties": 1, "additionalProperties": list() }],
            "description": "Runs once for each item: a list, a table of lists, or an expression that gives a list.",
        },
        "retry": retry(),
        "timeout": duration(),
        "continue_on_failure": { "type": "boolean", "description": "The run may succeed although this task failed." },
        "effect": { "enum": ["pure", "idempotent", "once"] },
        "cache": { "type": "boolean" },
        "pool": {
            "anyOf": [
                { "type": "string" },
                { "type": "object", "required": ["name"], "additionalProperties": false, "properties": { "name": { "type": "string" }, "slots": slots() } },
            ],
            "description": "The pool whose slots it holds while it runs.",
        },
        "mutex": { "type": "string", "description": "Of all tasks with this name, one runs at a time." },
        "priority": { "type": "integer", "minimum": -1000, "maximum": 1000, "description": "Higher goes first." },
        "resources": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "memory": { "anyOf": [{ "type": "integer", "minimum": 16_777_216 }, { "type": "string" }], "description": "Bytes, or a text such as `512MB` or `2GiB`." },
                "cpus": { "type": "number", "minimum": 0.01, "maximum": 1024 },
            },
            "description": "What it may use at most.",
        },
        "env": { "type": "object", "additionalProperties": { "type": "string" } },
        "secrets": {
            "type": "object",
            "additionalProperties": secret(),
            "description": "Environment variables that must not be seen, and where they come from.",
        },
    })
}

/// Where a secret comes from.
pub(super) fn secret() -> Value {
    let of = |source: &str, schema: Value| json!({ "type": "object", "required": [source], "additionalProperties": false, "properties": { source: schema } });
    let text = || json!({ "type": "string" });
    let command = json!({ "type": "array", "items": { "type": "string" } });
    json!({ "oneOf": [of("env", text()), of("file", text()), of("command", command)] })
}

/// `[pools]`.
pub(super) fn pools() -> Value {
    json!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                slots(),
                { "type": "object", "required": ["slots"], "additionalProperties": false, "properties": { "slots": slots() } },
            ],
        },
        "description": "Pools of slots that the runs of this workflow share.",
    })
}

fn slots() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": 10_000 })
}

/// A parameter.
pub(super) fn param() -> Value {
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

/// A duration.
pub(super) fn duration() -> Value {
    json!({ "type": ["number", "string"], "description": "Seconds, or a text such as `30s` or `10m`." })
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
            "on": {
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                    "exit_codes": { "type": "array", "minItems": 1, "items": { "type": "integer", "minimum": 0, "maximum": 255 } },
                    "signal": { "type": "boolean" },
                    "timeout": { "type": "boolean" },
                    "out_of_memory": { "type": "boolean" },
                    "text": { "type": "string", "description": "A regular expression that is found in the error's text." },
                },
                "description": "Which failures are tried again; without it, all that may pass.",
            },
        },
    })
}
