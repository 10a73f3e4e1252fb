//! The description of the API for programs: `OpenAPI` 3.1, made from the endpoints.

use serde_json::{Map, Value, json};

use super::{
    endpoint::{Endpoints, Operation, Reply},
    error::ErrorReply,
};

/// The document.
pub(super) fn document(endpoints: &mut Endpoints) -> Value {
    let error = endpoints.schemas.subschema_for::<ErrorReply>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in &endpoints.operations {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method.as_str().to_ascii_lowercase()] = describe(operation, &json!(error));
    }
    json!({
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
            "schemas": endpoints.schemas.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn describe(operation: &Operation, error: &Value) -> Value {
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if let Some(query) = operation.query.as_ref().map(|query| json!(query)) {
        let required = query["required"].as_array().cloned().unwrap_or_default();
        for (name, schema) in query["properties"].as_object().into_iter().flatten() {
            let is_required = required.iter().any(|other| other == name);
            let mut schema = schema.clone();
            let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            parameters.push(json!({
                "name": name, "in": "query", "required": is_required, "schema": schema, "description": about,
            }));
        }
    }
    let content = match &operation.reply {
        Reply::Json(schema) => json!({ "application/json": { "schema": schema } }),
        Reply::Other(content_type) => json!({ *content_type: {} }),
    };
    let mut described = json!({
        "operationId": operation.name,
        "tags": [operation.name.split('.').next().unwrap_or_default()],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            operation.status.as_str(): { "description": "done", "content": content },
            "4XX": { "description": "refused", "content": { "application/json": { "schema": error } } },
            "5XX": { "description": "failed", "content": { "application/json": { "schema": error } } },
        },
    });
    match operation.role {
        None => described["security"] = json!([]),
        Some(role) => described["x-role"] = json!(role),
    }
    if let Some(body) = &operation.body {
        described["requestBody"] = json!({ "content": { "application/json": { "schema": body } } });
    }
    described
}
