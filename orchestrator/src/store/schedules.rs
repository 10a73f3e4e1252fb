//! What is remembered of schedules: which times are decided, and which runs came of them.
//!
//! A schedule's state is small and changes as a whole; like the rows of live runs it is in memory, and in the journal, whose first record
//! takes all of them along. The log of decisions is for people: it is in the database alone, and a rebuild loses it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    LogReader, Store, StoreError, key, value,
    writer::{Done, Op},
};
use crate::run::{Cause, RunId, Timestamp};

/// The version of a schedule's state.
const VERSION: u16 = 1;

/// So many decisions of a schedule are kept.
const KEPT: u64 = 200;

/// A schedule or trigger of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScheduleId {
    /// The workflow's name.
    pub workflow: String,
    /// Its own name.
    pub schedule: String,
}

impl ScheduleId {
    /// An id from its parts.
    pub fn new(workflow: &str, schedule: &str) -> Self {
        Self { workflow: workflow.to_owned(), schedule: schedule.to_owned() }
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workflow, self.schedule)
    }
}

/// All that is remembered of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// The format's version.
    pub v: u16,
    /// Whose state it is.
    pub id: ScheduleId,
    /// The definition under which times were decided; with another one, only times from then on count.
    pub fingerprint: String,
    /// Every time up to here, inclusive, is decided.
    pub watermark: Timestamp,
    /// Since when it rests, and who wanted that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Fires whose runs are to start, go on, or ended a moment ago; oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Fire>,
    /// Ranges of times that someone asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backfills: Vec<Backfill>,
    /// The number of decisions so far.
    #[serde(default)]
    pub n_decided: u64,
    /// Of events: the latest that were handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

impl ScheduleState {
    /// The state of a schedule that nothing is known of: times up to `now` do not count.
    pub fn new(id: ScheduleId, fingerprint: String, now: Timestamp) -> Self {
        Self {
            v: VERSION,
            id,
            fingerprint,
            watermark: now,
            paused: None,
            open: Vec::new(),
            backfills: Vec::new(),
            n_decided: 0,
            seen: Vec::new(),
        }
    }
}

/// A schedule that rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Who wanted it, and why.
    pub by: String,
}

/// A time that became a run, or will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fire {
    /// The run's id, chosen before the run exists.
    pub run: RunId,
    /// Why, and for which time.
    pub cause: Cause,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// True while it waits for runs before it.
    #[serde(default)]
    pub waits: bool,
    /// Parameters that someone gave for this one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// A range of times that someone asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Every time up to here, inclusive, is recorded.
    pub done: Timestamp,
    /// The last time that counts.
    pub until: Timestamp,
    /// At most so many of its runs go on at a time.
    pub parallel: u32,
    /// Parameters for its runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// What became of a time, or of several that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Decision {
    /// A run starts.
    Started {
        /// The run.
        run: RunId,
    },
    /// A run will start after those before it.
    Queued {
        /// The run.
        run: RunId,
    },
    /// Nothing: an earlier run goes on.
    Overlapped {
        /// The earlier run.
        with: RunId,
    },
    /// Nothing: too many wait already.
    QueueFull,
    /// Nothing: a later one took its place.
    Replaced {
        /// The run that would have been.
        run: RunId,
    },
    /// An earlier run is cancelled for the sake of this one.
    Cancelled {
        /// The earlier run.
        run: RunId,
    },
    /// Nothing: it passed while nobody watched, and is not caught up.
    Missed {
        /// How many times passed, this one included, when they were counted.
        n: Option<u64>,
    },
    /// The run could not start.
    Failed {
        /// The run that would have been.
        run: RunId,
        /// Why.
        reason: String,
    },
}

/// A decision with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number, from 0.
    pub n: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Why, and for which time.
    pub cause: Cause,
    /// What was decided.
    pub decision: Decision,
}

/// What is committed together.
#[derive(Clone, Debug, Default)]
pub struct ScheduleCommit {
    /// New states.
    pub states: Vec<ScheduleState>,
    /// New decisions.
    pub log: Vec<(ScheduleId, LogEntry)>,
}

impl ScheduleCommit {
    /// Tells whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.log.is_empty()
    }
}

/// Reads a state.
pub(super) fn decode(json: &[u8]) -> Result<ScheduleState, StoreError> {
    let state: ScheduleState = value::from_json(json)?;
    if state.v > VERSION {
        let (id, found) = (&state.id, state.v);
        return Err(StoreError::BadValue(format!(
            "the state of schedule `{id}` has format {found}; this program reads up to {VERSION}"
        )));
    }
    Ok(state)
}

impl Store {
    /// Every schedule that was ever seen, by its id.
    pub fn schedules(&self) -> Vec<ScheduleState> {
        self.shared.live.schedules().values().cloned().collect()
    }

    /// What is remembered of one schedule.
    pub fn schedule(&self, id: &ScheduleId) -> Option<ScheduleState> {
        self.shared.live.schedules().get(id).cloned()
    }

    /// Makes decisions durable and then calls `done`; see [`Store::commit_then`].
    pub fn record_schedules_then(&self, commit: &ScheduleCommit, done: Done) {
        let mut op = Op::default();
        for state in &commit.states {
            op.payload.schedule(&value::to_json(state));
        }
        for (id, entry) in &commit.log {
            let key = |n| key::decision(&id.workflow, &id.schedule, n);
            op.payload.put(&key(entry.n), &value::to_json(entry));
            if let Some(old) = entry.n.checked_sub(KEPT) {
                op.payload.delete(&key(old));
            }
        }
        self.shared.writer.send(op, done);
    }

    /// Makes decisions durable.
    pub fn record_schedules(&self, commit: &ScheduleCommit) -> Result<(), StoreError> {
        let (tx, rx) = std::sync::mpsc::channel();
        self.record_schedules_then(commit, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(StoreError::WriterGone))
    }

    /// The latest decisions of a schedule, newest first.
    pub fn schedule_log(&self, id: &ScheduleId, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let prefix = key::decisions(&id.workflow, &id.schedule);
        self.shared.db.prefix(&prefix).rev().take(limit).map(|item| value::from_json(&item?.1)).collect()
    }
}

impl LogReader {
    /// Every schedule that was ever seen, by its id.
    pub fn schedules(&self) -> Result<Vec<ScheduleState>, StoreError> {
        self.steadily(|reader| Ok(reader.snapshot(None)?.schedules.into_values().collect()))
    }
}
