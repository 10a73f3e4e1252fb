//! A kind whose code is elsewhere: every question of the engine becomes a request to it.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use sluicegate_plugin::{
    About, Answer, AskRequest, Context, Description, Kind, Manifest, ModelReference, Ports, Probe,
    ProbeContext, Problem, RunInfo, SchemaCheck, TaskError,
};

/// Where the code of a kind is.
pub(super) trait Code: Send + Sync + 'static {
    /// Asks a kind something.
    fn ask(&self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, TaskError>;
    /// Tells whether the answer is known without asking.
    fn remembers(&self, _kind: &str, _about: About, _request: &AskRequest) -> bool {
        false
    }
    /// Runs a task of a kind.
    fn run(&self, kind: &str, ctx: &Context, params: Value) -> Result<(), TaskError>;
}

/// A kind of a plugin.
pub(super) struct AskedKind<C> {
    manifest: Manifest,
    code: Arc<C>,
    /// The parameter schema, compiled when the first task is run.
    schema: OnceLock<Result<jsonschema::Validator, String>>,
}

impl<C: Code> AskedKind<C> {
    pub(super) fn new(manifest: Manifest, code: Arc<C>) -> Self {
        Self { manifest, code, schema: OnceLock::new() }
    }

    /// The answer; nothing when the kind does not want to be asked.
    fn ask(&self, about: About, request: &AskRequest) -> Result<Option<Answer>, TaskError> {
        if !self.manifest.asks.contains(&about) {
            return Ok(None);
        }
        let answer = self.code.ask(&self.manifest.name, about, request)?;
        match answer.error {
            Some(error) => Err(error),
            None => Ok(Some(answer)),
        }
    }

    /// What the schema says of parameters, at most a handful of problems: `sluice check` has told them better.
    fn verify(&self, params: &Value) -> Result<(), TaskError> {
        let compile =
            || jsonschema::draft202012::new(&self.manifest.params).map_err(|error| error.to_string());
        let schema = self.schema.get_or_init(compile).as_ref().map_err(|error| {
            let message = format!("the kind's parameter schema is no JSON Schema: {error}");
            TaskError::permanent("bad_params", message)
        })?;
        let problems: Vec<_> = schema
            .iter_errors(params)
            .take(5)
            .map(|error| format!("with{}: {error}", error.instance_path().to_string().replace('/', ".")))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(TaskError::permanent("bad_params", problems.join("; ")))
        }
    }
}

fn problem(error: &TaskError) -> Problem {
    let problem = Problem::new("", error.message.clone());
    match error.hints.first() {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

impl<C: Code> Kind for AskedKind<C> {
    fn describe(&self) -> Description {
        self.manifest.description()
    }

    fn params_schema(&self) -> Value {
        self.manifest.params.clone()
    }

    fn check(&self, params: &Value) -> Vec<Problem> {
        match self.ask(About::Check, &AskRequest::of(params)) {
            Ok(answer) => answer.unwrap_or_default().problems,
            Err(error) => vec![problem(&error)],
        }
    }

    fn ports(&self, params: &Value) -> Option<Ports> {
        if !self.manifest.ports.more_outputs {
            return Some(self.manifest.ports.clone());
        }
        match self.ask(About::Ports, &AskRequest::of(params)) {
            Ok(Some(answer)) => answer.ports,
            _ => None,
        }
    }

    fn schema(&self, params: &Value, check: &mut SchemaCheck) {
        self.manifest.derive_columns(params, check);
        let request = AskRequest {
            base_dir: check.base_dir.clone(),
            runs_after_others: check.runs_after_others,
            inputs: check.inputs.clone(),
            connected: check.connected.clone(),
            ..AskRequest::of(params)
        };
        match self.ask(About::Schema, &request) {
            Ok(Some(answer)) => {
                check.outputs.extend(answer.outputs);
                check.problems.extend(answer.problems);
            }
            Ok(None) => {}
            Err(error) => check.problems.push(problem(&error)),
        }
    }

    fn files(&self, params: &Value) -> Result<Vec<PathBuf>, TaskError> {
        Ok(self.ask(About::Files, &AskRequest::of(params))?.unwrap_or_default().files)
    }

    fn references(&self, params: &Value, run: &RunInfo) -> Result<Vec<ModelReference>, TaskError> {
        // Only the workflow's name matters: the same answer serves every run of it.
        let run =
            Some(RunInfo { workflow: run.workflow.clone(), task: run.task.clone(), ..RunInfo::default() });
        let answer = self.ask(About::References, &AskRequest { run, ..AskRequest::of(params) })?;
        Ok(answer.unwrap_or_default().references)
    }

    fn probe(&self, ctx: &ProbeContext, params: &Value) -> Probe {
        let ProbeContext { run, base_dir, env, secrets } = ctx.clone();
        let request = AskRequest { run: Some(run), base_dir, env, secrets, ..AskRequest::of(params) };
        match self.ask(About::Probe, &request) {
            Ok(Some(answer)) => answer.probe.unwrap_or(Probe::Unknown),
            _ => Probe::Unknown,
        }
    }

    fn is_quick(&self, params: &Value) -> bool {
        // Whoever was asked for the files was asked for the references too.
        let asks = &self.manifest.asks;
        if !asks.contains(&About::Files) {
            return !asks.contains(&About::References);
        }
        self.code.remembers(&self.manifest.name, About::Files, &AskRequest::of(params))
    }

    fn run(&self, ctx: &Context, params: Value) -> Result<(), TaskError> {
        self.verify(&params)?;
        self.code.run(&self.manifest.name, ctx, params)
    }
}
