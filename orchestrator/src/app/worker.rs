//! The processes that this program starts of itself.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use sluicegate_deploy::SERVER_COMMAND;

use crate::{
    catalog::WorkerKinds,
    plugin::{CONFINE_COMMAND, INSPECT_COMMAND, Loader, become_confined, serve_library},
    worker::{WorkerOptions, serve},
};

/// The hidden command that makes this program a worker.
pub const WORKER_COMMAND: &str = "__worker";

/// Does what a hidden command asks for, and returns the exit code; `None` when the arguments name none.
pub fn serve_hidden(mut arguments: impl Iterator<Item = OsString>) -> Option<u8> {
    let first = arguments.next()?;
    if first == WORKER_COMMAND {
        return Some(serve_worker());
    }
    if first == SERVER_COMMAND {
        return Some(sluicegate_serve::main([first].into_iter().chain(arguments)));
    }
    if first == CONFINE_COMMAND {
        return Some(become_confined(arguments));
    }
    if first == INSPECT_COMMAND {
        let path = PathBuf::from(arguments.next()?);
        let (name, hash) = (arguments.next()?.into_string().ok()?, arguments.next()?.into_string().ok()?);
        return Some(serve_library(&path, &name, &hash));
    }
    None
}

/// Serves tasks on standard input and output until they end.
fn serve_worker() -> u8 {
    // Without its own path it cannot confine programs, and says so when it must.
    let sluice = std::env::current_exe().unwrap_or_default();
    let kinds = WorkerKinds { built_in: super::built_in_kinds(), loader: Loader::new(sluice) };
    serve(WorkerOptions { kinds: Arc::new(kinds) })
}
