//! Schedules and triggers, as a schema.

use serde_json::{Value, json};

use super::settings::{duration, secret};
use crate::workflow::{CatchUp, DstFold, DstGap, Overlap};

/// `[schedule]`, or `[[schedule]]`.
pub(super) fn schedules() -> Value {
    let time = || json!({ "type": "string", "description": "A day, or a time, such as 2026-03-01T06:00:00; without an offset one of the zone." });
    let schedule = json!({
        "type": "object",
        "required": ["cron"],
        "additionalProperties": false,
        "properties": {
            "name": name(),
            "enabled": enabled(),
            "cron": { "type": "string", "description": "Minute, hour, day of the month, month, day of the week; with seconds in front six fields, with years behind seven." },
            "timezone": { "type": "string", "default": "UTC", "description": "The zone whose clocks the line means, such as `Europe/Berlin`." },
            "dst_gap": { "enum": DstGap::ALL.map(|(word, _)| word), "description": "What becomes of a time that clocks skip." },
            "dst_fold": { "enum": DstFold::ALL.map(|(word, _)| word), "description": "What becomes of a time that clocks show twice." },
            "jitter": described(duration(), "Each fire is late by up to so much, always the same for the same time."),
            "start": time(),
            "end": time(),
            "overlap": overlap("skip"),
            "catch_up": { "enum": CatchUp::ALL.map(|(word, _)| word), "default": "latest", "description": "What becomes of times that passed while nobody watched." },
            "catch_up_window": described(duration(), "Times that passed longer ago are not caught up; a week by default."),
            "catch_up_limit": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "At most so many times are caught up at once: the latest." },
            "params": params(),
        },
    });
    one_or_many(schedule, "Times at which the workflow runs.")
}

/// `[trigger]`, or `[[trigger]]`.
pub(super) fn triggers() -> Value {
    let trigger = json!({
        "type": "object",
        "oneOf": [{ "required": ["run"] }, { "required": ["webhook"] }, { "required": ["files"] }],
        "additionalProperties": false,
        "properties": {
            "name": name(),
            "enabled": enabled(),
            "run": {
                "type": "object",
                "required": ["workflow"],
                "additionalProperties": false,
                "properties": {
                    "workflow": { "type": "string", "description": "The workflow whose runs it waits for." },
                    "status": { "type": "array", "items": { "enum": ["succeeded", "rejected", "failed", "cancelled"] }, "default": ["succeeded"] },
                },
                "description": "A run of another workflow ends.",
            },
            "webhook": {
                "type": "object",
                "required": ["secret"],
                "additionalProperties": false,
                "properties": { "secret": secret() },
                "description": "A request arrives that is signed with the secret.",
            },
            "files": {
                "type": "object",
                "required": ["path"],
                "additionalProperties": false,
                "properties": {
                    "path": { "type": "string", "description": "Files, relative to the workflow's folder, such as `incoming/*.csv`." },
                    "settle": described(duration(), "For so long nothing must have changed any more; ten seconds by default."),
                },
                "description": "Files are new or changed.",
            },
            "overlap": overlap("queue"),
            "params": params(),
        },
    });
    one_or_many(trigger, "Events after which the workflow runs.")
}

fn one_or_many(schema: Value, description: &str) -> Value {
    let many = json!({ "type": "array", "items": schema });
    json!({ "anyOf": [schema, many], "description": description })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
}

fn enabled() -> Value {
    json!({ "type": "boolean", "default": true })
}

fn overlap(usual: &str) -> Value {
    json!({ "enum": Overlap::ALL.map(|(word, _)| word), "default": usual, "description": "What happens when an earlier run of it goes on." })
}

fn params() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] }, "description": "Parameters of its runs that differ from their defaults; texts may have expressions such as `{{ event.scheduled_at }}`." })
}
