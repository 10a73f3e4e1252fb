//! A path with all that is said of it once: who may use it, what it takes and gives. The router, the rights and the description for
//! programs are made from the same words.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    handler::Handler,
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};

use super::{
    access::{Identity, Role},
    error::ApiError,
    extract::peer_of,
    guard::unauthorized,
    state::ServerState,
};

/// What an operation answers with.
pub(super) enum Reply {
    Json(Schema),
    Other(&'static str),
}

/// What is said of an operation.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// Its name, also in the audit trail, such as `runs.cancel`.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// Who may use it; `None` for everyone.
    pub(super) role: Option<Role>,
    pub(super) query: Option<Schema>,
    pub(super) body: Option<Schema>,
    pub(super) status: StatusCode,
    pub(super) reply: Reply,
}

/// Collects endpoints.
pub(super) struct Endpoints {
    pub(super) router: Router<Arc<ServerState>>,
    pub(super) operations: Vec<Operation>,
    pub(super) schemas: SchemaGenerator,
    pub(super) state: Arc<ServerState>,
}

/// An endpoint that is being described.
pub(super) struct Endpoint<'a> {
    all: &'a mut Endpoints,
    about: Operation,
}

impl Endpoints {
    pub(super) fn new(state: Arc<ServerState>) -> Self {
        let settings = SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into());
        let schemas = SchemaGenerator::new(settings);
        Self { router: Router::new(), operations: Vec::new(), schemas, state }
    }

    fn endpoint(
        &mut self,
        method: Method,
        path: &'static str,
        name: &'static str,
        role: Role,
    ) -> Endpoint<'_> {
        let about = Operation {
            method,
            path,
            name,
            summary: "",
            role: Some(role),
            query: None,
            body: None,
            status: StatusCode::OK,
            reply: Reply::Other("application/octet-stream"),
        };
        Endpoint { all: self, about }
    }

    /// Something to look at.
    pub(super) fn get(&mut self, path: &'static str, name: &'static str) -> Endpoint<'_> {
        self.endpoint(Method::GET, path, name, Role::Viewer)
    }

    /// Something that changes something.
    pub(super) fn post(&mut self, path: &'static str, name: &'static str) -> Endpoint<'_> {
        self.endpoint(Method::POST, path, name, Role::Operator)
    }
}

impl Endpoint<'_> {
    pub(super) fn about(mut self, summary: &'static str) -> Self {
        self.about.summary = summary;
        self
    }

    pub(super) fn role(mut self, role: Option<Role>) -> Self {
        self.about.role = role;
        self
    }

    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.about.query = Some(T::json_schema(&mut self.all.schemas));
        self
    }

    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.about.body = Some(self.all.schemas.subschema_for::<T>());
        self
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.about.status = status;
        self
    }

    pub(super) fn json<T: JsonSchema>(mut self) -> Self {
        self.about.reply = Reply::Json(self.all.schemas.subschema_for::<T>());
        self
    }

    pub(super) fn other(mut self, content_type: &'static str) -> Self {
        self.about.reply = Reply::Other(content_type);
        self
    }

    /// Adds it, behind its rights.
    pub(super) fn to<H, T>(self, handler: H)
    where
        H: Handler<T, Arc<ServerState>>,
        T: 'static,
    {
        let Self { all, about } = self;
        let filter = if about.method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
        let right = Right {
            state: Arc::clone(&all.state),
            role: about.role,
            name: about.name,
            changes: about.method != Method::GET,
        };
        let route = on(filter, handler).layer(middleware::from_fn_with_state(right, allow));
        let router = std::mem::take(&mut all.router);
        all.router = router.route(about.path, route);
        all.operations.push(about);
    }
}

#[derive(Clone)]
struct Right {
    state: Arc<ServerState>,
    role: Option<Role>,
    name: &'static str,
    changes: bool,
}

/// Lets those through who may, and keeps the audit trail of what changes something.
async fn allow(State(right): State<Right>, request: Request, next: Next) -> Response {
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
        let message = format!("`{}` is a {}, and this needs an {role}", identity.name, identity.role);
        return ApiError::forbidden("forbidden", message.replace("an viewer", "a viewer")).into_response();
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
