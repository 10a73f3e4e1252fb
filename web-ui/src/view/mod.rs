//! What the pages show: plain data that the server fills.
//!
//! Points in time are milliseconds since 1970-01-01 UTC, durations are seconds, sizes are bytes. Texts are as they are: the pages escape
//! them. An empty text or list means that there is nothing to show.

mod common;
mod compare;
mod deployments;
mod error;
mod kinds;
mod models;
mod overview;
mod page;
mod plots;
mod run;
mod schedules;
mod state;
mod system;
mod task;
mod workflow;

pub use common::{Change, Pair, RunRow, Runs};
pub use compare::{Compare, CompareMetric, CompareTask};
pub use deployments::{DeploymentHealth, DeploymentRow, Deployments};
pub use error::{ApiDocs, ErrorPage, Login};
pub use kinds::{KindError, KindPage, KindPort, KindRow, Kinds, PluginRow};
pub use models::{AliasMove, ModelAlias, ModelPage, ModelRow, ModelVersion, Models};
pub use overview::{Activity, Overview};
pub use page::{Notice, Page, Role, Theme, User};
pub use plots::{ClassRow, CurvePoint, Evaluation, ScoreCurve};
pub use run::{AttemptEnd, AttemptSpan, Edge, EventRow, FailedTask, RunPage, RunTask};
pub use schedules::{Fire, ScheduleRow, Schedules};
pub use state::{Decision, RunState, TaskState};
pub use system::{AuditRow, PoolRow, StorePart, System, WorkerRow};
pub use task::{
    CacheReason, LogPage, Metric, PortView, Requirement, TablePreview, TaskDetail, TaskFailure, TaskPage,
    Verdict,
};
pub use workflow::{
    Diagnostic, OutcomeBar, ParamField, ParamType, PlanTask, Severity, Trend, TrendRun, TrendSeries,
    WorkflowPage, WorkflowRow, Workflows,
};
