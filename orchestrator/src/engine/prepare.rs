//! Preparing a claimed task: its condition, its parameters, its inputs, and whether the cache serves it.
//!
//! What is quick is done at once; reading files and asking programs happens on a thread of its own. Everything that is found out goes into the
//! cache key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use sluicegate_plugin::{AttemptSpec, Input as TaskInput, Kind, PortType, ResolvedModel, RunInfo, TaskError};

use super::secrets;
use crate::{
    artifact::ArtifactStore,
    catalog::Catalog,
    run::{self, CacheEntry, CacheKey, CacheMiss, Outcome, OutputArtifact, Prepared, Run, RunId},
    store::Store,
    workflow::{self, Task, TaskIdx},
    world::World,
};

/// Longer values stand in a key by their hash.
const MAX_PART: usize = 120;

/// What preparing needs from the rest of the engine.
#[derive(Clone)]
pub(super) struct Preparer {
    pub(super) store: Store,
    pub(super) artifacts: ArtifactStore,
    pub(super) catalog: Arc<Catalog>,
    pub(super) home: PathBuf,
    pub(super) world: Arc<dyn World>,
}

/// A claimed task with all that preparing it needs, taken from the run.
pub(super) struct Claim {
    task: Task,
    scope: Value,
    inputs: BTreeMap<String, TaskInput>,
    info: RunInfo,
    /// What its items left, when it has items and they ended.
    joined: Option<Result<Outcome, TaskError>>,
    child: Option<RunId>,
    base_dir: PathBuf,
    attempt_dir: PathBuf,
    use_cache: bool,
}

/// What names an attempt, should there be one.
pub(super) struct AttemptNames {
    /// An id that no other attempt has.
    pub(super) attempt_id: String,
    /// The id of the run that it starts, if it starts one.
    pub(super) child: Option<RunId>,
}

/// What preparing found, and the attempt's specification when it must run.
pub(super) struct Preparation {
    pub(super) prepared: Prepared,
    pub(super) spec: Option<AttemptSpec>,
}

impl Preparation {
    fn of(prepared: Prepared) -> Self {
        Self { prepared, spec: None }
    }

    pub(super) fn broken(error: TaskError) -> Self {
        Self::of(Prepared::Broken { error })
    }
}

/// How far preparing came without waiting for anything.
pub(super) enum Begun {
    /// To its end.
    Done(Box<Preparation>),
    /// Files have to be read, or programs asked; that belongs on a thread of its own.
    Slow(Box<Draft>),
}

impl Begun {
    fn done(prepared: Prepared) -> Self {
        Self::Done(Box::new(Preparation::of(prepared)))
    }
}

/// A task that is prepared but for what takes time.
pub(super) struct Draft {
    claim: Claim,
    params: Value,
    env: BTreeMap<String, String>,
    kind: Arc<dyn Kind>,
    /// The files that its task reads; absent when another process must be asked for them.
    files: Option<Vec<PathBuf>>,
}

impl Claim {
    /// Takes what is needed from the run.
    pub(super) fn of(run: &Run, idx: TaskIdx, preparer: &Preparer, names: AttemptNames) -> Self {
        let task = run.task(idx).clone();
        let attempt = run.record(idx).n_attempts + 1;
        let attempt_dir = attempt_dir(&preparer.home, run, idx, attempt);
        let AttemptNames { attempt_id, child } = names;
        Self {
            scope: super::scope::scope(run, idx),
            inputs: inputs(run, &task, &preparer.artifacts),
            info: run_info(run, idx, attempt, attempt_id),
            joined: run.is_expanded(idx).then(|| run.joined(idx)),
            child,
            base_dir: run.base_dir().to_owned(),
            attempt_dir,
            use_cache: run.uses_cache(),
            task,
        }
    }
}

