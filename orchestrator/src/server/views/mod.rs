//! What clients see: structs of their own, so that the domain can change without them.

mod diff;
mod event;
mod kind;
mod model;
mod run;
mod task;
mod time;
mod verdict;
mod workflow;

pub(super) use diff::DiffView;
pub(super) use event::{EventPage, EventView, names_of};
pub(super) use kind::{KindList, KindView, PackList, PackView};
pub(super) use model::{AliasMoveView, DeploymentList, DeploymentView, ModelList, ModelView};
pub(super) use run::{RunPage, RunSummary, RunView};
pub(super) use task::{OutputView, TaskDetail, TaskView, why};
pub(super) use time::{parse_time, rfc3339};
pub(super) use verdict::VerdictView;
pub(super) use workflow::{CheckView, WorkflowList, WorkflowSummary, WorkflowView};
