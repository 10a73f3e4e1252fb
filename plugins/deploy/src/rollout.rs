//! What every deployment does, wherever it runs: record, start, wait until ready, record, then stop what was there before.
//!
//! A record is written before each step that changes the world, so that whoever comes after a crash knows what to clean up.
//! Until the new generation is ready the old one is not touched.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sluicegate_plugin::{
    Context, Deployment, DeploymentState, Host, LogLevel, Port, PortType, Problem, Selector, Target,
    TaskError,
};

use crate::{
    name,
    stop::{self, DeploymentHealth},
};

/// How long to wait between two looks at a server that is starting.
const PAUSE: Duration = Duration::from_millis(5);

/// What is to be put into service.
pub(crate) struct Request {
    /// The deployment's name; the workflow's by default.
    pub(crate) name: Option<String>,
    /// The model's name in the registry; the workflow's by default.
    pub(crate) model: Option<String>,
    /// Where it will run.
    pub(crate) target: Target,
    /// Whatever else decides how it runs.
    pub(crate) settings: Value,
    /// How long it may take to become ready.
    pub(crate) ready_timeout: Duration,
}

/// The generation that is on its way into service.
pub(crate) struct Candidate<'a> {
    /// The task.
    pub(crate) ctx: &'a Context,
    /// Its own folder below the state's.
    pub(crate) folder: PathBuf,
    /// What is recorded of it.
    pub(crate) record: Deployment,
    /// The generations in service.
    pub(crate) in_service: Vec<Deployment>,
    /// How long it may take to become ready.
    pub(crate) ready_timeout: Duration,
}

/// Starts servers somewhere.
pub(crate) trait Launch {
    /// Starts the candidate, records what identifies it, and returns once it is ready at `record.address`.
    async fn launch(&self, candidate: &mut Candidate<'_>) -> Result<(), TaskError>;
}

impl Candidate<'_> {
    /// Makes the record durable as it is now.
    pub(crate) fn save(&self) -> Result<(), TaskError> {
        Ok(self.ctx.host()?.record_deployment(&self.record)?)
    }

    /// The bundle to serve.
    pub(crate) fn bundle(&self) -> Result<PathBuf, TaskError> {
        Ok(self.ctx.input("model")?.path.clone())
    }