/// What is connected to a task's inputs, as far as it was written. An output that the items of a task wrote one by one takes a port for
/// each: `PORT_0`, `PORT_1`.
fn inputs(run: &Run, task: &Task, artifacts: &ArtifactStore) -> BTreeMap<String, TaskInput> {
    let mut inputs = BTreeMap::new();
    for (port, from) in &task.inputs {
        let Some(outcome) = run.record(from.task).outcome.as_ref() else { continue };
        let mut connect = |port: String, output: &OutputArtifact| {
            let path = artifacts.path(&output.hash);
            let (hash, value) = (output.hash.clone(), output.value.clone());
            inputs.insert(port, TaskInput { port_type: output.port_type, hash, path, value });
        };
        if let Some(output) = outcome.outputs.get(&from.port) {
            connect(port.clone(), output);
        } else if run.task(from.task).for_each.is_some() {
            let prefix = format!("{}_", from.port);
            for (name, output) in &outcome.outputs {
                if let Some(number) =
                    name.strip_prefix(&prefix).filter(|number| number.parse::<u32>().is_ok())
                {
                    connect(format!("{port}_{number}"), output);
                }
            }
        }
    }
    inputs
}

/// Which attempt it is.
pub(super) fn run_info(run: &Run, task: TaskIdx, attempt: u32, attempt_id: String) -> RunInfo {
    RunInfo {
        run_id: run.id().to_string(),
        workflow: run.workflow().name.clone(),
        task: run.task(task).name.clone(),
        attempt,
        attempt_id,
    }
}

/// The folder of an attempt.
pub(super) fn attempt_dir(home: &Path, run: &Run, task: TaskIdx, attempt: u32) -> PathBuf {
    let name = format!("{}-{attempt}", run.task(task).name);
    home.join("runs").join(run.id().to_string()).join("attempts").join(name)
}

impl Preparer {
    /// Prepares a claimed task to the end.
    pub(super) fn prepare(&self, claim: Claim) -> Preparation {
        match self.begin(claim) {
            Begun::Done(done) => *done,
            Begun::Slow(draft) => self.complete(*draft),
        }
    }

    /// Prepares a claimed task as far as that is quick.
    pub(super) fn begin(&self, claim: Claim) -> Begun {
        match self.try_begin(claim) {
            Ok(begun) => begun,
            Err(error) => Begun::Done(Box::new(Preparation::broken(error))),
        }
    }

    fn try_begin(&self, claim: Claim) -> Result<Begun, TaskError> {
        let Claim { task, scope, inputs, .. } = &claim;
        if let Some(joined) = &claim.joined {
            let mut outcome = Box::new(joined.clone()?);
            self.add_empty_lists(task, &mut outcome)?;
            self.keep_values(&outcome)?;
            return Ok(Begun::done(Prepared::Joined { outcome }));
        }
        if let Some(for_each) = &task.for_each {
            let items = workflow::evaluate(for_each, scope).map_err(|e| bad_expression("for_each", &e))?;
            return Ok(Begun::done(Prepared::Expanded { items: run::items(items)? }));
        }
        if let Some(when) = &task.when
            && !workflow::evaluate_condition(when, scope).map_err(|e| bad_expression("when", &e))?
        {
            return Ok(Begun::done(Prepared::Unwanted { when: when.clone() }));
        }
        let params = workflow::evaluate(&task.with, scope).map_err(|e| bad_expression("with", &e))?;
        let env = Self::env(task, scope)?;
        let kind = self.kind_of(task)?;
        for (port, from) in &task.inputs {
            let numbered = format!("{port}_");
            if !inputs.contains_key(port) && !inputs.keys().any(|name| name.starts_with(&numbered)) {
                return Err(TaskError::permanent(
                    "missing_output",
                    format!("input `{port}` has nothing to read: output `{}` was not written", from.port),
                ));
            }
        }
        let files = if kind.is_quick(&params) { Some(kind.files(&params)?) } else { None };
        let quick = files.as_ref().is_some_and(Vec::is_empty) && task.secrets.is_empty();
        let draft = Draft { claim, params, env, kind, files };
        Ok(if quick { Begun::Done(Box::new(self.complete(draft))) } else { Begun::Slow(Box::new(draft)) })
    }

    /// Does what takes time.
    pub(super) fn complete(&self, draft: Draft) -> Preparation {
        self.try_complete(draft).unwrap_or_else(Preparation::broken)
    }

