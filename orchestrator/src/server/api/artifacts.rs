//! What tasks left behind: lists, downloads, and the first rows of tables.

use std::{io::SeekFrom, ops::Range};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluicegate_plugin::TablePreview;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::server::{
    endpoint::Endpoints,
    error::ApiError,
    extract::{P, Q, RunPath, S},
    range::{Wanted, wanted},
    state::ServerState,
    views::{OutputView, TaskView},
};

/// Bytes that a download reads at a time.
const PIECE: usize = 64 << 10;

/// The most rows of a preview.
const MAX_ROWS: usize = 1000;

/// Cells of a preview are cut to so many characters.
const MAX_CELL: usize = 200;

/// The largest file that a preview reads as text.
const MAX_TEXT: u64 = 1 << 20;

/// What the tasks of a run left behind.
#[derive(Debug, Serialize, JsonSchema)]
struct ArtifactList {
    artifacts: Vec<ArtifactView>,
}

/// An output with its task.
#[derive(Debug, Serialize, JsonSchema)]
struct ArtifactView {
    task: String,
    #[serde(flatten)]
    output: OutputView,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DownloadQuery {
    /// The name under which a browser saves the file.
    name: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PreviewQuery {
    /// At most so many rows, 50 when nothing is said.
    rows: Option<usize>,
}

/// The beginning of a table, or a JSON document.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PreviewView {
    /// Columns of a table.
    pub(in crate::server) columns: Vec<ColumnView>,
    /// Rows of a table, long cells cut.
    pub(in crate::server) rows: Vec<Vec<Value>>,
    /// Rows of the whole table, when they are few enough to be counted.
    pub(in crate::server) n_rows: Option<usize>,
    /// The document, when it is one.
    pub(in crate::server) json: Option<Value>,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct ColumnView {
    pub(in crate::server) name: String,
    #[serde(rename = "type")]
    pub(in crate::server) column_type: String,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/runs/{run}/artifacts", "artifacts.list")
        .about("List what the tasks of a run left behind")
        .json::<ArtifactList>()
        .to(list);
    endpoints
        .get("/api/v1/artifacts/{hash}", "artifacts.download")
        .about("Download an artifact by the BLAKE3 of its content, or one range of its bytes")
        .query::<DownloadQuery>()
        .other("application/octet-stream")
        .to(download);
    endpoints
        .get("/api/v1/artifacts/{hash}/preview", "artifacts.preview")
        .about("Look at the first rows of a table, or at a small JSON document")
        .refuses(&[StatusCode::UNPROCESSABLE_ENTITY])
        .query::<PreviewQuery>()
        .json::<PreviewView>()
        .to(show_preview);
}

async fn list(State(state): S, RunPath(run): RunPath) -> Result<Json<ArtifactList>, ApiError> {
    let read = move |state: &ServerState| {
        let (run, now) = (state.load(run)?, state.now());
        let tasks = run.tasks().map(|(idx, task, record)| TaskView::of(&run, idx, task, record, now));
        let artifacts = tasks.flat_map(|task| {
            let TaskView { name, outputs, .. } = task;
            outputs.into_iter().map(move |output| ArtifactView { task: name.clone(), output })
        });
        Ok(ArtifactList { artifacts: artifacts.collect() })
    };
    state.blocking(read).await.map(Json)
}

/// Where an artifact is; only what looks like a hash becomes part of a path.
pub(in crate::server) fn path(state: &ServerState, hash: &str) -> Result<std::path::PathBuf, ApiError> {
    let is_hash =
        hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let gone =
        || ApiError::not_found("there is no such artifact").hint("`gc` removes what no run names any more");
    if !is_hash {
        return Err(gone());
    }
    let path = state.parts.artifacts.path(hash);
    if path.is_file() { Ok(path) } else { Err(gone()) }
}

async fn download(
    State(state): S,
    P(hash): P<String>,
    Q(query): Q<DownloadQuery>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let name = file_name(query.name.as_deref().unwrap_or(&hash));
    let etag = format!("\"{hash}\"");
    let found = state.blocking(move |state| path(state, &hash)).await?;
    let opened = tokio::fs::File::open(&found).await;
    let file = opened.map_err(|error| ApiError::internal(&error))?;
    let length = file.metadata().await.map_err(|error| ApiError::internal(&error))?.len();
    let value = |text: String| HeaderValue::try_from(text).map_err(|error| ApiError::internal(&error));
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, value(etag.clone())?);
    // Content that is named by its hash never changes; who may not read it any more still has what they had.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, range) = match wanted(&asked, &etag, length) {
        Wanted::Known => return Ok((StatusCode::NOT_MODIFIED, headers).into_response()),
        Wanted::Beyond => return Ok(beyond(length)?.into_response()),
        Wanted::All => (StatusCode::OK, 0..length),
        Wanted::Part(range) => {
            let text = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, value(text)?);
            (StatusCode::PARTIAL_CONTENT, range)
        }
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    headers.insert(header::CONTENT_DISPOSITION, value(format!("attachment; filename=\"{name}\""))?);
    Ok((status, headers, pieces(file, range).await?).into_response())
}