    /// Calls `look` until it finds what it waits for.
    pub(crate) async fn wait<T>(
        &self,
        mut look: impl AsyncFnMut() -> Result<Look<T>, TaskError>,
    ) -> Result<T, TaskError> {
        let start = Instant::now();
        loop {
            match look().await? {
                Look::Found(found) => return Ok(found),
                Look::NotYet(seen) if start.elapsed() >= self.ready_timeout => {
                    let seconds = self.ready_timeout.as_secs_f64();
                    let message = format!("`{}` was not ready within {seconds} s: {seen}", self.record.name);
                    return Err(TaskError::transient("not_ready", message)
                        .hint("raise `ready_timeout` when the model is large; else see the server's log"));
                }
                Look::NotYet(_) => {}
            }
            self.ctx.check_cancelled()?;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What a look at a starting server showed.
pub(crate) enum Look<T> {
    /// What was waited for.
    Found(T),
    /// Not yet; what was seen instead.
    NotYet(String),
}

/// The ports of every deployment kind.
pub(crate) fn inputs() -> Port {
    Port::new("model", PortType::Model, "The bundle to serve.")
}

/// The ports of every deployment kind.
pub(crate) fn outputs() -> [Port; 2] {
    [
        Port::new(
            "deployment",
            PortType::Value,
            "`name`, `generation`, `target`, `model`, `version`, `address` of what is in service.",
        ),
        Port::new("address", PortType::Value, "Where it answers, such as `http://127.0.0.1:8080`."),
    ]
}

/// Finds names that cannot be used, before anything runs.
pub(crate) fn check_names(deployment: Option<&str>, model: Option<&str>) -> Vec<Problem> {
    let mut found = Vec::new();
    for (what, given, pointer) in [("deployment", deployment, "/name"), ("model", model, "/model")] {
        if let Some(given) = given {
            name::check(what, given, pointer, &mut found);
        }
    }
    found
}

/// Puts the input `model` into service and takes the generations before out of it.
pub(crate) fn run(ctx: &Context, request: Request, launch: &impl Launch) -> Result<(), TaskError> {
    runtime()?.block_on(roll_out(ctx, request, launch))
}

/// A runtime for the calling thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, TaskError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| TaskError::transient("io", format!("cannot start a runtime: {error}")))
}

async fn roll_out(ctx: &Context, request: Request, launch: &impl Launch) -> Result<(), TaskError> {
    let host = ctx.host()?.as_ref();
    let name = request.name.unwrap_or_else(|| ctx.run().workflow.clone());
    let model = request.model.unwrap_or_else(|| ctx.run().workflow.clone());
    for (what, name) in [("deployment", &name), ("model", &model)] {
        name::verify(what, name).map_err(|error| {
            TaskError::permanent("bad_name", error).hint("set `with.name` and `with.model`")
        })?;
    }
    let bundle = ctx.input("model")?.hash.clone();
    let version = host.find_model(&model, &Selector::Bundle(bundle.clone()))?.map(|version| version.version);
    let mut known = host.deployments(&name)?;
    clear_leftovers(ctx, host, &mut known).await?;
    let in_service: Vec<_> =
        known.iter().filter(|record| record.state == DeploymentState::Ready).cloned().collect();
    let settings = hash(&request.settings);
    let generation = known.iter().map(|record| record.generation).max().unwrap_or(0) + 1;
    let mut params = ctx.params().clone();
    if let Some(params) = params.as_object_mut() {
        params.insert("name".into(), json!(name));
        params.insert("model".into(), json!(model));
    }
    let record = Deployment {
        name: name.clone(),
        generation,
        target: request.target,
        model,
        version,
        bundle,
        settings,
        params,
        address: String::new(),
        state: DeploymentState::Starting,
        process: None,
        container: None,
        run_id: ctx.run().run_id.clone(),
        updated_at: 0,
    };
    if let Some(same) = in_service.last().filter(|old| serves_the_same(old, &record))
        && stop::health(same).await == DeploymentHealth::Ready
    {
        ctx.info(&format!("generation {} serves this model already; nothing to do", same.generation));
        return hand_on(ctx, same, "unchanged");
    }
    let folder = stop::folder(ctx.home(), &record);
    let ready_timeout = request.ready_timeout;
    let mut candidate = Candidate { ctx, folder, record, in_service, ready_timeout };
    candidate.save()?;
    if let Err(error) = launch.launch(&mut candidate).await {
        return Err(withdraw(candidate, error).await);
    }
    candidate.record.state = DeploymentState::Ready;
    candidate.save()?;
    ctx.info(&format!("generation {generation} is in service at {}", candidate.record.address));
    for old in &candidate.in_service {
        retire(ctx, host, old).await?;
    }
    hand_on(ctx, &candidate.record, "in service")
}

fn serves_the_same(old: &Deployment, new: &Deployment) -> bool {
    let of = |record: &Deployment| {
        (record.target, record.model.clone(), record.version, record.bundle.clone(), record.settings.clone())
    };
    of(old) == of(new)
}

/// Removes what a run that died left half started.
async fn clear_leftovers(ctx: &Context, host: &dyn Host, known: &mut [Deployment]) -> Result<(), TaskError> {
    for record in known.iter_mut().filter(|record| record.state == DeploymentState::Starting) {
        ctx.info(&format!("generation {} was left half started; it is removed", record.generation));
        stop::take_down(ctx.home(), record).await?;
        record.state = DeploymentState::Failed;
        host.record_deployment(record)?;
    }
    Ok(())
}

/// Takes back a candidate that did not become ready.
async fn withdraw(mut candidate: Candidate<'_>, error: TaskError) -> TaskError {
    if let Err(also) = stop::take_down(candidate.ctx.home(), &candidate.record).await {
        // The record stays `Starting`: the next rollout tries again.
        return error.hint(format!("it could not be removed either: {also}"));
    }
    candidate.record.state = DeploymentState::Failed;
    if let Err(also) = candidate.save() {
        return error.hint(format!("it was removed, but that could not be recorded: {also}"));
    }
    match candidate.in_service.last() {
        Some(old) => error.hint(format!("generation {} stays in service at {}", old.generation, old.address)),
        None => error,
    }
}

/// Takes a generation out of service that another one has taken over from.
async fn retire(ctx: &Context, host: &dyn Host, old: &Deployment) -> Result<(), TaskError> {
    if let Err(error) = stop::take_down(ctx.home(), old).await {
        let message = format!("generation {} could not be stopped: {error}", old.generation);
        ctx.log(LogLevel::Warn, &message);
        return Ok(());
    }
    ctx.info(&format!("generation {} was stopped", old.generation));
    host.record_deployment(&Deployment { state: DeploymentState::Stopped, ..old.clone() })?;
    Ok(())
}

fn hand_on(ctx: &Context, record: &Deployment, how: &str) -> Result<(), TaskError> {
    let Deployment { name, generation, target, model, version, address, .. } = record;
    let value = json!({
        "name": name, "generation": generation, "target": target, "model": model, "version": version,
        "address": address,
    });
    ctx.write_value("deployment", value)?;
    ctx.write_value("address", json!(address))?;
    let version = version.map_or(String::new(), |version| format!(" v{version}"));
    ctx.summary(format!("{model}{version} {how} at {address}"));
    Ok(())
}

/// A hash of settings; a new release of the server is a new setting.
fn hash(settings: &Value) -> String {
    let text = json!([env!("CARGO_PKG_VERSION"), settings]).to_string();
    blake3::hash(text.as_bytes()).to_hex().to_string()
}
