//! Whether a failed attempt is followed by another, and when. Pure.

use regex::Regex;
use sluicegate_plugin::{Effect as EffectClass, Exit, TaskError};

use super::{AttemptResult, Run, Timestamp};
use crate::workflow::{RetryOn, TaskIdx};

/// Attempts lost with their orchestrator after which a task is given up: it may be what brings it down.
pub(super) const MAX_LOST: u32 = 3;

impl Run {
    /// When the next attempt may start; `None` when there is none.
    pub(super) fn retry_at(
        &self,
        task: TaskIdx,
        result: &AttemptResult,
        random: f64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (spec, record) = (self.task(task), self.record(task));
        if self.cancel.is_some() && spec.hook.is_none() {
            return None;
        }
        let n_lost = record.n_lost + 1;
        match result {
            // Its work may be done.
            AttemptResult::Lost | AttemptResult::Crashed { .. } | AttemptResult::TimedOut { .. }
                if spec.effect == EffectClass::Once =>
            {
                return None;
            }
            AttemptResult::Lost | AttemptResult::NeverHappened => return (n_lost < MAX_LOST).then_some(now),
            _ => {}
        }
        let n_failed = record.n_failed + 1;
        let error = result.error()?;
        let again = error.retryable
            && n_failed < spec.retry.attempts
            && spec.retry.on.as_ref().is_none_or(|on| covers(on, result, &error));
        again.then(|| now.plus_seconds(spec.retry.delay(n_failed, random)))
    }
}

/// Tells whether a failure is among those that are tried again.
fn covers(on: &RetryOn, result: &AttemptResult, error: &TaskError) -> bool {
    let timed_out = matches!(result, AttemptResult::TimedOut { .. });
    let out_of_memory = error.code == TaskError::OUT_OF_MEMORY;
    let found = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&error.message));
    (on.timeout && timed_out)
        || (on.out_of_memory && out_of_memory)
        || (on.signal && !out_of_memory && matches!(error.exit, Some(Exit::Signal(_))))
        || matches!(error.exit, Some(Exit::Code(code)) if on.exit_codes.contains(&code))
        || on.text.as_deref().is_some_and(found)
}
