//! Why a run exists and what came of it, in so few words that a list can tell it.

use serde::{Deserialize, Serialize};
use sluicegate_plugin::Decision;

use super::{Cause, Run, RunStatus, TaskRecord, TaskState};

/// Characters of a message that a row keeps.
const MAX_MESSAGE: usize = 200;

/// Why a run exists and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStory {
    /// The schedule or trigger that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Who started it; empty when it is not known, or nobody did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub started_by: String,
    /// Why it did not succeed, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What its gates decided together, once it ended; nothing when it has none that spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What kept a run from succeeding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The task that broke first, or the gate; empty when it was the run as a whole.
    pub task: String,
    /// The first line of its error, or of what the gate said; perhaps empty.
    pub message: String,
}

impl Trouble {
    fn new(task: &str, message: &str) -> Self {
        Self { task: task.to_owned(), message: one_line(message) }
    }
}

/// The line of a message that says something, without codes for terminals, of a bounded length.
pub(crate) fn one_line(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = lines.next().unwrap_or_default().to_owned();
    // What ends like this says nothing without what it announces, of which the last is the most telling.
    if line.ends_with(':')
        && let Some(last) = lines.next_back()
    {
        let said = line.trim_end_matches(':');
        let said = said.rsplit_once(';').map_or(said, |(said, _announces)| said);
        line = format!("{said}: {last}");
    }
    plain(&line).chars().take(MAX_MESSAGE).collect()
}

/// Text without the codes by which programs tell terminals about colours.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            // `ESC [`, parameters, and a letter that ends them.
            if rest.next() == Some('[') {
                let _end = rest.by_ref().find(|c| ('@'..='~').contains(c));
            }
        } else if !c.is_control() {
            plain.push(c);
        }
    }
    plain
}

impl Run {
    pub(super) fn story(&self) -> RunStory {
        let has_ended = self.status.is_final();
        RunStory {
            cause: self.cause.clone(),
            started_by: self.started_by.clone(),
            trouble: if has_ended { self.trouble() } else { None },
            decision: if has_ended { self.decision() } else { None },
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        match (self.status, &self.cancel) {
            (RunStatus::Cancelled, Some(cancel)) => Some(Trouble::new("", &cancel.reason)),
            (RunStatus::Failed, Some(cancel)) if cancel.timed_out => Some(Trouble::new("", &cancel.reason)),
            (RunStatus::Failed, _) => {
                let broken =
                    |record: &TaskRecord| matches!(record.state, TaskState::Failed | TaskState::Unknown);
                // What broke first: an item rather than the task that waited for it.
                let (_, task, record) = self
                    .tasks()
                    .filter(|(_, task, record)| task.hook.is_none() && broken(record))
                    .min_by_key(|(idx, _, record)| (record.ended_at, std::cmp::Reverse(*idx)))?;
                let message = record.error.as_ref().map(|error| error.message.as_str());
                Some(Trouble::new(&task.name, message.unwrap_or_default()))
            }
            (RunStatus::Rejected, _) => self.tasks().find_map(|(_, task, record)| {
                let verdict = record.outcome.as_ref()?.verdict.as_ref()?;
                let mut against = verdict.requirements.iter().filter(|line| line.decision != Decision::Pass);
                let message = against.next().map_or("", |line| line.reason.as_str());
                (verdict.decision != Decision::Pass).then(|| Trouble::new(&task.name, message))
            }),
            _ => None,
        }
    }

    /// A gate that rejects outweighs one that lacks evidence, and this one those that pass.
    fn decision(&self) -> Option<Decision> {
        let all = self
            .tasks()
            .filter_map(|(_, _, record)| Some(record.outcome.as_ref()?.verdict.as_ref()?.decision));
        all.max_by_key(|decision| match decision {
            Decision::Pass => 0,
            Decision::Insufficient => 1,
            Decision::Reject => 2,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line_that_says_something_and_no_colours() {
        let of = |message: &str| Trouble::new("t", message).message;
        assert_eq!(of("no such column\nat line 3"), "no such column");
        assert_eq!(
            of("`sh` exited with code 4; it last wrote:\n\nrow 1\n  \u{1b}[1;31merror:\u{1b}[0m no rows\n"),
            "`sh` exited with code 4: error: no rows"
        );
        assert_eq!(of("\u{1b}[31"), "");
        assert_eq!(of(&"é".repeat(500)).chars().count(), MAX_MESSAGE);
        assert_eq!(of(""), "");
    }
}