    fn try_complete(&self, draft: Draft) -> Result<Preparation, TaskError> {
        let Draft { claim, params, env, kind, files } = draft;
        let Claim { task, inputs, info, child, base_dir, attempt_dir, use_cache, .. } = claim;
        let files = files.map_or_else(|| kind.files(&params), Ok)?;
        let references = self.references(kind.as_ref(), &params, &info, &inputs)?;
        let plugin = self.catalog.entry(&task.kind).and_then(|entry| entry.plugin.clone());
        let key = key(&task, &params, &env, &inputs, &references, &self.hashes(files, &base_dir));
        let miss = match self.look_up(&task, &key, use_cache, &info.workflow)? {
            Ok(entry) => return Ok(Preparation::of(Prepared::Cached { key, entry })),
            Err(miss) => miss,
        };
        let secrets = secrets::resolve(&task.secrets, &base_dir)?;
        let attempt_id = info.attempt_id.clone();
        let prepared = Prepared::Runnable { params: params.clone(), key, miss, attempt_id, child };
        let home = self.home.clone();
        let spec = AttemptSpec {
            run: info,
            kind: task.kind,
            plugin,
            params,
            inputs,
            references,
            timeout: task.timeout,
            env,
            resources: task.resources,
            secrets,
            base_dir,
            attempt_dir,
            home,
        };
        Ok(Preparation { prepared, spec: Some(spec) })
    }

    /// Joins values that no item wrote to an empty list, so that who reads them finds one.
    fn add_empty_lists(&self, task: &Task, outcome: &mut Outcome) -> Result<(), TaskError> {
        let kind = self.kind(&task.kind)?;
        let ports = kind.ports(&task.with).unwrap_or_else(|| kind.describe().ports);
        for port in ports.outputs.into_iter().filter(|port| port.port_type == PortType::Value) {
            let nothing = || OutputArtifact::of_value(Value::Array(Vec::new()));
            outcome.outputs.entry(port.name).or_insert_with(nothing);
        }
        Ok(())
    }

    /// Keeps the content of joined values as artifacts, since later tasks read inputs as files.
    fn keep_values(&self, outcome: &Outcome) -> Result<(), TaskError> {
        for output in outcome.outputs.values() {
            if let Some(value) = &output.value
                && !self.artifacts.contains(&output.hash, output.size)
            {
                self.artifacts.put(value.to_string().as_bytes()).map_err(|error| {
                    TaskError::transient("artifact", sluicegate_plugin::with_causes(&error))
                })?;
            }
        }
        Ok(())
    }

    /// The kind of a task; that of a plugin must be what it was when the run was planned.
    fn kind_of(&self, task: &Task) -> Result<Arc<dyn Kind>, TaskError> {
        let kind = self.kind(&task.kind)?;
        let entry = self.catalog.entry(&task.kind).filter(|entry| entry.plugin.is_some());
        match entry.filter(|entry| entry.version != task.kind_version) {
            None => Ok(kind),
            Some(entry) => {
                let (planned, found) = (&task.kind_version, &entry.version);
                let message = format!(
                    "plugin `{}` changed since the run was planned: `{}` had the version {planned}, now it has {found}",
                    entry.pack, task.kind
                );
                Err(TaskError::permanent("plugin_changed", message)
                    .hint("`sluice runs rerun` plans the run anew, with the plugin as it is now"))
            }
        }
    }

    fn kind(&self, name: &str) -> Result<Arc<dyn Kind>, TaskError> {
        let entry = self.catalog.entry(name).ok_or_else(|| {
            TaskError::permanent("unknown_kind", format!("kind `{name}` is not at hand"))
                .hint("the run was planned by a program that had it; use that program, or start a new run")
        })?;
        Ok(entry.kind.clone())
    }

