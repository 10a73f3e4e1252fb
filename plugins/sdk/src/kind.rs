//! The trait that authors implement, and the object-safe form that the engine holds.

use std::{path::PathBuf, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Context, Description, ModelReference, Ports, Probe, ProbeContext, Problem, RunInfo, SchemaCheck,
    TaskError,
};

/// A task kind, written by its author.
///
/// `run` blocks; a kind that needs asynchronous code builds a runtime of its own inside. A panic is a failed attempt.
/// Only `describe` and `run` must be written.
pub trait Task: Send + Sync + 'static {
    /// The parameters under `with`. Use `#[serde(deny_unknown_fields)]`, doc comments on every field (they become the
    /// documentation), and `#[schemars(range(…))]` where values are bounded.
    type Params: DeserializeOwned + JsonSchema;

    /// Says what the kind is.
    fn describe(&self) -> Description;

    /// Finds what the schema cannot express, such as two parameters that exclude each other.
    fn check(&self, _params: &Self::Params) -> Vec<Problem> {
        Vec::new()
    }

    /// The ports under these parameters, for kinds whose parameters name outputs.
    fn ports(&self, _params: &Self::Params) -> Ports {
        self.describe().ports
    }

    /// Derives the columns of outputs from those of inputs and reports columns that cannot be right.
    fn schema(&self, _params: &Self::Params, _check: &mut SchemaCheck) {}

    /// Files whose content belongs to the cache key; relative paths start from the workflow's folder.
    fn files(&self, _params: &Self::Params) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Registered models that the task reads; they are resolved when it starts and belong to the cache key.
    fn references(&self, _params: &Self::Params, _run: &RunInfo) -> Vec<ModelReference> {
        Vec::new()
    }

    /// Finds out whether an attempt did its work whose outcome was lost; asked only of tasks that must happen once. It blocks, for
    /// half a minute at most, and changes nothing.
    fn probe(&self, _ctx: &ProbeContext, _params: &Self::Params) -> Probe {
        Probe::Unknown
    }

    /// Does the work. Outputs go through the context; the return value only says whether it went well.
    fn run(&self, ctx: &Context, params: Self::Params) -> Result<(), TaskError>;
}

/// A task kind as the engine sees it: any [`Task`], with parameters as JSON.
pub trait Kind: Send + Sync + 'static {
    /// See [`Task::describe`].
    fn describe(&self) -> Description;
    /// The JSON Schema (2020-12) of the parameters.
    fn params_schema(&self) -> Value;
    /// Parses the parameters and runs [`Task::check`].
    fn check(&self, params: &Value) -> Vec<Problem>;
    /// See [`Task::ports`]; `None` when the parameters do not parse.
    fn ports(&self, params: &Value) -> Option<Ports>;
    /// See [`Task::schema`]; does nothing when the parameters do not parse.
    fn schema(&self, params: &Value, check: &mut SchemaCheck);
    /// See [`Task::files`].
    fn files(&self, params: &Value) -> Result<Vec<PathBuf>, TaskError>;
    /// See [`Task::references`].
    fn references(&self, params: &Value, run: &RunInfo) -> Result<Vec<ModelReference>, TaskError>;
    /// See [`Task::probe`]; [`Probe::Unknown`] when the parameters do not parse.
    fn probe(&self, ctx: &ProbeContext, params: &Value) -> Probe;
    /// Tells whether [`Kind::files`] and [`Kind::references`] answer at once, without another process.
    fn is_quick(&self, _params: &Value) -> bool {
        true
    }
    /// Parses the parameters and runs [`Task::run`].
    fn run(&self, ctx: &Context, params: Value) -> Result<(), TaskError>;
}

impl<T: Task> Kind for T {
    fn describe(&self) -> Description {
        Task::describe(self)
    }

    fn params_schema(&self) -> Value {
        schemars::schema_for!(T::Params).to_value()
    }

    fn check(&self, params: &Value) -> Vec<Problem> {
        match parse::<T>(params) {
            Ok(params) => Task::check(self, &params),
            Err(error) => vec![Problem::new("", error.message)],
        }
    }

    fn ports(&self, params: &Value) -> Option<Ports> {
        parse::<T>(params).ok().map(|params| Task::ports(self, &params))
    }

    fn schema(&self, params: &Value, check: &mut SchemaCheck) {
        if let Ok(params) = parse::<T>(params) {
            Task::schema(self, &params, check);
        }
    }

    fn files(&self, params: &Value) -> Result<Vec<PathBuf>, TaskError> {
        Ok(Task::files(self, &parse::<T>(params)?))
    }

    fn references(&self, params: &Value, run: &RunInfo) -> Result<Vec<ModelReference>, TaskError> {
        Ok(Task::references(self, &parse::<T>(params)?, run))
    }

    fn probe(&self, ctx: &ProbeContext, params: &Value) -> Probe {
        parse::<T>(params).map_or(Probe::Unknown, |params| Task::probe(self, ctx, &params))
    }

    fn run(&self, ctx: &Context, params: Value) -> Result<(), TaskError> {
        let params = parse::<T>(&params)?;
        if let Some(problem) = Task::check(self, &params).into_iter().next() {
            return Err(TaskError::permanent(
                "bad_params",
                format!("with{}: {}", problem.pointer.replace('/', "."), problem.message),
            ));
        }
        Task::run(self, ctx, params)
    }
}

fn parse<T: Task>(params: &Value) -> Result<T::Params, TaskError> {
    T::Params::deserialize(params)
        .map_err(|error| TaskError::permanent("bad_params", format!("bad parameters: {error}")))
}

/// A shared kind.
pub(crate) type SharedKind = Arc<dyn Kind>;
