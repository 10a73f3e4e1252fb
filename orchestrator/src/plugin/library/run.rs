//! Kinds of a native plugin in this process.

use std::{
    ffi::c_void,
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
};

use serde_json::Value;
use sluicegate_plugin::{
    About, Answer, AskRequest, Context, TaskError,
    abi::raw::{Bytes, CANCELLED, FAILED, OK, PANICKED, RunFn, Status, UNSUPPORTED},
};

use super::{
    desk::{Desk, HOST, Outside},
    open::OpenLibrary,
    tables::{KindFunctions, collect},
};
use crate::plugin::{asked::Code, confine};

/// The stack of the thread that confined tasks run on, in bytes.
const STACK: usize = 64 << 20;

/// The code of a native plugin.
pub(in crate::plugin) struct LibraryCode {
    library: OpenLibrary,
    /// Set for kinds that may write only below these folders.
    confined_to: Option<Vec<PathBuf>>,
    /// The thread that they run on: what the kernel takes from a thread it does not give back.
    thread: Mutex<Option<mpsc::Sender<Call>>>,
}

/// A call of a kind's `run`, on its way to another thread.
struct Call {
    run: RunFn,
    desk: *mut c_void,
    attempt: String,
    done: mpsc::Sender<Outside>,
}

// SAFETY: the desk is shared between threads, and whoever sends the call waits for its end before the desk goes.
unsafe impl Send for Call {}

impl Call {
    fn make(&self) -> Status {
        // SAFETY: the tables were verified; desk and attempt live until the call returns.
        unsafe { (self.run)(&raw const HOST, self.desk, Bytes::of(&self.attempt)) }
    }
}

impl LibraryCode {
    pub(in crate::plugin) fn new(library: OpenLibrary, confined_to: Option<Vec<PathBuf>>) -> Self {
        Self { library, confined_to, thread: Mutex::default() }
    }

    pub(in crate::plugin) fn library(&self) -> &OpenLibrary {
        &self.library
    }

    fn functions(&self, kind: &str) -> Result<&KindFunctions, TaskError> {
        let found = self.library.kinds.iter().find(|(manifest, _)| manifest.name == kind);
        let message = || format!("plugin `{}` has no kind `{kind}`", self.library.name);
        found.map(|(_, functions)| functions).ok_or_else(|| TaskError::permanent("unknown_kind", message()))
    }

    /// Makes a call where it may be made. For a confined thread, the log is opened here.
    fn call(&self, call: Call, ctx: &Context, events: &mpsc::Receiver<Outside>) -> Result<Status, TaskError> {
        let Some(folders) = &self.confined_to else {
            return Ok(call.make());
        };
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = match &*thread {
            Some(calls) => calls,
            None => {
                let (calls, held) = confined_thread(folders.clone())?;
                if !held {
                    let _ = ctx.attempt_log().line(&format!("warning: {}", confine::NOT_HELD));
                }
                thread.insert(calls)
            }
        };
        let gone = || TaskError::transient("no_thread", "the thread of the plugin's tasks ended");
        calls.send(call).map_err(|_| gone())?;
        loop {
            match events.recv().map_err(|_| gone())? {
                Outside::OpenLog(opened) => {
                    let _ = ctx.attempt_log().file();
                    let _ = opened.send(());
                }
                Outside::Returned(status) => return Ok(status),
            }
        }
    }

    /// What came of a call, in words.
    fn settle(&self, status: Status, failure: Option<TaskError>) -> Result<(), TaskError> {
        let name = &self.library.name;
        let silent = |what: String| TaskError::transient("failed", format!("plugin `{name}` {what}"));
        match (status, failure) {
            (OK, None) => Ok(()),
            // Something was refused, and the plugin did not look: what it wrote is not whole.
            (OK | FAILED | PANICKED, Some(error)) => Err(self.with_place(error)),
            (CANCELLED, _) => Err(TaskError::cancelled()),
            (FAILED, None) => Err(silent("failed without saying why".into())),
            (PANICKED, None) => Err(TaskError::panicked("no message")),
            (status, _) => Err(silent(format!("returned the status {status}, which means nothing"))),
        }
    }

    /// Adds what explains a write that the kernel refused.
    fn with_place(&self, error: TaskError) -> TaskError {
        if self.confined_to.is_some() { super::super::explain_refused_write(error) } else { error }
    }
}

/// Starts the thread; false when the kernel does not hold it back.
fn confined_thread(folders: Vec<PathBuf>) -> Result<(mpsc::Sender<Call>, bool), TaskError> {
    let (calls, queue) = mpsc::channel::<Call>();
    let (ready, started) = mpsc::channel();
    let run = move || {
        let held = confine::write_only_below(&folders);
        let go_on = held.is_ok();
        let _ = ready.send(held);
        if go_on {
            for call in queue {
                let status = call.make();
                let _ = call.done.send(Outside::Returned(status));
            }
        }
    };
    let failed = |error: String| {
        TaskError::transient("not_confined", format!("the plugin's tasks cannot be confined: {error}"))
    };
    let thread = std::thread::Builder::new().name("plugin".into()).stack_size(STACK);
    thread.spawn(run).map_err(|error| failed(error.to_string()))?;
    let held = started.recv().map_err(|error| failed(error.to_string()))?;
    Ok((calls, held.map_err(|error| failed(error.to_string()))?))
}

impl Code for LibraryCode {
    fn ask(&self, kind: &str, about: About, request: &AskRequest) -> Result<Answer, TaskError> {
        let name = &self.library.name;
        let broken = |why: String| {
            TaskError::permanent(
                "plugin_misbehaved",
                format!("plugin `{name}` could not answer `{}` of `{kind}`: {why}", about.name()),
            )
        };
        let Some(ask) = self.functions(kind)?.ask else { return Ok(Answer::default()) };
        let request = serde_json::to_string(request).map_err(|error| broken(error.to_string()))?;
        // SAFETY: `ask` is called as the header says.
        let called =
            collect(|sink, user| unsafe { ask(Bytes::of(about.name()), Bytes::of(&request), sink, user) });
        match called.map_err(broken)? {
            (OK, text) => serde_json::from_str(&text).map_err(|error| broken(error.to_string())),
            (UNSUPPORTED, _) => Ok(Answer::default()),
            (PANICKED, text) => Err(broken(format!("it panicked: {text}"))),
            (status, text) if text.is_empty() => Err(broken(format!("status {status}"))),
            (_, text) => Err(broken(text)),
        }
    }

    fn run(&self, kind: &str, ctx: &Context, params: Value) -> Result<(), TaskError> {
        let run = self.functions(kind)?.run;
        let (outside, events) = mpsc::channel();
        let attempt = ctx.to_attempt_json(&params).map_err(|error| {
            TaskError::permanent("bad_attempt", format!("the attempt cannot be written as JSON: {error}"))
        })?;
        let way_out = self.confined_to.as_ref().map(|_| outside.clone());
        let desk = Desk { ctx, params: &params, failure: Mutex::default(), outside: way_out };
        let call = Call { run, desk: (&raw const desk).cast_mut().cast(), attempt, done: outside };
        let status = self.call(call, ctx, &events)?;
        self.settle(status, desk.take_failure())
    }
}
