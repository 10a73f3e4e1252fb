//! What the functions of a Rust plugin do: the part behind [`crate::plugin!`]. A panic ends here.

use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeMap,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    guest::HostLink,
    raw::{Bytes, CANCELLED, FAILED, HostTable, OK, PANICKED, Sink, Status, UNSUPPORTED},
};
use crate::{AskRequest, AttemptSpec, Context, Kind, Manifest, Secret, TaskError};

/// Gives the manifest of a kind.
///
/// # Safety
/// `sink` and `user` belong together, as the header says.
pub unsafe fn describe(kind: &dyn Kind, sink: Sink, user: *mut c_void) -> Status {
    let manifest = guarded(|| Manifest::of(kind));
    let (status, text) = match manifest {
        Ok(manifest) => (OK, serde_json::to_string(&manifest).expect("a manifest has string keys")),
        Err(message) => (PANICKED, message),
    };
    // SAFETY: the caller vouches for sink and user; the text lives until the call returns.
    unsafe { sink(user, Bytes::of(&text)) };
    status
}

/// Answers what is asked of a kind before a run.
///
/// # Safety
/// The texts are what [`Bytes::as_slice`] wants; `sink` and `user` belong together.
pub unsafe fn answer(kind: &dyn Kind, about: Bytes, request: Bytes, sink: Sink, user: *mut c_void) -> Status {
    // SAFETY: passed on to the caller.
    let (about, request) = unsafe { (about.to_text(), request.as_slice()) };
    let answered = guarded(|| {
        let request: AskRequest = serde_json::from_slice(request).map_err(|error| error.to_string())?;
        Ok::<_, String>(request.answer(kind, &about))
    });
    let (status, text) = match answered {
        Ok(Ok(Some(answer))) => (OK, serde_json::to_string(&answer).expect("an answer has string keys")),
        Ok(Ok(None)) => (UNSUPPORTED, String::new()),
        Ok(Err(message)) => (FAILED, message),
        Err(message) => (PANICKED, message),
    };
    // SAFETY: the caller vouches for sink and user; the text lives until the call returns.
    unsafe { sink(user, Bytes::of(&text)) };
    status
}

/// Runs a task.
///
/// # Safety
/// `host` and `ctx` are what the header promises to `run`; the text is what [`Bytes::as_slice`] wants.
pub unsafe fn run(kind: &dyn Kind, host: *const HostTable, ctx: *mut c_void, attempt: Bytes) -> Status {
    // SAFETY: passed on to the caller.
    let (link, attempt) = unsafe { (HostLink::new(host, ctx), attempt.as_slice()) };
    let Some(link) = link else { return FAILED };
    let ran = guarded(|| {
        let (spec, params) = read_attempt(attempt, &link)?;
        Ok((Context::of_host(spec, link), params))
    });
    let (ctx, params) = match ran {
        Ok(Ok(ready)) => ready,
        Ok(Err(error)) => {
            let error: TaskError = error;
            // SAFETY: as above; the first link was moved into the closure.
            return unsafe { HostLink::new(host, ctx) }.map_or(FAILED, |link| told(&link, &error, FAILED));
        }
        Err(_) => return PANICKED,
    };
    let ran = guarded(|| kind.run(&ctx, params));
    let Some(link) = ctx.link() else { return FAILED };
    match ran {
        Ok(Ok(())) => OK,
        Ok(Err(error)) if error.code == TaskError::CANCELLED => CANCELLED,
        Ok(Err(error)) if error.code == TaskError::TOLD => FAILED,
        Ok(Err(error)) => told(link, &error, FAILED),
        Err(message) => told(link, &TaskError::panicked(&message), PANICKED),
    }
}

fn told(link: &HostLink, error: &TaskError, status: Status) -> Status {
    link.fail(&serde_json::to_string(error).expect("an error has string keys"));
    status
}

/// What comes beside the attempt: secrets never travel in JSON.
#[derive(Deserialize)]
struct Beside {
    #[serde(default)]
    secret_names: Vec<String>,
}

fn read_attempt(attempt: &[u8], link: &HostLink) -> Result<(AttemptSpec, Value), TaskError> {
    let bad = |e: serde_json::Error| {
        TaskError::permanent("bad_attempt", format!("the host's attempt cannot be read: {e}"))
    };
    let mut spec: AttemptSpec = serde_json::from_slice(attempt).map_err(bad)?;
    let Beside { secret_names } = serde_json::from_slice(attempt).map_err(bad)?;
    let secret = |name: String| link.secret(&name).map(|text| (name, Secret::new(text)));
    spec.secrets = secret_names.into_iter().filter_map(secret).collect::<BTreeMap<_, _>>();
    let params = std::mem::take(&mut spec.params);
    Ok((spec, params))
}

thread_local! {
    /// The last panic of this thread, while it runs the author's code.
    static NOTED: RefCell<Noted> = const { RefCell::new(Noted { depth: 0, text: None }) };
}

struct Noted {
    depth: u32,
    text: Option<String>,
}

/// Runs the author's code; a panic becomes its message, with the place where it happened.
fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    NOTED.with_borrow_mut(|noted| noted.depth += 1);
    let result = catch_unwind(AssertUnwindSafe(code));
    let text = NOTED.with_borrow_mut(|noted| {
        noted.depth -= 1;
        noted.text.take()
    });
    result.map_err(|panic| {
        let message = text.unwrap_or_else(|| message_of(panic.as_ref()));
        // Dropping what was thrown could panic again.
        std::mem::forget(panic);
        message
    })
}

/// The library has a standard library of its own, and so a hook of its own; the host's stays what it is. Panics of other threads are told
/// as before.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
            let message = info.payload_as_str().unwrap_or("no message");
            let note = |noted: &RefCell<Noted>| {
                let mut noted = noted.borrow_mut();
                noted.text = Some(format!("{message}{place}"));
                noted.depth > 0
            };
            if !NOTED.try_with(note).unwrap_or(false) {
                before(info);
            }
        }));
    });
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").into()
}