    pub(super) fn env(task: &Task, scope: &Value) -> Result<BTreeMap<String, String>, TaskError> {
        task.env
            .iter()
            .map(|(name, template)| {
                let value = workflow::evaluate(&Value::String(template.clone()), scope)
                    .map_err(|e| bad_expression(&format!("env.{name}"), &e))?;
                Ok((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            })
            .collect()
    }

    fn references(
        &self,
        kind: &dyn Kind,
        params: &Value,
        info: &RunInfo,
        inputs: &BTreeMap<String, TaskInput>,
    ) -> Result<BTreeMap<String, ResolvedModel>, TaskError> {
        let mut resolved = BTreeMap::new();
        for reference in kind.references(params, info)? {
            let found = self
                .store
                .find_model(&reference.model, &reference.selector)
                .map_err(|error| TaskError::transient("store", error.to_string()))?;
            let Some(version) = found else { continue };
            let same = reference.unless_input.as_ref().and_then(|port| inputs.get(port));
            if same.is_some_and(|input| input.hash == version.bundle) {
                continue;
            }
            let path = self.artifacts.path(&version.bundle);
            let (model, number, hash) = (version.model, version.version, version.bundle);
            resolved.insert(reference.key, ResolvedModel { model, version: number, hash, path });
        }
        Ok(resolved)
    }

    /// Asks the cache: the entry that serves, or why none does.
    fn look_up(
        &self,
        task: &Task,
        key: &CacheKey,
        use_cache: bool,
        workflow: &str,
    ) -> Result<Result<Box<CacheEntry>, CacheMiss>, TaskError> {
        let failed = |error: crate::store::StoreError| TaskError::transient("store", error.to_string());
        // A workflow reads files that its task does not know.
        if !task.cache || task.nested.is_some() {
            return Ok(Err(CacheMiss::NotCached));
        }
        if !use_cache {
            return Ok(Err(CacheMiss::Refused));
        }
        if let Some(entry) = self.store.cached(&key.hash).map_err(failed)? {
            let gone = entry
                .outcome
                .outputs
                .iter()
                .find(|(_, output)| !self.artifacts.contains(&output.hash, output.size));
            return Ok(match gone {
                None => Ok(Box::new(entry)),
                Some((port, _)) => Err(CacheMiss::ArtifactGone { port: port.clone() }),
            });
        }
        let last = self.store.last_key(workflow, &task.name).map_err(failed)?;
        Ok(Err(last
            .map_or(CacheMiss::FirstTime, |last| CacheMiss::Changed { changes: key.changes_since(&last) })))
    }

    /// Hashes of the files that a task reads; a file that is not there is told by the task itself, better.
    fn hashes(&self, files: Vec<PathBuf>, base_dir: &Path) -> BTreeMap<String, String> {
        let now = self.world.now();
        let hash = |path: &Path| self.store.file_hash(&base_dir.join(path), now);
        files
            .into_iter()
            .map(|path| (path.display().to_string(), hash(&path).map_or("absent".into(), |(hash, _)| hash)))
            .collect()
    }
}

fn bad_expression(place: &str, error: &workflow::ExpressionError) -> TaskError {
    TaskError::permanent("expression", format!("`{place}` cannot be evaluated: {error}"))
}

fn key(
    task: &Task,
    params: &Value,
    env: &BTreeMap<String, String>,
    inputs: &BTreeMap<String, TaskInput>,
    references: &BTreeMap<String, ResolvedModel>,
    files: &BTreeMap<String, String>,
) -> CacheKey {
    let mut parts = BTreeMap::new();
    parts.insert("kind".into(), format!("{} {}", task.kind, task.kind_version));
    for (name, value) in params.as_object().into_iter().flatten() {
        parts.insert(format!("with.{name}"), short(&value.to_string()));
    }
    for (name, value) in env {
        parts.insert(format!("env.{name}"), blake3::hash(value.as_bytes()).to_hex().to_string());
    }
    for (port, input) in inputs {
        parts.insert(format!("input.{port}"), input.hash.clone());
    }
    for (key, model) in references {
        parts.insert(format!("model.{key}"), format!("{} v{} {}", model.model, model.version, model.hash));
    }
    if let Some(nested) = &task.nested {
        parts.insert("workflow".into(), blake3::hash(nested.source.as_bytes()).to_hex().to_string());
    }
    for (path, hash) in files {
        parts.insert(format!("file.{path}"), hash.clone());
    }
    CacheKey::new(parts)
}

fn short(text: &str) -> String {
    if text.len() <= MAX_PART { text.to_owned() } else { blake3::hash(text.as_bytes()).to_hex().to_string() }
}
