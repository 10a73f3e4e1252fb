//! What a workflow file says of the times and events that start it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workflow::SecretSource;

/// One reason why a workflow runs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, unlike any other's in the workflow.
    pub name: String,
    /// False when the file says that it does nothing for now.
    pub enabled: bool,
    /// What starts a run.
    pub on: On,
    /// What happens when an earlier run of it goes on.
    pub overlap: Overlap,
    /// Parameters of its runs that differ from their defaults; texts may have expressions that name `event`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
}

impl Schedule {
    /// Its rule, when times start its runs.
    pub fn time(&self) -> Option<&TimeRule> {
        match &self.on {
            On::Time(rule) => Some(rule),
            _ => None,
        }
    }

    /// Changes whenever other times or events would start runs than before. How late, how many and what is caught up is not part of it: who
    /// edits that wants it for what was missed, too.
    pub fn fingerprint(&self) -> String {
        let what = match &self.on {
            On::Time(rule) => {
                let clocks = (&rule.timezone, rule.dst_gap, rule.dst_fold);
                serde_json::to_vec(&(self.enabled, &rule.cron, clocks, rule.start, rule.end))
            }
            on => serde_json::to_vec(&(self.enabled, on)),
        };
        let what = what.unwrap_or_default();
        blake3::hash(&what).to_hex()[..16].to_owned()
    }
}

/// What starts a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A time comes.
    Time(TimeRule),
    /// A run of another workflow ends.
    Run(RunRule),
    /// A signed request arrives.
    Webhook(WebhookRule),
    /// Files are new or changed.
    Files(FilesRule),
}

/// Times that start runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeRule {
    /// The cron line.
    pub cron: String,
    /// The zone whose clocks it means.
    pub timezone: String,
    /// What becomes of a time that clocks skip.
    pub dst_gap: DstGap,
    /// What becomes of a time that clocks show twice.
    pub dst_fold: DstFold,
    /// Each fire is late by a number of seconds from 0 to this, always the same for the same time.
    pub jitter: f64,
    /// No time before this counts, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// No time after this counts, in milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
    /// What becomes of times that passed while nobody watched.
    pub catch_up: CatchUp,
    /// Times that passed longer ago are not caught up, in seconds.
    pub catch_up_window: f64,
    /// At most so many times are caught up at once: the latest.
    pub catch_up_limit: u32,
}

/// A run of another workflow that ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRule {
    /// The other workflow's name.
    pub workflow: String,
    /// The ends that count, as the words of a run's status.
    pub status: Vec<String>,
}

/// A signed request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookRule {
    /// Where the secret is that signs it.
    pub secret: SecretSource,
}

/// Files that are new or changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilesRule {
    /// Their path, relative to the workflow's folder; `*`, `?` and `**` stand for what they do in a shell.
    pub path: String,
    /// For so many seconds nothing must have changed any more.
    pub settle: f64,
}

/// What happens when a run of the schedule goes on and another is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// The new one does not happen.
    #[default]
    Skip,
    /// The new one waits.
    Queue,
    /// The old one is cancelled, and the new one starts when it has ended.
    CancelRunning,
    /// Both go on.
    Allow,
}

impl Overlap {
    /// Every value with its word.
    pub const ALL: [(&str, Self); 4] = [
        ("skip", Self::Skip),
        ("queue", Self::Queue),
        ("cancel-running", Self::CancelRunning),
        ("allow", Self::Allow),
    ];
}

/// What becomes of times that passed while nobody watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They do not happen.
    None,
    /// The last of them happens.
    #[default]
    Latest,
    /// All of them happen, one after the other.
    All,
}

impl CatchUp {
    /// Every value with its word.
    pub const ALL: [(&str, Self); 3] = [("none", Self::None), ("latest", Self::Latest), ("all", Self::All)];
}

/// What becomes of a time that clocks skip when they are set forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DstGap {
    /// It does not happen on that day.
    Skip,
    /// It happens at the first moment after the gap; once, however many times fall into the gap.
    RunAfter,
}

impl DstGap {
    /// Every value with its word.
    pub const ALL: [(&str, Self); 2] = [("skip", Self::Skip), ("run_after", Self::RunAfter)];
}

/// What becomes of a time that clocks show twice when they are set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DstFold {
    /// It happens when clocks show it first.
    First,
    /// It happens when clocks show it again.
    Second,
    /// It happens both times.
    Both,
}

impl DstFold {
    /// Every value with its word.
    pub const ALL: [(&str, Self); 3] =
        [("first", Self::First), ("second", Self::Second), ("both", Self::Both)];
}
