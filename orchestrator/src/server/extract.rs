//! What handlers take out of a request; whatever does not fit is refused in the API's own form.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    access::Identity,
    error::ApiError,
    peer::Peer,
    state::{ServerState, no_run},
};
use crate::run::RunId;

/// The state of the server.
pub(super) type S = axum::extract::State<Arc<ServerState>>;

/// The largest body.
pub(super) const MAX_BODY: usize = 1 << 20;

/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(20);

/// Parts of the path.
pub(super) struct P<T>(pub(super) T);

impl<B: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<B> for P<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &B) -> Result<Self, ApiError> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(found)| Self(found)).map_err(|_| {
            ApiError::not_found("there is no such path").hint("`/api/openapi.json` lists what there is")
        })
    }
}

/// A run's id in the path.
pub(super) struct RunPath(pub(super) RunId);

impl<B: Send + Sync> FromRequestParts<B> for RunPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &B) -> Result<Self, ApiError> {
        let P(text) = P::<String>::from_request_parts(parts, state).await?;
        run_id(&text).map(Self)
    }
}

/// Reads a run's id.
pub(super) fn run_id(text: &str) -> Result<RunId, ApiError> {
    text.parse().map_err(|_| no_run(&text.chars().take(40).collect::<String>()))
}

/// The query.
pub(super) struct Q<T>(pub(super) T);

impl<B: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<B> for Q<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &B) -> Result<Self, ApiError> {
        let found = Query::<T>::from_request_parts(parts, state).await;
        found.map(|Query(found)| Self(found)).map_err(|error| {
            let text = error.body_text();
            let why = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, why)| why);
            ApiError::invalid(format!("the query does not fit: {why}")).hint(WHAT_FITS)
        })
    }
}

/// Who asks.
pub(super) struct Who(pub(super) Identity);

impl<B: Send + Sync> FromRequestParts<B> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &B) -> Result<Self, ApiError> {
        let identity = parts.extensions.get::<Identity>().cloned();
        identity.map(Self).ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "who asks?"))
    }
}

/// Where the request comes from.
pub(super) fn peer_of(extensions: &axum::http::Extensions) -> Option<Peer> {
    extensions.get::<Peer>().copied()
}

/// A JSON body; an empty one is an empty object.
pub(super) struct Body<T> {
    pub(super) value: T,
    pub(super) bytes: Bytes,
}

impl<B: Send + Sync, T: DeserializeOwned> FromRequest<B> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &B) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let bytes = read_body(request.into_body()).await?;
        if !bytes.is_empty() && !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the body must be JSON",
            )
            .hint("send `content-type: application/json`"));
        }
        let value = read_object(if bytes.is_empty() { b"{}" } else { &bytes })?;
        Ok(Self { value, bytes })
    }
}

/// Where everything that a path takes is written down.
const WHAT_FITS: &str = "`/api/openapi.json` and `/api/docs` say what it takes";

/// Reads an object. A list that has its fields in order is none, and a whole number is one also when it is written `5.0`.
fn read_object<T: DeserializeOwned>(text: &[u8]) -> Result<T, ApiError> {
    let refused = |error: &dyn std::fmt::Display| {
        ApiError::invalid(format!("the body does not fit: {error}")).hint(WHAT_FITS)
    };
    if text.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
        return Err(refused(&"it is a list, not an object"));
    }
    serde_json::from_slice(text).or_else(|error| {
        let whole = serde_json::from_slice(text).ok().map(whole_numbers);
        whole.and_then(|value| serde_json::from_value(value).ok()).ok_or_else(|| refused(&error))
    })
}

/// The same value with `5.0` as `5`.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 2f64.powi(53));
            let text = whole.filter(|_| number.is_f64()).map(|float| format!("{float:.0}"));
            text.and_then(|text| text.parse().ok()).map_or(Value::Number(number), Value::Number)
        }
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, whole_numbers(value))).collect()
        }
        other => other,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.is_some_and(|given| {
        given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    })
}

/// Reads a body, within limits of size and time.
pub(super) async fn read_body(body: axum::body::Body) -> Result<Bytes, ApiError> {
    let limited = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(BODY_WAIT, limited).await {
        Err(_) => {
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time")
                .hint(format!("send it within {} seconds", BODY_WAIT.as_secs()))
                .header(header::CONNECTION, HeaderValue::from_static("close")))
        }
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body has more than {} MiB", MAX_BODY >> 20),
        )
        .hint("no request needs as much; files are read by tasks")),
        Ok(Err(error)) => Err(ApiError::invalid(format!("the body cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[serde(default)]
        n: Option<u32>,
    }

    #[test]
    fn a_body_is_an_object_whose_whole_numbers_may_have_a_point() {
        let read = |text: &str| read_object::<Asked>(text.as_bytes());
        assert_eq!(read("{\"n\": 5.0}").unwrap(), Asked { n: Some(5) });
        assert_eq!(read(" {}").unwrap(), Asked { n: None });
        for text in
            ["[]", " [null]", "null", "5", "{\"n\": 5.5}", "{\"n\": -1.0}", "{\"n\": 1e300}", "{\"m\": 1}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        let refused = read("{\n \"n\": \"x\"}").unwrap_err();
        assert!(refused.message().contains("line 2 column"), "{}", refused.message());
    }
}
