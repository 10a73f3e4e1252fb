//! The description of the API for programs: `OpenAPI` 3.1, made from the endpoints.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    access::Role,
    endpoint::{Endpoints, Operation, Reply},
    error::ErrorReply,
};

/// The document.
pub(super) fn document(endpoints: &mut Endpoints) -> Value {
    let error = json!(endpoints.told.subschema_for::<ErrorReply>());
    let mut paths: Map<String, Value> = Map::new();
    for operation in &endpoints.operations {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method.as_str().to_ascii_lowercase()] = describe(operation, &error);
    }
    let mut schemas = endpoints.asked.take_definitions(true);
    schemas.extend(endpoints.told.take_definitions(true));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sluicegate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Runs, workflows, models and schedules of one daemon. A refused request gets `{error: {code, message, hints}}`.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    });
    bound(&mut document);
    document
}

/// The document of a daemon that asks nobody for a token.
pub(super) fn open(document: &Value) -> Value {
    let mut open = document.clone();
    open["security"] = json!([{}, { "token": [] }]);
    open
}

fn describe(operation: &Operation, error: &Value) -> Value {
    let mut described = json!({
        "operationId": operation.name,
        "tags": [operation.name.split('.').next().unwrap_or_default()],
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation, error),
    });
    match operation.role {
        None => described["security"] = json!([]),
        Some(role) => described["x-role"] = json!(role),
    }
    if let Some(body) = &operation.body {
        let content = json!({ "application/json": { "schema": body } });
        described["requestBody"] = json!({ "required": operation.needs_body, "content": content });
    } else if operation.takes_bytes {
        described["requestBody"] = json!({ "required": false, "content": { "*/*": {} } });
    }
    described
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": of_path(name) }))
        .collect();
    if let Some(query) = operation.query.as_ref().map(|query| json!(query)) {
        let required = query["required"].as_array().cloned().unwrap_or_default();
        for (name, schema) in query["properties"].as_object().into_iter().flatten() {
            let is_required = required.iter().any(|other| other == name);
            let mut schema = without_null(schema.clone());
            let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            parameters.push(json!({
                "name": name, "in": "query", "required": is_required, "schema": schema, "description": about,
            }));
        }
    }
    for (name, about) in &operation.headers {
        let schema = match *name {
            // Empty is how a browser says that it has none.
            "Last-Event-ID" => json!({ "type": "string", "pattern": "^[0-9]{0,19}$" }),
            "Idempotency-Key" => json!({ "type": "string", "pattern": "^[!-~]{1,200}$" }),
            _ => json!({ "type": "string" }),
        };
        parameters
            .push(json!({ "name": name, "in": "header", "required": false, "schema": schema, "description": about }));
    }
    parameters
}

/// What a part of a path looks like.
fn of_path(name: &str) -> Value {
    match name {
        "run" => json!({ "type": "string", "pattern": RUN_ID }),
        "hash" => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

/// What the id of a run looks like.
pub(super) const RUN_ID: &str = "^[0-7][0-9a-hjkmnp-tv-z]{25}$";

/// In a query what is not there is left out, and nothing is `null`.
fn without_null(mut schema: Value) -> Value {
    if let Some(types) = schema["type"].as_array() {
        let rest: Vec<Value> = types.iter().filter(|word| *word != "null").cloned().collect();
        schema["type"] = if let [only] = rest.as_slice() { only.clone() } else { json!(rest) };
    }
    schema
}

fn responses(operation: &Operation, error: &Value) -> Value {
    let mut content = match &operation.reply {
        Reply::Json(schema) => json!({ "application/json": { "schema": schema } }),
        Reply::Other(content_type) => json!({ *content_type: {} }),
    };
    if let Some(content_type) = operation.other_form {
        content[content_type] = json!({});
    }
    let mut done = json!({ "description": "done", "content": content });
    for (name, about) in &operation.reply_headers {
        done["headers"][*name] = json!({ "description": about, "schema": { "type": "integer" } });
    }
    let mut responses = json!({ operation.status.as_str(): done });
    for (status, about) in &operation.also {
        responses[status.as_str()] = if *status == StatusCode::NO_CONTENT {
            json!({ "description": about })
        } else {
            json!({ "description": about, "content": content })
        };
    }
    for status in refusals(operation) {
        let about = status.canonical_reason().unwrap_or_default().to_lowercase();
        responses[status.as_str()] =
            json!({ "description": about, "content": { "application/json": { "schema": error } } });
    }
    responses
}

/// With what an operation may refuse.
fn refusals(operation: &Operation) -> Vec<StatusCode> {
    let changes = operation.method != Method::GET;
    let reads = operation.query.is_some() || operation.takes_bytes || !operation.headers.is_empty();
    let mut all = operation.refusals.clone();
    let mut may = |when: bool, statuses: &[StatusCode]| {
        if when {
            all.extend_from_slice(statuses);
        }
    };
    may(reads, &[StatusCode::BAD_REQUEST]);
    may(operation.role.is_some(), &[StatusCode::UNAUTHORIZED]);
    may(changes || operation.role.is_some_and(|role| role > Role::Viewer), &[StatusCode::FORBIDDEN]);
    may(operation.path.contains('{'), &[StatusCode::NOT_FOUND]);
    may(operation.takes_bytes, &[StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE]);
    may(operation.body.is_some(), &[StatusCode::UNSUPPORTED_MEDIA_TYPE]);
    may(changes, &[StatusCode::SERVICE_UNAVAILABLE]);
    may(
        true,
        &[StatusCode::MISDIRECTED_REQUEST, StatusCode::TOO_MANY_REQUESTS, StatusCode::INTERNAL_SERVER_ERROR],
    );
    all.sort_unstable();
    all.dedup();
    all
}

/// Says of every whole number how large it may be; the format alone says so only to people.
fn bound(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let most = match fields.get("format").and_then(Value::as_str) {
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64" | "uint") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most.filter(|_| !fields.contains_key("maximum")) {
                fields.insert("maximum".into(), json!(most));
            }
            fields.values_mut().for_each(bound);
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_how_large_they_may_be_and_queries_have_no_null() {
        let mut schema = json!({ "type": ["integer", "null"], "format": "uint32", "minimum": 0 });
        bound(&mut schema);
        assert_eq!(
            without_null(schema),
            json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
        );
    }
}
