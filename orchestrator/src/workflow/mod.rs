//! What is asked: a TOML file becomes a checked [`Workflow`], or all its problems at once. Pure.
//!
//! The file is parsed into a tree with spans, the tree is walked by hand, and only then are tasks connected and their
//! parameters and columns verified, so that every problem has a place.

mod assemble;
mod builder;
mod check;
mod columns;
mod connect;
mod defaults;
mod diagnostic;
pub mod draw;
mod editor;
mod expression;
mod graph;
mod items;
mod limits;
mod mention;
mod model;
mod nested;
mod node;
mod params;
mod parse;
mod pieces;
mod project;
mod render;
mod retry;
mod schedule;
mod schema;
mod secrets;
mod settings;
mod source;
mod task;
#[cfg(test)]
mod tests;

pub use check::{CheckOptions, Checked, KindEntry, KindSource, Load, check};
pub use diagnostic::{Diagnostic, Severity, unreadable};
pub use editor::editor_schema;
pub use expression::{ExpressionError, evaluate, evaluate_condition};
pub use graph::{EdgeKind, TaskGraph};
pub use model::{
    Backoff, Hook, InputRef, Nested, PoolUse, RetryOn, RetryPolicy, RunIf, SecretSource, Task, TaskIdx,
    Workflow,
};
pub use nested::pack;
pub use params::{ParamSpec, declared_params};
pub use project::{Project, check_project};
pub use render::{render, to_json};
pub use schedule::{
    CatchUp, CronProblem, DstFold, DstGap, FilesRule, On, Overlap, RunRule, Schedule, TimeRule, Timing,
    UnixCron, WebhookRule, in_words, parse_time,
};
pub use source::Source;
