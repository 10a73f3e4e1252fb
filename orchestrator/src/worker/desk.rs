//! What the worker's threads share: the attempt that runs now, and the results that nobody else remembers yet.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use sluicegate_plugin::{CancelToken, ProcessId, TaskError};

use super::{
    attempt::{keep_outcome, keep_outcome_durably},
    entry::Entry,
    protocol::{MAX_LINE, Reply, line},
};
use crate::run::AttemptResult;

/// How long, in seconds, a task may go on after the orchestrator is gone. Without it a task goes on to its end, or to its timeout:
/// the next orchestrator takes it over, or finds its outcome.
const ORPHAN_GRACE: &str = "SLUICE_ORPHAN_GRACE";

/// How long a task may take to obey, once its time is over, before the process ends under it.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// The attempt that runs now.
pub(super) struct Current {
    pub(super) id: u64,
    pub(super) cancel: CancelToken,
    pub(super) began: Instant,
    /// Its timeout, which the orchestrator watches over while there is one.
    pub(super) timeout: Option<f64>,
    pub(super) attempt_dir: PathBuf,
    pub(super) attempt_id: String,
    /// True once it was stopped because nobody is there and its time is over.
    pub(super) overdue: bool,
}

impl Current {
    fn overdue_result(&self) -> AttemptResult {
        self.timeout
            .map_or(AttemptResult::Cancelled, |after| AttemptResult::TimedOut { after, stubborn: None })
    }
}

/// What the thread that reads requests and the one that runs tasks share.
pub(super) struct Desk {
    replies: Mutex<File>,
    current: Mutex<Option<Current>>,
    idle: Condvar,
    results: Mutex<Results>,
    /// The folder of the state, which the first attempt names.
    home: OnceLock<PathBuf>,
}

/// Results that the orchestrator has heard of, but not made durable yet as far as this process knows.
#[derive(Default)]
struct Results {
    /// True once there is no orchestrator: then results go to their files at once.
    alone: bool,
    given: Vec<GivenResult>,
}

struct GivenResult {
    attempt_id: String,
    attempt_dir: PathBuf,
    result: AttemptResult,
}

impl GivenResult {
    /// Writes the result to its file, to survive the machine.
    fn keep(self) -> Result<(), TaskError> {
        keep_outcome_durably(&self.attempt_dir, &self.attempt_id, self.result)
    }
}

impl Desk {
    /// A desk with the way to the orchestrator.
    pub(super) fn new(replies: File) -> Self {
        Self {
            replies: Mutex::new(replies),
            current: Mutex::default(),
            idle: Condvar::new(),
            results: Mutex::default(),
            home: OnceLock::new(),
        }
    }

    /// Notes the folder of the state.
    pub(super) fn know_home(&self, home: &Path) {
        self.home.get_or_init(|| home.to_owned());
    }

    /// Removes what this process is known by to an orchestrator that comes later: it answers for nothing any more.
    pub(super) fn leave(&self) {
        let own = self.home.get().zip(ProcessId::of(std::process::id()));
        if let Some(entry) = own.and_then(|(home, own)| Entry::of(home, &own)) {
            entry.groups().leave();
            entry.remove();
        }
    }

    /// Sends a reply. An orchestrator that is gone hears nothing; the outcome file tells the next one.
    pub(super) fn send(&self, reply: &Reply) {
        self.send_line(&line(reply));
    }

    fn send_line(&self, line: &[u8]) {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = replies.write_all(line);
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the attempt that comes next.
    pub(super) fn begin(&self, current: Current) {
        *self.current() = Some(current);
    }

    /// Asks the running task to stop; with an id, only when it is that one.
    pub(super) fn cancel(&self, id: Option<u64>) {
        if let Some(current) = &*self.current()
            && id.is_none_or(|id| id == current.id)
        {
            current.cancel.cancel();
        }
    }

    /// Notes that an attempt is over, unless the next one is there already.
    pub(super) fn done(&self, id: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| current.id == id) {
            *current = None;
        }
        self.idle.notify_all();
    }

    /// Tells a result. While there is an orchestrator, its event makes the result durable, and this process only remembers it
    /// until then; otherwise it goes to its file.
    pub(super) fn tell(&self, id: u64, attempt_dir: PathBuf, attempt_id: String, result: AttemptResult) {
        let mut results = self.results();
        let given = GivenResult { attempt_id, attempt_dir, result };
        if results.alone {
            let error = given.keep().err();
            self.send(&Reply::Result { id, result: None, error });
            return;
        }
        let mut reply = line(&Reply::Result { id, result: Some(given.result.clone()), error: None });
        if reply.len() > MAX_LINE {
            let error = keep_outcome(&given.attempt_dir, &given.attempt_id, given.result.clone()).err();
            reply = line(&Reply::Result { id, result: None, error });
        }
        results.given.push(given);
        self.send_line(&reply);
    }

    /// Forgets results that are durable.
    pub(super) fn forget(&self, kept: &[String]) {
        if !kept.is_empty() {
            self.results().given.retain(|given| !kept.contains(&given.attempt_id));
        }
    }

    /// The attempts whose results are remembered here.
    pub(super) fn remembered(&self) -> Vec<String> {
        self.results().given.iter().map(|given| given.attempt_id.clone()).collect()
    }

    /// Nobody is there to make results durable: those that are remembered go to their files, and so does every later one.
    pub(super) fn be_alone(&self) {
        let mut results = self.results();
        results.alone = true;
        for given in std::mem::take(&mut results.given) {
            let _ = given.keep();
        }
    }

    /// Waits until no task runs; false when one still does after `at_most`.
    pub(super) fn wait_until_idle(&self, at_most: Option<Duration>) -> bool {
        let busy = |current: &mut Option<Current>| current.is_some();
        let Some(at_most) = at_most else {
            drop(self.idle.wait_while(self.current(), busy));
            return true;
        };
        let waited = self.idle.wait_timeout_while(self.current(), at_most, busy);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_none()
    }

    /// How long the running task may go on when nobody is there; `None` without a limit.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let current = self.current();
        let timeout = current.as_ref().and_then(|current| {
            let all = Duration::try_from_secs_f64(current.timeout?).ok()?;
            Some(all.saturating_sub(current.began.elapsed()))
        });
        [timeout, orphan_grace()].into_iter().flatten().min()
    }

    /// Ends a task whose time is over. When it does not obey, its outcome is written in its place; the process ends under it.
    pub(super) fn give_up(&self) {
        if let Some(current) = &mut *self.current() {
            current.overdue = true;
            current.cancel.cancel();
        }
        if !self.wait_until_idle(Some(LAST_GRACE))
            && let Some(current) = &*self.current()
        {
            let (attempt_id, attempt_dir) = (current.attempt_id.clone(), current.attempt_dir.clone());
            let _ = GivenResult { attempt_id, attempt_dir, result: current.overdue_result() }.keep();
        }
    }

    /// What to record for an attempt: one that obeyed because its time was over has timed out.
    pub(super) fn verdict_on(&self, id: u64, result: AttemptResult) -> AttemptResult {
        match (&*self.current(), result) {
            (Some(current), AttemptResult::Cancelled) if current.id == id && current.overdue => {
                current.overdue_result()
            }
            (_, result) => result,
        }
    }
}

fn orphan_grace() -> Option<Duration> {
    let seconds = std::env::var(ORPHAN_GRACE).ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
