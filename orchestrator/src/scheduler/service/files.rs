//! Files that triggers wait for.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{News, Scheduler, events::Coming};
use crate::{
    run::{Timestamp, Trigger},
    scheduler::{SchedulerError, scan::Found},
    store::ScheduleId,
    workflow::On,
};

/// The longest time between two looks at a trigger's files, in milliseconds.
const MAX_LOOK: i64 = 5_000;

/// At most so many files are named to a run; how many they are, it hears in any case.
const MAX_NAMES: usize = 1000;

/// What stands for the state of no files at all.
const NONE: &str = "none";

/// What is known of the files that triggers wait for.
#[derive(Default)]
pub(super) struct FileTriggers {
    watched: BTreeMap<ScheduleId, Watched>,
}

struct Watched {
    /// What was there at the last look.
    state: Option<String>,
    /// Since when it is as it is.
    since: Timestamp,
    look_at: Timestamp,
    is_looking: bool,
    /// What was there at the last event, as far as this process has seen it.
    handled: Option<Found>,
}

impl Scheduler {
    /// Keeps what is known of the files of triggers that there still are.
    pub(super) fn meet_file_triggers(&mut self) {
        let now = self.now();
        let mut watched = std::mem::take(&mut self.files.watched);
        for (spec, _, _) in self.planner.all() {
            if matches!(spec.schedule.on, On::Files(_)) {
                let new = Watched { state: None, since: now, look_at: now, is_looking: false, handled: None };
                let known = watched.remove(&spec.id).unwrap_or(new);
                self.files.watched.insert(spec.id.clone(), known);
            }
        }
    }

    /// Looks at the files of triggers whose time has come.
    pub(super) fn look_at_files(&mut self, now: Timestamp) {
        for (id, known) in &mut self.files.watched {
            // A clock that was set back must not make it wait.
            let is_early = known.look_at > now && known.look_at.0 - now.0 <= MAX_LOOK;
            if known.is_looking || is_early {
                continue;
            }
            let rule = self.planner.get(id).and_then(|(spec, _, _)| match &spec.schedule.on {
                On::Files(rule) => Some(rule.path.clone()),
                _ => None,
            });
            let Some((path, workflow)) = rule.zip(self.workflows.get(&id.workflow)) else { continue };
            known.is_looking = true;
            let (id, tell, base_dir) = (id.clone(), self.news_tx.clone(), workflow.base_dir.clone());
            tokio::task::spawn_blocking(move || {
                let _ = tell.send(News::Files(id, Found::look(&base_dir, &path)));
            });
        }
    }

    /// Files are as they are: an event, when some are new or changed since the last one, and all have settled.
    pub(super) async fn files_are(&mut self, id: &ScheduleId, found: Found) -> Result<(), SchedulerError> {
        let now = self.now();
        let about = self.planner.get(id).and_then(|(spec, state, _)| match &spec.schedule.on {
            On::Files(rule) => Some((rule.settle, state.seen.last().cloned(), state.watermark)),
            _ => None,
        });
        let (Some((settle, seen, watermark)), Some(known)) = (about, self.files.watched.get_mut(id)) else {
            return Ok(());
        };
        #[expect(clippy::cast_possible_truncation, reason = "a duration is at most a year")]
        let settle = (settle * 1000.0) as i64;
        known.is_looking = false;
        known.look_at = Timestamp(now.0 + (settle / 4).clamp(250, MAX_LOOK));
        let state = found.state();
        known.since = if known.state == state { known.since.min(now) } else { now };
        known.state.clone_from(&state);
        let is_settled = now.0 - known.since.0 >= settle;
        let state = state.unwrap_or_else(|| NONE.into());
        let is_as_before = seen.as_ref() == Some(&state);
        if seen.is_some() && !is_as_before && !is_settled {
            return Ok(());
        }
        let new = match &known.handled {
            // What is there when the trigger is met is not new.
            _ if seen.is_none() || is_as_before => Vec::new(),
            Some(handled) => found.since(handled),
            None => found.after(watermark.0.saturating_sub(settle)),
        };
        // Files that are gone are nothing to work with.
        let more =
            (!new.is_empty()).then(|| files(&new, self.workflows.get(&id.workflow).map(|it| &*it.base_dir)));
        known.handled = Some(found);
        if is_as_before {
            return Ok(());
        }
        let Some(more) = more else {
            let turn = self.planner.note_seen(id, vec![state], now);
            return self.perform(turn).await;
        };
        // Only the last state counts: files may come back to an earlier one.
        let mut turn = self.planner.note_seen(id, Vec::new(), now);
        let event = Coming { trigger: Trigger::Files, key: &state, at: now };
        let (_, one) = self.event(id, &event, more);
        turn.join(one);
        self.perform(turn).await
    }
}

/// What an event says of files: their names, as a workflow in this folder would write them.
fn files(new: &[&Path], base_dir: Option<&Path>) -> Value {
    let name = |path: &&Path| {
        let within = base_dir.and_then(|base_dir| path.strip_prefix(base_dir).ok());
        within.unwrap_or(path).to_string_lossy().into_owned()
    };
    let names: Vec<String> = new.iter().take(MAX_NAMES).map(name).collect();
    json!({ "files": names, "n_files": new.len() })
}
