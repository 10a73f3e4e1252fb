//! Refusals: a status, a stable code, a message and the next steps, always in the same JSON.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::facade::FacadeError;
use crate::{
    engine::EngineError,
    run::ReplayError,
    store::{FindError, StoreError},
};

/// What a refused request gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ErrorReply {
    error: ErrorView,
}

/// Why a request was refused.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ErrorView {
    /// A stable code.
    code: &'static str,
    /// What is wrong: a lowercase fragment.
    message: String,
    /// What to do next.
    hints: Vec<String>,
    /// The problems of a workflow, when that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Value>,
}

/// A refusal.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// In a box, because every handler's result has room for one.
    content: Box<Content>,
}

#[derive(Debug)]
struct Content {
    view: ErrorView,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let view = ErrorView { code, message: message.into(), hints: Vec::new(), diagnostics: None };
        Self { status, content: Box::new(Content { view, header: None }) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// What went wrong is written to the log of the daemon; a client learns only that something did.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!("a request failed: {}", sluicegate_plugin::with_causes(error));
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the daemon could not do its work")
            .hint("`sluice doctor` looks for the cause")
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.content.view.hints.push(hint);
        }
        self
    }

    pub(super) fn diagnostics(mut self, diagnostics: Value) -> Self {
        self.content.view.diagnostics = Some(diagnostics);
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.content.header = Some((name, value));
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.content.view.message
    }

    pub(super) fn hints(&self) -> &[String] {
        &self.content.view.hints
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Content { view, header } = *self.content;
        let mut reply = (self.status, Json(ErrorReply { error: view })).into_response();
        if let Some((name, value)) = header {
            reply.headers_mut().insert(name, value);
        }
        reply
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoVersion { .. } => {
                Self::not_found(error.to_string()).hint("`GET /api/v1/models/NAME` lists its versions")
            }
            error => Self::internal(&error),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Store(error) => error.into(),
            error => Self::not_found(error.to_string()).hint("`GET /api/v1/runs` lists runs"),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        Self::internal(&error)
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Leaving => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", error.to_string())
                .hint("try again when it has started again"),
            EngineError::Ended(_)
            | EngineError::Open(_)
            | EngineError::NothingToRepeat(_)
            | EngineError::NoTask { .. }
            | EngineError::HeldBack { .. }
            | EngineError::NothingBefore { .. }
            | EngineError::Driven(_)
            | EngineError::Clearing
            | EngineError::Driving(_) => {
                Self::conflict(error.to_string()).hint("`GET /api/v1/runs/ID` tells how the run is")
            }
            error => Self::internal(&error),
        }
    }
}

impl From<FacadeError> for ApiError {
    fn from(error: FacadeError) -> Self {
        match error {
            FacadeError::NotFound { message, hint } => Self::not_found(message).hint(hint),
            FacadeError::Invalid { message, hint } => Self::invalid(message).hint(hint),
            FacadeError::Conflict { message, hint } => Self::conflict(message).hint(hint),
            FacadeError::Forbidden(message) => {
                Self::forbidden("forbidden", message).hint("`docs/schedules.md` says how a body is signed")
            }
            FacadeError::Failed(message) => {
                tracing::error!("a request failed: {message}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
                    .hint("the daemon's log says more")
            }
        }
    }
}
