//! What several pages have in common.

mod actions;
mod changes;
mod fires;
mod log;
mod metrics;
mod params;
mod runs;
mod shell;
mod source;
mod tables;
mod verdict;

pub(crate) use actions::{Action, action, post};
pub(crate) use changes::changes;
pub(crate) use fires::fires;
pub(crate) use log::{log_lines, log_section};
pub(crate) use metrics::{better, is_variant, metrics};
pub(crate) use params::param_fields;
pub(crate) use runs::{health_badge, run_table, starter};
pub(crate) use shell::{Live, Shell, live, shell};
pub(crate) use source::{diagnostics, line_diff, numbered};
pub(crate) use tables::{empty, preview, scroll};
pub(crate) use verdict::verdict;
