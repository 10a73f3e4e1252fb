//! Logs of attempts: a range of bytes, or a stream that goes on at the very byte where it was left.

use std::{
    fs::File,
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::runs::find_task;
use crate::{
    run::{Run, RunId, TaskRecord, TaskState},
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{P, Q, S, run_id},
        sse::{self, Source, frame, last_event_id},
        state::ServerState,
    },
    workflow::Task,
};

/// The longest piece of a log.
const MAX_PIECE: u64 = 1 << 20;

/// A stream sends pieces of so many bytes.
const STREAM_PIECE: u64 = 32 << 10;

/// How often a log that grows is looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// The attempt; the latest when nothing is said.
    attempt: Option<u32>,
    /// The first byte.
    #[serde(default)]
    offset: u64,
    /// At most so many bytes, at most 1 MiB; all that there is, when nothing is said.
    limit: Option<u64>,
    /// Instead of `offset`: the last so many bytes.
    tail: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FollowQuery {
    /// The attempt; the latest when nothing is said.
    attempt: Option<u32>,
    /// The first byte; the header `Last-Event-ID` goes before it.
    offset: Option<u64>,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/runs/{run}/tasks/{task}/logs", "logs.show")
        .about("Read a range of an attempt's log. `x-log-next` is the offset of what follows, `x-log-size` the size so far")
        .query::<LogQuery>()
        .reply_header("x-log-next", "The offset of what follows")
        .reply_header("x-log-size", "Bytes so far")
        .other("text/plain; charset=utf-8")
        .to(show);
    endpoints
        .get("/api/v1/runs/{run}/tasks/{task}/logs/stream", "logs.follow")
        .about("Follow an attempt's log: events `log` whose ids are the offsets of what follows, and `end` when the attempt has ended")
        .query::<FollowQuery>()
        .header("Last-Event-ID", "The offset of the next byte that the client wants")
        .also(StatusCode::NO_CONTENT, "the client has all that will ever come")
        .refuses(&[StatusCode::CONFLICT])
        .other("text/event-stream")
        .to(follow);
}

fn path(state: &ServerState, run: RunId, task: &str, attempt: u32) -> PathBuf {
    let folder = state.parts.home.join("runs").join(run.to_string()).join("attempts");
    sluicegate_plugin::AttemptLog::path_of(&folder.join(format!("{task}-{attempt}")))
}

/// The attempts of a task that left a log.
pub(in crate::server) fn attempts_with_logs(
    state: &ServerState,
    run: &Run,
    task: &Task,
    record: &TaskRecord,
) -> Vec<u32> {
    (1..=record.n_attempts).filter(|attempt| path(state, run.id(), &task.name, *attempt).is_file()).collect()
}

/// An attempt that may have a log.
pub(in crate::server) struct Attempt {
    pub(in crate::server) path: PathBuf,
    /// Its number, once there is one.
    number: Option<u32>,
    /// True when nothing is added any more.
    pub(in crate::server) over: bool,
}

fn attempt(state: &ServerState, run: RunId, task: &str, wanted: Option<u32>) -> Result<Attempt, ApiError> {
    attempt_of(state, &state.load(run)?, task, wanted)
}

/// An attempt of a task of a run.
pub(in crate::server) fn attempt_of(
    state: &ServerState,
    run: &Run,
    task: &str,
    wanted: Option<u32>,
) -> Result<Attempt, ApiError> {
    let (_, task, record) = find_task(run, task)?;
    let attempt = wanted.unwrap_or(record.n_attempts.max(1));
    if wanted.is_some_and(|wanted| wanted == 0 || wanted > record.n_attempts) {
        let noun = if record.n_attempts == 1 { "attempt" } else { "attempts" };
        let message = format!("task `{}` has had {} {noun}", task.name, record.n_attempts);
        return Err(ApiError::not_found(message).hint("leave `attempt` out for the latest"));
    }
    let runs = matches!(record.state, TaskState::Running { attempt: current } if current == attempt);
    // Before its first attempt a task may still get one, unless its run has ended.
    let to_come = record.n_attempts == 0 && !run.status().is_final() && !record.state.is_final();
    let path = path(state, run.id(), &task.name, attempt);
    Ok(Attempt { path, number: (record.n_attempts > 0).then_some(attempt), over: !runs && !to_come })
}

