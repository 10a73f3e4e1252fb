//! A request's body: read within limits, and understood as rows.

use std::time::Duration;

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::reply::Refusal;

/// The largest body.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// How long a body may take to arrive.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Reads a body.
pub(super) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let limited = Limited::new(body, MAX_BYTES).collect();
    match tokio::time::timeout(MAX_WAIT, limited).await {
        Err(_) => {
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time"))
        }
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message =
                format!("the body has more than {} MiB; send fewer rows at a time", MAX_BYTES >> 20);
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message))
        }
        Ok(Err(error)) => {
            Err(Refusal::bad_request("unreadable", format!("the body cannot be read: {error}")))
        }
    }
}

/// Understands a body as rows: `{"rows": [{…}, …]}`, a list of objects, or one object, which is one row. An object is
/// taken for the first form when its `rows` is a list, which no value of a row can be.
pub(super) fn rows(body: &[u8]) -> Result<Vec<Map<String, Value>>, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request("not_json", format!("the body is not JSON: {error}")))?;
    let shape = |message: String| Refusal::bad_request("bad_shape", message);
    let items = match value {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("rows") {
            Some(Value::Array(items)) if object.is_empty() => items,
            Some(Value::Array(_)) => {
                let strangers: Vec<_> = object.keys().take(10).map(|name| format!("`{name}`")).collect();
                return Err(shape(format!(
                    "beside `rows` stands {}; only `rows` is known",
                    strangers.join(", ")
                )));
            }
            Some(other) => {
                object.insert("rows".into(), other);
                return Ok(vec![object]);
            }
            None => return Ok(vec![object]),
        },
        other => return Err(shape(format!("the body must be rows, found {}", kind(&other)))),
    };
    let rows = items.into_iter().enumerate().map(|(row_idx, item)| match item {
        Value::Object(row) => Ok(row),
        other => Err(shape(format!("row {row_idx} must be an object of columns, found {}", kind(&other)))),
    });
    rows.collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
