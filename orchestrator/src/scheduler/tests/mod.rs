//! Decisions by hand, and long random lives with crashes and clocks that are set.

mod against_simulation;
mod chance;
mod decisions;
mod library;
mod service;

use std::{collections::BTreeMap, sync::Arc};

use super::Spec;
use crate::{
    run::Timestamp,
    workflow::{CatchUp, DstFold, DstGap, On, Overlap, Schedule, TimeRule},
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Noon of a day.
const NOON: i64 = 1_767_268_800_000;

fn at(millis: i64) -> Timestamp {
    Timestamp(NOON + millis)
}

/// A schedule of the workflow `w`.
fn spec(cron: &str, overlap: Overlap, catch_up: CatchUp) -> Arc<Spec> {
    spec_with(cron, overlap, catch_up, |_| {})
}

fn spec_with(
    cron: &str,
    overlap: Overlap,
    catch_up: CatchUp,
    change: impl FnOnce(&mut TimeRule),
) -> Arc<Spec> {
    let mut rule = TimeRule {
        cron: cron.into(),
        timezone: "UTC".into(),
        dst_gap: DstGap::RunAfter,
        dst_fold: DstFold::First,
        jitter: 0.0,
        start: None,
        end: None,
        catch_up,
        catch_up_window: 7.0 * 86_400.0,
        catch_up_limit: 100,
    };
    change(&mut rule);
    let on = On::Time(rule);
    let schedule = Schedule { name: "s".into(), enabled: true, on, overlap, params: BTreeMap::new() };
    Arc::new(Spec::new("w", &schedule))
}
