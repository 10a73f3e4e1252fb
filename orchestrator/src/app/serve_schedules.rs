//! The scheduler as the server sees it.

use std::{collections::BTreeMap, future::Future};

use serde_json::{Value, json};
use tokio::{runtime::Handle, sync::watch};

use super::schedule_view::is_done;
use crate::{
    run::{RunId, Timestamp},
    scheduler::{BackfillRequest, ScheduleView, SchedulerError, SchedulerHandle, Spec},
    server::{BackfillRange, FacadeError, ScheduleFire, ScheduleInfo, Schedules},
    store::{Decision, LogEntry, ScheduleId},
    workflow::{CatchUp, On, Overlap, in_words},
};

/// How many of the times to come are shown of each schedule.
const N_NEXT: usize = 5;

/// How many of its latest decisions.
const N_RECENT: usize = 5;

/// With more schedules than this, a list leaves out what they decided.
const N_WITH_RECENT: usize = 500;

/// Headers that carry the signature of a webhook's body: ours, and GitHub's.
const SIGNATURE: [&str; 2] = ["x-sluice-signature", "x-hub-signature-256"];

/// Headers that carry the sender's own id of a request.
const DELIVERY: [&str; 2] = ["x-sluice-delivery", "x-github-delivery"];

/// More times of a range are not counted.
const MAX_TIMES: usize = 100_000;

/// The scheduler as the server sees it. Calls wait; they must not be made on a thread that drives others.
pub(super) struct OwnSchedules {
    handle: SchedulerHandle,
    runtime: Handle,
}

impl OwnSchedules {
    /// Asks this scheduler. Call it inside the runtime.
    pub(super) fn new(handle: SchedulerHandle) -> Self {
        Self { handle, runtime: Handle::current() }
    }

    fn wait<T>(&self, asked: impl Future<Output = Result<T, SchedulerError>>) -> Result<T, FacadeError> {
        self.runtime.block_on(asked).map_err(refused)
    }
}

fn refused(error: SchedulerError) -> FacadeError {
    let message = sluicegate_plugin::with_causes(&error);
    match error {
        SchedulerError::NoSchedule(_) => {
            FacadeError::NotFound { message, hint: "`sluice schedule list` lists them".into() }
        }
        SchedulerError::Useless { .. } => FacadeError::Invalid {
            message,
            hint: "the trigger's `params` say what the event must bring".into(),
        },
        SchedulerError::NotFor { .. } | SchedulerError::NoTimes(_) => {
            FacadeError::Conflict { message, hint: "`sluice schedule list` shows what each one is".into() }
        }
        SchedulerError::Forged => FacadeError::Forbidden(message),
        // Whoever cannot sign learns no more from a webhook whose secret cannot be had than from any other.
        SchedulerError::NoSecret(_) => {
            tracing::error!("a webhook was refused: {message}");
            FacadeError::Forbidden(SchedulerError::Forged.to_string())
        }
        _ => FacadeError::Failed(message),
    }
}

fn id_of(text: &str) -> Result<ScheduleId, FacadeError> {
    text.split_once('/').map(|(workflow, schedule)| ScheduleId::new(workflow, schedule)).ok_or_else(|| {
        FacadeError::NotFound {
            message: format!("there is no schedule `{text}`"),
            hint: "an id is `WORKFLOW/SCHEDULE`; `sluice schedule list` lists them".into(),
        }
    })
}

impl Schedules for OwnSchedules {
    fn list(&self) -> Result<Vec<ScheduleInfo>, FacadeError> {
        let all = self.wait(self.handle.list(N_NEXT))?;
        let has_recent = all.len() <= N_WITH_RECENT;
        let info = |view: ScheduleView| {
            let log = if has_recent { self.wait(self.handle.log(&view.id, N_RECENT))? } else { Vec::new() };
            Ok(info(view, log))
        };
        all.into_iter().map(info).collect()
    }

    fn pause(&self, id: &str, who: &str) -> Result<(), FacadeError> {
        self.wait(self.handle.pause(&id_of(id)?, who))
    }

    fn resume(&self, id: &str, _: &str) -> Result<(), FacadeError> {
        self.wait(self.handle.resume(&id_of(id)?))
    }

    fn fire(&self, id: &str, _: &str) -> Result<RunId, FacadeError> {
        self.wait(self.handle.fire(&id_of(id)?, BTreeMap::new()))
    }

