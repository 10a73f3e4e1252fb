//! Rights: what stands between a caller and an operation, and what the audit trail hears of it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    access::{Identity, Role},
    error::ApiError,
    extract::peer_of,
    guard::unauthorized,
    state::ServerState,
};

/// Who may use an operation, and how the trail names it.
#[derive(Clone)]
pub(super) struct Right {
    pub(super) state: Arc<ServerState>,
    /// `None` for everyone.
    pub(super) role: Option<Role>,
    pub(super) name: &'static str,
    pub(super) changes: bool,
}

/// Lets those through who may, and keeps the audit trail of what changes something.
pub(super) async fn allow(State(right): State<Right>, request: Request, next: Next) -> Response {
    let Some(role) = right.role else { return next.run(request).await };
    let target: String = request.uri().path().chars().take(200).collect();
    let Some(peer) = peer_of(request.extensions()) else {
        return unauthorized("nobody knows where this comes from").into_response();
    };
    let Some(identity) = request.extensions().get::<Identity>().cloned() else {
        right.state.audit.refused(&peer, &target, 401, right.state.now());
        return unauthorized("this needs a token").into_response();
    };
    if identity.role < role {
        right.state.audit.refused(&peer, &target, 403, right.state.now());
        let message =
            format!("`{}` has the role `{}`, and this needs `{role}`", identity.name, identity.role);
        return ApiError::forbidden("forbidden", message)
            .hint("`sluice tokens add NAME --role ROLE` makes a token that may do more")
            .into_response();
    }
    if !right.changes {
        return next.run(request).await;
    }
    let noted = {
        let (who, target) = (identity.clone(), target.clone());
        let note = move |state: &ServerState| {
            let noted = state.audit.intend(&who, &peer, right.name, &target, state.now());
            noted.map_err(|error| ApiError::internal(&error))
        };
        right.state.blocking(note).await
    };
    if let Err(error) = noted {
        return error.into_response();
    }
    let reply = next.run(request).await;
    let (status, now) = (reply.status().as_u16(), right.state.now());
    right.state.audit.settle(&identity, &peer, right.name, &target, status, now);
    reply
}
