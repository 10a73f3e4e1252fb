//! `[defaults]`: settings of tasks that do not say otherwise.

use std::collections::BTreeMap;

use sluicegate_plugin::Resources;

use super::{
    Diagnostic, limits,
    model::{PoolUse, RetryPolicy},
    node::Table,
    retry::retry,
    secrets::{Secrets, secrets},
    settings::{Fields, Spanned},
};

/// What `[defaults]` may hold.
pub(super) const KEYS: [&str; 8] =
    ["retry", "timeout", "env", "secrets", "resources", "pool", "priority", "continue_on_failure"];

/// Settings of tasks that do not say otherwise.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) retry: RetryPolicy,
    pub(super) timeout: Option<f64>,
    pub(super) env: Vec<(Spanned, Spanned)>,
    pub(super) secrets: Secrets,
    pub(super) resources: Resources,
    pub(super) pool: Option<PoolUse>,
    pub(super) priority: i32,
    pub(super) continue_on_failure: bool,
}

/// Reads `[defaults]`.
pub(super) fn read(
    table: Option<&Table>,
    pools: &BTreeMap<String, u32>,
    found: &mut Vec<Diagnostic>,
) -> Defaults {
    let Some(table) = table else { return Defaults::default() };
    let fields = Fields::new(table, "`defaults`", &KEYS, &[], found);
    let env = fields.string_table("env", found);
    Defaults {
        retry: retry(&fields, RetryPolicy::default(), found),
        timeout: fields.duration("timeout", found),
        secrets: secrets(&fields, &[], &env, found),
        env,
        resources: limits::resources(&fields, &Resources::default(), found),
        pool: limits::pool_use(&fields, pools, found),
        priority: limits::priority(&fields, found).unwrap_or_default(),
        continue_on_failure: fields.boolean("continue_on_failure", found).is_some_and(|(truth, _)| truth),
    }
}