    fn backfill(&self, range: &BackfillRange, _: &str) -> Result<usize, FacadeError> {
        let BackfillRange { id, from, to, parallel, params } = range.clone();
        let id = id_of(&id)?;
        let all = self.wait(self.handle.list(0))?;
        let view = all.iter().find(|view| view.id == id);
        let n_times = view.map_or(0, |view| count(view, from, to));
        let request = BackfillRequest { from, to: Timestamp(to.0 - 1), parallel, params };
        self.wait(self.handle.backfill(&id, request))?;
        Ok(n_times)
    }

    fn stop_backfills(&self, id: &str) -> Result<bool, FacadeError> {
        self.wait(self.handle.stop_backfills(&id_of(id)?))
    }

    fn is_backfilling(&self, id: &str) -> Result<bool, FacadeError> {
        let id = id_of(id)?;
        self.wait(is_done(&self.handle, &id)).map(|done| !done)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.handle.changes()
    }

    fn webhook(
        &self,
        workflow: &str,
        name: &str,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Value, FacadeError> {
        let header = |names: [&str; 2]| names.iter().find_map(|name| headers.get(*name));
        let signature = header(SIGNATURE).map(String::as_str).unwrap_or_default();
        let delivery = header(DELIVERY).cloned();
        let id = ScheduleId::new(workflow, name);
        let run = self.wait(self.handle.webhook(&id, body.to_vec(), signature, delivery))?;
        Ok(json!({ "run": run.map(|run| run.to_string()) }))
    }
}

fn info(view: ScheduleView, log: Vec<LogEntry>) -> ScheduleInfo {
    let word = |all: &[(&str, Overlap)], value: Overlap| {
        all.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word).to_owned()
    };
    let (kind, trigger, timezone, catch_up) = match &view.schedule.on {
        On::Time(rule) => {
            let catch_up = CatchUp::ALL.iter().find(|(_, known)| *known == rule.catch_up);
            (
                "cron",
                rule.cron.clone(),
                rule.timezone.clone(),
                catch_up.map_or("", |(word, _)| word).to_owned(),
            )
        }
        On::Run(rule) => (
            "after run",
            format!("after `{}` {}", rule.workflow, rule.status.join(" or ")),
            String::new(),
            String::new(),
        ),
        On::Webhook(_) => ("webhook", format!("/api/v1/hooks/{}", view.id), String::new(), String::new()),
        On::Files(rule) => ("files", rule.path.clone(), String::new(), String::new()),
    };
    ScheduleInfo {
        id: view.id.to_string(),
        workflow: view.id.workflow.clone(),
        words: view.schedule.time().and_then(|rule| in_words(&rule.cron)).unwrap_or_default(),
        kind: kind.into(),
        trigger,
        timezone,
        paused: view.state.paused.is_some() || !view.schedule.enabled,
        pause_reason: match &view.state.paused {
            Some(pause) => format!("paused by {}", pause.by),
            None if !view.schedule.enabled => "the file says `enabled = false`".into(),
            None => String::new(),
        },
        next: view.next.iter().map(|(scheduled_at, _)| *scheduled_at).collect(),
        overlap: word(&Overlap::ALL, view.schedule.overlap),
        catch_up,
        recent: log.into_iter().map(fire).collect(),
    }
}

fn fire(entry: LogEntry) -> ScheduleFire {
    let (decision, run, reason) = match entry.decision {
        Decision::Started { run } => ("started", Some(run), String::new()),
        Decision::Queued { run } => ("queued", Some(run), "waits for the runs before it".into()),
        Decision::Overlapped { with } => ("skipped", None, format!("run {with} went on")),
        Decision::QueueFull => ("skipped", None, "too many wait already".into()),
        Decision::Replaced { .. } => ("skipped", None, "a later one took its place".into()),
        Decision::Cancelled { run } => ("started", None, format!("run {run} is cancelled for it")),
        Decision::Missed { n } => {
            let others = n.filter(|n| *n > 1).map_or(String::new(), |n| format!(", {n} of them"));
            ("missed", None, format!("it passed while nobody watched{others}"))
        }
        Decision::Failed { reason, .. } => ("failed", None, reason),
    };
    ScheduleFire { at: entry.cause.scheduled_at, run, decision: decision.to_owned(), reason }
}

/// How many times of a schedule are in a range.
fn count(view: &ScheduleView, from: Timestamp, to: Timestamp) -> usize {
    let spec = Spec::new(&view.id.workflow, &view.schedule);
    let times = std::iter::successors(spec.next(Timestamp(from.0 - 1)), |due| spec.next(due.scheduled_at));
    times.take_while(|due| due.scheduled_at < to).take(MAX_TIMES).count()
}
