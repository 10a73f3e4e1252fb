//! Replies: JSON, with errors that have a code, a message and what else helps.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use sluicegate_model::RowProblem;

use super::metrics::Outcome;

/// At most so many problems of a request are named.
const MAX_PROBLEMS: usize = 100;

/// A request that is not answered as hoped.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    problems: Vec<RowProblem>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), problems: Vec::new() }
    }

    /// The request's own fault.
    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The server's fault; what happened is in its log.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log says how")
    }

    /// Rows that do not fit the model.
    pub(super) fn rows(problems: Vec<RowProblem>) -> Self {
        let message = match problems.len() {
            1 => "1 problem in the rows".to_owned(),
            n if n < MAX_PROBLEMS => format!("{n} problems in the rows"),
            _ => format!("the rows have {MAX_PROBLEMS} problems or more; the first {MAX_PROBLEMS} are named"),
        };
        Self { problems, ..Self::bad_request("bad_rows", message) }
    }

    /// How it is counted.
    pub(super) fn outcome(&self) -> Outcome {
        if self.status.is_server_error() { Outcome::error } else { Outcome::invalid }
    }
}

impl IntoResponse for Refusal {
    fn into_response(mut self) -> Response {
        let mut error = Map::new();
        error.insert("code".into(), json!(self.code));
        error.insert("message".into(), json!(self.message));
        if !self.problems.is_empty() {
            self.problems.truncate(MAX_PROBLEMS);
            error.insert("problems".into(), json!(self.problems));
        }
        (self.status, Json(json!({ "error": Value::Object(error) }))).into_response()
    }
}
