//! Server-sent events: frames, beats that keep proxies patient, and the end when the server stops.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

use super::{error::ApiError, listen::stopped, state::ServerState};

/// A comment is sent when nothing else was for so long.
const BEAT: Duration = Duration::from_secs(15);

/// One event.
pub(super) fn frame(id: Option<u64>, event: &str, data: &impl Serialize) -> Bytes {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    // JSON in one line has no line break, so that one `data:` is enough.
    let data = serde_json::to_string(data).expect("views have string keys");
    Bytes::from(format!("{id}event: {event}\ndata: {data}\n\n"))
}

/// The id of the last event that the client has, from the header or, for the first connection, from the query. One that no stream of ours
/// can have given is refused: whatever was sent instead would be too much or too little.
pub(super) fn last_event_id(headers: &HeaderMap, query: Option<u64>) -> Result<Option<u64>, ApiError> {
    let Some(header) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return Ok(query);
    };
    let digits = header.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        ApiError::invalid("`Last-Event-ID` is no number").hint("leave it out to begin at the beginning")
    })
}

/// Something that gives frames until it is over.
pub(super) trait Source: Send + 'static {
    /// The next frames; `None` at the end. May be dropped while it waits, and then called again.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// Streams what a source gives. Ends with the source, or when the server stops.
pub(super) fn reply(state: &Arc<ServerState>, source: impl Source) -> Response {
    let (stopping, count) = (state.stopping.clone(), state.metrics.stream());
    let frames = stream::unfold((source, stopping, count), async |(mut source, mut stopping, count)| {
        let bytes = tokio::select! {
            () = stopped(&mut stopping) => return None,
            next = source.next() => next?,
            () = tokio::time::sleep(BEAT) => Bytes::from_static(b": beat\n\n"),
        };
        Some((Ok::<_, Infallible>(bytes), (source, stopping, count)))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(frames)).into_response()
}
