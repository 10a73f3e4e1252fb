//! What the server asks of parts that it must not know: workflow files, deployments, schedules.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::Value;
use sluicegate_plugin::Deployment;
use tokio::sync::watch;

use crate::{
    run::{Run, RunId, Timestamp},
    workflow::{Diagnostic, Source, Workflow},
};

pub use crate::workflow::ParamSpec;

/// Why a part refused.
#[derive(Debug, thiserror::Error)]
pub enum FacadeError {
    /// What was named does not exist.
    #[error("{message}")]
    NotFound {
        /// What does not exist.
        message: String,
        /// The next step.
        hint: String,
    },
    /// What was asked for makes no sense.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// The next step.
        hint: String,
    },
    /// What was named is not what this can be asked of.
    #[error("{message}")]
    Conflict {
        /// What is in the way.
        message: String,
        /// The next step.
        hint: String,
    },
    /// Who asked could not be proven to be who they say.
    #[error("{0}")]
    Forbidden(String),
    /// The part could not do its work.
    #[error("{0}")]
    Failed(String),
}

/// A workflow with what checking it found.
#[derive(Clone, Debug)]
pub struct CheckedWorkflow {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Its folder, absolute.
    pub base_dir: PathBuf,
    /// Its text.
    pub source: Source,
    /// The workflow, when there is no error.
    pub workflow: Option<Workflow>,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// A workflow file of the daemon's folder.
#[derive(Clone, Debug)]
pub struct WorkflowFile {
    /// The workflow's name; the file's, when it is too broken to have one.
    pub name: String,
    /// The file's path, absolute.
    pub path: PathBuf,
    /// The newest state of the file that could be run, with its defaults.
    pub good: Option<Arc<CheckedWorkflow>>,
    /// The file as it is now.
    pub now: Arc<CheckedWorkflow>,
    /// The declared parameters of what would run.
    pub params: Vec<ParamSpec>,
}

impl WorkflowFile {
    /// Tells whether the file as it is now cannot be run.
    pub fn is_broken(&self) -> bool {
        self.now.workflow.is_none()
    }
}

/// The workflow files that the daemon offers. Calls may read files.
pub trait Workflows: Send + Sync {
    /// Every file, by name.
    fn list(&self) -> Result<Vec<Arc<WorkflowFile>>, FacadeError>;
    /// Checks the newest good state of a workflow with parameters.
    fn check(&self, name: &str, params: &BTreeMap<String, String>) -> Result<CheckedWorkflow, FacadeError>;
    /// Checks a text as if it were a file of the folder.
    fn check_text(
        &self,
        name: &str,
        text: &str,
        params: &BTreeMap<String, String>,
    ) -> Result<CheckedWorkflow, FacadeError>;
    /// Checks a file anywhere; only for callers on this machine.
    fn check_file(
        &self,
        path: &std::path::Path,
        params: &BTreeMap<String, String>,
    ) -> Result<CheckedWorkflow, FacadeError>;
    /// Checks what a run recorded, with other parameters; or, when `current`, its file as it is now.
    fn check_again(
        &self,
        run: &Run,
        params: &BTreeMap<String, String>,
        current: bool,
    ) -> Result<CheckedWorkflow, FacadeError>;
}

/// How a deployment is, asked of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers and is ready.
    Ready,
    /// It answers, and is not ready.
    Alive,
    /// It does not answer.
    Gone,
}

/// The deployments' own side. Calls block.
pub trait Deployments: Send + Sync {
    /// Asks a deployment how it is.
    fn health(&self, deployment: &Deployment) -> Result<Health, FacadeError>;
    /// Takes a deployment out of service.
    fn stop(&self, deployment: &Deployment) -> Result<(), FacadeError>;
    /// Puts the model that was in service before back into service; tells what is in service then.
    fn roll_back(&self, name: &str) -> Result<Deployment, FacadeError>;
}

/// A schedule, as people see it.
#[derive(Clone, Debug)]
pub struct ScheduleInfo {
    /// Its id: the workflow's name, or `WORKFLOW/N` where it has several.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// What kind of trigger it is: `cron`, `after run`, `webhook`, `files`.
    pub kind: String,
    /// What fires it, in words or as a cron line.
    pub trigger: String,
    /// A cron line in words; empty for others, and where words would not help.
    pub words: String,
    /// The time zone's name.
    pub timezone: String,
    /// True while it does not fire.
    pub paused: bool,
    /// Who paused it, or why; empty when nobody did.
    pub pause_reason: String,
    /// The next times at which it fires.
    pub next: Vec<Timestamp>,
    /// What it does when a run of it still goes on.
    pub overlap: String,
    /// What it does about times that were missed.
    pub catch_up: String,
    /// The latest fires, newest first.
    pub recent: Vec<ScheduleFire>,
}

/// A fire of a schedule.
#[derive(Clone, Debug)]
pub struct ScheduleFire {
    /// The time for which it fired.
    pub at: Timestamp,
    /// The run, when one was started.
    pub run: Option<RunId>,
    /// What was decided: `started`, `skipped`, `queued` and the like.
    pub decision: String,
    /// Why, for people.
    pub reason: String,
}

/// A range of times for which someone wants runs.
#[derive(Clone, Debug)]
pub struct BackfillRange {
    /// The schedule's id.
    pub id: String,
    /// The first time that counts.
    pub from: Timestamp,
    /// The first time that counts no more.
    pub to: Timestamp,
    /// At most so many of its runs go on at a time.
    pub parallel: u32,
    /// Parameters for its runs.
    pub params: BTreeMap<String, String>,
}

/// The scheduler. Calls may read and write the store.
pub trait Schedules: Send + Sync {
    /// Every schedule.
    fn list(&self) -> Result<Vec<ScheduleInfo>, FacadeError>;
    /// Lets a schedule rest.
    fn pause(&self, id: &str, who: &str) -> Result<(), FacadeError>;
    /// Lets a schedule go on.
    fn resume(&self, id: &str, who: &str) -> Result<(), FacadeError>;
    /// Fires a schedule now; returns the run.
    fn fire(&self, id: &str, who: &str) -> Result<RunId, FacadeError>;
    /// Fires for every time of a range; returns how many runs there will be.
    fn backfill(&self, range: &BackfillRange, who: &str) -> Result<usize, FacadeError>;
    /// Drops what is left of a schedule's backfills; false when nothing was.
    fn stop_backfills(&self, id: &str) -> Result<bool, FacadeError>;
    /// Tells whether times of a backfill of a schedule are still to run, or run.
    fn is_backfilling(&self, id: &str) -> Result<bool, FacadeError>;
    /// A number that grows whenever schedules or their states change.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Takes a webhook's request: its headers by lowercase name, and its body as it came. The scheduler verifies the signature.
    fn webhook(
        &self,
        workflow: &str,
        name: &str,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Value, FacadeError>;
}