/// Some bytes of a file, and its size; of a file that is not there, nothing.
pub(in crate::server) fn read(path: &PathBuf, offset: u64, limit: u64) -> Result<(Vec<u8>, u64), ApiError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(ApiError::internal(&error)),
    };
    let mut bytes = Vec::new();
    let size = file.metadata().map_err(|error| ApiError::internal(&error))?.len();
    if offset < size {
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(limit).read_to_end(&mut bytes))
            .map_err(|error| ApiError::internal(&error))?;
    }
    Ok((bytes, size))
}

async fn show(
    State(state): S,
    P((run, task)): P<(String, String)>,
    Q(query): Q<LogQuery>,
) -> Result<Response, ApiError> {
    let run = run_id(&run)?;
    let find = move |state: &ServerState| {
        let Attempt { path, .. } = attempt(state, run, &task, query.attempt)?;
        let size = std::fs::metadata(&path).map_or(0, |about| about.len());
        let offset = query.tail.map_or(query.offset, |tail| size.saturating_sub(tail)).min(size);
        let n = query.limit.map_or(size - offset, |limit| limit.min(MAX_PIECE).min(size - offset));
        Ok((path, offset, n, size))
    };
    let (path, offset, n, size) = state.blocking(find).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (HeaderName::from_static("x-log-next"), (offset + n).into()),
        (HeaderName::from_static("x-log-size"), size.into()),
    ];
    // Piece by piece: a log may be larger than memory.
    let pieces = stream::try_unfold((state, path, offset, n), async |(state, path, offset, left)| {
        let wanted = left.min(MAX_PIECE);
        let from = path.clone();
        let bytes = state.blocking(move |_| Ok(read(&from, offset, wanted)?.0)).await;
        let bytes = bytes.map_err(|error| std::io::Error::other(error.message().to_owned()))?;
        let n = bytes.len() as u64;
        Ok::<_, std::io::Error>((n > 0).then(|| (Bytes::from(bytes), (state, path, offset + n, left - n))))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

async fn follow(
    State(state): S,
    P((run, task)): P<(String, String)>,
    Q(query): Q<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let run = run_id(&run)?;
    let last = last_event_id(&headers, query.offset)?;
    let mut log = Log {
        state: Arc::clone(&state),
        run,
        task,
        attempt: query.attempt,
        offset: last.unwrap_or_default(),
        begun: false,
        ended: false,
    };
    let (found, size) = log.look().await?;
    if log.offset > size {
        let message = format!("the attempt's log has {size} bytes so far, and none at {}", log.offset);
        return Err(ApiError::conflict(message).hint("leave `Last-Event-ID` out to begin at the beginning"));
    }
    if found.over && last.is_some_and(|last| last >= size) && headers.contains_key("last-event-id") {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(sse::reply(&state, log))
}

/// Follows one log.
struct Log {
    state: Arc<ServerState>,
    run: RunId,
    task: String,
    attempt: Option<u32>,
    /// The next byte to send.
    offset: u64,
    begun: bool,
    ended: bool,
}

impl Log {
    /// How the attempt is, and how long its log. The stream stays with the first attempt that it sees.
    async fn look(&mut self) -> Result<(Attempt, u64), ApiError> {
        let (run, task, wanted) = (self.run, self.task.clone(), self.attempt);
        let look = move |state: &ServerState| {
            let found = attempt(state, run, &task, wanted)?;
            let size = std::fs::metadata(&found.path).map_or(0, |about| about.len());
            Ok((found, size))
        };
        let (found, size) = self.state.blocking(look).await?;
        self.attempt = self.attempt.or(found.number);
        Ok((found, size))
    }

    async fn piece(&self, path: PathBuf) -> Result<Vec<u8>, ApiError> {
        let offset = self.offset;
        self.state.blocking(move |_| Ok(read(&path, offset, STREAM_PIECE)?.0)).await
    }
}

/// How much of some bytes can be told as text without cutting a character; bytes that are no text are told as such.
fn whole(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(error) => error.valid_up_to() + error.error_len().unwrap_or(1),
    }
}

impl Source for Log {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Bytes::from_static(b": hello\n\n"));
        }
        loop {
            // In this order: what an attempt that is over has written is there.
            let (found, _) = self.look().await.ok()?;
            let bytes = self.piece(found.path).await.ok()?;
            let n =
                if found.over && (bytes.len() as u64) < STREAM_PIECE { bytes.len() } else { whole(&bytes) };
            if n > 0 {
                self.offset += n as u64;
                let text = String::from_utf8_lossy(&bytes[..n]);
                return Some(frame(Some(self.offset), "log", &json!({ "text": text })));
            }
            if found.over {
                self.ended = true;
                return Some(frame(None, "end", &json!({})));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
