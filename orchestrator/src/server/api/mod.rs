//! The API's resources, a file each.

pub(super) mod artifacts;
pub(super) mod control;
pub(super) mod deployments;
mod diff;
mod events;
mod gc;
pub(super) mod health;
mod kinds;
mod local;
pub(super) mod logs;
mod metrics;
pub(super) mod models;
pub(super) mod runs;
mod schedules;
pub(super) mod start;
mod system;
pub(super) mod workflows;

use std::sync::Arc;

use super::{endpoint::Endpoints, state::ServerState};

/// Adds every resource.
pub(super) fn add(endpoints: &mut Endpoints, state: &Arc<ServerState>) {
    health::add(endpoints);
    system::add(endpoints);
    workflows::add(endpoints);
    start::add(endpoints);
    runs::add(endpoints);
    events::add(endpoints);
    logs::add(endpoints);
    artifacts::add(endpoints);
    control::add(endpoints);
    diff::add(endpoints);
    models::add(endpoints);
    deployments::add(endpoints);
    kinds::add(endpoints);
    gc::add(endpoints);
    metrics::add(endpoints);
    local::add(endpoints);
    if let Some(schedules) = &state.parts.schedules {
        schedules::add(endpoints, schedules);
    }
}