fn beyond(length: u64) -> Result<ApiError, ApiError> {
    let has =
        HeaderValue::try_from(format!("bytes */{length}")).map_err(|error| ApiError::internal(&error))?;
    let error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
        format!("the artifact has {length} bytes, and the range begins behind them"),
    );
    Ok(error.header(header::CONTENT_RANGE, has).hint("`HEAD` tells the length"))
}

/// A part of a file, piece by piece.
async fn pieces(mut file: tokio::fs::File, range: Range<u64>) -> Result<Body, ApiError> {
    file.seek(SeekFrom::Start(range.start)).await.map_err(|error| ApiError::internal(&error))?;
    let rest = file.take(range.end - range.start);
    Ok(Body::from_stream(stream::try_unfold(rest, async |mut rest| {
        let mut piece = vec![0; PIECE];
        let n = rest.read(&mut piece).await?;
        piece.truncate(n);
        Ok::<_, std::io::Error>((n > 0).then(|| (Bytes::from(piece), rest)))
    })))
}

/// A name that is safe in a header and on every disk.
fn file_name(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = text.chars().take(100).map(safe).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "artifact".into() } else { name.to_owned() }
}

async fn show_preview(
    State(state): S,
    P(hash): P<String>,
    Q(query): Q<PreviewQuery>,
) -> Result<Json<PreviewView>, ApiError> {
    let rows = query.rows.unwrap_or(50).clamp(1, MAX_ROWS);
    state.blocking(move |state| preview(state, &hash, rows)).await.map(Json)
}

/// The beginning of an artifact.
pub(in crate::server) fn preview(
    state: &ServerState,
    hash: &str,
    n_rows: usize,
) -> Result<PreviewView, ApiError> {
    let path = path(state, hash)?;
    if let Ok(TablePreview { columns, rows, n_rows }) = TablePreview::read(&path, n_rows, MAX_CELL) {
        let columns = columns.into_iter().map(|(name, column_type)| ColumnView { name, column_type });
        return Ok(PreviewView { columns: columns.collect(), rows, n_rows, json: None });
    }
    let small = std::fs::metadata(&path).is_ok_and(|about| about.len() <= MAX_TEXT);
    let text = if small { std::fs::read(&path).ok() } else { None };
    match text.and_then(|text| serde_json::from_slice(&text).ok()) {
        Some(json) => {
            Ok(PreviewView { columns: Vec::new(), rows: Vec::new(), n_rows: None, json: Some(json) })
        }
        None => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_preview",
            "the artifact is neither a table nor a small JSON document",
        )
        .hint("download it instead")),
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_downloads_are_harmless() {
        assert_eq!(file_name("../../etc/pass wd\"\r\n"), "_.._etc_pass_wd___");
        assert_eq!(file_name("table.arrow"), "table.arrow");
        assert_eq!(file_name("..."), "artifact");
    }
}
