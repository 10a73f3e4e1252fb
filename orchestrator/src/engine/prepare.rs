//! Preparing a claimed task: its condition, its parameters, its inputs, and whether the cache serves it.
//!
//! Runs on a thread of its own, since it reads files. Everything it finds out goes into the cache key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use sluicegate_plugin::{AttemptSpec, Input as TaskInput, Kind, ResolvedModel, RunInfo, TaskError};

use crate::{
    artifact::{ArtifactStore, hash_file},
    catalog::Catalog,
    run::{CacheEntry, CacheKey, CacheMiss, Prepared, Run},
    store::Store,
    workflow::{self, Task, TaskIdx},
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
}

/// A claimed task with all that preparing it needs, taken from the run.
pub(super) struct Claim {
    task: Task,
    scope: Value,
    inputs: BTreeMap<String, TaskInput>,
    info: RunInfo,
    base_dir: PathBuf,
    attempt_dir: PathBuf,
    use_cache: bool,
}

/// What preparing found, and the attempt's specification when it must run.
pub(super) struct Preparation {
    pub(super) prepared: Prepared,
    pub(super) spec: Option<AttemptSpec>,
}

impl Claim {
    /// Takes what is needed from the run; `attempt_id` names the attempt, should there be one.
    pub(super) fn of(run: &Run, idx: TaskIdx, preparer: &Preparer, attempt_id: String) -> Self {
        let task = run.task(idx).clone();
        let attempt = run.record(idx).n_attempts + 1;
        let inputs = task
            .inputs
            .iter()
            .filter_map(|(port, from)| {
                let outcome = run.record(from.task).outcome.as_ref()?;
                let output = outcome.outputs.get(&from.port)?;
                let path = preparer.artifacts.path(&output.hash);
                let (hash, value) = (output.hash.clone(), output.value.clone());
                Some((port.clone(), TaskInput { port_type: output.port_type, hash, path, value }))
            })
            .collect();
        let attempt_dir = attempt_dir(&preparer.home, run, idx, attempt);
        Self {
            scope: super::scope::scope(run, idx),
            inputs,
            info: RunInfo {
                run_id: run.id().to_string(),
                workflow: run.workflow().name.clone(),
                task: task.name.clone(),
                attempt,
                attempt_id,
            },
            base_dir: run.base_dir().to_owned(),
            attempt_dir,
            use_cache: run.uses_cache(),
            task,
        }
    }
}

/// The folder of an attempt.
pub(super) fn attempt_dir(home: &Path, run: &Run, task: TaskIdx, attempt: u32) -> PathBuf {
    let name = format!("{}-{attempt}", run.task(task).name);
    home.join("runs").join(run.id().to_string()).join("attempts").join(name)
}

impl Preparer {
    /// Prepares a claimed task.
    pub(super) fn prepare(&self, claim: Claim) -> Preparation {
        self.try_prepare(claim)
            .unwrap_or_else(|error| Preparation { prepared: Prepared::Broken { error }, spec: None })
    }

    fn try_prepare(&self, claim: Claim) -> Result<Preparation, TaskError> {
        let Claim { task, scope, inputs, info, base_dir, attempt_dir, use_cache } = claim;
        if let Some(when) = &task.when
            && !workflow::evaluate_condition(when, &scope).map_err(|e| bad_expression("when", &e))?
        {
            return Ok(Preparation { prepared: Prepared::Unwanted { when: when.clone() }, spec: None });
        }
        let params = workflow::evaluate(&task.with, &scope).map_err(|e| bad_expression("with", &e))?;
        let env = Self::env(&task, &scope)?;
        let kind = self.kind(&task.kind)?;
        for (port, from) in &task.inputs {
            if !inputs.contains_key(port) {
                return Err(TaskError::permanent(
                    "missing_output",
                    format!("input `{port}` has nothing to read: output `{}` was not written", from.port),
                ));
            }
        }
        let references = self.references(kind.as_ref(), &params, &info, &inputs)?;
        let key = key(&task, &params, &env, &inputs, &references, &files(kind.as_ref(), &params, &base_dir)?);
        let miss = match self.look_up(&task, &key, use_cache, &info.workflow)? {
            Ok(entry) => return Ok(Preparation { prepared: Prepared::Cached { key, entry }, spec: None }),
            Err(miss) => miss,
        };
        let attempt_id = info.attempt_id.clone();
        let prepared = Prepared::Runnable { params: params.clone(), key, miss, attempt_id };
        let home = self.home.clone();
        let spec = AttemptSpec {
            run: info,
            kind: task.kind,
            params,
            inputs,
            references,
            timeout: task.timeout,
            env,
            resources: task.resources,
            secrets: BTreeMap::new(),
            base_dir,
            attempt_dir,
            home,
        };
        Ok(Preparation { prepared, spec: Some(spec) })
    }

    fn kind(&self, name: &str) -> Result<Arc<dyn Kind>, TaskError> {
        let entry = self.catalog.entry(name).ok_or_else(|| {
            TaskError::permanent("unknown_kind", format!("kind `{name}` is not at hand"))
                .hint("the run was planned by a program that had it; use that program, or start a new run")
        })?;
        Ok(entry.kind.clone())
    }

    fn env(task: &Task, scope: &Value) -> Result<BTreeMap<String, String>, TaskError> {
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
        if !task.cache {
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
}

fn bad_expression(place: &str, error: &workflow::ExpressionError) -> TaskError {
    TaskError::permanent("expression", format!("`{place}` cannot be evaluated: {error}"))
}

/// Hashes of the files that a task reads; a file that is not there is told by the task itself, better.
fn files(kind: &dyn Kind, params: &Value, base_dir: &Path) -> Result<BTreeMap<String, String>, TaskError> {
    let mut hashes = BTreeMap::new();
    for path in kind.files(params)? {
        let hash = match hash_file(&base_dir.join(&path)) {
            Ok((hash, _)) => hash,
            Err(_) => "absent".into(),
        };
        hashes.insert(path.display().to_string(), hash);
    }
    Ok(hashes)
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
    for (path, hash) in files {
        parts.insert(format!("file.{path}"), hash.clone());
    }
    CacheKey::new(parts)
}

fn short(text: &str) -> String {
    if text.len() <= MAX_PART { text.to_owned() } else { blake3::hash(text.as_bytes()).to_hex().to_string() }
}
