//! A path with all that is said of it once: who may use it, what it takes and gives. The router, the rights and the description for
//! programs are made from the same words.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    http::{Method, StatusCode},
    middleware,
    routing::{MethodFilter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};

use super::{
    access::Role,
    right::{Right, allow},
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
    /// Headers that mean something, with what they mean.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Option<Schema>,
    /// Whether the body has fields that must be there.
    pub(super) needs_body: bool,
    /// Whether it reads a body of any kind, up to the limit.
    pub(super) takes_bytes: bool,
    pub(super) status: StatusCode,
    pub(super) reply: Reply,
    /// Another form of the reply, for whoever accepts it.
    pub(super) other_form: Option<&'static str>,
    /// Other replies that are no refusals, with what they mean; `NO_CONTENT` has no body, others have that of `reply`.
    pub(super) also: Vec<(StatusCode, &'static str)>,
    /// Headers of the reply, with what they mean.
    pub(super) reply_headers: Vec<(&'static str, &'static str)>,
    /// Refusals of its own, besides those that follow from the rest.
    pub(super) refusals: Vec<StatusCode>,
}

/// Collects endpoints.
pub(super) struct Endpoints {
    pub(super) router: Router<Arc<ServerState>>,
    pub(super) operations: Vec<Operation>,
    /// What is read: a field with a default may be left out.
    pub(super) asked: SchemaGenerator,
    /// What is written: only a field that is skipped when it is empty may be missing.
    pub(super) told: SchemaGenerator,
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
        Self {
            router: Router::new(),
            operations: Vec::new(),
            asked: SchemaGenerator::new(settings.clone()),
            told: SchemaGenerator::new(settings.for_serialize()),
            state,
        }
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
            headers: Vec::new(),
            body: None,
            needs_body: false,
            takes_bytes: false,
            status: StatusCode::OK,
            reply: Reply::Other("application/octet-stream"),
            other_form: None,
            also: Vec::new(),
            reply_headers: Vec::new(),
            refusals: Vec::new(),
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
        self.about.query = Some(T::json_schema(&mut self.all.asked));
        self
    }

    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        let schema = T::json_schema(&mut self.all.asked);
        let required = schema.get("required").and_then(serde_json::Value::as_array);
        self.about.needs_body = required.is_some_and(|required| !required.is_empty());
        self.about.body = Some(self.all.asked.subschema_for::<T>());
        self.about.takes_bytes = true;
        self
    }

    /// A body that is taken as it comes.
    pub(super) fn bytes(mut self) -> Self {
        self.about.takes_bytes = true;
        self
    }

    /// A header that means something.
    pub(super) fn header(mut self, name: &'static str, about: &'static str) -> Self {
        self.about.headers.push((name, about));
        self
    }

    /// A header of the reply.
    pub(super) fn reply_header(mut self, name: &'static str, about: &'static str) -> Self {
        self.about.reply_headers.push((name, about));
        self
    }

    /// Another reply that is no refusal.
    pub(super) fn also(mut self, status: StatusCode, about: &'static str) -> Self {
        self.about.also.push((status, about));
        self
    }

    /// Refusals of its own.
    pub(super) fn refuses(mut self, statuses: &[StatusCode]) -> Self {
        self.about.refusals.extend_from_slice(statuses);
        self
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.about.status = status;
        self
    }

    pub(super) fn json<T: JsonSchema>(mut self) -> Self {
        self.about.reply = Reply::Json(self.all.told.subschema_for::<T>());
        self
    }

    /// Another form of the same reply.
    pub(super) fn or(mut self, content_type: &'static str) -> Self {
        self.about.other_form = Some(content_type);
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
