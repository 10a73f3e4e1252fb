//! The thread of a worker that runs attempts, one after the other.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use sluicegate_plugin::{AttemptLog, AttemptSpec, CancelToken, ContextOptions, Kind, Resources, TaskError};

use super::{
    attempt::{Attempt, log_error},
    cgroup::Groups,
    children::Children,
    desk::Desk,
    entry::OwnEntry,
    limit::Limit,
    mark::MARK,
    panics::PanicScope,
    protocol::Reply,
    serve::WorkerOptions,
    staging::Staging,
};
use crate::{artifact::ArtifactStore, failpoint, run::AttemptResult};

/// Progress in between is not sent.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Longer notes are cut, in characters.
const MAX_NOTE: usize = 500;

/// A request to run an attempt.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) spec: AttemptSpec,
    pub(super) cancel: CancelToken,
}

/// Runs attempts, and clears away what they leave.
pub(super) struct Runner {
    options: WorkerOptions,
    desk: Arc<Desk>,
    children: Children,
    groups: Groups,
    /// Made with the first attempt, which says where the state is.
    entry: Option<OwnEntry>,
    /// Made with the first attempt of a plugin.
    staging: Option<Staging>,
    /// What plugins may use when their tasks do not say; it holds as long as the process lives.
    plugin_limit: Option<Limit>,
}

impl Runner {
    /// A runner without work.
    pub(super) fn new(options: WorkerOptions, desk: Arc<Desk>) -> Self {
        let groups = Groups::of(&std::env::var(MARK).unwrap_or_default());
        Self {
            options,
            desk,
            children: Children::default(),
            groups,
            entry: None,
            staging: None,
            plugin_limit: None,
        }
    }

    /// Runs attempts until no more can come. What must not stay is gone before a result is told.
    pub(super) fn run(mut self, queue: &mpsc::Receiver<Job>) {
        for job in queue {
            let (id, attempt_dir) = (job.id, job.spec.attempt_dir.clone());
            let attempt_id = job.spec.run.attempt_id.clone();
            failpoint::pass("worker.begin.before");
            let result = match self.note(&job.spec) {
                Ok(()) => {
                    let result = self.attempt(job);
                    self.desk.verdict_on(id, result)
                }
                Err(error) => AttemptResult::Failed { error },
            };
            if matches!(result, AttemptResult::Succeeded { .. }) {
                self.children.keep();
            } else {
                self.children.end_new();
            }
            failpoint::pass("worker.tell.before");
            self.desk.tell(id, attempt_dir, attempt_id, result);
            failpoint::pass("worker.tell.after");
            self.desk.done(id);
        }
    }

    /// Notes, for an orchestrator that comes later, which attempts this process answers for.
    fn note(&mut self, spec: &AttemptSpec) -> Result<(), TaskError> {
        let remembered = self.desk.remembered();
        let mut attempts = vec![spec.run.attempt_id.as_str()];
        attempts.extend(remembered.iter().map(String::as_str));
        let noted = match &self.entry {
            Some(entry) => entry.note(&attempts),
            None => OwnEntry::new(&spec.home, &self.groups, &attempts).map(|entry| {
                self.desk.know_home(&spec.home);
                self.groups.gather_later();
                self.entry = Some(entry);
            }),
        };
        noted.map_err(|error| TaskError::io("write to", &spec.home.join("workers"), &error))
    }

    fn attempt(&mut self, job: Job) -> AttemptResult {
        let Job { id, spec, cancel } = job;
        let (kind, staging) = match self.kind(&spec) {
            Ok(found) => found,
            Err(error) => {
                log_error(&AttemptLog::of(&spec), &error);
                return AttemptResult::Failed { error };
            }
        };
        let artifacts = match ArtifactStore::open(&spec.home.join("artifacts")) {
            Ok(artifacts) => artifacts,
            Err(error) => {
                return AttemptResult::Failed { error: TaskError::transient("artifact", error.to_string()) };
            }
        };
        let limit = self.limit(&spec);
        let progress = progress(id, self.desk.clone());
        let options = ContextOptions { host: None, cancel, progress: Some(Box::new(progress)), staging };
        let (artifacts, panics, limit) = (&artifacts, PanicScope::Process, &limit);
        Attempt { kind: &kind, spec, options, artifacts, panics, limit }.run()
    }

    /// The kind of an attempt, and where it stages its outputs when that is not in the attempt's own folder.
    fn kind(&mut self, spec: &AttemptSpec) -> Result<(Arc<dyn Kind>, Option<PathBuf>), TaskError> {
        let Some(source) = &spec.plugin else {
            let missing = || {
                let message = format!("kind `{}` is not at hand in the worker", spec.kind);
                TaskError::permanent("unknown_kind", message)
            };
            return Ok((self.options.kinds.kind(&spec.kind).ok_or_else(missing)?, None));
        };
        let staging = match self.staging.take() {
            Some(staging) => staging,
            None => Staging::new(&spec.home)
                .map_err(|error| TaskError::io("write to", &spec.home.join("staging"), &error))?,
        };
        let staging = self.staging.insert(staging);
        let kind = self.options.kinds.foreign(source, &spec.kind, &spec.home, staging.root())?;
        // The process of a plugin program stays for the next task, whatever becomes of this one.
        self.children.keep();
        Ok((kind, Some(staging.of(&spec.run.attempt_id))))
    }

    fn limit(&mut self, spec: &AttemptSpec) -> Limit {
        let by_itself = spec.plugin.as_ref().and_then(|plugin| plugin.max_memory);
        if by_itself.is_none() || !spec.resources.is_empty() {
            // What the task says lifts what holds for plugins by itself.
            self.plugin_limit = None;
            return self.groups.limit(&spec.resources);
        }
        if self.plugin_limit.is_none() {
            let limit = self.groups.limit(&Resources { memory: by_itself, cpus: None });
            self.plugin_limit = Some(limit);
        }
        Limit::default()
    }
}

fn progress(id: u64, desk: Arc<Desk>) -> impl Fn(f64, &str) + Send + Sync {
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    move |fraction, note| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
            *last = Some(Instant::now());
            let note = note.chars().take(MAX_NOTE).collect();
            desk.send(&Reply::Progress { id, fraction: fraction.is_finite().then_some(fraction), note });
        }
    }
}
